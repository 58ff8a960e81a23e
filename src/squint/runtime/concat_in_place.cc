#include "squint/runtime/concat_in_place.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/ops/channel_range.h"
#include "squint/ops/conv_channels.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/channel_readers.h"
#include "squint/runtime/live_bytes.h"

namespace squint {
namespace {

// A Concat of channels and where its results lie among those of the outermost
// one that it is part of.
struct Joined {
  NodeId node = kNoNode;
  int64_t first = 0;
};

// A part that is no such Concat itself.
struct Leaf {
  ValueId value = kNoValue;
  int64_t first = 0;
  bool is_direct = false;  // a convolution writes it in place
  int at = 0;              // position in the order of the node that writes it
};

// Whether the later node joins all that the earlier one does, and then more.
bool BeginsWith(const Node& later, const Node& earlier) {
  const size_t count = earlier.inputs.size();
  return count > 1 && count < later.inputs.size() &&
         later.Int("axis", 0) == earlier.Int("axis", 0) &&
         std::equal(earlier.inputs.begin(), earlier.inputs.end(),
                    later.inputs.begin());
}

// Such a Concat begins with the other one instead: of networks that join all
// that there is in each layer anew. From the end, so that each is compared as
// it was.
void NestConcats(Graph& graph) {
  std::vector<NodeId> concats;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.Is("Concat") && IsByte(graph.value(node.output()).dtype)) {
      concats.push_back(id);
    }
  }
  for (size_t i = concats.size(); i-- > 0;) {
    Node& later = graph.node(concats[i]);
    for (size_t j = i; j-- > 0;) {
      const Node& earlier = graph.node(concats[j]);
      if (!BeginsWith(later, earlier)) continue;
      later.inputs[0] = earlier.output();
      later.inputs.erase(
          later.inputs.begin() + 1,
          later.inputs.begin() + static_cast<int64_t>(earlier.inputs.size()));
      break;
    }
  }
}

class ConcatPass {
 public:
  explicit ConcatPass(Graph& graph)
      : graph_(graph), uses_(graph), live_(graph.order().size()) {
    int at = 0;
    at_.resize(static_cast<size_t>(graph.num_nodes()), -1);
    for (const NodeId id : graph.order()) At(id) = at++;
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      live_.Add(MadeAt(id), LastUseOf(id), BytesOfValue(id));
    }
    // Not grown by more than this in all.
    constexpr int64_t kPart = 16;
    most_live_ = live_.Peak() + live_.Peak() / kPart;
  }

  void Run() {
    std::vector<NodeId> order = graph_.order();
    std::ranges::reverse(order);  // the outermost ones first
    for (const NodeId id : order) {
      if (IsConcat(id)) Replace(id);
    }
    graph_.Compact();
  }

 private:
  int& At(NodeId id) { return at_[static_cast<size_t>(id)]; }
  // Of a value's producer; -1: it is there from the beginning.
  int MadeAt(ValueId id) {
    const NodeId producer = graph_.value(id).producer;
    return producer == kNoNode ? -1 : At(producer);
  }

  std::optional<int64_t> ChannelsOf(ValueId id) const {
    const Value& value = graph_.value(id);
    if (value.is_constant()) return value.constant.dims().back();
    return value.shape.dims().back().value();
  }

  // Of the channels of 8-bit images.
  bool IsConcat(NodeId id) const {
    const Node& node = graph_.node(id);
    if (!node.Is("Concat") || !IsImage(node.output())) return false;
    const int rank = graph_.value(node.output()).shape.rank();
    return NormalizeAxis(node.Int("axis", 0), rank) == rank - 1 &&
           !graph_.IsOutput(node.output()) &&
           std::ranges::all_of(node.inputs, [&](ValueId part) {
             return part != kNoValue &&
                    (graph_.value(part).is_constant() || IsImage(part));
           });
  }
  bool IsImage(ValueId id) const {
    const Value& value = graph_.value(id);
    return IsByte(value.dtype) && value.shape.has_rank() &&
           value.shape.rank() >= 3 && value.shape.dims().back().value();
  }

  // ---- memory

  // -1: never.
  int LastUseOf(ValueId id) {
    int last = -1;
    for (const Use& use : uses_.of(id)) {
      if (use.node == kNoNode) return static_cast<int>(at_.size());
      last = std::max(last, At(use.node));
    }
    return last;
  }
  // Of one sample, where the number of samples is not known; 0 where other
  // sizes are not, and where the value lies elsewhere.
  int64_t BytesOfValue(ValueId id) {
    const Value& value = graph_.value(id);
    if (value.producer == kNoNode || !value.shape.has_rank()) return 0;
    Dims dims;
    for (const Dim& dim : value.shape.dims()) {
      if (!dim.value() && !dims.empty()) return 0;
      dims.push_back(dim.value().value_or(1));
    }
    return static_cast<int64_t>(BytesOf(value.dtype, ElementCount(dims)));
  }

  // What lies in the wide image has no memory of its own, which there is from
  // the first part on. Counted as done, where it fits.
  bool FitsMemory(NodeId id) {
    const LiveBytes before = live_;
    const ValueId result = graph_.node(id).output();
    int last = LastUseOf(result);
    const auto drop = [&](ValueId value) {
      last = std::max(last, LastUseOf(value));
      live_.Add(MadeAt(value), LastUseOf(value), -BytesOfValue(value));
    };
    for (const Joined& joined : joined_) {
      drop(graph_.node(joined.node).output());
    }
    for (const Leaf& leaf : leaves_) {
      if (leaf.is_direct) drop(leaf.value);
    }
    live_.Add(leaves_.front().at, last, BytesOfValue(result));
    if (live_.Peak() <= most_live_) return true;
    live_ = before;
    return false;
  }

  // ---- what can lie in another one

  // The Concat reads the part once, and all others who read it can read it as
  // channels of the wide image.
  bool OthersCanFollow(ValueId part, NodeId concat) const {
    int by_concat = 0;
    for (const Use& use : uses_.of(part)) {
      if (use.node == concat) {
        ++by_concat;
      } else if (!CanReadChannels(graph_, use)) {
        return false;
      }
    }
    return by_concat == 1;
  }

  // A convolution can write the part in place.
  bool IsDirect(ValueId part, NodeId concat) const {
    const NodeId producer = graph_.value(part).producer;
    return producer != kNoNode &&
           HasPixelStrides(graph_, graph_.node(producer)) &&
           graph_.node(producer).FindAttribute(kChannelsWritten) == nullptr &&
           (with_readers_ || uses_.of(part).size() == 1) &&
           OthersCanFollow(part, concat);
  }

  // The part is a Concat that can lie in the wide image of `concat`.
  bool LiesIn(ValueId part, NodeId concat) const {
    const NodeId producer = graph_.value(part).producer;
    return producer != kNoNode && IsConcat(producer) &&
           OthersCanFollow(part, concat) && HasDirect(producer);
  }

  bool HasDirect(NodeId concat) const {
    return std::ranges::any_of(graph_.node(concat).inputs, [&](ValueId part) {
      return IsDirect(part, concat) || LiesIn(part, concat);
    });
  }

  // ---- a Concat with those that lie in it

  void Collect(const Joined& joined) {
    joined_.push_back(joined);
    int64_t first = joined.first;
    for (const ValueId part : graph_.node(joined.node).inputs) {
      if (LiesIn(part, joined.node)) {
        Collect({graph_.value(part).producer, first});
      } else {
        leaves_.push_back(
            {part, first, IsDirect(part, joined.node), MadeAt(part)});
      }
      first += *ChannelsOf(part);
    }
  }

  // Those that are written first come first: the convolutions where they
  // stand, copies as soon as there is something to copy into. False: there is
  // no convolution.
  bool Order() {
    int begin = -1;
    for (const Leaf& leaf : leaves_) {
      if (leaf.is_direct && (begin < 0 || leaf.at < begin)) begin = leaf.at;
    }
    if (begin < 0) return false;
    for (Leaf& leaf : leaves_) leaf.at = std::max(leaf.at, begin);
    const auto is_before = [](const Leaf& a, const Leaf& b) {
      return a.at < b.at || (a.at == b.at && a.is_direct && !b.is_direct);
    };
    for (auto it = leaves_.begin(); it != leaves_.end(); ++it) {
      std::rotate(std::upper_bound(leaves_.begin(), it, *it, is_before), it,
                  it + 1);
    }
    return true;
  }

  // False: it cannot be, or would take too much memory.
  bool Plan(NodeId id, bool with_readers) {
    with_readers_ = with_readers;
    joined_.clear();
    leaves_.clear();
    Collect({id, 0});
    return Order() && FitsMemory(id);
  }

  void Replace(NodeId id) {
    // Parts that have other readers are often made long before the others.
    if (!Plan(id, true) && !Plan(id, false)) return;
    const Value result = graph_.value(graph_.node(id).output());
    std::vector<ValueId> wide;  // behind each leaf
    NodeId last = kNoNode;
    for (const Leaf& leaf : leaves_) {
      const bool is_last = wide.size() + 1 == leaves_.size();
      const ValueId into = wide.empty() ? kNoValue : wide.back();
      wide.push_back(is_last ? graph_.node(id).output()
                             : graph_.AddValue(result.name + "_part",
                                               result.dtype, result.shape));
      last = Write(leaf, into, wide.back(), last);
    }
    for (const Leaf& leaf : leaves_) {
      if (leaf.is_direct) ReadFrom(leaf.value, leaf.first, wide);
    }
    for (const Joined& inner : joined_) {
      if (inner.node == id) continue;
      ReadFrom(graph_.node(inner.node).output(), inner.first, wide);
    }
    for (const Joined& each : joined_) graph_.RemoveNode(each.node);
    graph_.SetProducer(wide.back(), last, 0);
  }

  // The node that writes a leaf, `last` being the one before it.
  NodeId Write(const Leaf& leaf, ValueId into, ValueId wide, NodeId last) {
    const std::vector<int64_t> written = {leaf.first, *ChannelsOf(wide)};
    if (!leaf.is_direct) {
      Node made;
      made.op_type = "CopyChannels";
      made.domain = "squint";
      made.name = graph_.value(leaf.value).name + "_CopyChannels";
      made.inputs = {leaf.value, into};
      made.outputs = {wide};
      made.Set(kChannelsWritten, written);
      const NodeId producer = graph_.value(leaf.value).producer;
      const NodeId after =
          producer != kNoNode && At(producer) > At(last) ? producer : last;
      const NodeId id = graph_.InsertAfter(after, std::move(made));
      at_.push_back(leaf.at);
      return id;
    }
    const NodeId id = graph_.value(leaf.value).producer;
    graph_.SetProducer(wide, id, 0);
    graph_.value(leaf.value).producer = kNoNode;
    Node& conv = graph_.node(id);
    BecomeConvChannels(conv);
    conv.inputs[ConvChannelsInputs::kInto] = into;
    conv.Set(kChannelsWritten, written);
    return id;
  }

  // Who else reads what lies in the wide image reads that as it is by then.
  void ReadFrom(ValueId part, int64_t first, const std::vector<ValueId>& wide) {
    for (const Use& use : uses_.of(part)) {
      Node& reader = graph_.node(use.node);
      if (reader.Is("Concat")) continue;  // this one
      size_t i = leaves_.size() - 1;
      while (leaves_[i].at >= At(use.node)) --i;
      ReadChannels(reader, wide[i], first, *ChannelsOf(part));
    }
  }

  Graph& graph_;
  UseMap uses_;
  std::vector<int> at_;  // of each node in the order; as its neighbour's
  LiveBytes live_;
  int64_t most_live_ = 0;
  // Of the Concat at hand.
  bool with_readers_ = true;  // convolutions that others read write in place
  std::vector<Joined> joined_;
  std::vector<Leaf> leaves_;
};

}  // namespace

void WriteInPlace(Graph& graph) {
  NestConcats(graph);
  ConcatPass(graph).Run();
}

}  // namespace squint
