#include "squint/ops/recurrent.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "squint/ops/in_float64.h"

namespace squint {
namespace {

// Inputs that the recurrent operators have in common.
constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5,
                 kInitialC = 6, kPeephole = 7;

struct NamedActivation {
  std::string_view name;
  GateActivation::Function function;
  float alpha;  // defaults of the standard
  float beta;
};

constexpr std::array kActivations = {
    NamedActivation{
        "sigmoid",
        [](double x, double, double) { return 1.0 / (1.0 + std::exp(-x)); }, 0,
        0},
    NamedActivation{
        "tanh", [](double x, double, double) { return std::tanh(x); }, 0, 0},
    NamedActivation{"relu",
                    [](double x, double, double) { return std::fmax(x, 0.0); },
                    0, 0},
    NamedActivation{
        "affine", [](double x, double a, double b) { return a * x + b; }, 1, 0},
    NamedActivation{
        "leakyrelu",
        [](double x, double a, double) { return x < 0 ? a * x : x; }, 0.01f, 0},
    NamedActivation{"thresholdedrelu",
                    [](double x, double a, double) { return x > a ? x : 0.0; },
                    1, 0},
    NamedActivation{
        "scaledtanh",
        [](double x, double a, double b) { return a * std::tanh(b * x); }, 1,
        1},
    NamedActivation{"hardsigmoid",
                    [](double x, double a, double b) {
                      return std::clamp(a * x + b, 0.0, 1.0);
                    },
                    0.2f, 0.5f},
    NamedActivation{"elu",
                    [](double x, double a, double) {
                      return x < 0 ? a * std::expm1(x) : x;
                    },
                    1, 0},
    NamedActivation{
        "softsign",
        [](double x, double, double) { return x / (1.0 + std::fabs(x)); }, 0,
        0},
    NamedActivation{"softplus",
                    [](double x, double, double) {
                      return std::log1p(std::exp(-std::fabs(x))) +
                             std::fmax(x, 0.0);
                    },
                    0, 0},
};

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

int64_t DirectionsOf(const Node& node) {
  const std::string direction = node.String("direction", "forward");
  if (direction == "forward" || direction == "reverse") return 1;
  if (direction == "bidirectional") return 2;
  Fail(ErrorCode::kInvalidModel,
       "direction is '{}', expected forward, reverse or bidirectional",
       direction);
}

bool BatchFirst(const Node& node) { return node.Int("layout", 0) != 0; }

// All sizes, from the tensors; what the node declares must agree.
struct Sizes {
  int64_t steps = 0;
  int64_t batch = 0;
  int64_t input = 0;
  int64_t hidden = 0;
  int64_t directions = 1;
  bool batch_first = false;
};

void ExpectDims(const char* what, const Dims& dims, const Dims& expected) {
  if (dims != expected) {
    Fail(ErrorCode::kInvalidModel, "{} is {}, expected {}", what,
         DimsToString(dims), DimsToString(expected));
  }
}

void ExpectOptional(const RunContext& context, size_t input, const char* what,
                    const Dims& expected) {
  if (context.has(input)) {
    ExpectDims(what, context.in(input).dims(), expected);
  }
}

Sizes SizesOf(const RunContext& context, int64_t gates) {
  const Tensor& x = context.in(kX);
  const Tensor& r = context.in(kR);
  if (x.rank() != 3 || r.rank() != 3) {
    Fail(ErrorCode::kInvalidModel, "X is {} and R is {}, expected rank 3",
         DimsToString(x.dims()), DimsToString(r.dims()));
  }
  Sizes sizes;
  sizes.batch_first = BatchFirst(context.node);
  sizes.steps = x.dim(sizes.batch_first ? 1 : 0);
  sizes.batch = x.dim(sizes.batch_first ? 0 : 1);
  sizes.input = x.dim(2);
  sizes.hidden = r.dim(2);
  sizes.directions = DirectionsOf(context.node);
  const int64_t d = sizes.directions;
  const int64_t rows = gates * sizes.hidden;
  ExpectDims("W", context.in(kW).dims(), {d, rows, sizes.input});
  ExpectDims("R", r.dims(), {d, rows, sizes.hidden});
  ExpectOptional(context, kB, "B", {d, 2 * rows});
  ExpectOptional(context, kLengths, "sequence_lens", {sizes.batch});
  const Dims state = sizes.batch_first ? Dims{sizes.batch, d, sizes.hidden}
                                       : Dims{d, sizes.batch, sizes.hidden};
  ExpectOptional(context, kInitialH, "initial_h", state);
  ExpectOptional(context, kInitialC, "initial_c", state);
  ExpectOptional(context, kPeephole, "P", {d, 3 * sizes.hidden});
  return sizes;
}

// Element offsets in the two layouts.
int64_t InputAt(const Sizes& s, int64_t step, int64_t sample) {
  return (s.batch_first ? sample * s.steps + step : step * s.batch + sample) *
         s.input;
}
int64_t OutputAt(const Sizes& s, int64_t step, int64_t direction,
                 int64_t sample) {
  return (s.batch_first
              ? (sample * s.steps + step) * s.directions + direction
              : (step * s.directions + direction) * s.batch + sample) *
         s.hidden;
}
int64_t StateAt(const Sizes& s, int64_t direction, int64_t sample) {
  return (s.batch_first ? sample * s.directions + direction
                        : direction * s.batch + sample) *
         s.hidden;
}

template <typename T>
std::vector<T> ListOf(const Node& node, std::string_view key) {
  const Attribute* attribute = node.FindAttribute(key);
  const auto* list =
      attribute ? std::get_if<std::vector<T>>(attribute) : nullptr;
  return list ? *list : std::vector<T>();
}

std::span<const float> At(const std::vector<float>& values, size_t i) {
  if (i >= values.size()) return {};
  return {&values[i], 1};
}

// Names, alphas and betas list the functions of all directions in order; a
// function beyond the end of alphas or betas has the defaults.
std::vector<GateActivation> ActivationsOf(const Node& node, int64_t direction,
                                          const RecurrentKind& kind) {
  const size_t count = kind.activations.size();
  const size_t first = static_cast<size_t>(direction) * count;
  const auto names = ListOf<std::string>(node, "activations");
  const auto alpha = ListOf<float>(node, "activation_alpha");
  const auto beta = ListOf<float>(node, "activation_beta");
  if (!names.empty() && names.size() < first + count) {
    Fail(ErrorCode::kInvalidModel, "activations has {} names, expected {}",
         names.size(), first + count);
  }
  std::vector<GateActivation> result;
  for (size_t i = 0; i < count; ++i) {
    result.emplace_back(names.empty() ? kind.activations[i] : names[first + i],
                        At(alpha, first + i), At(beta, first + i));
  }
  return result;
}

CellParameters ParametersOf(const RunContext& context, const Sizes& sizes,
                            int64_t direction, const RecurrentKind& kind) {
  const int64_t rows = kind.gates * sizes.hidden;
  CellParameters p;
  p.input = sizes.input;
  p.hidden = sizes.hidden;
  p.w = context.in(kW).data<double>() + direction * rows * sizes.input;
  p.r = context.in(kR).data<double>() + direction * rows * sizes.hidden;
  if (context.has(kB)) {
    p.w_bias = context.in(kB).data<double>() + direction * 2 * rows;
    p.r_bias = p.w_bias + rows;
  }
  if (context.has(kPeephole)) {
    p.peephole =
        context.in(kPeephole).data<double>() + direction * 3 * sizes.hidden;
  }
  p.activations = ActivationsOf(context.node, direction, kind);
  p.clip = context.node.Float("clip", 0.0f);
  p.node = &context.node;
  return p;
}

std::vector<double> InitialState(const RunContext& context, size_t input,
                                 const Sizes& sizes, int64_t at) {
  if (!context.has(input)) {
    return std::vector<double>(static_cast<size_t>(sizes.hidden), 0.0);
  }
  const double* start = context.in(input).data<double>() + at;
  return {start, start + sizes.hidden};
}

void Store(const std::vector<double>& from, double* to) {
  std::copy(from.begin(), from.end(), to);
}

int64_t LengthOf(const RunContext& context, const Sizes& sizes,
                 int64_t sample) {
  if (!context.has(kLengths)) return sizes.steps;
  const int64_t length =
      context.in(kLengths).ToInts()[static_cast<size_t>(sample)];
  if (length < 0 || length > sizes.steps) {
    Fail(ErrorCode::kInvalidModel, "sequence_lens has {}, expected 0 to {}",
         length, sizes.steps);
  }
  return length;
}

// Zero beyond a sample's length.
struct Results {
  explicit Results(const Sizes& s)
      : y(DType::kFloat64,
          s.batch_first ? Dims{s.batch, s.steps, s.directions, s.hidden}
                        : Dims{s.steps, s.directions, s.batch, s.hidden}),
        h(DType::kFloat64, s.batch_first
                               ? Dims{s.batch, s.directions, s.hidden}
                               : Dims{s.directions, s.batch, s.hidden}),
        c(DType::kFloat64, h.dims()) {}
  Tensor y;
  Tensor h;
  Tensor c;
};

struct Lane {
  int64_t direction;
  int64_t sample;
  bool reverse;
};

// All steps of one sample in one direction.
void RunSample(const RunContext& context, const RecurrentKind& kind,
               const CellParameters& parameters, const Sizes& s,
               const Lane& lane, Results& results) {
  const int64_t length = LengthOf(context, s, lane.sample);
  // Like ONNX Runtime, a sample without steps ends at zero, not at its
  // initial state.
  if (length == 0) return;
  const int64_t at = StateAt(s, lane.direction, lane.sample);
  CellState state{InitialState(context, kInitialH, s, at),
                  InitialState(context, kInitialC, s, at)};
  for (int64_t i = 0; i < length; ++i) {
    const int64_t step = lane.reverse ? length - 1 - i : i;
    kind.step(parameters,
              context.in(kX).data<double>() + InputAt(s, step, lane.sample),
              state);
    Store(state.h, results.y.mutable_data<double>() +
                       OutputAt(s, step, lane.direction, lane.sample));
  }
  Store(state.h, results.h.mutable_data<double>() + at);
  Store(state.c, results.c.mutable_data<double>() + at);
}

void RunWide(RunContext& context, const RecurrentKind& kind) {
  const Sizes sizes = SizesOf(context, kind.gates);
  Results results(sizes);
  const bool starts_reverse =
      context.node.String("direction", "forward") == "reverse";
  for (int64_t d = 0; d < sizes.directions; ++d) {
    const CellParameters parameters = ParametersOf(context, sizes, d, kind);
    const bool reverse = starts_reverse || d == 1;
    for (int64_t sample = 0; sample < sizes.batch; ++sample) {
      RunSample(context, kind, parameters, sizes, {d, sample, reverse},
                results);
    }
  }
  context.outputs[0] = std::move(results.y);
  if (context.outputs.size() > 1) context.outputs[1] = std::move(results.h);
  if (context.outputs.size() > 2) context.outputs[2] = std::move(results.c);
}

DimList StateDims(const Node& node, int64_t directions, const Dim& batch,
                  const Dim& hidden) {
  if (BatchFirst(node)) return {batch, Dim(directions), hidden};
  return {Dim(directions), batch, hidden};
}

}  // namespace

GateActivation::GateActivation(const std::string& name,
                               std::span<const float> alpha,
                               std::span<const float> beta) {
  const std::string wanted = LowerCase(name);
  for (const NamedActivation& known : kActivations) {
    if (known.name != wanted) continue;
    function_ = known.function;
    alpha_ = alpha.empty() ? known.alpha : alpha[0];
    beta_ = beta.empty() ? known.beta : beta[0];
    return;
  }
  Fail(ErrorCode::kInvalidModel, "unknown activation '{}'", name);
}

double CellParameters::FromInput(int64_t gate, int64_t unit,
                                 const double* x) const {
  const int64_t row = gate * hidden + unit;
  double sum = w_bias == nullptr ? 0.0 : w_bias[row];
  for (int64_t i = 0; i < input; ++i) {
    sum += w[row * input + i] * x[i];
  }
  return sum;
}

double CellParameters::FromState(int64_t gate, int64_t unit,
                                 std::span<const double> h) const {
  const int64_t row = gate * hidden + unit;
  double sum = r_bias == nullptr ? 0.0 : r_bias[row];
  for (int64_t i = 0; i < hidden; ++i) {
    sum += r[row * hidden + i] * h[static_cast<size_t>(i)];
  }
  return sum;
}

double CellParameters::Clipped(double x) const {
  return clip > 0 ? std::clamp(x, -clip, clip) : x;
}

bool HasDefaultActivations(const Node& node) {
  const auto names = ListOf<std::string>(node, "activations");
  const size_t functions = node.op_type == "GRU" ? 2 : 3;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_gate = i % functions == 0;
    if (LowerCase(names[i]) != (is_gate ? "sigmoid" : "tanh")) return false;
  }
  return names.size() % functions == 0;
}

// What is known of an input's shape must agree.
void ExpectShape(const InferContext& context, size_t input, const char* what,
                 const Shape& expected) {
  const Shape& shape = context.shape(input);
  if (!shape.has_rank()) return;
  bool agrees = shape.rank() == expected.rank();
  for (int i = 0; agrees && i < shape.rank(); ++i) {
    agrees =
        !shape[i].value() || !expected[i].value() || shape[i] == expected[i];
  }
  if (agrees) return;
  Fail(ErrorCode::kInvalidModel, "{} is {}, expected {}", what,
       shape.ToString(), expected.ToString());
}

void InferRecurrent(InferContext& context, int64_t gates) {
  const Node& node = context.node();
  const Shape& x = context.shape(kX);
  const Shape& r = context.shape(kR);
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    context.SetOutput(i, context.dtype(kX), Shape());
  }
  for (const Shape* shape : {&x, &r}) {
    if (shape->has_rank() && shape->rank() != 3) {
      Fail(ErrorCode::kInvalidModel, "X and R need rank 3, got {}",
           shape->ToString());
    }
  }
  const int64_t directions = DirectionsOf(node);
  Dim hidden = Dim::Unknown();
  if (node.FindAttribute("hidden_size")) hidden = node.Int("hidden_size", 0);
  if (r.has_rank()) {
    const bool known = r[1].value() && r[2].value();
    if (known && !(r[1] == r[2] * Dim(gates))) {
      Fail(ErrorCode::kInvalidModel, "R is {}, expected {} gates of {} rows",
           r.ToString(), gates, r[2].ToString());
    }
    if (r[2].value()) hidden = r[2];
  }
  const bool batch_first = BatchFirst(node);
  const Dim steps = x.has_rank() ? x[batch_first ? 1 : 0] : Dim::Unknown();
  const Dim batch = x.has_rank() ? x[batch_first ? 0 : 1] : Dim::Unknown();
  DimList y = {steps, Dim(directions), batch, hidden};
  if (batch_first) y = {batch, steps, Dim(directions), hidden};
  const DimList state = StateDims(node, directions, batch, hidden);
  const Dim rows = hidden * Dim(gates);
  const Dim input = x.has_rank() ? x[2] : Dim::Unknown();
  ExpectShape(context, kW, "W", DimList{directions, rows, input});
  ExpectShape(context, kR, "R", DimList{directions, rows, hidden});
  ExpectShape(context, kB, "B", DimList{directions, rows * Dim(2)});
  ExpectShape(context, kLengths, "sequence_lens", DimList{batch});
  ExpectShape(context, kInitialH, "initial_h", state);
  ExpectShape(context, kInitialC, "initial_c", state);
  ExpectShape(context, kPeephole, "P", DimList{directions, hidden * Dim(3)});
  context.SetOutput(0, context.dtype(kX), Shape(std::move(y)));
  for (size_t i = 1; i < context.num_outputs(); ++i) {
    context.SetOutput(i, context.dtype(kX), Shape(state));
  }
}

void RunRecurrent(RunContext& context, const RecurrentKind& kind) {
  RunInFloat64(context, [&](RunContext& wide) { RunWide(wide, kind); });
}

QuantSpec RecurrentRule(const QuantizeQuery& query) {
  QuantSpec spec = QuantSpec::Float(
      "its state feeds back into itself, so that it runs in float");
  const Tensor* w = query.graph.ConstantOf(query.node.input(kW));
  const Tensor* r = query.graph.ConstantOf(query.node.input(kR));
  for (const Tensor* weight : {w, r}) {
    if (weight == nullptr || weight->rank() != 3 ||
        weight->dtype() != DType::kFloat32) {
      return QuantSpec::Float("its weights are no float32 constants");
    }
  }
  spec.inputs.resize(kR + 1);
  for (const size_t i : {kW, kR}) {
    // Both directions in one tensor: a scale for every row of both.
    const int axis = w->dim(0) == 1 ? 1 : 2;
    spec.inputs[i] = {.role = Role::kWeight, .axis = axis, .reduce_axis = 2};
  }
  return spec;
}

}  // namespace squint
