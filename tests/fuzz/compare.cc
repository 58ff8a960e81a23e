#include "compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fuzz.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

// One part in a million, and a little for zeros.
Tensor Moved(const Tensor& tensor, float direction) {
  if (tensor.dtype() != DType::kFloat32) return tensor;
  std::vector<float> values = tensor.ToFloats();
  for (float& value : values) {
    value += direction * (1e-6f * std::fabs(value) + 1e-7f);
  }
  return Tensor::Of<float>(tensor.dims(), values);
}

std::vector<Tensor> RunMoved(const Graph& graph,
                             const std::vector<Tensor>& inputs,
                             float direction) {
  Graph moved = graph;
  for (ValueId id = 0; id < moved.num_values(); ++id) {
    Value& value = moved.value(id);
    if (value.is_constant() && !value.quant) {
      value.constant = Moved(value.constant, direction);
    }
  }
  std::vector<Tensor> fed;
  for (const Tensor& input : inputs) fed.push_back(Moved(input, direction));
  std::vector<Tensor> outputs;
  // What moves may leave an operator's domain.
  Survives([&] { outputs = Interpret(moved, fed); });
  return outputs;
}

[[noreturn]] void Differ(std::string_view what, size_t output, size_t element,
                         double expected, double actual, const Graph& before,
                         const Graph& after) {
  FuzzFailed(fmt::format(
      "{}: output {}, element {}: {} became {}\nbefore:\n{}\nafter:\n{}", what,
      output, element, expected, actual, PrintGraph(before),
      PrintGraph(after)));
}

bool SameForm(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims();
}

void CheckForm(const Tensor& a, const Tensor& b, size_t output,
               std::string_view what, const Graph& before, const Graph& after) {
  if (SameForm(a, b)) return;
  FuzzFailed(fmt::format("{}: output {}: {}{} became {}{}\n{}\n{}", what,
                         output, DTypeName(a.dtype()), DimsToString(a.dims()),
                         DTypeName(b.dtype()), DimsToString(b.dims()),
                         PrintGraph(before), PrintGraph(after)));
}

bool IsNumber(DType dtype) {
  return IsFloat(dtype) || IsInteger(dtype) || dtype == DType::kBool;
}

std::vector<double> Doubles(const Tensor& tensor) {
  const Tensor wide = tensor.CastTo(DType::kFloat64);
  const auto values = wide.values<double>();
  return {values.begin(), values.end()};
}

}  // namespace

Expected ExpectedOf(const Graph& graph, const std::vector<Tensor>& inputs) {
  return {Interpret(graph, inputs), RunMoved(graph, inputs, 1.0f),
          RunMoved(graph, inputs, -1.0f)};
}

void MustRun(const Graph& graph, const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& error) {
    FuzzFailed(fmt::format("a valid graph is refused: {}\n{}", error.what(),
                           PrintGraph(graph)));
  }
}

void CheckNear(const Expected& expected, const std::vector<Tensor>& actual,
               std::string_view what, const Graph& before, const Graph& after) {
  constexpr double kTolerance = 1e-4;
  constexpr double kAmplified = 100;  // rounding against the motion of 1e-6
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    const Tensor& a = expected.outputs[i];
    CheckForm(a, actual[i], i, what, before, after);
    const bool judged = i < expected.up.size() && i < expected.down.size() &&
                        SameForm(a, expected.up[i]) &&
                        SameForm(a, expected.down[i]) && IsNumber(a.dtype());
    if (!judged) continue;
    const std::vector<double> want = Doubles(a);
    const std::vector<double> got = Doubles(actual[i]);
    const std::vector<double> up = Doubles(expected.up[i]);
    const std::vector<double> down = Doubles(expected.down[i]);
    double largest = 1.0;
    for (const double value : want) {
      if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
    }
    for (size_t j = 0; j < want.size(); ++j) {
      const double motion =
          std::max(std::fabs(up[j] - want[j]), std::fabs(down[j] - want[j]));
      const double bound = kTolerance * largest + kAmplified * motion;
      const bool same = want[j] == got[j] || !std::isfinite(bound) ||
                        std::fabs(want[j] - got[j]) <= bound;
      if (!same) Differ(what, i, j, want[j], got[j], before, after);
    }
  }
}

void CheckSame(const std::vector<Tensor>& expected,
               const std::vector<Tensor>& actual, std::string_view what,
               const Graph& before, const Graph& after) {
  for (size_t i = 0; i < expected.size(); ++i) {
    CheckForm(expected[i], actual[i], i, what, before, after);
    if (!IsNumber(expected[i].dtype())) continue;
    const std::vector<double> want = Doubles(expected[i]);
    const std::vector<double> got = Doubles(actual[i]);
    for (size_t j = 0; j < want.size(); ++j) {
      const bool same =
          want[j] == got[j] || (std::isnan(want[j]) && std::isnan(got[j]));
      if (!same) Differ(what, i, j, want[j], got[j], before, after);
    }
  }
}

}  // namespace squint
