#include "squint/ops/fused_attention.h"

#include <string>
#include <string_view>
#include <utility>

#include "squint/ops/infer.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

using At = FusedAttentionInputs;

constexpr std::string_view kPerms[] = {"q_perm", "k_perm", "v_perm"};

// Collects parts, each of which reads inputs of the node and earlier parts.
class PartList {
 public:
  explicit PartList(const Node& node) : node_(node) {}

  // Returns how later parts name the result.
  int Add(std::string_view type, std::string_view domain, std::vector<int> from,
          Attributes attributes = {}) {
    AttentionPart part;
    part.node.op_type = type;
    part.node.domain = domain;
    part.node.name = node_.name;
    part.node.attributes = std::move(attributes);
    for (size_t i = 0; i < from.size(); ++i) {
      part.node.inputs.push_back(static_cast<ValueId>(i));
    }
    part.from = std::move(from);
    parts_.push_back(std::move(part));
    return ~static_cast<int>(parts_.size() - 1);
  }

  int Moved(int from, std::string_view perm) {
    if (node_.FindAttribute(perm) == nullptr) return from;
    return Add("Transpose", "", {from}, {{"perm", node_.Ints(perm)}});
  }

  // a and b with their scales at these inputs, the result's at `y`.
  int Product(int a, size_t a_scale, int b, size_t b_scale, size_t y) {
    const int as = static_cast<int>(a_scale);
    const int bs = static_cast<int>(b_scale);
    const int ys = static_cast<int>(y);
    if (!node_.has_input(b_scale)) return Add("MatMul", "", {a, b});
    if (!node_.has_input(y)) {
      return Add("MatMulIntegerToFloat", "com.microsoft",
                 {a, b, as, bs, as + 1, bs + 1});
    }
    return Add("QLinearMatMul", "", {a, as, as + 1, b, bs, bs + 1, ys, ys + 1});
  }

  std::vector<AttentionPart> Take() { return std::move(parts_); }

 private:
  const Node& node_;
  std::vector<AttentionPart> parts_;
};

// From the product to what softmax reads.
int ScoreParts(const Node& node, PartList& parts, int scores) {
  constexpr int kTerm = At::kTermScale;
  constexpr int kMask = At::kByteMaskScale;
  constexpr int kSum = At::kSumScale;
  if (node.has_input(At::kTable)) {
    scores = parts.Add("Lookup", "squint", {scores, At::kTable});
  }
  if (node.has_input(At::kByteMask)) {
    std::vector<int> from = {scores, kTerm,     kTerm + 1, At::kByteMask,
                             kMask,  kMask + 1, kSum,      kSum + 1};
    if (node.Int("mask_first", 0) != 0) {
      for (size_t i = 0; i < 3; ++i) std::swap(from[i], from[i + 3]);
    }
    scores = parts.Add("QLinearAdd", "com.microsoft", std::move(from));
  }
  if (node.has_input(At::kSumScale)) {
    scores = parts.Add("DequantizeLinear", "", {scores, kSum, kSum + 1});
  }
  if (node.has_input(At::kFactor)) {
    scores = parts.Add(node.Int("divides", 0) != 0 ? "Div" : "Mul", "",
                       {scores, At::kFactor});
  }
  if (node.has_input(At::kMask)) {
    scores = parts.Add("Add", "", {scores, At::kMask});
  }
  return scores;
}

std::vector<int64_t> PermOf(const Node& node, std::string_view key, int rank) {
  const std::vector<int64_t> perm = node.Ints(key);
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  bool valid = perm.size() == seen.size();
  for (const int64_t axis : perm) {
    valid =
        valid && axis >= 0 && axis < rank && !seen[static_cast<size_t>(axis)];
    if (valid) seen[static_cast<size_t>(axis)] = true;
  }
  if (!valid) {
    Fail(ErrorCode::kInvalidModel, "{} {} does not permute {} axes", key,
         DimsToString(perm), rank);
  }
  return perm;
}

Shape Moved(const Node& node, std::string_view key, const Shape& shape) {
  if (node.FindAttribute(key) == nullptr || !shape.has_rank()) return shape;
  return Permuted(shape, PermOf(node, key, shape.rank()));
}

void InferFusedAttention(InferContext& context) {
  const Node& node = context.node();
  CheckInputCount(node, At::kCount);
  const auto shape = [&](size_t i) {
    return Moved(node, kPerms[i], context.shape(i));
  };
  Shape scores = MatMulShape(shape(At::kQ), shape(At::kK));
  for (const size_t mask : {At::kByteMask, At::kMask}) {
    if (!node.has_input(mask)) continue;
    const auto masked = BroadcastShapes(scores, context.shape(mask));
    if (!masked) {
      Fail(ErrorCode::kInvalidModel, "a mask of {} does not fit scores of {}",
           context.shape(mask).ToString(), scores.ToString());
    }
    scores = *masked;
  }
  const bool bytes = node.has_input(At::kYScale);
  context.SetOutput(0, bytes ? context.dtype(At::kYScale + 1) : DType::kFloat32,
                    Moved(node, "y_perm", MatMulShape(scores, shape(At::kV))));
}

void RunFusedAttention(RunContext& context) {
  CheckInputCount(context.node, At::kCount);
  std::vector<Tensor> made;
  for (AttentionPart& part : PartsOfAttention(context.node)) {
    std::vector<const Tensor*> inputs;
    for (const int from : part.from) {
      inputs.push_back(from < 0 ? &made[static_cast<size_t>(~from)]
                                : &context.in(static_cast<size_t>(from)));
    }
    made.push_back(RunPart(std::move(part.node), std::move(inputs)));
  }
  context.outputs[0] = std::move(made.back());
}

QuantSpec FusedAttentionRule(const QuantizeQuery&) {
  return QuantSpec::Float("it is made when a network is lowered");
}

}  // namespace

std::vector<AttentionPart> PartsOfAttention(const Node& node) {
  PartList parts(node);
  const int q = parts.Moved(At::kQ, kPerms[At::kQ]);
  const int k = parts.Moved(At::kK, kPerms[At::kK]);
  const int v = parts.Moved(At::kV, kPerms[At::kV]);
  int made = parts.Product(q, At::kQScale, k, At::kKScale, At::kScoreScale);
  made = ScoreParts(node, parts, made);
  made = parts.Add("Softmax", "", {made}, {{"axis", int64_t{-1}}});
  constexpr int kScale = At::kProbabilityScale;
  if (node.has_input(At::kProbabilityScale)) {
    made = parts.Add("QuantizeLinear", "", {made, kScale, kScale + 1});
  }
  made =
      parts.Product(made, At::kProbabilityScale, v, At::kVScale, At::kYScale);
  parts.Moved(made, "y_perm");
  return parts.Take();
}

AttentionDims DimsOfAttention(const Node& node, const std::vector<Dims>& in) {
  const auto moved = [&](size_t i) {
    if (node.FindAttribute(kPerms[i]) == nullptr) return in[i];
    return Permuted(in[i],
                    PermOf(node, kPerms[i], static_cast<int>(in[i].size())));
  };
  return {moved(At::kQ), moved(At::kK), moved(At::kV)};
}

extern constinit const OpDef kFusedAttentionOp = {
    .type = "FusedAttention",
    .domain = "squint",
    .infer = InferFusedAttention,
    .reference = RunFusedAttention,
    .quantize = FusedAttentionRule,
    .prepare = PrepareFusedAttention,
};

}  // namespace squint
