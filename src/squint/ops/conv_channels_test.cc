#include "squint/ops/conv_channels.h"

#include <gtest/gtest.h>

#include "squint/kernels/each_target_test.h"
#include "squint/ops/byte_examples.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

using Pair = std::vector<int64_t>;

template <typename T>
Tensor Zero(int value) {
  return Tensor::Scalar<T>(static_cast<T>(value));
}

struct Made {
  const char* what;
  int64_t channels = 8;  // of x
  Pair read = {};        // {first, count}
  Pair written = {};     // {first, total}
  bool has_into = true;
  bool adds = false;
  bool into_input = false;
  int64_t filters = 4;
  int64_t group = 1;
  int64_t kernel = 3;
};

template <typename T>
OpExample Example(const Made& m) {
  const int lowest = std::is_signed_v<T> ? -128 : 0;
  const int64_t taken = m.read.empty() ? m.channels : m.read[1];
  OpExample example =
      OpExample("QLinearConvChannels", m.what, "squint")
          .In(Bytes<T>({2, 9, 8, m.channels}))
          .Const(Tensor::Scalar<float>(0.02f))
          .Const(Zero<T>(lowest + 117))
          .Const(Bytes<int8_t>({m.filters, taken / m.group, m.kernel, m.kernel},
                               7))
          .Const(Tensor::Scalar<float>(0.01f))
          .Const(Zero<int8_t>(0))
          .Const(Tensor::Scalar<float>(0.5f))
          .Const(Zero<T>(lowest + 99));
  example =
      m.adds ? std::move(example)
                   .Absent()
                   .In(Bytes<T>({2, 9, 8, m.filters}, 3))
                   .Const(Tensor::Scalar<float>(0.3f))
                   .Const(Zero<T>(lowest + 60))
                   .Const(Tensor::Scalar<float>(0.7f))
                   .Const(Zero<T>(lowest + 80))
             : std::move(example)
                   .Const(Bytes<int8_t>({m.filters}, 5).CastTo(DType::kInt32))
                   .Absent()
                   .Absent()
                   .Absent()
                   .Absent()
                   .Absent();
  if (!m.written.empty()) {
    example = std::move(example).Set(kChannelsWritten, m.written);
  }
  if (!m.written.empty() && m.has_into && !m.into_input) {
    example = std::move(example).In(Bytes<T>({2, 9, 8, m.written[1]}, 11));
  }
  if (!m.read.empty()) example = std::move(example).Set(kChannelsRead, m.read);
  if (m.into_input) example = std::move(example).Set("into_input", int64_t{1});
  const int64_t pad = m.kernel / 2;
  return std::move(example)
      .Set("channels_last", int64_t{1})
      .Set("group", m.group)
      .Set("pads", Pair{pad, pad, pad, pad});
}

std::vector<Made> Cases() {
  return {{.what = "first channels", .written = {0, 9}},
          {.what = "middle", .written = {3, 12}},
          {.what = "last, of few", .channels = 3, .written = {5, 9}},
          {.what = "groups", .written = {3, 12}, .group = 2},
          {.what = "pixel by pixel", .written = {1, 6}, .kernel = 1},
          {.what = "sum", .written = {4, 9}, .adds = true},
          {.what = "of some channels", .channels = 20, .read = {4, 8}},
          {.what = "of few of them", .channels = 20, .read = {5, 3}},
          {.what = "of some, pixel by pixel",
           .channels = 20,
           .read = {8, 12},
           .kernel = 1},
          {.what = "both",
           .channels = 20,
           .read = {4, 8},
           .written = {3, 10},
           .adds = true},
          {.what = "into what it reads",
           .channels = 20,
           .read = {4, 8},
           .written = {12, 20},
           .into_input = true},
          // By fewer products, where there is no dot product of bytes.
          {.what = "many",
           .channels = 64,
           .read = {16, 32},
           .written = {7, 48},
           .adds = true,
           .filters = 32},
          {.what = "depthwise", .written = {3, 12}, .filters = 8, .group = 8}};
}

}  // namespace

std::vector<OpExample> Examples_conv_channels() {
  std::vector<OpExample> examples;
  for (const Made& made : Cases()) {
    examples.push_back(Example<uint8_t>(made));
    examples.push_back(Example<int8_t>(made));
  }
  return examples;
}

namespace {

// Splits `id`, keeping channels [first, first + count); `rest`: those before
// and behind.
ValueId Part(Graph& graph, ValueId id, int64_t first, int64_t count) {
  const auto list = [&](int64_t i) {
    return graph.AddConstant("i", Tensor::Of<int64_t>({1}, {i}));
  };
  return graph.Emit("Slice", {id, list(first), list(first + count), list(-1)},
                    "part");
}

// The node as Slices, a convolution and a Concat.
Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node node = TakeNode(graph);
  Node conv = ConvOfConvChannels(node);
  if (const auto read = ChannelsReadBy(node)) {
    conv.inputs[0] = Part(graph, conv.inputs[0], read->first, read->count);
  }
  ValueId result = graph.AddValue("conv");
  conv.outputs = {result};
  graph.AddNode(std::move(conv));
  if (const auto written = ChannelsWrittenBy(node)) {
    const int64_t count = graph.value(node.input(3)).constant.dim(0);
    const int64_t end = written->first + count;
    const ValueId into = node.Int("into_input", 0) != 0
                             ? node.input(0)
                             : node.input(ConvChannelsInputs::kInto);
    std::vector<ValueId> parts;
    if (written->first > 0) {
      parts.push_back(Part(graph, into, 0, written->first));
    }
    parts.push_back(result);
    if (end < written->total) {
      parts.push_back(Part(graph, into, end, written->total - end));
    }
    result = graph.Emit("Concat", parts, "wide", {{"axis", int64_t{-1}}});
  }
  graph.SetOutputs({result});
  return graph;
}

TEST(QLinearConvChannels, IsTheConvolutionBetweenSliceAndConcat) {
  for (const Made& made : Cases()) {
    if (made.group == made.filters) continue;
    const OpExample unsigned_bytes = Example<uint8_t>(made);
    const OpExample signed_bytes = Example<int8_t>(made);
    ForEachTarget([&] {
      CheckParts(unsigned_bytes, Apart(unsigned_bytes));
      CheckParts(signed_bytes, Apart(signed_bytes));
    });
  }
}

TEST(QLinearConvChannels, LeavesDepthwiseConvolutionsToTheReference) {
  const OpExample example = Example<uint8_t>(Cases().back());
  EXPECT_FALSE(CheckExample(example));
  ExpectSame(RunExample(example)[0],
             Interpret(Apart(example), InputsOf(example),
                       {.reading = Reading::kInteger})[0]);
}

TEST(QLinearConvChannels, WritesItsChannelsWhereThereIsNothingElse) {
  Made made = {.what = "", .written = {3, 12}, .has_into = false};
  const OpExample example = Example<uint8_t>(made);
  made.written = {};
  const Tensor right = RunExample(Example<uint8_t>(made))[0];
  PreparedExample prepared(example, RunExample(example));
  ASSERT_TRUE(prepared.prepared());
  for (const Tensor& wide : {RunExample(example)[0], prepared.Run(2)[0]}) {
    EXPECT_EQ(wide.dims(), (Dims{2, 9, 8, 12}));
    ExpectSame(TakeChannels(wide, {3, 4}), right);
  }
}

TEST(QLinearConvChannels, RefusesChannelsThatThereAreNot) {
  for (const Made& made :
       {Made{.what = "beyond the end", .written = {9, 12}},
        Made{.what = "no pair", .written = {9, 12, 3}},
        Made{.what = "before the beginning", .written = {-1, 12}},
        Made{.what = "beyond x", .read = {1, 8}},
        Made{.what = "of another size",
        .written = {3, 12},
        .into_input = true}}) {
    Graph graph = GraphOf(Example<uint8_t>(made));
    EXPECT_THROW(InferShapes(graph), Error) << made.what;
  }
}

}  // namespace
}  // namespace squint
