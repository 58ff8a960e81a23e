// Tests driven by op_list.inc: every row, by its examples (op_examples.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

TEST(OpList, EveryRowHasAnExample) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const OpExample& example : AllExamples()) {
    seen.insert({example.domain, example.op_type});
  }
  for (const OpDef* op : AllOps()) {
    EXPECT_TRUE(seen.contains({std::string(op->domain), std::string(op->type)}))
        << op->type << " has no example: add one to Examples_<file>() of its "
        << "<file>_test.cc (see op_examples.h)";
  }
}

TEST(OpList, EveryRowInfersAndRuns) {
  for (const OpDef* op : AllOps()) {
    EXPECT_NE(op->infer, nullptr) << op->type;
    EXPECT_NE(op->reference, nullptr) << op->type;
    EXPECT_NE(op->quantize, nullptr) << op->type;
  }
}

TEST(OpList, RowsAreUniqueAndNamed) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const OpDef* op : AllOps()) {
    EXPECT_FALSE(op->type.empty());
    EXPECT_GE(op->since, 1) << op->type;
    EXPECT_LE(op->since, 25) << op->type;
    EXPECT_TRUE(seen.insert({op->domain, op->type}).second) << op->type;
  }
}

TEST(OpList, InferredShapesEqualComputedOnes) {
  for (const OpExample& example : AllExamples()) {
    SCOPED_TRACE(example.label());
    Graph graph = GraphOf(example);
    ASSERT_NO_THROW(InferShapes(graph));
    const std::vector<Tensor> outputs = Interpret(graph, InputsOf(example));
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Value& value = graph.value(graph.outputs()[i]);
      EXPECT_EQ(value.dtype, outputs[i].dtype()) << "output " << i;
      if (example.data_dependent) continue;
      EXPECT_EQ(value.shape.ToString(), Shape::Of(outputs[i].dims()).ToString())
          << "output " << i;
    }
  }
}

// What a symbolic shape claims must hold for the example's own sizes.
void ExpectCompatible(const Shape& symbolic, const Dims& computed,
                      int64_t batch) {
  if (!symbolic.has_rank()) return;
  ASSERT_EQ(symbolic.rank(), static_cast<int>(computed.size()));
  for (int axis = 0; axis < symbolic.rank(); ++axis) {
    const int64_t size = computed[static_cast<size_t>(axis)];
    if (const auto value = symbolic[axis].value()) {
      EXPECT_EQ(*value, size) << "axis " << axis;
    } else if (symbolic[axis].symbol()) {
      EXPECT_EQ(batch, size) << "axis " << axis;
    }
  }
}

TEST(OpList, ASymbolicBatchIsUnderstood) {
  for (const OpExample& example : AllExamples()) {
    const std::vector<Tensor> inputs = InputsOf(example);
    if (example.fixed_sizes || inputs.empty() || inputs[0].rank() == 0) {
      continue;
    }
    SCOPED_TRACE(example.label());
    Graph graph = GraphOf(example, true);
    ASSERT_NO_THROW(InferShapes(graph));
    const std::vector<Tensor> outputs = RunExample(example);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Value& value = graph.value(graph.outputs()[i]);
      EXPECT_EQ(value.dtype, outputs[i].dtype());
      EXPECT_TRUE(value.shape.has_rank() || example.data_dependent);
      ExpectCompatible(value.shape, outputs[i].dims(), inputs[0].dim(0));
    }
  }
}

Target MakeTarget(DType activation, bool symmetric, DType weight,
                  bool per_channel) {
  Target target;
  target.name = std::string(DTypeName(activation)) + " x " +
                std::string(DTypeName(weight)) +
                (symmetric ? ", symmetric" : "") +
                (per_channel ? "" : ", per tensor");
  target.activation = activation;
  target.symmetric_activation = symmetric;
  target.weight = weight;
  target.per_channel = per_channel;
  target.all_integer = true;
  return target;
}

std::vector<Target> Targets() {
  return {MakeTarget(DType::kUint8, false, DType::kInt8, true),
          MakeTarget(DType::kUint8, false, DType::kUint8, true),
          MakeTarget(DType::kInt8, false, DType::kInt8, true),
          MakeTarget(DType::kInt8, true, DType::kInt8, false),
          MakeTarget(DType::kUint16, false, DType::kInt8, true),
          MakeTarget(DType::kInt16, true, DType::kInt16, true)};
}

// The float operator on the dequantized inputs, without output rounding.
std::vector<Tensor> FloatResult(const Graph& quantized,
                                const std::vector<Tensor>& inputs) {
  Graph graph = quantized;
  for (const ValueId id : graph.outputs()) graph.value(id).quant.reset();
  return Interpret(graph, inputs);
}

// Clamped into what the parameters can represent.
float Representable(float real, const QuantParams& params) {
  const QuantRange range = RangeOf(params.dtype, false);
  const float scale = params.scale_at();
  const int32_t zero = params.zero_point_at();
  return std::clamp(real, DequantizeValue(range.qmin, scale, zero),
                    DequantizeValue(range.qmax, scale, zero));
}

void ExpectWithinSteps(const Tensor& integer, const Tensor& real,
                       const std::optional<QuantParams>& quant, double steps) {
  ASSERT_EQ(integer.dims(), real.dims());
  const std::vector<float> a = integer.ToFloats();
  const std::vector<float> b = real.ToFloats();
  for (size_t i = 0; i < a.size(); ++i) {
    const float expected = quant ? Representable(b[i], *quant) : b[i];
    const float step = quant ? quant->scale_at() : 0.0f;
    const double bound = steps * static_cast<double>(step) +
                         1e-5 * (1.0 + std::fabs(static_cast<double>(b[i])));
    EXPECT_NEAR(a[i], expected, bound) << "element " << i;
  }
}

TEST(OpList, TheIntegerReadingStaysNearFloat) {
  for (const OpExample& example : AllExamples()) {
    const OpDef* op = FindOp(example.op_type, example.domain);
    ASSERT_NE(op, nullptr) << example.op_type;
    if (op->integer_reference == nullptr) continue;
    for (const Target& target : Targets()) {
      SCOPED_TRACE(example.label() + ", " + target.name);
      Graph graph = GraphOf(example);
      InferShapes(graph);
      const std::vector<Tensor> inputs = InputsOf(example);
      if (!QuantizeExample(target, graph, inputs)) continue;
      const std::vector<Tensor> real = FloatResult(graph, inputs);
      const std::vector<Tensor> integer =
          Interpret(graph, inputs, {.reading = Reading::kInteger});
      for (size_t i = 0; i < real.size(); ++i) {
        ExpectWithinSteps(integer[i], real[i],
                          graph.value(graph.outputs()[i]).quant, example.steps);
      }
    }
  }
}

// A rule that speaks of more inputs than the node has, or of the integer
// reading without having one, would mislead the quantizer.
TEST(OpList, RulesFitTheirNodes) {
  for (const OpExample& example : AllExamples()) {
    SCOPED_TRACE(example.label());
    const OpDef* op = FindOp(example.op_type, example.domain);
    ASSERT_NE(op, nullptr) << example.op_type;
    if (op->quantize == nullptr) continue;
    Graph graph = GraphOf(example);
    InferShapes(graph);
    const Node& node = graph.node(graph.order().front());
    const QuantSpec spec = op->quantize({graph, node, Targets()[0]});
    if (!spec.reason.empty()) continue;
    EXPECT_LE(spec.inputs.size(), node.inputs.size());
    EXPECT_LE(spec.outputs.size(), node.outputs.size());
    for (const auto& [input, output] : spec.same) {
      EXPECT_LT(static_cast<size_t>(input), spec.inputs.size());
      EXPECT_LT(static_cast<size_t>(output), spec.outputs.size());
    }
  }
}

}  // namespace
}  // namespace squint
