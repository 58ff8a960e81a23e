#include "squint/runtime/split_in_place.h"

#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"
#include "squint/runtime/concat_in_place.h"
#include "squint/runtime/last_net.h"

namespace squint {
namespace {

std::vector<ValueId> Split(LastNet& net, ValueId x, std::vector<int64_t> sizes,
                           int64_t axis = -1) {
  Node split;
  split.op_type = "Split";
  const auto count = static_cast<int64_t>(sizes.size());
  split.inputs = {x, net.Constant(Tensor::Of<int64_t>({count}, sizes))};
  split.attributes["axis"] = axis;
  for (int64_t i = 0; i < count; ++i) {
    split.outputs.push_back(net.graph.AddValue("part"));
  }
  const std::vector<ValueId> parts = split.outputs;
  net.graph.AddNode(std::move(split));
  return parts;
}

struct Counts {
  int splits = 0;
  int slices = 0;
  int reads = 0;  // nodes that read some channels
};

void CheckInPlace(const Graph& graph, const Tensor& x, const Counts& counts,
                  bool concats_too = false) {
  Graph made = graph;
  if (concats_too) WriteInPlace(made);
  ReadSplitsInPlace(made);
  VerifyGraph(made);
  const std::vector<Tensor> right =
      Interpret(graph, {x}, {.reading = Reading::kInteger});
  int reads = 0;
  for (const NodeId id : made.order()) {
    reads += made.node(id).FindAttribute("channels_read") != nullptr;
  }
  EXPECT_EQ(CountOf(made, "Split"), counts.splits);
  EXPECT_EQ(CountOf(made, "Slice"), counts.slices);
  EXPECT_EQ(reads, counts.reads);
  ExpectSameBytes(Interpret(made, {x}, {.reading = Reading::kInteger}), right);
  InferShapes(made);
  ExpectRuns(made, x, right);
}

TEST(ReadSplitsInPlace, LetsItsReadersReadTheWholeImage) {
  LastNet net;
  const auto parts = Split(net, net.Pool(net.x), {3, 4, 1});
  CheckInPlace(net.Finish({net.Conv(parts[0], 3, 4),
                           net.Conv(parts[1], 4, 5, 1), net.Tables(parts[1], 4),
                           net.Table(parts[2]), net.Pool(parts[1])}),
               net.Input(), {.reads = 5});
}

TEST(ReadSplitsInPlace, SlicesPartsOffForOtherReaders) {
  LastNet net;
  const auto parts = Split(net, net.Pool(net.x), {3, 4, 1});
  CheckInPlace(net.Finish({net.Conv(parts[0], 3, 4), net.Turn(parts[1]),
                           net.Conv(parts[1], 4, 4), parts[2]}),
               net.Input(), {.slices = 2, .reads = 1});
}

TEST(ReadSplitsInPlace, LeavesWhatItCannotChange) {
  LastNet turned;
  auto parts = Split(turned, turned.Pool(turned.x), {4, 4});
  CheckInPlace(turned.Finish({turned.Turn(parts[0]), turned.Turn(parts[1])}),
               turned.Input(), {.splits = 1});
  LastNet depthwise;
  parts = Split(depthwise, depthwise.x, {4, 4});
  CheckInPlace(depthwise.Finish({depthwise.Conv(parts[0], 4, 4, 3, 4)}),
               depthwise.Input(), {.splits = 1});
  LastNet rows;
  parts = Split(rows, rows.x, {4, 3}, 1);
  CheckInPlace(rows.Finish({rows.Conv(parts[0], 8, 4)}), rows.Input(),
               {.splits = 1});
}

// One half goes around what the other goes through.
TEST(ReadSplitsInPlace, CopiesWhatGoesAroundOnce) {
  LastNet net;
  const auto halves = Split(net, net.Conv(net.x, 8, 8), {4, 4});
  const ValueId through = net.Conv(net.Conv(halves[1], 4, 4, 1), 4, 4, 1);
  CheckInPlace(net.Finish({net.Pool(net.Concat({halves[0], through}))}),
               net.Input(), {.reads = 2}, true);
}

TEST(ReadSplitsInPlace, KnowsNoSizesButThoseOfChannels) {
  LastNet net;
  const auto parts = Split(net, net.Pool(net.x), {5, 3});
  Graph graph =
      net.Finish({net.Conv(parts[0], 5, 4), net.Conv(parts[1], 3, 4)});
  graph.value(net.x).shape =
      Shape({Dim::Symbol("n"), Dim::Symbol("h"), Dim::Symbol("w"), Dim(8)});
  InferShapes(graph);
  for (const Dims& dims : {Dims{1, 4, 4, 8}, Dims{2, 9, 5, 8}}) {
    CheckInPlace(graph, Bytes<uint8_t>(dims, 3), {.reads = 2});
  }
}

}  // namespace
}  // namespace squint
