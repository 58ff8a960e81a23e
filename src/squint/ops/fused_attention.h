// squint::FusedAttention: softmax(s(q k)) v as it is written out in small
// operators, in one node. Made when a network is lowered
// (runtime/fuse_attention.h).
//
// Stands for, in this order, what is in brackets where its inputs are there:
//   [Transpose of q, k, v]
//   MatMul, MatMulIntegerToFloat or QLinearMatMul of q and k
//   [Lookup] [QLinearAdd of a mask] [DequantizeLinear]
//   [Mul or Div by a number] [Add of a mask]
//   Softmax over the last axis [QuantizeLinear]
//   MatMul, MatMulIntegerToFloat or QLinearMatMul with v
//   [Transpose]
// The numbers are those of the operators. Attributes: q_perm, k_perm, v_perm,
// y_perm of the Transposes; `divides`: 1 for Div; `mask_first`: 1 where the
// mask is the first operand of QLinearAdd, whose rounding knows.
#ifndef SQUINT_OPS_FUSED_ATTENTION_H_
#define SQUINT_OPS_FUSED_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

// Places of inputs; a zero point stands behind its scale.
struct FusedAttentionInputs {
  static constexpr size_t kQ = 0;
  static constexpr size_t kK = 1;
  static constexpr size_t kV = 2;
  static constexpr size_t kMask = 3;
  static constexpr size_t kFactor = 4;
  static constexpr size_t kQScale = 5;
  static constexpr size_t kKScale = 7;
  static constexpr size_t kScoreScale = 9;
  static constexpr size_t kTable = 11;
  static constexpr size_t kTermScale = 12;  // of the scores in QLinearAdd
  static constexpr size_t kByteMask = 14;
  static constexpr size_t kByteMaskScale = 15;
  static constexpr size_t kSumScale = 17;  // of DequantizeLinear
  static constexpr size_t kProbabilityScale = 19;
  static constexpr size_t kVScale = 21;
  static constexpr size_t kYScale = 23;
  static constexpr size_t kCount = 25;
};

// One of the operators that a node stands for. `from`: for each of its inputs,
// the node's input i, or ~i for the result of part i.
struct AttentionPart {
  Node node;
  std::vector<int> from;
};
std::vector<AttentionPart> PartsOfAttention(const Node& node);

// Dimensions in the node's own order of axes, before and behind its
// Transposes.
struct AttentionDims {
  Dims q, k, v;
  int64_t rows() const { return q[q.size() - 2]; }
  int64_t size() const { return q.back(); }
  int64_t keys() const { return k.back(); }
  int64_t value_size() const { return v.back(); }
};
// Of inputs with these; each has a rank of 2 at least.
AttentionDims DimsOfAttention(const Node& node, const std::vector<Dims>& in);

std::unique_ptr<Step> PrepareFusedAttention(const PrepareContext& context);

}  // namespace squint

#endif  // SQUINT_OPS_FUSED_ATTENTION_H_
