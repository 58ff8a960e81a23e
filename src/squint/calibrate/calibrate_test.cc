#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>

#include "squint/base/file.h"
#include "squint/calibrate/calibration.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

// Sample i holds values that only i tells; sample 13 holds a NaN.
class TestDataset : public Dataset {
 public:
  int64_t size() const override { return 40; }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = fmt::format("#{}", index);
    sample.hash = fmt::format("hash{}", index);
    Tensor x(DType::kFloat32, {1, 3, 2 + index % 3, 4});
    for (int64_t i = 0; i < x.size(); ++i) {
      x.mutable_data<float>()[i] =
          static_cast<float>(std::sin(static_cast<double>(i + 7 * index)) *
                             static_cast<double>(index + 1));
    }
    if (index == 13) x.mutable_data<float>()[5] = NAN;
    sample.inputs = {x};
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "40 made samples"; }
};

Graph MakeGraph() {
  Graph graph;
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32, Shape({Dim(1), Dim(3), Dim::Symbol("h"), Dim(4)}));
  const ValueId a = graph.Emit("Relu", {x}, "a");
  graph.AddOutput(graph.Emit("Sigmoid", {a}, "b"));
  InferShapes(graph);
  return graph;
}

CalibrateOptions Options(int64_t begin, int64_t end) {
  CalibrateOptions options;
  options.model_hash = "model";
  for (int64_t i = begin; i < end; ++i) options.samples.push_back(i);
  return options;
}

std::filesystem::path TemporaryPath(const std::string& name) {
  return std::filesystem::temp_directory_path() /
         fmt::format("squint_{}_{}", getpid(), name);
}

TEST(Calibrate, ObservesEveryFloatValueByDefault) {
  const Calibration got = Calibrate(MakeGraph(), TestDataset(), Options(0, 3));
  EXPECT_EQ(got.values.size(), 3u);
  EXPECT_EQ(got.samples.at(2), "hash2");
  const ValueStatistics& x = got.values.at("x");
  EXPECT_EQ(x.count, 24u + 36u + 48u);
  EXPECT_EQ(x.channel_sum.size(), 3u);
  EXPECT_EQ(got.values.at("a").minimum, 0.0f);
  EXPECT_EQ(got.values.at("a").maximum, x.maximum);
  EXPECT_EQ(got.values.at("b").minimum, 0.5f);
}

TEST(Calibrate, ShardsMergedInAnyOrderEqualTheSingleRun) {
  const Graph graph = MakeGraph();
  const TestDataset data;
  const Calibration whole = Calibrate(graph, data, Options(0, 30));
  const std::vector<Calibration> shards = {
      Calibrate(graph, data, Options(0, 5)),
      Calibrate(graph, data, Options(5, 18)),
      Calibrate(graph, data, Options(18, 30))};
  std::vector<size_t> order = {0, 1, 2};
  do {
    Calibration merged = shards[order[0]];
    merged.Merge(shards[order[1]]);
    merged.Merge(shards[order[2]]);
    EXPECT_EQ(merged, whole);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Calibrate, ThreadsDoNotChangeTheTable) {
  Context one;
  one.threads = 1;
  Context two;
  two.threads = 2;
  EXPECT_EQ(Calibrate(MakeGraph(), TestDataset(), Options(0, 9), one),
            Calibrate(MakeGraph(), TestDataset(), Options(0, 9), two));
}

TEST(Calibrate, CountsNanInActivations) {
  const Calibration got =
      Calibrate(MakeGraph(), TestDataset(), Options(12, 15));
  EXPECT_EQ(got.values.at("x").nans, 1u);
  EXPECT_EQ(got.values.at("b").nans, 1u);
  EXPECT_LE(got.values.at("b").maximum, 1.0f);
}

TEST(Calibrate, ResumedAfterCancelGivesTheSameTable) {
  const Graph graph = MakeGraph();
  const TestDataset data;
  CalibrateOptions options = Options(0, 20);
  options.resume = TemporaryPath("resume.json");
  std::atomic<bool> cancel = false;
  int64_t resumed_at = -1;
  Context context;
  context.threads = 1;
  context.cancel = &cancel;
  context.progress = [&](const Progress& p) { cancel = p.done == 7; };
  EXPECT_THROW(Calibrate(graph, data, options, context), Error);
  EXPECT_EQ(ReadCalibration(options.resume).samples.size(), 7u);
  cancel = false;
  context.progress = [&](const Progress& p) {
    if (resumed_at < 0) resumed_at = p.done;
  };
  const Calibration resumed = Calibrate(graph, data, options, context);
  EXPECT_EQ(resumed_at, 7);
  EXPECT_EQ(resumed, Calibrate(graph, data, Options(0, 20)));
  EXPECT_FALSE(std::filesystem::exists(options.resume));
}

TEST(Calibrate, ResumesFromThePeriodicCheckpointAfterAKill) {
  const Graph graph = MakeGraph();
  CalibrateOptions options = Options(0, 20);
  options.resume = TemporaryPath("killed.json");
  options.checkpoint_every = 4;
  Context context;
  context.threads = 1;
  context.progress = [&](const Progress& p) {
    if (p.done == 10) throw std::runtime_error("killed");
  };
  EXPECT_THROW(Calibrate(graph, TestDataset(), options, context),
               std::runtime_error);
  EXPECT_EQ(ReadCalibration(options.resume).samples.size(), 8u);
  EXPECT_EQ(Calibrate(graph, TestDataset(), options),
            Calibrate(graph, TestDataset(), Options(0, 20)));
}

// Samples that run side by side count together.
TEST(Calibrate, ResumesWhereSeveralSamplesRanAtOnce) {
  const Graph graph = MakeGraph();
  const TestDataset data;
  const Calibration whole = Calibrate(graph, data, Options(0, 20));
  for (const int64_t stop : {1, 2, 3, 7, 11}) {
    CalibrateOptions options = Options(0, 20);
    options.resume = TemporaryPath("together.json");
    std::atomic<bool> cancel = false;
    int64_t resumed_at = -1;
    Context context;
    context.threads = 3;
    context.cancel = &cancel;
    context.progress = [&](const Progress& p) { cancel = p.done >= stop; };
    EXPECT_THROW(Calibrate(graph, data, options, context), Error);
    const auto kept = std::ssize(ReadCalibration(options.resume).samples);
    EXPECT_GE(kept, stop);
    EXPECT_LT(kept, stop + 6);
    cancel = false;
    context.progress = [&](const Progress& p) {
      if (resumed_at < 0) resumed_at = p.done;
    };
    EXPECT_EQ(Calibrate(graph, data, options, context), whole);
    EXPECT_EQ(resumed_at, kept);
  }
}

TEST(Calibrate, NamesTheSampleThatFailsAmongThoseThatRunAtOnce) {
  class OneIsWrong final : public TestDataset {
   public:
    Sample Get(int64_t index) const override {
      Sample sample = TestDataset::Get(index);
      if (index == 13) sample.inputs[0] = Tensor::Of<float>({1}, {1});
      return sample;
    }
  };
  Context context;
  context.threads = 3;
  try {
    Calibrate(MakeGraph(), OneIsWrong(), Options(0, 20), context);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("13"), std::string::npos)
        << error.what();
  }
}

TEST(Calibrate, DoesNotResumeAnotherCalibration) {
  CalibrateOptions options = Options(0, 4);
  options.resume = TemporaryPath("other.json");
  WriteCalibration(options.resume,
                   Calibrate(MakeGraph(), TestDataset(), Options(3, 6)));
  EXPECT_THROW(Calibrate(MakeGraph(), TestDataset(), options), Error);
  options.samples = {3, 4, 5, 6};
  options.model_hash = "another";
  EXPECT_THROW(Calibrate(MakeGraph(), TestDataset(), options), Error);
  std::filesystem::remove(options.resume);
}

TEST(Calibrate, RefusesSamplesThatDoNotExistOrNone) {
  EXPECT_THROW(Calibrate(MakeGraph(), TestDataset(), Options(0, 0)), Error);
  EXPECT_THROW(Calibrate(MakeGraph(), TestDataset(), Options(39, 41)), Error);
  CalibrateOptions twice = Options(0, 2);
  twice.samples.push_back(1);
  EXPECT_THROW(Calibrate(MakeGraph(), TestDataset(), twice), Error);
}

TEST(CalibrationMerge, RefusesOtherModelsValuesAndSamplesTwice) {
  const Graph graph = MakeGraph();
  const TestDataset data;
  const Calibration a = Calibrate(graph, data, Options(0, 2));
  Calibration twice = a;
  EXPECT_THROW(twice.Merge(Calibrate(graph, data, Options(1, 3))), Error);
  EXPECT_EQ(twice, a);
  CalibrateOptions other = Options(2, 3);
  other.model_hash = "other";
  EXPECT_THROW(twice.Merge(Calibrate(graph, data, other)), Error);
  CalibrateOptions fewer = Options(2, 3);
  fewer.values = {graph.FindValue("a")};
  EXPECT_THROW(twice.Merge(Calibrate(graph, data, fewer)), Error);
}

TEST(CalibrationTable, ReadsBackExactlyWhatWasWritten) {
  const Calibration calibration =
      Calibrate(MakeGraph(), TestDataset(), Options(8, 15));
  const auto path = TemporaryPath("table.json");
  WriteCalibration(path, calibration);
  EXPECT_EQ(ReadCalibration(path), calibration);
  const std::string first = ReadTextFile(path);
  WriteCalibration(path, ReadCalibration(path));
  EXPECT_EQ(ReadTextFile(path), first);
  std::filesystem::remove(path);
}

TEST(CalibrationTable, NamesTheFileThatIsNone) {
  const auto path = TemporaryPath("bad.json");
  for (const std::string_view text :
       {"{}", "[]", "{\"format\": \"squint-calibration\"}",
        "{\"format\": \"squint-calibration\", \"version\": 2}",
        "{\"format\": \"squint-calibration\", \"version\": 1, \"model_hash\": "
        "\"\", \"samples\": {}, \"values\": {\"x\": {\"count\": 1, "
        "\"minimum\": \"0\", \"maximum\": \"1\", \"blocks\": {}, "
        "\"histogram\": \"32640:1\", \"channel_axis\": 0}}}"}) {
    WriteTextFile(path, text);
    try {
      ReadCalibration(path);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.message(), testing::HasSubstr(path.string()));
    }
  }
  std::filesystem::remove(path);
}

TEST(ChannelAxis, FollowsTheReaderThenTheProducerThenTheRank) {
  Graph graph;
  const Dim d(4);
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape({d, d, d}));
  const ValueId w = graph.AddConstant("w", Tensor(DType::kFloat32, {4, 4, 1}));
  const ValueId y = graph.Emit("Conv", {x, w}, "y");
  const ValueId z = graph.Emit("MatMul", {y, w}, "z");
  const ValueId t = graph.Emit("Conv", {z, w}, "t");
  const ValueId r = graph.Emit("Relu", {t}, "r");
  for (const ValueId id : {y, z, t, r})
    graph.value(id).shape = Shape({d, d, d});
  graph.value(r).shape = Shape({d, d, d, d});
  const UseMap uses(graph);
  EXPECT_EQ(ChannelAxis(graph, uses, x), 1);
  EXPECT_EQ(ChannelAxis(graph, uses, y), 2);
  EXPECT_EQ(ChannelAxis(graph, uses, z), 1);
  EXPECT_EQ(ChannelAxis(graph, uses, t), 1);
  EXPECT_EQ(ChannelAxis(graph, uses, r), 1);
  graph.value(r).shape = Shape({d, d, d});
  EXPECT_EQ(ChannelAxis(graph, uses, r), 2);
  graph.value(r).shape = Shape();
  EXPECT_EQ(ChannelAxis(graph, uses, r), -1);
}

}  // namespace
}  // namespace squint
