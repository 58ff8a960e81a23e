// Real numbers one by one: conversions, functions, pairs.
#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/pair_shape.h"
#include "squint/fixed/steps/real_step.h"
#include "squint/kernels/real/real_abs.h"
#include "squint/kernels/real/real_clip.h"
#include "squint/kernels/real/real_dequantize_16.h"
#include "squint/kernels/real/real_dequantize_8.h"
#include "squint/kernels/real/real_erf.h"
#include "squint/kernels/real/real_exp.h"
#include "squint/kernels/real/real_gelu.h"
#include "squint/kernels/real/real_hard_sigmoid.h"
#include "squint/kernels/real/real_hard_swish.h"
#include "squint/kernels/real/real_inverse.h"
#include "squint/kernels/real/real_leaky.h"
#include "squint/kernels/real/real_log.h"
#include "squint/kernels/real/real_map.h"
#include "squint/kernels/real/real_pair.h"
#include "squint/kernels/real/real_quantize_16.h"
#include "squint/kernels/real/real_quantize_8.h"
#include "squint/kernels/real/real_scaled.h"
#include "squint/kernels/real/real_sigmoid.h"
#include "squint/kernels/real/real_softplus.h"
#include "squint/kernels/real/real_sqrt.h"
#include "squint/kernels/real/real_tanh.h"

namespace squint {
namespace {

// DequantizeLinear and QuantizeLinear of integers on one grid.
class ConvertStep : public RealStepOf<ConvertStep> {
 public:
  // `integers`: the side that is no real numbers.
  ConvertStep(const FixedOperation& operation, const FixedOperand& integers,
              bool to_real)
      : to_real_(to_real),
        wide_(integers.dtype == DType::kInt16),
        count_(Size(ElementCount(integers.dims))) {
    const FixedOperand& scale = operation.inputs[1];
    Require(wide_ || integers.dtype == DType::kInt8,
            "its integers are neither int8 nor int16");
    Require(scale.constant != nullptr && scale.constant->size() == 1,
            "it has not one known scale");
    scale_ = scale.constant->ToFloats()[0];
    if (!operation.has(2)) return;
    Require(operation.inputs[2].constant != nullptr, "its zero is computed");
    zero_ = static_cast<int32_t>(operation.inputs[2].constant->ToInts().at(0));
  }
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Number(count_), m.Real(scale_), m.Number(zero_),
             m.In(0), m.Out(0));
    };
    if (to_real_ && wide_) {
      call(SQUINT_KERNEL("real_dequantize_16", squint_real_dequantize_16));
    } else if (to_real_) {
      call(SQUINT_KERNEL("real_dequantize_8", squint_real_dequantize_8));
    } else if (wide_) {
      call(SQUINT_KERNEL("real_quantize_16", squint_real_quantize_16));
    } else {
      call(SQUINT_KERNEL("real_quantize_8", squint_real_quantize_8));
    }
  }
  // Integers take less room than what they are read from.
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    return to_real_ ? std::nullopt : std::optional<int64_t>(0);
  }

 private:
  bool to_real_;
  bool wide_;
  int32_t count_;
  float scale_ = 1;
  int32_t zero_ = 0;
};

// What real_map calls, with its parameters.
struct Map {
  std::string_view header;
  std::string_view name;
  float (*function)(float, float, float);
  float p = 0;
  float q = 0;
};

class MapStep : public RealStepOf<MapStep> {
 public:
  MapStep(int64_t count, const Map& map) : count_(Size(count)), map_(map) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_map", squint_real_map), m.Number(count_),
           m.Function(map_.header, map_.name, map_.function), m.Real(map_.p),
           m.Real(map_.q), m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override { return 0; }

 private:
  int32_t count_;
  Map map_;
};

class RealPairStep : public RealStepOf<RealPairStep> {
 public:
  // `second`: the input that is operand b.
  RealPairStep(const FixedOperation& operation, int32_t kind, size_t second)
      : kind_(kind), second_(second) {
    const Dims& y = operation.outputs[0].dims;
    const Dims& a = operation.inputs[0].dims;
    const Dims& b = operation.inputs[second].dims;
    pair_ = PairShape(a, b, y);
    whole_ = {ElementCount(a) == ElementCount(y),
              ElementCount(b) == ElementCount(y)};
  }
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_pair", squint_real_pair),
           m.Params("squint_pair", pair_), m.Number(kind_), m.In(0),
           m.In(second_), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t input, const Patch*) const override {
    const bool whole = input < whole_.size() && whole_[input];
    return whole ? std::optional<int64_t>(0) : std::nullopt;
  }

 private:
  int32_t kind_;
  size_t second_;
  squint_pair pair_;
  std::array<bool, 2> whole_ = {};
};

// A limit of Clip.
float LimitOf(const FixedOperation& operation, size_t input, float without) {
  if (!operation.has(input)) return without;
  Require(operation.inputs[input].constant != nullptr, "a limit is computed");
  return operation.inputs[input].constant->ToFloats().at(0);
}

Map MapOf(const FixedOperation& operation) {
  const Node& node = operation.node;
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const auto is = [&](std::string_view type) { return node.op_type == type; };
  if (is("Abs")) return {SQUINT_KERNEL("real_abs", squint_real_abs)};
  if (is("Clip")) {
    return {SQUINT_KERNEL("real_clip", squint_real_clip),
            LimitOf(operation, 1, -kNone), LimitOf(operation, 2, kNone)};
  }
  if (is("Erf")) return {SQUINT_KERNEL("real_erf", squint_real_erf)};
  if (is("Exp")) return {SQUINT_KERNEL("real_exp", squint_real_exp)};
  if (is("Gelu")) {
    const bool tanh = node.String("approximate", "none") == "tanh";
    return {SQUINT_KERNEL("real_gelu", squint_real_gelu), tanh ? 1.0f : 0.0f};
  }
  if (is("HardSigmoid")) {
    return {SQUINT_KERNEL("real_hard_sigmoid", squint_real_hard_sigmoid),
            node.Float("alpha", 0.2f), node.Float("beta", 0.5f)};
  }
  if (is("HardSwish")) {
    return {SQUINT_KERNEL("real_hard_swish", squint_real_hard_swish), 1.0f / 6,
            0.5f};
  }
  if (is("LeakyRelu")) {
    return {SQUINT_KERNEL("real_leaky", squint_real_leaky),
            node.Float("alpha", 0.01f)};
  }
  if (is("Log")) return {SQUINT_KERNEL("real_log", squint_real_log)};
  if (is("Neg")) {
    return {SQUINT_KERNEL("real_scaled", squint_real_scaled), -1.0f};
  }
  if (is("Reciprocal")) {
    return {SQUINT_KERNEL("real_inverse", squint_real_inverse)};
  }
  if (is("Relu")) {
    return {SQUINT_KERNEL("real_clip", squint_real_clip), 0.0f, kNone};
  }
  if (is("Sigmoid")) {
    return {SQUINT_KERNEL("real_sigmoid", squint_real_sigmoid)};
  }
  if (is("Softplus")) {
    return {SQUINT_KERNEL("real_softplus", squint_real_softplus)};
  }
  if (is("Sqrt")) return {SQUINT_KERNEL("real_sqrt", squint_real_sqrt)};
  return {SQUINT_KERNEL("real_tanh", squint_real_tanh)};
}

int32_t KindOf(const Node& node) {
  constexpr std::array<std::string_view, 6> kKinds = {"Add", "Sub", "Mul",
                                                      "Div", "Max", "Min"};
  return static_cast<int32_t>(std::ranges::find(kKinds, node.op_type) -
                              kKinds.begin());
}

}  // namespace

std::unique_ptr<FixedStep> MakeDequantizeStep(const FixedOperation& operation) {
  RequireReal(operation, 0);
  return std::make_unique<ConvertStep>(operation, operation.inputs[0], true);
}

std::unique_ptr<FixedStep> MakeQuantizeStep(const FixedOperation& operation) {
  Require(operation.inputs[0].dtype == DType::kFloat32,
          "it reads other numbers than float32");
  return std::make_unique<ConvertStep>(operation, operation.outputs[0], false);
}

std::unique_ptr<FixedStep> MakeRealMapStep(const FixedOperation& operation) {
  RequireReal(operation, 1);
  return std::make_unique<MapStep>(ElementCount(operation.inputs[0].dims),
                                   MapOf(operation));
}

std::unique_ptr<FixedStep> MakeRealPairStep(const FixedOperation& operation) {
  Require(operation.inputs.size() == 2, "it has not two operands");
  RequireReal(operation, 2);
  return std::make_unique<RealPairStep>(operation, KindOf(operation.node), 1);
}

std::unique_ptr<FixedStep> MakeRealPowerStep(const FixedOperation& operation) {
  constexpr int32_t kProduct = 2;
  RequireReal(operation, 2);
  const Tensor* exponent = operation.inputs[1].constant;
  Require(exponent != nullptr && exponent->size() == 1 &&
              exponent->ToFloats()[0] == 2.0f,
          "it has another exponent than 2");
  return std::make_unique<RealPairStep>(operation, kProduct, 0);
}

}  // namespace squint
