#include "squint/runtime/fuse_chains.h"

#include <optional>
#include <utility>
#include <vector>

#include "squint/ops/conv_chain.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

class ChainFusion {
 public:
  explicit ChainFusion(Graph& graph) : graph_(graph), values_(graph) {}

  void Run() {
    for (const NodeId id : graph_.order()) {
      if (graph_.node(id).removed || !IsLink(id) || LinkBefore(id)) continue;
      const std::vector<NodeId> links = LinksFrom(id);
      if (links.size() > 1 && Pays(links)) Join(links);
    }
    graph_.Compact();
  }

 private:
  // A chain reads and makes more than an L2 cache holds, and what lies between
  // its links is worth keeping there: short bands of small images would cost
  // more than they save.
  static constexpr int64_t kCacheBytes = 1024 * 1024;
  static constexpr int64_t kLeastBetween = 192 * 1024;

  // Of one image of 8-bit integers; none: not known, or no such image.
  std::optional<int64_t> BytesOf(ValueId id) const {
    const Value& value = graph_.value(id);
    if (!IsByte(value.dtype) || !value.shape.has_rank() ||
        value.shape.rank() != 4) {
      return {};
    }
    int64_t bytes = 1;
    for (size_t i = 1; i < 4; ++i) {
      const auto size = value.shape.dims()[i].value();
      if (!size) return {};
      bytes *= *size;
    }
    return bytes;
  }

  // A byte that goes to the L3 cache and back costs as much as some 20
  // products: where there are many more, bands gain nothing, and read weights
  // again that no longer fit beside them.
  bool Pays(const std::vector<NodeId>& links) const {
    constexpr int64_t kProductsOfByte = 128;
    const int64_t in = *BytesOf(graph_.node(links.front()).input(0));
    int64_t made = 0;
    int64_t products = 0;
    for (const NodeId id : links) {
      const Node& node = graph_.node(id);
      const Tensor& weight = graph_.value(node.input(3)).constant;
      const int64_t bytes = *BytesOf(node.output());
      made += bytes;
      products += bytes * (weight.size() / weight.dim(0));
    }
    const int64_t between = made - *BytesOf(graph_.node(links.back()).output());
    return in + made > kCacheBytes && products < between * kProductsOfByte;
  }

  bool IsLink(NodeId id) const {
    const Node& node = graph_.node(id);
    const bool is_conv = node.Is("QLinearConv", "com.microsoft") &&
                         node.Int("channels_last", 0) != 0;
    if (!is_conv && !node.Is("QLinearConvAdd", "squint")) return false;
    if (!BytesOf(node.input(0)) || !BytesOf(node.output())) return false;
    const Tensor& weight = graph_.value(node.input(3)).constant;
    if (weight.rank() != 4) return false;
    const Window window = ReadConvWindow(node, SpatialOf(weight.dims()));
    return window.auto_pad == AutoPad::kNotSet &&
           window.pads_begin[0] < window.extent(0) &&
           window.pads_end[0] < window.extent(0);
  }

  // The link that alone reads another one's large result, as its image.
  std::optional<NodeId> LinkBehind(NodeId id) const {
    const ValueId result = graph_.node(id).output();
    const NodeId reader = values_.ReaderOf(result);
    if (reader == kNoNode || !IsLink(reader) ||
        graph_.node(reader).input(0) != result ||
        *BytesOf(result) < kLeastBetween) {
      return {};
    }
    return reader;
  }

  bool LinkBefore(NodeId id) const {
    const NodeId maker = graph_.value(graph_.node(id).input(0)).producer;
    return maker != kNoNode && IsLink(maker) && LinkBehind(maker) == id;
  }

  std::vector<NodeId> LinksFrom(NodeId id) const {
    std::vector<NodeId> links = {id};
    while (const auto next = LinkBehind(links.back())) links.push_back(*next);
    return links;
  }

  void Join(const std::vector<NodeId>& links) {
    Node chain = ChainOf(graph_, links);
    for (size_t i = 0; i + 1 < links.size(); ++i) graph_.RemoveNode(links[i]);
    Node& last = graph_.node(links.back());
    last.op_type = std::move(chain.op_type);
    last.domain = std::move(chain.domain);
    last.inputs = std::move(chain.inputs);
    last.attributes = std::move(chain.attributes);
  }

  Graph& graph_;
  VanishingValues values_;
};

}  // namespace

void FuseChains(Graph& graph) { ChainFusion(graph).Run(); }

}  // namespace squint
