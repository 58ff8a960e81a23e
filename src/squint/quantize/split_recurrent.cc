// LSTM and GRU as a product with the input, which is an ordinary MatMul with
// quantized weights, and the recurrence behind it.
#include <algorithm>
#include <utility>

#include "squint/ops/recurrent.h"
#include "squint/ops/recurrent_steps.h"
#include "squint/quantize/recurrent.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5,
                 kInitialC = 6, kPeephole = 7;

bool IsFloatConstant(const Graph& graph, ValueId id, int rank) {
  const Tensor* constant = graph.ConstantOf(id);
  return constant != nullptr && constant->dtype() == DType::kFloat32 &&
         constant->rank() == rank;
}

bool IsCommonForm(const Graph& graph, const Node& node) {
  return (node.Is("LSTM") || node.Is("GRU")) && node.has_input(kX) &&
         graph.value(node.input(kX)).dtype == DType::kFloat32 &&
         !node.has_input(kLengths) && !node.has_input(kPeephole) &&
         IsFloatConstant(graph, node.input(kW), 3) &&
         IsFloatConstant(graph, node.input(kR), 3) &&
         (!node.has_input(kB) || IsFloatConstant(graph, node.input(kB), 2)) &&
         HasDefaultActivations(node) && node.Float("clip", 0.0f) == 0.0f &&
         node.Int("layout", 0) == 0 && node.Int("input_forget", 0) == 0;
}

std::string NameOfResult(const Graph& graph, const Node& node) {
  for (const ValueId id : node.outputs) {
    if (id != kNoValue) return graph.value(id).name;
  }
  return node.op_type;
}

class Splitter {
 public:
  Splitter(Graph& graph, NodeId id)
      : graph_(graph),
        id_(id),
        node_(graph.node(id)),
        lstm_(node_.Is("LSTM")),
        gates_(lstm_ ? 4 : 3),
        w_(graph.ConstantOf(node_.input(kW))->Materialize()),
        r_(graph.ConstantOf(node_.input(kR))->Materialize()),
        directions_(w_.dim(0)),
        hidden_(r_.dim(2)),
        name_(node_.name.empty() ? NameOfResult(graph, node_) : node_.name) {
    if (node_.has_input(kB)) {
      b_ = graph.ConstantOf(node_.input(kB))->Materialize();
    }
  }

  void Run() {
    graph_.RemoveNode(id_);
    std::vector<std::vector<ValueId>> results(lstm_ ? 3 : 2);
    for (int64_t d = 0; d < directions_; ++d) {
      const std::vector<ValueId> made = Direction(d);
      for (size_t i = 0; i < made.size(); ++i) results[i].push_back(made[i]);
    }
    for (size_t i = 0; i < results.size(); ++i) Join(results[i], i);
  }

 private:
  bool late_bias() const {
    return !lstm_ && node_.Int("linear_before_reset", 0) != 0 && !b_.empty();
  }
  int64_t width() const { return gates_ * hidden_; }

  ValueId Op(std::string_view op_type, std::vector<ValueId> inputs,
             const std::string& name, Attributes attributes = {},
             std::string_view domain = "") {
    const ValueId id = graph_.AddValue(name_ + "_" + name);
    Insert(op_type, std::move(inputs), {id}, name, std::move(attributes),
           domain);
    return id;
  }

  void Insert(std::string_view op_type, std::vector<ValueId> inputs,
              std::vector<ValueId> outputs, const std::string& name,
              Attributes attributes, std::string_view domain = "") {
    Node node;
    node.op_type = op_type;
    node.domain = domain;
    node.name = name_ + "_" + name;
    node.user_names = node_.user_names;
    if (node.user_names.empty() && !node_.name.empty()) {
      node.user_names = {node_.name};
    }
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    node.attributes = std::move(attributes);
    graph_.InsertBefore(id_, std::move(node));
  }

  ValueId Ints(std::vector<int64_t> values, const std::string& name) {
    const auto count = static_cast<int64_t>(values.size());
    return graph_.AddConstant(name_ + "_" + name,
                              Tensor::Of<int64_t>({count}, values));
  }

  // Columns [first, first + count) of the transposed weights of direction d.
  ValueId Columns(const Tensor& rows, int64_t d, int64_t first, int64_t count,
                  const std::string& name) {
    const int64_t inputs = rows.dim(2);
    Tensor columns(DType::kFloat32, {inputs, count});
    const float* from = rows.data<float>() + (d * rows.dim(1) + first) * inputs;
    float* to = columns.mutable_data<float>();
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t j = 0; j < count; ++j) *to++ = from[j * inputs + i];
    }
    return graph_.AddConstant(name_ + "_" + name, columns);
  }

  // Biases of input and state added up, but for the one inside the reset.
  ValueId AddBias(ValueId product, int64_t d, const std::string& tag) {
    if (b_.empty()) return product;
    const float* b = b_.data<float>() + d * 2 * width();
    Tensor sum(DType::kFloat32, {width()});
    for (int64_t i = 0; i < width(); ++i) {
      const bool late = late_bias() && i >= 2 * hidden_;
      sum.mutable_data<float>()[i] = b[i] + (late ? 0.0f : b[width() + i]);
    }
    return Op("Add", {product, graph_.AddConstant(name_ + "_bias" + tag, sum)},
              "gates" + tag);
  }

  ValueId LateBias(int64_t d, const std::string& tag) {
    if (!late_bias()) return kNoValue;
    const float* late = b_.data<float>() + (d * 2 + 1) * width() + 2 * hidden_;
    Tensor bias(DType::kFloat32, {hidden_});
    std::copy_n(late, hidden_, bias.mutable_data<float>());
    return graph_.AddConstant(name_ + "_late_bias" + tag, bias);
  }

  // The steps of one direction; its results without the direction's axis.
  std::vector<ValueId> Direction(int64_t d) {
    const std::string tag = directions_ == 1 ? "" : fmt::format("_{}", d);
    const ValueId product =
        Op("MatMul", {node_.input(kX), Columns(w_, d, 0, width(), "W" + tag)},
           "input_product" + tag);
    std::vector<ValueId> inputs = {AddBias(product, d, tag)};
    if (lstm_) {
      inputs.push_back(Columns(r_, d, 0, width(), "R" + tag));
    } else {
      inputs.push_back(Columns(r_, d, 0, 2 * hidden_, "R" + tag));
      inputs.push_back(Columns(r_, d, 2 * hidden_, hidden_, "Rn" + tag));
    }
    inputs.push_back(InitialState(kInitialH, d, "h" + tag));
    inputs.push_back(lstm_ ? InitialState(kInitialC, d, "c" + tag)
                           : LateBias(d, tag));
    std::vector<ValueId> outputs;
    for (const char* name : {"Y", "Y_h", "Y_c"}) {
      if (static_cast<int64_t>(outputs.size()) == gates_ - 1) break;
      outputs.push_back(graph_.AddValue(name_ + "_" + name + tag));
    }
    Attributes attributes;
    const bool reverse =
        d == 1 || node_.String("direction", "forward") == "reverse";
    if (reverse) attributes["reverse"] = int64_t{1};
    if (node_.Int("linear_before_reset", 0) != 0) {
      attributes["linear_before_reset"] = int64_t{1};
    }
    Insert(lstm_ ? "LSTMSteps" : "GRUSteps", std::move(inputs), outputs,
           "steps" + tag, std::move(attributes), "squint");
    return outputs;
  }

  // [directions, batch, hidden] -> [batch, hidden] of direction d, or zeros.
  ValueId InitialState(size_t input, int64_t d, const std::string& name) {
    if (!node_.has_input(input)) return Zeros();
    if (directions_ == 1) {
      return Op("Squeeze", {node_.input(input), Ints({0}, name + "_axis")},
                "initial_" + name);
    }
    const ValueId index = graph_.AddConstant(name_ + "_" + name + "_index",
                                             Tensor::Of<int64_t>({}, {d}));
    return Op("Gather", {node_.input(input), index}, "initial_" + name,
              {{"axis", int64_t{0}}});
  }

  ValueId Zeros() {
    if (zeros_ != kNoValue) return zeros_;
    const Shape& x = graph_.value(node_.input(kX)).shape;
    const auto batch = x.has_rank() ? x[1].value() : std::nullopt;
    if (batch) {
      return zeros_ = graph_.AddConstant(
                 name_ + "_zeros", Tensor(DType::kFloat32, {*batch, hidden_}));
    }
    const ValueId size = Op("Shape", {node_.input(kX)}, "batch",
                            {{"start", int64_t{1}}, {"end", int64_t{2}}});
    const ValueId dims = Op("Concat", {size, Ints({hidden_}, "hidden")},
                            "state_dims", {{"axis", int64_t{0}}});
    return zeros_ = Op("ConstantOfShape", {dims}, "zeros");
  }

  // Result i of all directions becomes output i of the node that was.
  void Join(const std::vector<ValueId>& pieces, size_t i) {
    const ValueId output = node_.output(i);
    if (output == kNoValue) return;
    const int64_t axis = i == 0 ? 1 : 0;
    const std::string name = i == 0 ? "Y" : i == 1 ? "Y_h" : "Y_c";
    if (pieces.size() == 1) {
      return Insert("Unsqueeze", {pieces[0], Ints({axis}, name + "_axis")},
                    {output}, name, {});
    }
    std::vector<ValueId> parts;
    parts.reserve(pieces.size());
    for (const ValueId piece : pieces) {
      parts.push_back(Op("Unsqueeze",
                         {piece, Ints({axis}, fmt::format("{}_axis", name))},
                         fmt::format("{}_part_{}", name, parts.size())));
    }
    Insert("Concat", parts, {output}, name, {{"axis", axis}});
  }

  Graph& graph_;
  NodeId id_;
  const Node node_;  // as it was
  bool lstm_;
  int64_t gates_;
  Tensor w_, r_, b_;
  int64_t directions_;
  int64_t hidden_;
  std::string name_;
  ValueId zeros_ = kNoValue;
};

}  // namespace

bool SplitRecurrent(Graph& graph, NodeId id) {
  if (!IsCommonForm(graph, graph.node(id))) return false;
  Splitter(graph, id).Run();
  return true;
}

void SetStateGrid(Graph& graph, NodeId id, DType dtype) {
  const int32_t zero =
      IsSigned(dtype) ? 0 : static_cast<int32_t>(IntegerMax(dtype) / 2 + 1);
  const auto steps = static_cast<float>(IntegerMax(dtype) - zero);
  const QuantParams grid = PerTensor(dtype, 1.0f / steps, zero);
  const StepInputs& at = InputsOfSteps(graph.node(id));
  const std::string name = graph.node(id).name;
  const ValueId scale = graph.AddConstant(name + "_state_scale", grid.scale);
  const ValueId zero_point =
      graph.AddConstant(name + "_state_zero_point", grid.zero_point);
  graph.node(id).inputs.resize(at.zero_point + 1, kNoValue);
  graph.ReplaceInput(id, at.scale, scale);
  graph.ReplaceInput(id, at.zero_point, zero_point);
}

}  // namespace squint
