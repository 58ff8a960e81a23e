#include "squint/report/forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"

namespace squint {
namespace {

using testing::DoubleEq;
using testing::HasSubstr;
using testing::IsEmpty;

// Products decide where memory is fast.
const Peaks kPeaks = {1e9, 2e9, 1e15};

Attributes Window(int64_t group = 1) {
  return {{"pads", std::vector<int64_t>{1, 1, 1, 1}}, {"group", group}};
}

// Conv, Conv of groups, a sum with the first, Relu, and a function.
Graph Network(int64_t channels, const char* function) {
  Graph graph;
  const Dims image = {1, channels, 8, 8};
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of(image));
  const auto conv = [&](ValueId in, int64_t group, const char* name) {
    const ValueId w = graph.AddConstant(
        std::string(name) + "_w",
        Tensor(DType::kFloat32, {channels, channels / group, 3, 3}));
    return graph.Emit("Conv", {in, w}, name, Window(group));
  };
  const ValueId first = conv(x, 1, "first");
  const ValueId wide = conv(first, channels, "wide");
  const ValueId last = conv(wide, 1, "last");
  const ValueId sum = graph.Emit("Add", {last, first}, "sum");
  const ValueId relu = graph.Emit("Relu", {sum}, "relu");
  const ValueId mapped = graph.Emit(function, {relu}, "mapped");
  graph.AddOutput(conv(mapped, 1, "end"));
  InferShapes(graph);
  return graph;
}

Forecast ForecastFor(const Graph& graph, const Peaks& peaks = kPeaks) {
  const Target target{.name = "everything", .all_integer = true};
  const Selection selection(graph, target, {}, {});
  return ForecastOf(graph, selection, peaks);
}

const ForecastRow& RowOf(const Forecast& forecast, const std::string& name) {
  const auto row = std::ranges::find(forecast.rows, name, &ForecastRow::name);
  EXPECT_NE(row, forecast.rows.end()) << name;
  return *row;
}

TEST(Forecast, CountsProductsAtTheShareOfTheirKind) {
  const Forecast forecast = ForecastFor(Network(32, "Sigmoid"));
  const ForecastRow& first = RowOf(forecast, "first");
  EXPECT_EQ(first.kind, WorkKind::kLongSums);
  EXPECT_EQ(first.macs, 64 * 32 * 32 * 9);
  EXPECT_TRUE(first.integer);
  EXPECT_THAT(first.float_seconds,
              DoubleEq(ForecastSeconds(WorkKind::kLongSums, false, first.macs,
                                       0, kPeaks)));
  EXPECT_GT(first.float_seconds, static_cast<double>(first.macs) / 1e9);
  EXPECT_EQ(RowOf(forecast, "wide").kind, WorkKind::kDepthwise);
}

TEST(Forecast, CountsBytesWhereMemoryIsSlow) {
  const Peaks slow = {1e15, 1e15, 1e9};
  const Forecast forecast = ForecastFor(Network(32, "Sigmoid"), slow);
  const ForecastRow& first = RowOf(forecast, "first");
  // Input, weights and result: four bytes a number, then one.
  const double numbers = 2 * 32 * 64 + 32 * 32 * 9;
  const double per_byte =
      ForecastSeconds(WorkKind::kLongSums, false, 0, 1, slow);
  EXPECT_NEAR(first.float_seconds, 4 * numbers * per_byte, 1e-12);
  EXPECT_GT(first.integer_seconds, numbers * per_byte);  // the input is rounded
  EXPECT_LT(first.integer_seconds, first.float_seconds);
}

TEST(Forecast, LetsNeighboursDoWhatTheyDo) {
  const Forecast forecast = ForecastFor(Network(32, "Sigmoid"));
  EXPECT_GT(RowOf(forecast, "sum").float_seconds, 0);
  EXPECT_EQ(RowOf(forecast, "sum").integer_seconds, 0);  // in `last`
  EXPECT_EQ(RowOf(forecast, "relu").integer_seconds, 0);
}

TEST(Forecast, AddsUpAndSaysWhatItCannotTell) {
  Graph graph = Network(32, "Sigmoid");
  const Forecast whole = ForecastFor(graph);
  EXPECT_EQ(whole.unknown, 0);
  double sum = 0;
  for (const ForecastRow& row : whole.rows) sum += row.float_seconds;
  EXPECT_DOUBLE_EQ(whole.float_seconds, sum);
  graph.value(graph.FindValue("x")).shape =
      Shape({Dim::Symbol("n"), Dim(32), Dim(8), Dim(8)});
  InferShapes(graph);
  EXPECT_EQ(ForecastFor(graph).unknown, static_cast<int>(whole.rows.size()));
}

TEST(Forecast, WarnsOnlyWhereIntegersDoNotPay) {
  EXPECT_THAT(ForecastWarnings(ForecastFor(Network(32, "Sigmoid"))), IsEmpty());
  // Integers that are no faster than floats.
  const Peaks same = {2e9, 2e9, 1e15};
  const auto warnings =
      ForecastWarnings(ForecastFor(Network(4, "Sigmoid"), same));
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings[0], HasSubstr("int8 will hardly pay"));
}

TEST(Forecast, TellsFewRowsFromMany) {
  Node node;
  node.op_type = "MatMul";
  EXPECT_EQ(KindOfWork(node, 1 * 64 * 64, 64), WorkKind::kRow);
  EXPECT_EQ(KindOfWork(node, 100 * 64 * 64, 100 * 64), WorkKind::kMatrix);
  EXPECT_EQ(KindOfWork(node, 0, 0), WorkKind::kNothing);
}

}  // namespace
}  // namespace squint
