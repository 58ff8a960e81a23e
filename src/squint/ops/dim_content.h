// Arithmetic on the contents of small integer tensors while shapes are
// inferred: what the data operators do to DimTensors.
#ifndef SQUINT_OPS_DIM_CONTENT_H_
#define SQUINT_OPS_DIM_CONTENT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/ops/op.h"

namespace squint {

using DimFunction = Dim (*)(const Dim& a, const Dim& b);

// Provably >= 0, given that symbols stand for sizes.
bool IsNonNegative(const Dim& dim);
// The smaller of two; a + b - max(a, b) when it cannot be decided.
Dim MinDim(const Dim& a, const Dim& b);
// Division as Div does it on integers: truncates toward zero. By 0:
// Error{kInvalidModel}.
Dim TruncatingDiv(const Dim& a, const Dim& b);
// ceil(a / b) for a known positive b.
Dim CeilDiv(const Dim& a, int64_t b);

// f on every pair of elements, a single element repeated; nullopt when the
// sizes do not fit.
std::optional<DimTensor> CombineContents(const DimTensor& a, const DimTensor& b,
                                         DimFunction f);

// `rank` unknown dimensions, as the length of a shape input tells;
// Error{kUnsupported} when no tensor has so many.
Shape UnknownDims(int64_t rank);

// Copies the content of input 0 to output 0, as rank 0 or 1 according to
// `shape`, when it is known and the shape is of rank 0 or 1.
void PassContent(InferContext& context, const Shape& shape);

// Elements `begin`, `begin + step` ... of a known axis, with the rules of
// Slice for negative and huge numbers.
struct SliceRange {
  int64_t begin = 0;
  int64_t step = 1;
  int64_t count = 0;
};
SliceRange ClampSlice(int64_t start, int64_t end, int64_t step, int64_t dim);

}  // namespace squint

#endif  // SQUINT_OPS_DIM_CONTENT_H_
