#include "squint/ops/gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "squint/base/threads.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

// Inputs that steer and are not differentiated by.
bool Steers(const std::string& type, size_t input) {
  return type == "Clip" && input > 0;
}

bool AllFinite(const Tensor& tensor) {
  const std::vector<float> values = tensor.ToFloats();
  return std::all_of(values.begin(), values.end(),
                     [](float v) { return std::isfinite(v); });
}

Tensor Noise(const Dims& dims, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Tensor noise(DType::kFloat32, dims);
  for (int64_t i = 0; i < noise.size(); ++i) {
    noise.mutable_data<float>()[i] = uniform(engine);
  }
  return noise;
}

double Dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a.data<float>()[i]) *
           static_cast<double>(b.data<float>()[i]);
  }
  return sum;
}

class Differentiated {
 public:
  explicit Differentiated(OpExample example) : example_(std::move(example)) {
    for (const Tensor& output : RunExample(example_))
      outputs_.push_back(output);
    direction_ = Noise(outputs_[0].dims(), 5);
  }

  bool applies() const {
    const auto real = [](const Tensor& t) {
      return t.dtype() == DType::kFloat32 && AllFinite(t);
    };
    bool any = false;
    for (const auto& input : example_.inputs) {
      if (input.value.empty() || IsInteger(input.value.dtype())) continue;
      if (!real(input.value)) return false;
      any = true;
    }
    return any && outputs_.size() == 1 && real(outputs_[0]) &&
           outputs_[0].size() > 0;
  }

  void Check() {
    const Graph graph = GraphOf(example_);
    const Node& node = graph.node(graph.order().front());
    ThreadPool pool(2);
    GradientContext context{.node = node,
                            .inputs = {},
                            .outputs = {outputs_.data()},
                            .output_gradients = {&direction_},
                            .wanted = {},
                            .input_gradients = {},
                            .pool = pool};
    for (size_t i = 0; i < example_.inputs.size(); ++i) {
      const Tensor& value = example_.inputs[i].value;
      context.inputs.push_back(value.empty() ? nullptr : &value);
      context.wanted.push_back(!value.empty() && IsFloat(value.dtype()) &&
                               !Steers(example_.op_type, i));
    }
    context.input_gradients.resize(example_.inputs.size());
    FindGradient(node)(context);
    for (size_t i = 0; i < example_.inputs.size(); ++i) {
      if (context.wanted[i]) CheckInput(i, context.input_gradients[i]);
    }
  }

 private:
  // What the scalar (outputs . direction) is with input i moved along `way`.
  double Moved(size_t i, const Tensor& way, float by) const {
    OpExample moved = example_;
    Tensor& value = moved.inputs[i].value;
    Tensor sum(DType::kFloat32, value.dims());
    for (int64_t k = 0; k < value.size(); ++k) {
      sum.mutable_data<float>()[k] =
          value.data<float>()[k] + by * way.data<float>()[k];
    }
    value = sum;
    return Dot(RunExample(moved)[0], direction_);
  }

  void CheckInput(size_t i, const Tensor& gradient) const {
    constexpr float kBy = 1e-3f;
    const Tensor& value = example_.inputs[i].value;
    const Tensor way = Noise(value.dims(), static_cast<unsigned>(i) + 9);
    const double difference = (Moved(i, way, kBy) - Moved(i, way, -kBy)) /
                              (2 * static_cast<double>(kBy));
    const Tensor zero(DType::kFloat32, value.dims());
    const Tensor& got = gradient.empty() ? zero : gradient;
    ASSERT_EQ(got.dims(), value.dims());
    double size = 0;
    for (int64_t k = 0; k < got.size(); ++k) {
      size += std::fabs(static_cast<double>(got.data<float>()[k]));
    }
    EXPECT_NEAR(Dot(got, way), difference, 5e-3 * (1 + size))
        << example_.label() << " by input " << i;
  }

  OpExample example_;
  std::vector<Tensor> outputs_;
  Tensor direction_;
};

TEST(Gradient, EqualsTheDifferenceQuotientOfTheReferenceOnEveryExample) {
  std::set<std::string> checked;
  for (const OpExample& example : AllExamples()) {
    Node node;
    node.op_type = example.op_type;
    node.domain = example.domain;
    if (FindGradient(node) == nullptr) continue;
    Differentiated differentiated(example);
    if (!differentiated.applies()) continue;
    SCOPED_TRACE(example.label());
    differentiated.Check();
    checked.insert(example.domain + "::" + example.op_type);
  }
  for (const char* row : {
#define SQUINT_GRADIENT(domain, type, function) domain "::" type,
#include "squint/ops/gradient_list.inc"
#undef SQUINT_GRADIENT
       }) {
    EXPECT_TRUE(checked.contains(row)) << row << " has no example";
  }
}

TEST(Gradient, OfABroadcastOperandIsSummed) {
  const Tensor gradient = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(SumTo(gradient, {3}).ToFloats(), (std::vector<float>{5, 7, 9}));
  EXPECT_EQ(SumTo(gradient, {2, 1}).ToFloats(), (std::vector<float>{6, 15}));
  EXPECT_EQ(SumTo(gradient, {}).ToFloats(), (std::vector<float>{21}));
}

TEST(Gradient, IsUnknownForOperatorsThatHaveNone) {
  Node node;
  node.op_type = "NonZero";
  EXPECT_EQ(FindGradient(node), nullptr);
}

}  // namespace
}  // namespace squint
