// QOperator models: an operator on stored integers is written out as the
// standard operator between DequantizeLinear and QuantizeLinear, which is
// what it means as written; the pairs that meet between two of them are then
// absorbed like any others. What has scales made at run time stays a node.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "squint/interchange/absorb.h"
#include "squint/interchange/layout.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

bool IsFixedScale(const Graph& graph, ValueId id) {
  return IsFixed(graph, id) && graph.value(id).dtype == DType::kFloat32 &&
         graph.value(id).constant.rank() <= 1;
}

int64_t SizeOf(const Graph& graph, ValueId id) {
  return graph.value(id).constant.size();
}

// What the result's integers are; kUndefined when it cannot be told.
DType ResultType(const Graph& graph, const Node& node,
                 const QLinearForm& form) {
  const size_t like = form.zero_point ? *form.zero_point : form.inputs[0].data;
  return graph.value(node.input(like)).dtype;
}

class WrittenOut {
 public:
  WrittenOut(Layout& layout, NodeId id, QLinearForm form)
      : layout_(layout),
        graph_(layout.graph),
        id_(id),
        node_(layout.graph.node(id)),
        form_(std::move(form)) {}

  bool IsPossible() const {
    if (form_.inputs.empty() || form_.flatten_from || !IsComplete()) {
      return false;
    }
    const ValueId x = node_.input(form_.inputs[0].data);
    if (form_.channels_last && !graph_.value(x).shape.has_rank()) return false;
    const bool result_is_fixed =
        !form_.scale ||
        (IsParameter(form_.scale, form_.zero_point, {}, kNoValue) &&
         ResultType(graph_, node_, form_) != DType::kUndefined);
    return result_is_fixed &&
           std::all_of(form_.inputs.begin(), form_.inputs.end(),
                       [&](const QLinearOperand& each) {
                         return each.bias ? IsPlainBias(each)
                                          : IsFixedOperand(each);
                       });
  }

  void Insert() {
    std::vector<ValueId> inputs;
    for (const QLinearOperand& operand : form_.inputs) {
      inputs.push_back(operand.bias ? Bias(operand) : Operand(operand));
    }
    graph_.RemoveNode(id_);
    const ValueId real = Compute(std::move(inputs));
    if (!form_.scale) return;
    std::vector<ValueId> quantize = {real, node_.input(*form_.scale)};
    quantize.push_back(form_.zero_point ? node_.input(*form_.zero_point)
                                        : ZeroOfResult());
    ValueId integers = node_.output();
    if (form_.channels_last) {
      integers =
          graph_.AddValue(Name() + "_first", ResultType(graph_, node_, form_));
    }
    layout_.InsertFor(integers, id_, "QuantizeLinear", std::move(quantize));
    if (form_.channels_last) {
      layout_.InsertFor(node_.output(), id_, "Transpose", {integers},
                        {{"perm", ChannelsLast(Rank(node_.output()))}});
    }
  }

 private:
  // A broken file may leave out what the operator needs.
  bool IsComplete() const {
    return node_.output() != kNoValue &&
           std::all_of(form_.inputs.begin(), form_.inputs.end(),
                       [&](const QLinearOperand& each) {
                         return node_.has_input(each.data);
                       });
  }

  bool IsParameter(std::optional<size_t> scale,
                   std::optional<size_t> zero_point, std::optional<int> axis,
                   ValueId data) const {
    const ValueId step = node_.input(*scale);
    if (!IsFixedScale(graph_, step)) return false;
    if (zero_point && !IsFixed(graph_, node_.input(*zero_point))) return false;
    const int64_t zeros =
        zero_point ? SizeOf(graph_, node_.input(*zero_point)) : 1;
    if (SizeOf(graph_, step) == 1) return zeros == 1;
    return axis && HasChannels(data, *axis, SizeOf(graph_, step)) &&
           (!zero_point || zeros == SizeOf(graph_, step));
  }

  // A broken file may have another number of scales.
  bool HasChannels(ValueId data, int axis, int64_t count) const {
    const Shape& shape = graph_.value(data).shape;
    if (!shape.has_rank()) return false;
    const int at = axis < 0 ? axis + shape.rank() : axis;
    return at >= 0 && at < shape.rank() && shape[at].is(count);
  }

  bool IsFixedOperand(const QLinearOperand& operand) const {
    if (!operand.scale) return true;
    const ValueId data = node_.input(operand.data);
    return IsParameter(operand.scale, operand.zero_point, operand.axis, data);
  }

  // One number per output channel, or one step for all.
  bool IsPlainBias(const QLinearOperand& operand) const {
    const ValueId id = node_.input(operand.data);
    if (!IsFixed(graph_, id) || !IsFixedOperand(form_.inputs[0]) ||
        !IsFixedOperand(form_.inputs[1])) {
      return false;
    }
    const int64_t steps = SizeOf(graph_, node_.input(*form_.inputs[1].scale));
    const Tensor& bias = graph_.value(id).constant;
    return bias.dtype() == DType::kInt32 &&
           (steps == 1 ||
            (bias.rank() > 0 && bias.dim(bias.rank() - 1) == steps));
  }

  int Rank(ValueId id) const {
    return graph_.value(id).shape.has_rank() ? graph_.value(id).shape.rank()
                                             : Rank(node_.input(0));
  }

  // "conv1" of "conv1_quantized", as quantizers name the integers.
  std::string Name() const {
    const std::string& name = graph_.value(node_.output()).name;
    constexpr std::string_view kSuffix = "_quantized";
    return name.ends_with(kSuffix)
               ? name.substr(0, name.size() - kSuffix.size())
               : name + "_real";
  }

  ValueId Operand(const QLinearOperand& operand) {
    ValueId data = node_.input(operand.data);
    if (!operand.scale) return data;
    const bool is_image = operand.data == form_.inputs[0].data;
    if (form_.channels_last && is_image) {
      data = layout_.Insert(
          id_, "Transpose", {data}, graph_.value(data).name + "_first",
          graph_.value(data).dtype, {{"perm", ChannelsFirst(Rank(data))}});
    }
    std::vector<ValueId> inputs = {data, node_.input(*operand.scale)};
    if (operand.zero_point) inputs.push_back(node_.input(*operand.zero_point));
    Attributes attributes;
    if (SizeOf(graph_, node_.input(*operand.scale)) > 1) {
      attributes["axis"] = static_cast<int64_t>(*operand.axis);
    }
    return Dequantize(std::move(inputs), std::move(attributes));
  }

  ValueId Dequantize(std::vector<ValueId> inputs, Attributes attributes) {
    const ValueId data = inputs[0];
    const ValueId real =
        layout_.Insert(id_, "DequantizeLinear", std::move(inputs),
                       graph_.value(data).name + "_dequantized",
                       DType::kFloat32, std::move(attributes));
    graph_.value(real).shape = graph_.value(data).shape;
    return real;
  }

  ValueId Bias(const QLinearOperand& operand) {
    const auto steps = [&](const QLinearOperand& each) {
      QuantParams params;
      params.scale = graph_.value(node_.input(*each.scale)).constant;
      return params;
    };
    const ValueId data = node_.input(operand.data);
    const int rank = graph_.value(data).constant.rank();
    const QuantParams params =
        BiasParams(steps(form_.inputs[0]), steps(form_.inputs[1]), form_.alpha,
                   std::max(rank - 1, 0));
    const ValueId scale =
        layout_.Parameter(graph_.value(data).name + "_scale", params.scale);
    return Dequantize({data, scale}, AxisAttributes(params));
  }

  ValueId ZeroOfResult() {
    return layout_.Parameter(Name() + "_zero_point",
                             Tensor(ResultType(graph_, node_, form_), {}));
  }

  // The standard operator; its result, where that is what the node gave.
  ValueId Compute(std::vector<ValueId> inputs) {
    const bool is_last = !form_.scale && !form_.added;
    const ValueId result =
        is_last ? node_.output() : graph_.AddValue(Name(), DType::kFloat32);
    const NodeId id = layout_.InsertFor(result, id_, form_.op_type,
                                        std::move(inputs), form_.attributes);
    graph_.node(id).name = node_.name;
    graph_.node(id).user_names = node_.user_names;
    if (!form_.channels_last && !form_.added) {
      graph_.value(result).shape = graph_.value(node_.output()).shape;
    }
    if (form_.added) {
      layout_.InsertFor(node_.output(), id_, "Add",
                        {result, node_.input(*form_.added)});
    }
    return result;
  }

  Layout& layout_;
  Graph& graph_;
  NodeId id_;
  Node node_;  // a copy: the original goes
  QLinearForm form_;
};

}  // namespace

void WriteOutQLinear(Graph& graph) {
  Layout layout(graph);
  for (const NodeId id : graph.order()) {
    auto form = QLinearFormOf(graph.node(id));
    if (!form) continue;
    WrittenOut written(layout, id, *std::move(form));
    if (written.IsPossible()) written.Insert();
  }
}

}  // namespace squint
