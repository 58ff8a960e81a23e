// Clip: limits each element to [min, max]; both are optional inputs (until
// opset 10: attributes).
#include <algorithm>
#include <limits>

#include "squint/ops/element_types.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

void InferClip(InferContext& context) { context.SameAsInput(); }

// An optional scalar; some exporters write it as an empty tensor.
bool HasLimit(const RunContext& context, size_t i) {
  return context.has(i) && context.in(i).size() > 0;
}

void RunClip(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  const Tensor x = InComputeType(context.in(0));
  Tensor y(x.dtype(), x.dims());
  WithArithmeticType(x.dtype(), [&](auto type) {
    using T = decltype(type);
    T low = std::numeric_limits<T>::lowest();
    T high = std::numeric_limits<T>::max();
    if constexpr (std::numeric_limits<T>::has_infinity) {
      low = -std::numeric_limits<T>::infinity();
      high = std::numeric_limits<T>::infinity();
    }
    if (HasLimit(context, 1)) {
      low = context.in(1).CastTo(x.dtype()).template data<T>()[0];
    }
    if (HasLimit(context, 2)) {
      high = context.in(2).CastTo(x.dtype()).template data<T>()[0];
    }
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    // min wins over a smaller max last: max is applied after min. NaN stays.
    for (int64_t i = 0; i < x.size(); ++i) {
      const T raised = in[i] < low ? low : in[i];
      out[i] = raised > high ? high : raised;
    }
  });
  context.outputs[0] = FromComputeType(std::move(y), dtype);
}

// The limit when it is known; nullopt when it is computed.
std::optional<float> KnownLimit(const QuantizeQuery& query, size_t i,
                                float absent) {
  if (!query.node.has_input(i)) return absent;
  const Tensor* limit = query.graph.ConstantOf(query.node.input(i));
  if (limit == nullptr) return std::nullopt;
  return limit->size() == 0 ? absent : limit->ToFloats()[0];
}

QuantSpec ClipRule(const QuantizeQuery& query) {
  QuantSpec spec = ActivationRule(query);
  if (!spec.reason.empty()) return spec;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto low = KnownLimit(query, 1, -kInfinity);
  const auto high = KnownLimit(query, 2, kInfinity);
  if (!low || !high) {
    return QuantSpec::Float("its limits are computed, not constant");
  }
  spec.clamp = {*low, *high};
  return spec;
}

// Opset 6 to 10: attributes, absent ones without effect.
void UpgradeClip(UpgradeContext& context) {
  if (context.from >= 11) return;
  size_t index = 1;
  for (const char* key : {"min", "max"}) {
    if (context.node().FindAttribute(key) != nullptr) {
      const float limit = context.node().Float(key, 0.0f);
      context.graph.ReplaceInput(
          context.node_id, index,
          context.graph.AddConstant(
              fmt::format("{}_{}", context.node().name, key),
              Tensor::Scalar<float>(limit)));
      context.node().attributes.erase(key);
    }
    ++index;
  }
}

}  // namespace

extern constinit const OpDef kClipOp = {
    .type = "Clip",
    .since = 11,
    .infer = InferClip,
    .reference = RunClip,
    .integer_reference = DequantizedReference<RunClip>,
    .quantize = ClipRule,
    .prepare = PrepareClip,
    .upgrade = UpgradeClip,
};

}  // namespace squint
