// Channel shuffles between convolutions: no Transpose to another order of axes
// is left, and the integers are those of the graph as it was.
#include "squint/runtime/channel_shuffle.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/channels_last.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

Tensor Bytes(DType dtype, const Dims& dims, int64_t step) {
  Tensor tensor(dtype, dims);
  auto* bytes = reinterpret_cast<uint8_t*>(tensor.mutable_raw());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(i * step + i / 7);
  }
  return tensor;
}

// Integer convolutions with something between them.
class Net {
 public:
  Graph graph;
  ValueId x;

  explicit Net(Shape shape) {
    graph.opset[""] = 25;
    graph.opset["com.microsoft"] = 1;
    x = graph.AddInput("x", DType::kUint8, std::move(shape));
  }

  ValueId Op(std::string_view type, std::vector<ValueId> inputs,
             Attributes attributes = {}) {
    return graph.Emit(type, std::move(inputs), std::string(type) + "_out",
                      std::move(attributes));
  }
  ValueId Ints(const Dims& values) {
    return graph.AddConstant(
        "ints",
        Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  }
  ValueId Scale(float value) {
    return graph.AddConstant("scale", Tensor::Scalar<float>(value));
  }

  // A window of one pixel in `rank` axes.
  ValueId Conv(ValueId in, int64_t channels, int64_t filters, int rank) {
    Dims dims = {filters, channels};
    dims.resize(static_cast<size_t>(rank), 1);
    const ValueId byte =
        graph.AddConstant("zero", Tensor::Scalar<uint8_t>(117));
    const ValueId weights =
        graph.AddConstant("w", Bytes(DType::kInt8, dims, 37));
    const ValueId zero = graph.AddConstant("zero", Tensor::Scalar<int8_t>(0));
    return Op("QLinearConv", {in, Scale(0.02f), byte, weights, Scale(0.01f),
                              zero, Scale(0.6f), byte});
  }
  ValueId Shuffle(ValueId in, const Dims& split, const Dims& perm,
                  const Dims& join) {
    const ValueId apart = Op("Reshape", {in, Ints(split)});
    const ValueId moved = Op("Transpose", {apart}, {{"perm", perm}});
    return Op("Reshape", {moved, Ints(join)});
  }
  void Finish(std::vector<ValueId> outputs) {
    graph.SetOutputs(std::move(outputs));
    InferShapes(graph);
  }
};

// Transposes that are left, when the graph with channels last has computed what
// the graph as it was does.
int TransposesOf(const Graph& before, const Dims& dims) {
  Graph after = before;
  UseChannelsLast(after);
  const std::vector<Tensor> inputs = {Bytes(DType::kUint8, dims, 29)};
  const std::vector<Tensor> truth =
      Interpret(before, inputs, {.reading = Reading::kInteger});
  for (const auto& results :
       {Interpret(after, inputs, {.reading = Reading::kInteger}),
        Executor(std::make_shared<const Graph>(after)).Run(inputs)}) {
    for (size_t i = 0; i < truth.size(); ++i) {
      EXPECT_EQ(results[i].dims(), truth[i].dims());
      EXPECT_EQ(std::memcmp(results[i].raw(), truth[i].raw(), truth[i].bytes()),
                0)
          << PrintGraph(after);
    }
  }
  return CountOf(after, "Transpose");
}

// One shuffle between two convolutions; {0, 2, 1, ...} swaps the pieces.
struct Case {
  const char* what;
  Shape shape;  // [N, 6, spatial ...], which becomes [N, C, spatial ...]
  Dims dims;
  int64_t channels;
  Dims split;
  Dims perm;
  Dims join;
};

Graph Between(const Case& c) {
  Net net(c.shape);
  const int rank = c.shape.rank();
  const ValueId wide =
      net.Conv(net.x, c.shape[1].value().value(), c.channels, rank);
  const ValueId moved = net.Shuffle(wide, c.split, c.perm, c.join);
  net.Finish({net.Conv(moved, c.channels, 4, rank)});
  return net.graph;
}

// Of the input, the shuffle's own, and of the result.
constexpr int kOneShuffle = 3;

TEST(ChannelShuffle, IsOnePassForAnyNumberOfGroups) {
  for (const int64_t groups : {2, 3, 4, 8}) {
    for (const int64_t size : {1, 4, 17}) {
      SCOPED_TRACE(std::to_string(groups) + " x " + std::to_string(size));
      const int64_t c = groups * size;
      const Case image = {"image",     Shape::Of({2, 6, 5, 7}), {2, 6, 5, 7},
                          c,           {2, groups, size, 5, 7}, {0, 2, 1, 3, 4},
                          {2, c, 5, 7}};
      EXPECT_EQ(TransposesOf(Between(image), image.dims), kOneShuffle);
      const Case line = {"line",   Shape::Of({2, 6, 9}), {2, 6, 9},
                         c,        {2, groups, size, 9}, {0, 2, 1, 3},
                         {2, c, 9}};
      EXPECT_EQ(TransposesOf(Between(line), line.dims), kOneShuffle);
    }
  }
}

TEST(ChannelShuffle, IsSeenThroughSymbolsAndOtherPixels) {
  const Dim n = Dim::Symbol("n");
  const Dim h = Dim::Symbol("h");
  const std::vector<Case> cases = {
      {"copied batch, deduced rows",
       Shape({n, 6, h, 4}),
       {3, 6, 5, 4},
       12,
       {0, 4, 3, -1, 4},
       {0, 2, 1, 3, 4},
       {0, 12, -1, 4}},
      {"deduced batch",
       Shape({n, 6, 5, 4}),
       {3, 6, 5, 4},
       12,
       {-1, 4, 3, 5, 4},
       {0, 2, 1, 3, 4},
       {-1, 12, 5, 4}},
      {"unknown batch",
       Shape({Dim::Unknown(), 6, 5, 4}),
       {3, 6, 5, 4},
       12,
       {-1, 4, 3, 5, 4},
       {0, 2, 1, 3, 4},
       {-1, 12, 5, 4}},
      {"pixels in one axis",
       Shape({n, 6, 5, 4}),
       {1, 6, 5, 4},
       12,
       {0, 4, 3, 20},
       {0, 2, 1, 3},
       {0, 12, 5, 4}},
      {"three pieces turned",
       Shape::Of({1, 6, 5, 4}),
       {1, 6, 5, 4},
       24,
       {1, 2, 3, 4, 5, 4},
       {0, 3, 1, 2, 4, 5},
       {1, 24, 5, 4}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(TransposesOf(Between(c), c.dims), kOneShuffle);
  }
}

TEST(ChannelShuffle, IsNoneWherePixelsMoveToo) {
  const Dims dims = {2, 6, 4, 4};
  const std::vector<Case> cases = {
      {"rows beside groups",
       Shape::Of(dims),
       dims,
       12,
       {2, 4, 3, 4, 4},
       {0, 2, 1, 4, 3},
       {2, 12, 4, 4}},
      {"channels with rows",
       Shape::Of(dims),
       dims,
       12,
       {2, 4, 12, 4},
       {0, 2, 1, 3},
       {2, 12, 4, 4}},
      {"another image",
       Shape::Of(dims),
       dims,
       12,
       {2, 4, 3, 4, 4},
       {0, 2, 1, 3, 4},
       {4, 12, 2, 4}},
      {"samples that may be none",
       Shape({Dim::Unknown(), 6, Dim::Unknown(), 4}),
       dims,
       12,
       {2, 4, 3, 4, 4},
       {0, 2, 1, 3, 4},
       {2, 12, 4, 4}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_GT(TransposesOf(Between(c), c.dims), kOneShuffle);
  }
}

TEST(ChannelShuffle, LeavesWhatOthersRead) {
  const Dims dims = {1, 6, 4, 4};
  for (const int which : {0, 1}) {
    Net net(Shape::Of(dims));
    const ValueId wide = net.Conv(net.x, 6, 12, 4);
    const ValueId apart = net.Op("Reshape", {wide, net.Ints({1, 4, 3, 4, 4})});
    const ValueId moved =
        net.Op("Transpose", {apart}, {{"perm", Dims{0, 2, 1, 3, 4}}});
    const ValueId joined = net.Op("Reshape", {moved, net.Ints({1, 12, 4, 4})});
    net.Finish({net.Conv(joined, 12, 4, 4), which == 0 ? apart : moved});
    EXPECT_GT(TransposesOf(net.graph, dims), kOneShuffle);
  }
}

TEST(ChannelShuffle, LiesBetweenJoinedAndSplitHalves) {
  const Dims dims = {2, 6, 4, 4};
  Net net(Shape::Of(dims));
  const ValueId a = net.Conv(net.x, 6, 7, 4);
  const ValueId b = net.Conv(net.x, 6, 7, 4);
  const ValueId both = net.Op("Concat", {a, b}, {{"axis", int64_t{1}}});
  const ValueId mixed =
      net.Shuffle(both, {2, 2, 7, 4, 4}, {0, 2, 1, 3, 4}, {2, 14, 4, 4});
  Node split;
  split.op_type = "Split";
  split.inputs = {mixed, net.Ints({7, 7})};
  split.attributes["axis"] = int64_t{1};
  split.outputs = {net.graph.AddValue("left"), net.graph.AddValue("right")};
  const std::vector<ValueId> halves = split.outputs;
  net.graph.AddNode(std::move(split));
  const ValueId right = net.Conv(halves[1], 7, 7, 4);
  net.Finish({net.Op("Concat", {halves[0], right}, {{"axis", int64_t{1}}})});
  EXPECT_EQ(TransposesOf(net.graph, dims), kOneShuffle);
}

}  // namespace
}  // namespace squint
