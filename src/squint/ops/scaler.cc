// Scaler of ai.onnx.ml: (x - offset) * scale, feature by feature; what
// scikit-learn's pipelines begin with.
#include <vector>

#include "squint/ops/op.h"

namespace squint {
namespace {

std::vector<float> FloatList(const Node& node, std::string_view key) {
  const Attribute* attribute = node.FindAttribute(key);
  const auto* list = attribute == nullptr
                         ? nullptr
                         : std::get_if<std::vector<float>>(attribute);
  if (list == nullptr) {
    Fail(ErrorCode::kInvalidModel, "attribute '{}' is no list of floats", key);
  }
  return *list;
}

// One number, or one for each feature.
void CheckLength(const std::vector<float>& list, int64_t features,
                 std::string_view key) {
  if (list.size() == 1 || static_cast<int64_t>(list.size()) == features) return;
  Fail(ErrorCode::kInvalidModel, "'{}' has {} numbers for {} features", key,
       list.size(), features);
}

void InferScaler(InferContext& context) {
  const Shape& x = context.shape(0);
  context.SetOutput(0, DType::kFloat32, x);
  if (!x.has_rank()) return;
  if (x.rank() == 0) {
    Fail(ErrorCode::kInvalidModel, "a scalar has no features to scale");
  }
  if (const auto features = x[x.rank() - 1].value()) {
    for (const std::string_view key : {"offset", "scale"}) {
      CheckLength(FloatList(context.node(), key), *features, key);
    }
  }
}

void RunScaler(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat32);
  const std::vector<float> offset = FloatList(context.node, "offset");
  const std::vector<float> scale = FloatList(context.node, "scale");
  const int64_t features = x.dim(x.rank() - 1);
  Tensor y(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < x.size(); ++i) {
    const auto feature = static_cast<size_t>(i % features);
    const float from = offset[offset.size() == 1 ? 0 : feature];
    const float by = scale[scale.size() == 1 ? 0 : feature];
    y.mutable_data<float>()[i] = (x.data<float>()[i] - from) * by;
  }
  context.outputs[0] = std::move(y);
}

QuantSpec ScalerRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "brings features of any range into one: their own need not fit 8 bits");
}

}  // namespace

extern constinit const OpDef kScalerOp = {
    .type = "Scaler",
    .domain = "ai.onnx.ml",
    .since = 1,
    .infer = InferScaler,
    .reference = RunScaler,
    .quantize = ScalerRule,
};

}  // namespace squint
