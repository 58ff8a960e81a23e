#include "squint/runtime/channel_shuffle.h"

#include <algorithm>
#include <utility>

namespace squint {
namespace {

// Whether the sizes of one shape are those of another with as many elements,
// pair by pair. One pair may be unknown where all others are positive numbers:
// the count says that it is equal.
bool AreEqual(const std::vector<std::pair<Dim, Dim>>& pairs) {
  int unknown = 0;
  bool positive = true;
  for (const auto& [a, b] : pairs) {
    if (a == b) {
      positive = positive && a.value().value_or(0) > 0;
    } else if (a.value() && b.value()) {
      return false;
    } else {
      ++unknown;
    }
  }
  return unknown == 0 || (unknown == 1 && positive);
}

Dim Product(const Shape& shape, int begin, int end) {
  Dim product = 1;
  for (int i = begin; i < end; ++i) product = product * shape[i];
  return product;
}

// The axes of `split` from 1 on, `count` of them, are the channels of `image`;
// what follows is its pixels, be it in other axes.
bool SplitsChannels(const Shape& image, const Shape& split, int count) {
  for (int i = 1; i <= count; ++i) {
    if (!split[i].value()) return false;
  }
  return image[1].value().value_or(0) > 0 &&
         Product(split, 1, 1 + count) == image[1] &&
         AreEqual({{image[0], split[0]},
                   {image[1], image[1]},
                   {Product(image, 2, image.rank()),
                    Product(split, 1 + count, split.rank())}});
}

// No axis moves but those from 1 on, `count` of them.
bool MovesOnly(const std::vector<int64_t>& perm, int count) {
  for (int i = 0; i < static_cast<int>(perm.size()); ++i) {
    if ((i < 1 || i > count) && perm[static_cast<size_t>(i)] != i) return false;
  }
  return true;
}

bool HasShapeOf(const Shape& image, const Shape& joined) {
  if (!joined.has_rank() || joined.rank() != image.rank()) return false;
  std::vector<std::pair<Dim, Dim>> pairs;
  for (int i = 0; i < image.rank(); ++i) {
    pairs.emplace_back(image[i], joined[i]);
  }
  return image[1] == joined[1] && AreEqual(pairs);
}

// The reader of a value is such a node, with the value as its data.
bool IsReadAsData(const Graph& graph, NodeId reader, const char* op_type,
                  ValueId id) {
  return reader != kNoNode && graph.node(reader).Is(op_type) &&
         graph.node(reader).input(0) == id;
}

}  // namespace

std::optional<ChannelShuffle> FindChannelShuffle(const Graph& graph,
                                                 const VanishingValues& values,
                                                 NodeId split) {
  const Node& first = graph.node(split);
  if (!first.Is("Reshape")) return std::nullopt;
  const NodeId transpose = values.ReaderOf(first.output());
  if (!IsReadAsData(graph, transpose, "Transpose", first.output())) {
    return std::nullopt;
  }
  const ValueId moved = graph.node(transpose).output();
  const NodeId join = values.ReaderOf(moved);
  if (!IsReadAsData(graph, join, "Reshape", moved)) return std::nullopt;
  const Shape& image = graph.value(first.input(0)).shape;
  const Shape& apart = graph.value(first.output()).shape;
  const std::vector<int64_t> perm = graph.node(transpose).Ints("perm");
  if (!image.has_rank() || image.rank() < 2 || !apart.has_rank() ||
      apart.rank() != static_cast<int>(perm.size()) ||
      !HasShapeOf(image, graph.value(graph.node(join).output()).shape)) {
    return std::nullopt;
  }
  for (int count = 2; count < apart.rank(); ++count) {
    if (!SplitsChannels(image, apart, count) || !MovesOnly(perm, count)) {
      continue;
    }
    ChannelShuffle found{split, transpose, join, {}, {}};
    for (int i = 1; i <= count; ++i) {
      found.pieces.push_back(*apart[i].value());
      found.perm.push_back(perm[static_cast<size_t>(i)] - 1);
    }
    return found;
  }
  return std::nullopt;
}

}  // namespace squint
