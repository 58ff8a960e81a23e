// Operators that map elements, on the float kernels.
#include <cmath>
#include <limits>
#include <vector>

#include "squint/kernels/elementwise/binary.h"
#include "squint/kernels/elementwise/unary.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

struct UnaryRow {
  std::string_view type;
  UnaryKind kind;
  float alpha = 0.0f;  // defaults of the attributes
  float beta = 0.0f;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr UnaryRow kUnaryRows[] = {
    {"Abs", UnaryKind::kAbs},
    {"Ceil", UnaryKind::kCeil},
    {"Elu", UnaryKind::kElu, 1.0f},
    {"Erf", UnaryKind::kErf},
    {"Exp", UnaryKind::kExp},
    {"Floor", UnaryKind::kFloor},
    {"Gelu", UnaryKind::kGelu},
    {"HardSigmoid", UnaryKind::kHardSigmoid, 0.2f, 0.5f},
    {"HardSwish", UnaryKind::kHardSwish},
    {"LeakyRelu", UnaryKind::kLeakyRelu, 0.01f},
    {"Log", UnaryKind::kLog},
    {"Neg", UnaryKind::kNeg},
    {"Reciprocal", UnaryKind::kReciprocal},
    {"Relu", UnaryKind::kClip, 0.0f, kInfinity},
    {"Round", UnaryKind::kRound},
    {"Sigmoid", UnaryKind::kSigmoid},
    {"SiLU", UnaryKind::kSilu, 1.0f},
    {"Softplus", UnaryKind::kSoftplus},
    {"Sqrt", UnaryKind::kSqrt},
    {"Swish", UnaryKind::kSilu, 1.0f},
    {"Tanh", UnaryKind::kTanh},
};

class UnaryStep : public Step {
 public:
  UnaryStep(UnaryKind kind, float alpha, float beta, int64_t count)
      : kind_(kind), alpha_(alpha), beta_(beta), count_(count) {}

  void Run(const StepArgs& args) const override {
    Unary(kind_, alpha_, beta_, FloatInput(args, 0), count_, FloatOutput(args),
          args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  UnaryKind kind_;
  float alpha_;
  float beta_;
  int64_t count_;
};

// Limits are read when it runs, since they may be computed.
class ClipStep : public Step {
 public:
  explicit ClipStep(int64_t count) : count_(count) {}

  void Run(const StepArgs& args) const override {
    Unary(UnaryKind::kClip, LimitOr(args, 1, -kInfinity),
          LimitOr(args, 2, kInfinity), FloatInput(args, 0), count_,
          FloatOutput(args), args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  static float LimitOr(const StepArgs& args, size_t i, float fallback) {
    const float* limit = FloatInput(args, i);
    return limit != nullptr ? *limit : fallback;
  }

  int64_t count_;
};

struct BinaryRow {
  std::string_view type;
  BinaryKind kind;
};

constexpr BinaryRow kBinaryRows[] = {
    {"Add", BinaryKind::kAdd}, {"Sub", BinaryKind::kSub},
    {"Mul", BinaryKind::kMul}, {"Div", BinaryKind::kDiv},
    {"Max", BinaryKind::kMax}, {"Min", BinaryKind::kMin},
    {"Pow", BinaryKind::kPow}, {"Sum", BinaryKind::kAdd},
};

class BinaryStep : public Step {
 public:
  BinaryStep(BinaryKind kind, const BroadcastPlan& plan, bool in_place)
      : kind_(kind), plan_(plan), in_place_(in_place) {}

  void Run(const StepArgs& args) const override {
    Binary(kind_, plan_, FloatInput(args, 0), FloatInput(args, 1),
           FloatOutput(args), args.pool);
  }
  bool can_run_in_place() const override { return in_place_; }

 private:
  BinaryKind kind_;
  BroadcastPlan plan_;
  bool in_place_;
};

// An Add and the Relu or Clip behind it.
class AddClampedStep : public Step {
 public:
  AddClampedStep(const BroadcastPlan& plan, bool in_place,
                 std::pair<float, float> clamp)
      : plan_(plan), in_place_(in_place), clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    AddClamped(plan_, FloatInput(args, 0), FloatInput(args, 1), clamp_.first,
               clamp_.second, FloatOutput(args), args.pool);
  }
  bool can_run_in_place() const override { return in_place_; }

 private:
  BroadcastPlan plan_;
  bool in_place_;
  std::pair<float, float> clamp_;
};

// y = x * scale[c] + shift[c] with the parameters folded when prepared.
class ChannelAffineStep : public Step {
 public:
  ChannelAffineStep(const Dims& x, std::vector<float> scale,
                    std::vector<float> shift, std::pair<float, float> clamp)
      : outer_(x[0]),
        inner_(ElementCount(std::span(x).subspan(2))),
        scale_(std::move(scale)),
        shift_(std::move(shift)),
        clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    ChannelAffine({outer_, static_cast<int64_t>(scale_.size()), inner_,
                   scale_.data(), shift_.data(), clamp_.first, clamp_.second},
                  FloatInput(args, 0), FloatOutput(args), args.pool);
  }
  bool can_run_in_place() const override { return true; }

 private:
  int64_t outer_;
  int64_t inner_;
  std::vector<float> scale_;
  std::vector<float> shift_;
  std::pair<float, float> clamp_;
};

}  // namespace

std::unique_ptr<Step> PrepareUnary(const PrepareContext& context) {
  if (!AllFloat(context)) return nullptr;
  const Node& node = context.node;
  for (const UnaryRow& row : kUnaryRows) {
    if (row.type != node.op_type) continue;
    const bool by_tanh = node.String("approximate", "none") == "tanh";
    const bool attributes = row.kind != UnaryKind::kClip;
    return std::make_unique<UnaryStep>(
        by_tanh ? UnaryKind::kGeluByTanh : row.kind,
        attributes ? node.Float("alpha", row.alpha) : row.alpha,
        attributes ? node.Float("beta", row.beta) : row.beta,
        ElementCount(context.output_dims[0]));
  }
  return nullptr;
}

std::unique_ptr<Step> PrepareClip(const PrepareContext& context) {
  for (size_t i = 1; i < 3; ++i) {
    // Some exporters write an absent limit as an empty tensor.
    if (context.has(i) && ElementCount(context.input_dims[i]) != 1) {
      return nullptr;
    }
  }
  if (!AllFloat(context)) return nullptr;
  return std::make_unique<ClipStep>(ElementCount(context.output_dims[0]));
}

std::unique_ptr<Step> PrepareBinary(const PrepareContext& context) {
  if (!AllFloat(context) || context.input_dims.size() != 2) return nullptr;
  for (const BinaryRow& row : kBinaryRows) {
    if (row.type != context.node.op_type) continue;
    const BroadcastPlan plan(context.output_dims[0], context.input_dims[0],
                             context.input_dims[1]);
    if (!plan.valid) return nullptr;
    const bool in_place = context.input_dims[0] == context.output_dims[0];
    if (!context.clamp) {
      return std::make_unique<BinaryStep>(row.kind, plan, in_place);
    }
    if (row.kind != BinaryKind::kAdd) return nullptr;
    return std::make_unique<AddClampedStep>(plan, in_place, *context.clamp);
  }
  return nullptr;
}

std::unique_ptr<Step> PrepareBatchNormalization(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  if (!AllFloat(context) || x.size() < 2 ||
      context.node.Int("training_mode", 0) != 0) {
    return nullptr;
  }
  for (size_t i = 1; i < 5; ++i) {
    if (context.constants[i] == nullptr) return nullptr;
  }
  const auto channels = static_cast<size_t>(x[1]);
  const auto parameter = [&](size_t input, size_t channel) {
    return static_cast<double>(
        context.constants[input]->data<float>()[channel]);
  };
  const double epsilon =
      static_cast<double>(context.node.Float("epsilon", 1e-5f));
  std::vector<float> scale, shift;
  for (size_t c = 0; c < channels; ++c) {
    const double a = parameter(1, c) / std::sqrt(parameter(4, c) + epsilon);
    scale.push_back(static_cast<float>(a));
    shift.push_back(static_cast<float>(parameter(2, c) - parameter(3, c) * a));
  }
  return std::make_unique<ChannelAffineStep>(
      x, std::move(scale), std::move(shift), ClampOrNone(context));
}

}  // namespace squint
