// Operators that permute elements: Transpose, and the two that trade
// channels for space.
#include <numeric>

#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// The permutation; without the attribute the axes are reversed.
std::vector<int64_t> Permutation(const Node& node, int rank) {
  std::vector<int64_t> perm = node.Ints("perm");
  if (node.FindAttribute("perm") == nullptr) {
    perm.resize(static_cast<size_t>(rank));
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  for (const int64_t axis : perm) {
    if (axis < 0 || axis >= rank || seen[static_cast<size_t>(axis)]) {
      Fail(ErrorCode::kInvalidModel, "perm {} does not permute {} axes",
           DimsToString(perm), rank);
    }
    seen[static_cast<size_t>(axis)] = true;
  }
  if (perm.size() != static_cast<size_t>(rank)) {
    Fail(ErrorCode::kInvalidModel, "perm {} does not permute {} axes",
         DimsToString(perm), rank);
  }
  return perm;
}

void InferTranspose(InferContext& context) {
  const Shape& in = context.shape(0);
  Shape out;
  if (in.has_rank()) {
    DimList dims;
    for (const int64_t axis : Permutation(context.node(), in.rank())) {
      dims.push_back(in[static_cast<int>(axis)]);
    }
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
}

void RunTranspose(RunContext& context) {
  context.outputs[0] = TransposeTensor(
      context.in(0), Permutation(context.node, context.in(0).rank()));
}

int64_t BlockSize(const Node& node) {
  const int64_t block = node.Int("blocksize", 0);
  constexpr int64_t kLargest = 1 << 15;  // its square is no large number
  if (block <= 0 || block > kLargest) {
    Fail(ErrorCode::kInvalidModel, "blocksize is {}, expected 1 to {}", block,
         kLargest);
  }
  return block;
}

const Shape& ImageShape(const InferContext& context) {
  const Shape& in = context.shape(0);
  if (in.has_rank() && in.rank() != 4) {
    Fail(ErrorCode::kInvalidModel, "expects [N,C,H,W], got {}", in.ToString());
  }
  return in;
}

void RequireDivisible(const Dim& dim, int64_t by) {
  if (dim.value() && *dim.value() % by != 0) {
    Fail(ErrorCode::kInvalidModel, "{} is not a multiple of {}", dim.ToString(),
         by);
  }
}

void InferDepthToSpace(InferContext& context) {
  const Shape& in = ImageShape(context);
  const int64_t block = BlockSize(context.node());
  Shape out;
  if (in.has_rank()) {
    RequireDivisible(in[1], block * block);
    out = Shape({in[0], FloorDiv(in[1], Dim(block * block)), in[2] * Dim(block),
                 in[3] * Dim(block)});
  }
  context.SetOutput(0, context.dtype(0), out);
}

void InferSpaceToDepth(InferContext& context) {
  const Shape& in = ImageShape(context);
  const int64_t block = BlockSize(context.node());
  Shape out;
  if (in.has_rank()) {
    RequireDivisible(in[2], block);
    RequireDivisible(in[3], block);
    out = Shape({in[0], in[1] * Dim(block * block), FloorDiv(in[2], Dim(block)),
                 FloorDiv(in[3], Dim(block))});
  }
  context.SetOutput(0, context.dtype(0), out);
}

// Channels are [block row, block column, depth] in mode DCR, [depth, block
// row, block column] in mode CRD.
bool IsDepthFirst(const Node& node) {
  return node.String("mode", "DCR") == "CRD";
}

void RunDepthToSpace(RunContext& context) {
  const Tensor& x = context.in(0);
  const int64_t b = BlockSize(context.node);
  const int64_t n = x.dim(0), c = x.dim(1) / (b * b), h = x.dim(2),
                w = x.dim(3);
  const Tensor y =
      IsDepthFirst(context.node)
          ? TransposeTensor(x.Reshaped({n, c, b, b, h, w}), {0, 1, 4, 2, 5, 3})
          : TransposeTensor(x.Reshaped({n, b, b, c, h, w}), {0, 3, 4, 1, 5, 2});
  context.outputs[0] = y.Reshaped({n, c, h * b, w * b});
}

void RunSpaceToDepth(RunContext& context) {
  const Tensor& x = context.in(0);
  const int64_t b = BlockSize(context.node);
  const int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
  context.outputs[0] =
      TransposeTensor(x.Reshaped({n, c, h, b, w, b}),
                      IsDepthFirst(context.node) ? Dims{0, 1, 3, 5, 2, 4}
                                                 : Dims{0, 3, 5, 1, 2, 4})
          .Reshaped({n, c * b * b, h, w});
}

}  // namespace

extern constinit const OpDef kDepthToSpaceOp = {
    .type = "DepthToSpace",
    .since = 11,
    .infer = InferDepthToSpace,
    .reference = RunDepthToSpace,
    .integer_reference = IntegerMovement<RunDepthToSpace>,
    .quantize = MovementRule,
    .prepare = PrepareDepthToSpace,
};
extern constinit const OpDef kSpaceToDepthOp = {
    .type = "SpaceToDepth",
    .since = 1,
    .infer = InferSpaceToDepth,
    .reference = RunSpaceToDepth,
    .integer_reference = IntegerMovement<RunSpaceToDepth>,
    .quantize = MovementRule,
    .prepare = PrepareSpaceToDepth,
};
extern constinit const OpDef kTransposeOp = {
    .type = "Transpose",
    .since = 1,
    .infer = InferTranspose,
    .reference = RunTranspose,
    .integer_reference = IntegerMovement<RunTranspose>,
    .quantize = MovementRule,
    .prepare = PrepareTranspose,
};

}  // namespace squint
