// LayerNormalization along the last axes.
#include "squint/kernels/fixed/layer_norm.h"

#include <cmath>
#include <limits>

#include "squint/fixed/step_list.h"
#include "squint/kernels/fixed/layer_norm_16.h"

namespace squint {
namespace {

// Factor and bias of each number of a row.
struct NormParameters {
  std::vector<int32_t> multiplier;
  std::vector<int8_t> shift;
  std::vector<int32_t> bias;
};

class LayerNormStep : public StepOf<LayerNormStep> {
 public:
  LayerNormStep(bool wide, const squint_norm_rows& rows,
                NormParameters parameters)
      : wide_(wide), rows_(rows), parameters_(std::move(parameters)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Params("squint_norm_rows", rows_),
             m.Array("multiplier", parameters_.multiplier),
             m.Array("shift", parameters_.shift),
             m.Array("bias", parameters_.bias), m.In(0), m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("layer_norm_16", squint_layer_norm_16))
          : call(SQUINT_KERNEL("layer_norm", squint_layer_norm));
  }
  // A row is read before it is written, and each number once more.
  std::optional<int64_t> Lead(size_t input, const Patch*) const override {
    return input == 0 ? std::optional<int64_t>(0) : std::nullopt;
  }

 private:
  bool wide_;
  squint_norm_rows rows_;
  NormParameters parameters_;
};

// `count` numbers: the parameter over and over.
std::vector<float> Repeated(const FixedOperation& operation, size_t input,
                            int64_t count) {
  if (!operation.has(input)) {
    return std::vector<float>(static_cast<size_t>(count));
  }
  const FixedOperand& operand = operation.inputs[input];
  Require(operand.constant != nullptr && operand.dtype == DType::kFloat32,
          "its parameters are no real constants");
  const std::vector<float> own = operand.constant->ToFloats();
  Require(!own.empty() && count % static_cast<int64_t>(own.size()) == 0,
          "its parameters do not lie along the last axes");
  std::vector<float> all;
  while (all.size() < static_cast<size_t>(count)) {
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

NormParameters ParametersOf(const FixedOperation& operation, int64_t count) {
  constexpr double kUp = 1 << 8;       // of scaled numbers
  constexpr double kNormal = 1 << 20;  // of normal ones
  const double scale =
      GridOf(operation.outputs[0], NumberType(operation)).scale;
  const std::vector<float> gamma = Repeated(operation, 1, count);
  const std::vector<float> beta = Repeated(operation, 2, count);
  NormParameters parameters;
  for (size_t i = 0; i < gamma.size(); ++i) {
    const FixedFactor factor =
        FactorOf(std::abs(double{gamma[i]}) * kUp / (kNormal * scale));
    parameters.multiplier.push_back(gamma[i] < 0 ? -factor.multiplier
                                                 : factor.multiplier);
    parameters.shift.push_back(static_cast<int8_t>(factor.shift));
    const double bias = std::round(beta[i] * kUp / scale);
    Require(std::abs(bias) < (1 << 28), "a bias is too large");
    parameters.bias.push_back(static_cast<int32_t>(bias));
  }
  return parameters;
}

}  // namespace

std::unique_ptr<FixedStep> MakeLayerNormalizationStep(
    const FixedOperation& operation) {
  for (size_t i = 1; i < operation.outputs.size(); ++i) {
    Require(!operation.outputs[i].has(), "its moments are wanted");
  }
  const Dims& dims = operation.inputs[0].dims;
  const auto axis = NormalizeAxis(operation.node.Int("axis", -1),
                                  static_cast<int>(dims.size()));
  const int64_t count = ElementCount(Dims(dims.begin() + axis, dims.end()));
  constexpr int64_t kMostCount = 1 << 15;
  Require(count <= kMostCount, "its rows are too long");
  const DType type = NumberType(operation);
  const double scale = GridOf(operation.inputs[0], type).scale;
  const double in_units = static_cast<double>(count) / scale;
  const double epsilon =
      std::round(operation.node.Float("epsilon", 1e-5f) * in_units * in_units);
  // W of the numbers themselves is below 2^60.
  Require(epsilon < static_cast<double>(int64_t{1} << 60),
          "its epsilon is too large");
  const auto units = static_cast<int64_t>(epsilon);
  constexpr int64_t kHalf = int64_t{1} << 31;
  return std::make_unique<LayerNormStep>(
      type == DType::kInt16,
      squint_norm_rows{.rows = Size(ElementCount(dims) / count),
                       .count = Size(count),
                       .epsilon_high = Size(units / kHalf),
                       .epsilon_low = Size(units % kHalf),
                       .zero_y = GridOf(operation.outputs[0], type).zero},
      ParametersOf(operation, count));
}

}  // namespace squint
