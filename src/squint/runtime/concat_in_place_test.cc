#include "squint/runtime/concat_in_place.h"

#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"
#include "squint/runtime/fuse_additions.h"
#include "squint/runtime/last_net.h"
#include "squint/runtime/run_memory.h"

namespace squint {
namespace {

struct Counts {
  int concats = 0;
  int direct = 0;  // convolutions that write a part
  int copies = 0;
};

// The graph in place, after it gave what it did before.
Graph CheckInPlace(const Graph& graph, const Tensor& x, const Counts& counts) {
  Graph before = graph;
  FuseAdditions(before);
  Graph made = before;
  WriteInPlace(made);
  VerifyGraph(made);
  const std::vector<Tensor> right =
      Interpret(before, {x}, {.reading = Reading::kInteger});
  EXPECT_EQ(CountOf(made, "Concat"), counts.concats);
  EXPECT_EQ(CountOf(made, "QLinearConvChannels"), counts.direct);
  EXPECT_EQ(CountOf(made, "CopyChannels"), counts.copies);
  ExpectSameBytes(Interpret(made, {x}, {.reading = Reading::kInteger}), right);
  ExpectRuns(made, x, right);
  const std::string printed = PrintGraph(made);
  InferShapes(made);
  EXPECT_EQ(PrintGraph(made), printed);
  return made;
}

TEST(WriteInPlace, LetsConvolutionsWriteTheirPart) {
  for (const Dims& dims : {Dims{1, 7, 6, 8}, Dims{3, 5, 9, 8}}) {
    LastNet net(dims);
    const ValueId all =
        net.Concat({net.Conv(net.x, 8, 5), net.Conv(net.x, 8, 4, 1),
                    net.Conv(net.x, 8, 6, 3, 2)});
    CheckInPlace(net.Finish({net.Conv(all, 15, 3)}), net.Input(),
                 {.direct = 3});
  }
}

TEST(WriteInPlace, WritesInTheOrderInWhichPartsAreMade) {
  LastNet net;
  const ValueId late = net.Conv(net.x, 8, 4);
  const ValueId later = net.Conv(net.Pool(net.x), 8, 8);
  CheckInPlace(net.Finish({net.Conv(net.Concat({later, late}), 12, 3)}),
               net.Input(), {.direct = 2});
}

TEST(WriteInPlace, CopiesPartsThatNoConvolutionCanWrite) {
  for (size_t place = 0; place < 3; ++place) {
    SCOPED_TRACE(place);
    for (int kind = 0; kind < 5; ++kind) {
      SCOPED_TRACE(kind);
      LastNet net;
      const ValueId first = net.Conv(net.x, 8, 4);
      std::vector<ValueId> outputs;
      ValueId other = net.x;
      if (kind == 1) other = net.Pool(net.Conv(net.x, 8, 8));
      if (kind == 2) other = net.Conv(net.x, 8, 8, 3, 8);  // depthwise
      if (kind == 3) {  // others read it, too
        other = net.Conv(net.x, 8, 8);
        outputs.push_back(net.Turn(other));
      }
      if (kind == 4) {
        other = net.Conv(net.x, 8, 8);
        outputs.push_back(other);
      }
      std::vector<ValueId> parts = {first, net.Conv(net.x, 8, 3)};
      parts.insert(parts.begin() + static_cast<int64_t>(place), other);
      outputs.push_back(net.Pool(net.Concat(parts)));
      CheckInPlace(net.Finish(outputs), net.Input(),
                   {.direct = 2, .copies = 1});
    }
  }
}

TEST(WriteInPlace, CopiesConstantsAndWhatIsThereTwice) {
  LastNet net({1, 4, 5, 8});
  const ValueId twice = net.Conv(net.x, 8, 4);
  const ValueId constant = net.Constant(Bytes<uint8_t>({1, 4, 5, 3}, 5));
  CheckInPlace(net.Finish({net.Pool(net.Concat(
                   {twice, constant, net.Conv(net.x, 8, 2), twice}))}),
               net.Input(), {.direct = 1, .copies = 3});
}

TEST(WriteInPlace, TakesSumsThatAreMadeByTheirConvolution) {
  LastNet net;
  const ValueId sum = net.Add(net.Conv(net.x, 8, 8), net.x);
  CheckInPlace(net.Finish({net.Pool(net.Concat({net.Conv(net.x, 8, 5), sum}))}),
               net.Input(), {.direct = 2});
}

TEST(WriteInPlace, TakesPartsThatAreMadeOfOthers) {
  LastNet net;
  const ValueId first = net.Conv(net.x, 8, 4);
  const ValueId second = net.Conv(net.Pool(first), 4, 4);
  const ValueId third = net.Conv(net.Turn(second), 4, 4);  // reads it whole
  CheckInPlace(
      net.Finish({net.Pool(net.Concat({first, second, net.Turn(third)}))}),
      net.Input(), {.direct = 1, .copies = 2});
}

TEST(WriteInPlace, LeavesWhatItCannotChange) {
  LastNet pools;
  CheckInPlace(
      pools.Finish({pools.Table(pools.Concat({pools.Pool(pools.x), pools.x}))}),
      pools.Input(), {.concats = 1});
  LastNet output;
  const ValueId all =
      output.Concat({output.Conv(output.x, 8, 4), output.Conv(output.x, 8, 4)});
  CheckInPlace(output.Finish({all, output.Pool(all)}), output.Input(),
               {.concats = 1});
  LastNet rows;
  CheckInPlace(rows.Finish({rows.Pool(rows.Concat(
                   {rows.Conv(rows.x, 8, 4), rows.Conv(rows.x, 8, 4)}, 1))}),
               rows.Input(), {.concats = 1});
}

// A convolution reads some channels of the image that it writes others of.
TEST(WriteInPlace, LetsConvolutionsReadPartsWhereTheyLie) {
  LastNet net;
  const ValueId first = net.Conv(net.x, 8, 8);
  const ValueId second = net.Conv(first, 8, 4);
  const ValueId third = net.Conv(second, 4, 4, 1);
  const ValueId apart = net.Conv(second, 4, 8);
  const Graph made = CheckInPlace(
      net.Finish({net.Pool(net.Concat({first, second, third})), apart}),
      net.Input(), {.direct = 4});
  int written_over = 0;
  for (const NodeId id : made.order()) {
    written_over += made.node(id).Int("into_input", 0) != 0;
  }
  EXPECT_EQ(written_over, 2);
}

// Every layer reads what all before it made.
Graph DenseBlock(LastNet& net, int layers) {
  int64_t channels = 8;
  ValueId all = net.x;
  for (int i = 0; i < layers; ++i) {
    const ValueId narrow = net.Conv(net.Tables(all, channels), channels, 4, 1);
    all = net.Concat({all, net.Conv(narrow, 4, 4)});
    channels += 4;
  }
  return net.Finish({net.Pool(net.Tables(all, channels))});
}

TEST(WriteInPlace, GrowsADenseBlockInOneImage) {
  LastNet net;
  const Graph made =
      CheckInPlace(DenseBlock(net, 4), net.Input(), {.direct = 4, .copies = 1});
  int reads = 0;
  for (const NodeId id : made.order()) {
    const Node& node = made.node(id);
    if (node.FindAttribute("channels_read") == nullptr) continue;
    EXPECT_EQ(node.op_type, "Lookup");
    EXPECT_EQ(made.value(node.input(0)).shape.dims().back().value(), 24);
    ++reads;
  }
  EXPECT_EQ(reads, 3);
}

TEST(WriteInPlace, PutsAConcatInAnotherWhereItsReadersCanFollow) {
  LastNet follows;
  ValueId inner =
      follows.Concat({follows.Conv(follows.x, 8, 4), follows.Pool(follows.x)});
  ValueId outer = follows.Concat(
      {follows.Conv(follows.x, 8, 3), inner, follows.Table(inner)});
  CheckInPlace(follows.Finish({follows.Pool(outer)}), follows.Input(),
               {.direct = 2, .copies = 2});
  LastNet stays;
  inner = stays.Concat({stays.Conv(stays.x, 8, 4), stays.Pool(stays.x)});
  outer = stays.Concat({stays.Conv(stays.x, 8, 3), inner});
  CheckInPlace(stays.Finish({stays.Pool(outer), stays.Turn(inner)}),
               stays.Input(), {.direct = 2, .copies = 2});
  // Of two that it is part of, and twice in one.
  LastNet twice;
  inner = twice.Concat({twice.Conv(twice.x, 8, 4), twice.Pool(twice.x)});
  const ValueId one = twice.Concat({twice.Conv(twice.x, 8, 3), inner});
  const ValueId two = twice.Concat({inner, twice.Conv(twice.x, 8, 3), inner});
  CheckInPlace(twice.Finish({twice.Pool(one), twice.Pool(two)}), twice.Input(),
               {.direct = 3, .copies = 4});
}

TEST(WriteInPlace, KnowsNoSizesButThoseOfChannels) {
  LastNet net;
  Graph graph = DenseBlock(net, 3);
  graph.value(net.x).shape =
      Shape({Dim::Symbol("n"), Dim::Symbol("h"), Dim::Symbol("w"), Dim(8)});
  InferShapes(graph);
  for (const Dims& dims : {Dims{1, 4, 4, 8}, Dims{2, 9, 5, 8}}) {
    CheckInPlace(graph, Bytes<uint8_t>(dims, 3), {.direct = 3, .copies = 1});
  }
}

size_t ArenaOf(const Graph& graph, const Tensor& x) {
  Context context;
  context.threads = 1;
  Executor executor(std::make_shared<const Graph>(graph), context);
  for (int i = 0; i < 3; ++i) executor.Run({x});
  return executor.arena_use().bytes;
}

TEST(WriteInPlace, HoldsTheWideImageOnce) {
  LastNet net({1, 64, 64, 8});
  const ValueId all =
      net.Concat({net.Conv(net.x, 8, 32, 1), net.Conv(net.x, 8, 32, 1)});
  const Graph graph = net.Finish({net.Conv(all, 64, 4, 1)});
  Graph made = graph;
  WriteInPlace(made);
  const size_t image = size_t{64} * 64 * 64;
  EXPECT_GE(ArenaOf(graph, net.Input()), 2 * image);
  EXPECT_LT(ArenaOf(made, net.Input()), 2 * image);
}

// As files have it that join all that there is in each layer.
TEST(WriteInPlace, FindsADenseBlockInConcatsOfAllParts) {
  LastNet net;
  std::vector<ValueId> parts = {net.Pool(net.x)};
  int64_t channels = 8;
  ValueId all = parts[0];
  for (int i = 0; i < 4; ++i) {
    parts.push_back(net.Conv(net.Tables(all, channels), channels, 4));
    all = net.Concat(parts);
    channels += 4;
  }
  CheckInPlace(net.Finish({net.Pool(all)}), net.Input(),
               {.direct = 4, .copies = 1});
}

// The wide image would be there while the largest results are.
TEST(WriteInPlace, LeavesWhatWouldTakeMuchMoreMemory) {
  LastNet net({1, 32, 32, 8});
  const ValueId early = net.Conv(net.x, 8, 4, 1);
  const ValueId large = net.Conv(net.x, 8, 64, 1);
  const ValueId late = net.Pool(net.Conv(large, 64, 32, 1));
  CheckInPlace(net.Finish({net.Pool(net.Concat({early, late}))}), net.Input(),
               {.concats = 1});
  // Without the early part, which is copied, it fits.
  LastNet skip({1, 32, 32, 8});
  const ValueId first = skip.Conv(skip.x, 8, 16, 1);
  const ValueId low = skip.Conv(skip.Conv(first, 16, 64, 1), 64, 32, 1);
  CheckInPlace(skip.Finish({skip.Conv(
                   skip.Concat({first, skip.Conv(low, 32, 32, 1)}), 48, 4)}),
               skip.Input(), {.direct = 1, .copies = 1});
}

}  // namespace
}  // namespace squint
