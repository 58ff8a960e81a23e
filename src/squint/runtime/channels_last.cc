#include "squint/runtime/channels_last.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "squint/ops/channels_last.h"
#include "squint/ops/infer.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/channel_shuffle.h"

namespace squint {
namespace {

class LayoutPass {
 public:
  explicit LayoutPass(Graph& graph) : graph_(graph), values_(graph) {}

  void Run() {
    for (const NodeId id : graph_.order()) {
      node_ = id;
      if (!MakeShuffle() && !MakeRealMean() && !MakeLast()) ReadFirst();
    }
    node_ = kNoNode;
    for (const ValueId id : graph_.outputs()) First(id);
    graph_.Compact();
    InferShapes(graph_);
    VerifyGraph(graph_);
  }

 private:
  const Node& node() const { return graph_.node(node_); }

  // ---- both forms of a value

  bool IsImage(ValueId id) const {
    if (id == kNoValue) return false;
    const Value& value = graph_.value(id);
    return !value.is_constant() && value.shape.has_rank() &&
           value.shape.rank() >= 3 && value.shape.rank() <= 4 &&
           IsByteOrTwo(value.dtype);
  }
  int RankOf(ValueId id) const { return graph_.value(id).shape.rank(); }

  ValueId& LastOf(ValueId id) {
    last_.resize(static_cast<size_t>(graph_.num_values()), kNoValue);
    return last_[static_cast<size_t>(id)];
  }
  bool HasLast(ValueId id) { return id != kNoValue && LastOf(id) != kNoValue; }

  ValueId NewLast(ValueId id) {
    const Value& value = graph_.value(id);
    const ValueId made =
        graph_.AddValue(value.name + "_last", value.dtype,
                        Permuted(value.shape, ChannelsLast(RankOf(id))));
    LastOf(id) = made;
    return made;
  }

  void Transpose(ValueId from, ValueId to, std::vector<int64_t> perm) {
    Node made;
    made.op_type = "Transpose";
    made.name = graph_.value(to).name + "_Transpose";
    made.inputs = {from};
    made.outputs = {to};
    made.attributes["perm"] = std::move(perm);
    if (node_ == kNoNode) {
      graph_.AddNode(std::move(made));
    } else {
      graph_.InsertBefore(node_, std::move(made));
    }
  }

  ValueId Last(ValueId id) {
    if (HasLast(id)) return LastOf(id);
    const ValueId made = NewLast(id);
    Transpose(id, made, ChannelsLast(RankOf(id)));
    return made;
  }

  // The value as [N, C, spatial ...] under its own number.
  void First(ValueId id) {
    if (!HasLast(id) || graph_.value(id).producer != kNoNode ||
        graph_.IsInput(id)) {
      return;
    }
    Transpose(LastOf(id), id, ChannelsFirst(RankOf(id)));
  }

  void ReadFirst() {
    const Node before = node();
    for (const ValueId id : before.inputs) First(id);
    for (const ValueId id : before.captures) First(id);
    if (before.Is("Transpose")) RememberTranspose(before);
  }

  // A file may have such Transposes of its own.
  void RememberTranspose(const Node& transpose) {
    const ValueId from = transpose.input(0);
    const ValueId to = transpose.output();
    if (!IsImage(from) || !IsImage(to)) return;
    if (transpose.Ints("perm") == ChannelsFirst(RankOf(to))) LastOf(to) = from;
  }

  // ---- nodes that change

  bool MakeLast() {
    const Node& n = node();
    if (n.outputs.empty() || !IsImage(n.output()) || n.has_graphs()) {
      return false;
    }
    if (n.Is("QLinearConv") || n.Is("QLinearConv", "com.microsoft")) {
      return MakeConv();
    }
    if (n.Is("QLinearAdd", "com.microsoft") ||
        n.Is("QLinearMul", "com.microsoft")) {
      return MakeBinary();
    }
    if (!HasLast(n.input(0))) return false;
    if (n.Is("Lookup", "squint")) return MakeLookup();
    if (n.Is("MaxPool")) return MakeMaxPool();
    if (n.Is("QLinearGlobalAveragePool", "com.microsoft") ||
        n.Is("QLinearAveragePool", "com.microsoft")) {
      graph_.node(node_).Set("channels_last", int64_t{1});
      return Become(n.op_type, n.domain, {0});
    }
    if (n.Is("Concat")) return MakeConcat();
    if (n.Is("Split")) return MakeSplit();
    if (n.Is("Slice") || n.Is("Pad")) return MakeListed();
    if (n.Is("Resize")) return MakeResize();
    return false;
  }

  // Inputs at these places and all outputs change their form.
  bool Become(const std::string& op_type, const std::string& domain,
              const std::vector<size_t>& images) {
    for (const size_t i : images) {
      const ValueId last = Last(node().inputs[i]);
      graph_.ReplaceInput(node_, i, last);
    }
    graph_.node(node_).op_type = op_type;
    graph_.node(node_).domain = domain;
    const std::vector<ValueId> outputs = node().outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i] == kNoValue) continue;
      const ValueId made = NewLast(outputs[i]);
      graph_.SetProducer(made, node_, i);
      graph_.value(outputs[i]).producer = kNoNode;
    }
    return true;
  }

  bool MakeConv() {
    if (!IsImage(node().input(0)) || !HasChannelsLastKernel(graph_, node())) {
      return false;
    }
    graph_.node(node_).Set("channels_last", int64_t{1});
    return Become("QLinearConv", "com.microsoft", {0});
  }

  bool MakeLookup() {
    if (node().FindAttribute("axis") != nullptr) MoveAxis();
    return Become("Lookup", "squint", {0});
  }

  bool MakeMaxPool() {
    if (node().output(1) != kNoValue) return false;
    graph_.node(node_).attributes.erase("storage_order");
    return Become("NhwcMaxPool", "com.microsoft", {0});
  }

  // A constant with its axes, up to the result's rank, in the other order.
  ValueId LastConstant(ValueId id, int rank) {
    const Tensor tensor = graph_.value(id).constant.Materialize();
    Dims dims = tensor.dims();
    dims.insert(dims.begin(), static_cast<size_t>(rank) - dims.size(), 1);
    return graph_.AddConstant(
        graph_.value(id).name + "_last",
        TransposeTensor(tensor.Reshaped(dims), ChannelsLast(rank)));
  }

  bool MakeBinary() {
    const Node n = node();
    constexpr std::array<size_t, 2> kOperands = {0, 3};
    const int rank = RankOf(n.output());
    bool any = false;
    for (const size_t i : kOperands) {
      const Value& value = graph_.value(n.inputs[i]);
      any = any || HasLast(n.inputs[i]);
      const bool fits = value.is_constant() ? value.constant.rank() <= rank
                                            : IsImage(n.inputs[i]) &&
                                                  RankOf(n.inputs[i]) == rank;
      if (!fits) return false;
    }
    if (!any) return false;
    std::vector<size_t> images;
    for (const size_t i : kOperands) {
      if (graph_.value(n.inputs[i]).is_constant()) {
        const ValueId last = LastConstant(n.inputs[i], rank);
        graph_.ReplaceInput(node_, i, last);
      } else {
        images.push_back(i);
      }
    }
    return Become(n.op_type, n.domain, images);
  }

  // Where an axis goes.
  static int64_t LastAxis(int64_t axis, int rank) {
    const std::vector<int64_t> perm = ChannelsLast(rank);
    return std::ranges::find(perm, NormalizeAxis(axis, rank)) - perm.begin();
  }

  // The node's axis, where it goes.
  void MoveAxis() {
    const int rank = RankOf(node().output());
    graph_.node(node_).Set("axis", LastAxis(node().Int("axis", 0), rank));
  }

  bool MakeConcat() {
    const Node n = node();
    std::vector<size_t> images;
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (!IsImage(n.inputs[i])) return false;
      images.push_back(i);
    }
    MoveAxis();
    return Become(n.op_type, n.domain, images);
  }

  bool MakeSplit() {
    const Node n = node();
    if (!std::ranges::all_of(n.outputs, [&](ValueId id) {
          return id == kNoValue || IsImage(id);
        })) {
      return false;
    }
    MoveAxis();
    return Become(n.op_type, n.domain, {0});
  }

  // Its result is no image.
  bool MakeRealMean() {
    const ValueId from = node().input(0);
    if (!node().Is("GlobalAveragePoolToFloat", "squint") || !HasLast(from)) {
      return false;
    }
    graph_.node(node_).Set("channels_last", int64_t{1});
    graph_.ReplaceInput(node_, 0, LastOf(from));
    return true;
  }

  // A channel shuffle permutes the pieces of the last axis.
  bool MakeShuffle() {
    const ValueId from = node().input(0);
    if (!IsImage(from) || !HasLast(from)) return false;
    const auto found = FindChannelShuffle(graph_, values_, node_);
    if (!found) return false;
    const int spatial = RankOf(from) - 2;
    std::vector<int64_t> perm(static_cast<size_t>(spatial) + 1);
    std::iota(perm.begin(), perm.end(), 0);
    for (const int64_t piece : found->perm) perm.push_back(spatial + 1 + piece);
    Reshape(found->split, spatial, found->pieces);
    Reshape(found->join, spatial, {ElementCount(found->pieces)});
    for (const NodeId id : {found->split, found->transpose}) {
      graph_.value(graph_.node(id).output()).shape = Shape();
    }
    graph_.node(found->transpose).Set("perm", std::move(perm));
    graph_.ReplaceInput(found->split, 0, LastOf(from));
    const ValueId joined = graph_.node(found->join).output();
    const ValueId made = NewLast(joined);
    graph_.SetProducer(made, found->join, 0);
    graph_.value(joined).producer = kNoNode;
    return true;
  }

  // To samples and pixels as they are, then `channels`.
  void Reshape(NodeId id, int spatial, const Dims& channels) {
    std::vector<int64_t> shape(static_cast<size_t>(spatial) + 1, 0);
    shape.insert(shape.end(), channels.begin(), channels.end());
    const Dims dims = {static_cast<int64_t>(shape.size())};
    graph_.ReplaceInput(
        id, 1,
        graph_.AddConstant("shuffled", Tensor::Of<int64_t>(dims, shape)));
    graph_.node(id).attributes.erase("allowzero");
  }

  // Scales and sizes speak of the listed axes, in their order.
  bool MakeResize() {
    const int rank = RankOf(node().output());
    std::vector<int64_t> axes = node().Ints("axes");
    if (axes.empty()) {
      axes.resize(static_cast<size_t>(rank));
      std::iota(axes.begin(), axes.end(), 0);
    }
    for (int64_t& axis : axes) axis = LastAxis(axis, rank);
    graph_.node(node_).Set("axes", std::move(axes));
    return Become(node().op_type, node().domain, {0});
  }

  // Slice and Pad: input 3 lists the axes that input 1 speaks of; without it,
  // they are the first ones.
  bool MakeListed() {
    constexpr size_t kAxes = 3;
    const Node n = node();
    for (size_t i = 1; i < n.inputs.size(); ++i) {
      if (n.has_input(i) && graph_.ConstantOf(n.inputs[i]) == nullptr) {
        return false;
      }
    }
    const int rank = RankOf(n.output());
    const Tensor* numbers = graph_.ConstantOf(n.input(1));
    if (numbers == nullptr || RankOf(n.input(0)) != rank) return false;
    std::vector<int64_t> listed(static_cast<size_t>(
        n.Is("Pad") ? numbers->size() / 2 : numbers->size()));
    std::iota(listed.begin(), listed.end(), 0);
    if (n.has_input(kAxes))
      listed = graph_.ConstantOf(n.input(kAxes))->ToInts();
    for (int64_t& axis : listed) axis = LastAxis(axis, rank);
    const Dims dims = {static_cast<int64_t>(listed.size())};
    const Tensor moved =
        Tensor::Of<int64_t>(dims, listed).CastTo(numbers->dtype());
    Node& made = graph_.node(node_);
    made.inputs.resize(std::max(made.inputs.size(), kAxes + 1), kNoValue);
    made.inputs[kAxes] = graph_.AddConstant(n.name + "_axes", moved);
    return Become(n.op_type, n.domain, {0});
  }

  Graph& graph_;
  const VanishingValues values_;  // of the nodes not yet reached
  NodeId node_ = kNoNode;
  std::vector<ValueId> last_;
};

}  // namespace

void UseChannelsLast(Graph& graph) { LayoutPass(graph).Run(); }

}  // namespace squint
