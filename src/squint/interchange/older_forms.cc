#include "squint/interchange/older_forms.h"

#include <cmath>
#include <numeric>
#include <string_view>

#include "squint/interchange/replacement.h"

namespace squint {
namespace {

// x * (1 + erf(x / sqrt(2))) / 2
void WriteErf(Replacement& gelu) {
  const ValueId x = gelu.in(0);
  const ValueId root = gelu.Scalar("root_of_2", std::sqrt(2.0f));
  const ValueId erf = gelu.Emit("Erf", {gelu.Emit("Div", {x, root})});
  const ValueId sum = gelu.Emit("Add", {erf, gelu.Scalar("one", 1.0f)});
  gelu.Last("Mul", {gelu.Emit("Mul", {x, sum}), gelu.Scalar("half", 0.5f)});
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
void WriteTanh(Replacement& gelu) {
  const ValueId x = gelu.in(0);
  const auto factor = static_cast<float>(std::sqrt(M_2_PI));
  const ValueId cube = gelu.Emit("Pow", {x, gelu.Scalar("three", 3.0f)});
  const ValueId term =
      gelu.Emit("Mul", {cube, gelu.Scalar("cubic", 0.044715f)});
  const ValueId inner = gelu.Emit(
      "Mul",
      {gelu.Emit("Add", {x, term}), gelu.Scalar("root_of_2_over_pi", factor)});
  const ValueId sum =
      gelu.Emit("Add", {gelu.Emit("Tanh", {inner}), gelu.Scalar("one", 1.0f)});
  const ValueId half = gelu.Emit("Mul", {x, gelu.Scalar("half", 0.5f)});
  gelu.Last("Mul", {half, sum});
}

bool WriteGelu(Replacement& gelu) {
  if (gelu.node().String("approximate", "none") == "tanh") {
    WriteTanh(gelu);
  } else {
    WriteErf(gelu);
  }
  return true;
}

// x * tanh(log(1 + exp(x)))
bool WriteMish(Replacement& mish) {
  const ValueId soft = mish.Emit("Softplus", {mish.in(0)});
  mish.Last("Mul", {mish.in(0), mish.Emit("Tanh", {soft})});
  return true;
}

// x * max(0, min(1, x / 6 + 1 / 2))
bool WriteHardSwish(Replacement& swish) {
  const ValueId gate = swish.Emit("HardSigmoid", {swish.in(0)},
                                  {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
  swish.Last("Mul", {swish.in(0), gate});
  return true;
}

// (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias, means over
// the axes from `axis` on. Needs float32 and, for a leading axis, the rank.
bool WriteLayerNormalization(Replacement& norm) {
  const Node& node = norm.node();
  const int64_t axis = node.Int("axis", -1);
  const bool known = axis < 0 || norm.shape(0).has_rank();
  if (node.outputs.size() > 1 || !known ||
      norm.graph().value(norm.in(0)).dtype != DType::kFloat32) {
    return false;
  }
  const int64_t count = axis < 0 ? -axis : norm.shape(0).rank() - axis;
  std::vector<int64_t> axes(static_cast<size_t>(count));
  std::iota(axes.begin(), axes.end(), -count);
  const Attributes over = {{"axes", axes}, {"keepdims", int64_t{1}}};
  const ValueId x = norm.in(0);
  const ValueId centered =
      norm.Emit("Sub", {x, norm.Emit("ReduceMean", {x}, over)});
  const ValueId square = norm.Emit("Pow", {centered, norm.Scalar("two", 2.0f)});
  const ValueId variance = norm.Emit("ReduceMean", {square}, over);
  const ValueId epsilon = norm.Scalar("epsilon", node.Float("epsilon", 1e-5f));
  const ValueId deviation =
      norm.Emit("Sqrt", {norm.Emit("Add", {variance, epsilon})});
  const ValueId unit = norm.Emit("Div", {centered, deviation});
  if (!norm.has(2)) {
    norm.Last("Mul", {unit, norm.in(1)});
  } else {
    norm.Last("Add", {norm.Emit("Mul", {unit, norm.in(1)}), norm.in(2)});
  }
  return true;
}

struct Row {
  std::string_view op_type;
  int64_t since;
  bool (*write)(Replacement&);
};
constexpr Row kForms[] = {
    {"Gelu", 20, WriteGelu},
    {"HardSwish", 14, WriteHardSwish},
    {"LayerNormalization", 17, WriteLayerNormalization},
    {"Mish", 18, WriteMish},
};

}  // namespace

bool WriteInOlderForm(Graph& graph, NodeId id, int64_t opset) {
  for (const Row& row : kForms) {
    if (graph.node(id).Is(row.op_type) && opset < row.since) {
      Replacement replacement(graph, id);
      return row.write(replacement);
    }
  }
  return false;
}

}  // namespace squint
