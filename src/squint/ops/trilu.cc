// Trilu: the upper or lower triangle of matrices, zero elsewhere.
#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

void CheckMatrix(const Shape& x) {
  if (x.has_rank() && x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} is no matrix", x.ToString());
  }
}

void InferTrilu(InferContext& context) {
  CheckMatrix(context.shape(0));
  context.SameAsInput();
}

// The diagonal that still belongs to the triangle; 0: the main one.
int64_t ReadDiagonal(const RunContext& context) {
  if (!context.has(1)) return 0;
  const std::vector<int64_t> k = context.in(1).ToInts();
  if (k.size() != 1) {
    Fail(ErrorCode::kInvalidModel, "k has {} elements, expected one", k.size());
  }
  return k[0];
}

void RunTrilu(RunContext& context) {
  const Tensor& x = context.in(0);
  CheckMatrix(Shape::Of(x.dims()));
  const int64_t rows = x.dim(x.rank() - 2);
  const int64_t columns = x.dim(x.rank() - 1);
  const bool upper = context.node.Int("upper", 1) != 0;
  const int64_t k = std::clamp(ReadDiagonal(context), -rows, columns);
  const size_t bytes = WholeBytes(x.dtype());
  Tensor y = x.Clone();
  const int64_t lines = columns == 0 ? 0 : x.size() / columns;
  for (int64_t line = 0; line < lines; ++line) {
    // The first column of the upper triangle, or behind the lower one.
    const int64_t border =
        std::clamp<int64_t>(line % rows + k + (upper ? 0 : 1), 0, columns);
    const int64_t begin = upper ? 0 : border;
    const int64_t end = upper ? border : columns;
    std::memset(
        y.mutable_raw() + static_cast<size_t>(line * columns + begin) * bytes,
        0, static_cast<size_t>(end - begin) * bytes);
  }
  context.outputs[0] = std::move(y);
}

}  // namespace

extern constinit const OpDef kTriluOp = {
    .type = "Trilu",
    .since = 14,
    .infer = InferTrilu,
    .reference = RunTrilu,
    // Zero is a step of every scale: the same integers, or the zero point.
    .integer_reference = DequantizedReference<RunTrilu>,
    .quantize = MovementRule,
};

}  // namespace squint
