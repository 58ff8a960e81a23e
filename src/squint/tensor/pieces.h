// Tensors that may be larger than memory: read piece by piece, and results
// that are computed from another tensor when they are read. What a mapped
// file holds is let go behind, so that a network of any size passes through
// a few megabytes (docs/decisions/009-large-models.md).
#ifndef SQUINT_TENSOR_PIECES_H_
#define SQUINT_TENSOR_PIECES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

// From so many bytes on a constant made from another one is computed when it
// is read, rather than held.
inline constexpr size_t kLazyBytes = size_t{1} << 20;

// Calls visit with consecutive parts of the buffer, each of `piece` bytes but
// the last. The bytes are valid during the call.
void ForEachPiece(const Buffer& buffer, size_t piece,
                  const std::function<void(std::span<const std::byte>)>& visit);

// The same bytes; both are read piece by piece.
bool SameBytes(const Buffer& a, const Buffer& b);

// Elements of a float32 tensor by ranges, wherever its bytes are.
class FloatReader {
 public:
  explicit FloatReader(const Tensor& tensor);
  FloatReader(const FloatReader&) = delete;
  FloatReader& operator=(const FloatReader&) = delete;
  ~FloatReader() { Release(); }

  // Valid until the next call, which lets the pages of these go.
  std::span<const float> Read(int64_t first, int64_t count);

 private:
  void Release();
  const Tensor& tensor_;
  std::span<const float> current_;
  std::vector<float> scratch_;  // of a tensor whose bytes are computed
};

// QuantizeTensor(real, params), computed when it is read.
Tensor QuantizeLazily(const Tensor& real, const QuantParams& params);

// [rows, columns] -> [columns, rows], computed when it is read; elements of
// at least one byte.
Tensor TransposeLazily(const Tensor& matrix);

}  // namespace squint

#endif  // SQUINT_TENSOR_PIECES_H_
