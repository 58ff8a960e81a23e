// For tests of every module that walks nested graphs: a small network with a
// Scan, a Loop and an If, and what it computes, in plain loops of its own.
#ifndef SQUINT_OPS_CONTROL_FLOW_EXAMPLES_H_
#define SQUINT_OPS_CONTROL_FLOW_EXAMPLES_H_

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

inline constexpr int64_t kWidth = 8;
inline constexpr int64_t kRows = 2;
inline constexpr int64_t kTripCount = 3;

// Deterministic pseudo-random numbers in [-scale, scale).
inline Tensor Noise(Dims dims, float scale, uint32_t seed) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  float* out = tensor.mutable_data<float>();
  uint32_t state = seed * 2654435761u + 97u;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = scale * (static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
  }
  return tensor;
}

// A graph with the opset of today, to be nested or not.
inline Graph EmptyGraph(std::string_view name) {
  Graph graph;
  graph.name = name;
  graph.opset[""] = 25;
  graph.ir_version = 10;
  return graph;
}

// A node with nested graphs that captures these values, in the order in which
// the attributes' names sort.
inline NodeId AddBodyNode(Graph& graph, std::string_view op_type,
                          std::vector<ValueId> inputs,
                          std::vector<std::string> outputs,
                          Attributes attributes,
                          std::vector<ValueId> captures) {
  Node node;
  node.op_type = op_type;
  node.name = outputs[0] + "_node";
  node.user_names = {node.name};
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  node.captures = std::move(captures);
  for (const std::string& name : outputs) {
    node.outputs.push_back(graph.AddValue(name));
  }
  return graph.AddNode(std::move(node));
}

// h' = tanh(x Wx + h Wh): state and scan output; both weights are captured.
inline Graph CellBody() {
  Graph body = EmptyGraph("cell");
  const ValueId h = body.AddInput("h", DType::kFloat32, Shape());
  const ValueId x = body.AddInput("x_t", DType::kFloat32, Shape());
  const ValueId wx = body.AddCapture("wx");
  const ValueId wh = body.AddCapture("wh");
  const ValueId sum = body.Emit("Add",
                                {body.Emit("MatMul", {x, wx}, "x_part"),
                                 body.Emit("MatMul", {h, wh}, "h_part")},
                                "cell_sum");
  const ValueId next = body.Emit("Tanh", {sum}, "h_next");
  body.AddOutput(next);
  body.AddOutput(body.Emit("Identity", {next}, "h_shown"));
  return body;
}

// v' = relu(v W) + offset, shown before the addition; W is the body's own,
// the offset is captured.
inline Graph TripBody() {
  Graph body = EmptyGraph("trip");
  body.AddInput("trip_number", DType::kInt64, Shape::Of({}));
  const ValueId going = body.AddInput("going", DType::kBool, Shape::Of({}));
  const ValueId v = body.AddInput("v", DType::kFloat32, Shape());
  const ValueId offset = body.AddCapture("h_last");
  const ValueId w =
      body.AddConstant("w_trip", Noise({kWidth, kWidth}, 0.4f, 3));
  const ValueId shown =
      body.Emit("Relu", {body.Emit("MatMul", {v, w}, "v_part")}, "v_relu");
  body.AddOutput(body.Emit("Identity", {going}, "still_going"));
  body.AddOutput(body.Emit("Add", {shown, offset}, "v_next"));
  body.AddOutput(shown);
  return body;
}

inline Graph BranchBody(std::string_view name, uint32_t seed) {
  Graph body = EmptyGraph(name);
  const ValueId v = body.AddCapture("v_last");
  const ValueId w =
      body.AddConstant("w_branch", Noise({kWidth, 4}, 0.5f, seed));
  body.AddOutput(body.Emit("MatMul", {v, w}, "branch_out"));
  return body;
}

// x [steps, 2, 8] -> y [2, 4], ys [steps, 2, 8], vs [3, 2, 8].
inline Graph ControlFlowNetwork() {
  Graph graph = EmptyGraph("control_flow");
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32, DimList{Dim::Symbol("steps"), kRows, kWidth});
  const ValueId wx = graph.AddConstant("wx", Noise({kWidth, kWidth}, 0.5f, 1));
  const ValueId wh = graph.AddConstant("wh", Noise({kWidth, kWidth}, 0.5f, 2));
  const ValueId h0 =
      graph.AddConstant("h0", Tensor(DType::kFloat32, {kRows, kWidth}));
  const Node& scan = graph.node(AddBodyNode(
      graph, "Scan", {h0, x}, {"h_last", "ys"},
      {{"body", GraphBox(CellBody())}, {"num_scan_inputs", int64_t{1}}},
      {wx, wh}));
  const ValueId h_last = scan.output(0);
  const ValueId ys = scan.output(1);
  const ValueId trips =
      graph.AddConstant("trips", Tensor::Scalar<int64_t>(kTripCount));
  const Node& loop = graph.node(
      AddBodyNode(graph, "Loop", {trips, kNoValue, h_last}, {"v_last", "vs"},
                  {{"body", GraphBox(TripBody())}}, {h_last}));
  const ValueId v_last = loop.output(0);
  const ValueId vs = loop.output(1);
  const ValueId sum =
      graph.Emit("ReduceSum", {v_last}, "v_sum", {{"keepdims", int64_t{0}}});
  const ValueId zero =
      graph.AddConstant("threshold", Tensor::Scalar<float>(0.0f));
  const ValueId positive = graph.Emit("Greater", {sum, zero}, "is_positive");
  const Node& choice = graph.node(
      AddBodyNode(graph, "If", {positive}, {"y"},
                  {{"then_branch", GraphBox(BranchBody("positive", 4))},
                   {"else_branch", GraphBox(BranchBody("negative", 5))}},
                  {v_last, v_last}));
  graph.AddOutput(choice.output(0));
  graph.AddOutput(ys);
  graph.AddOutput(vs);
  return graph;
}

// ---- what it computes

using Numbers = std::vector<double>;

// [rows, k] times [k, n].
inline Numbers Product(const Numbers& a, const Tensor& b) {
  const auto k = static_cast<size_t>(b.dim(0));
  const auto n = static_cast<size_t>(b.dim(1));
  Numbers result(a.size() / k * n, 0.0);
  for (size_t r = 0; r < a.size() / k; ++r) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t i = 0; i < k; ++i) {
        result[r * n + j] +=
            a[r * k + i] * static_cast<double>(b.data<float>()[i * n + j]);
      }
    }
  }
  return result;
}

struct ControlFlowResult {
  Numbers y, ys, vs;
};

inline ControlFlowResult ControlFlowExpected(const Tensor& x) {
  const Tensor wx = Noise({kWidth, kWidth}, 0.5f, 1);
  const Tensor wh = Noise({kWidth, kWidth}, 0.5f, 2);
  const auto state = static_cast<size_t>(kRows * kWidth);
  ControlFlowResult result;
  Numbers h(state, 0.0);
  for (int64_t step = 0; step < x.dim(0); ++step) {
    const float* row = x.data<float>() + static_cast<size_t>(step) * state;
    const Numbers from_x = Product(Numbers(row, row + state), wx);
    const Numbers from_h = Product(h, wh);
    for (size_t i = 0; i < state; ++i) h[i] = std::tanh(from_x[i] + from_h[i]);
    result.ys.insert(result.ys.end(), h.begin(), h.end());
  }
  Numbers v = h;
  for (int64_t trip = 0; trip < kTripCount; ++trip) {
    v = Product(v, Noise({kWidth, kWidth}, 0.4f, 3));
    for (double& each : v) each = std::fmax(each, 0.0);
    result.vs.insert(result.vs.end(), v.begin(), v.end());
    for (size_t i = 0; i < state; ++i) v[i] += h[i];
  }
  double sum = 0;
  for (const double each : v) sum += each;
  result.y = Product(v, Noise({kWidth, 4}, 0.5f, sum > 0 ? 4 : 5));
  return result;
}

}  // namespace squint

#endif  // SQUINT_OPS_CONTROL_FLOW_EXAMPLES_H_
