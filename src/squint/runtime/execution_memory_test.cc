// Where an execution has its results: in one arena once it has seen the sizes
// of its inputs. Dead memory is poisoned with NaN throughout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <list>
#include <new>
#include <random>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/execution.h"

namespace {

std::atomic<int64_t> num_news = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++num_news;
  if (void* block = std::malloc(bytes)) return block;
  throw std::bad_alloc();
}
// What a sort asks for; the standard's own would not be freed below.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++num_news;
  return std::malloc(bytes);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace squint {
namespace {

constexpr int64_t kWidth = 16;

Tensor Rows(int64_t rows, uint32_t seed) {
  std::mt19937 random(seed);
  Tensor x(DType::kFloat32, {rows, kWidth});
  for (int64_t i = 0; i < x.size(); ++i) {
    x.mutable_data<float>()[i] = static_cast<float>(random() % 200) / 100 - 1;
  }
  return x;
}

// Results that die at once and ones that are read much later.
Graph RandomNetwork(uint32_t seed, int steps) {
  std::mt19937 random(seed);
  Graph graph;
  std::vector<ValueId> values = {graph.AddInput(
      "x", DType::kFloat32, Shape({Dim::Symbol("n"), Dim(kWidth)}))};
  for (int i = 0; i < steps; ++i) {
    const auto pick = [&] {
      const size_t last = values.size() - 1;
      const size_t back = random() % 4 == 0 ? random() % 8 : random() % 2;
      return values[last - std::min(last, back)];
    };
    const ValueId apart = graph.Emit("Sub", {pick(), pick()}, "apart");
    values.push_back(graph.Emit("Tanh", {apart}, fmt::format("v{}", i)));
  }
  graph.AddOutput(values.back());
  InferShapes(graph);
  return graph;
}

class ExecutionMemoryTest : public testing::Test {
 protected:
  void Start(Graph graph) {
    graph_ = std::make_shared<const Graph>(std::move(graph));
    Context context;
    context.threads = 1;
    network_ = std::make_unique<Network>(graph_, context, FindOp);
    execution_ = std::make_unique<Execution>(*network_, true);
  }

  void ExpectRight(const Tensor& x, const Tensor& result) {
    EXPECT_THAT(result.ToFloats(),
                testing::Pointwise(testing::FloatNear(1e-5f),
                                   Interpret(*graph_, {x})[0].ToFloats()));
  }
  void RunAndCheck(const Tensor& x) {
    ExpectRight(x, execution_->Run({x}, {})[0]);
  }
  size_t arena_bytes() const { return execution_->memory().arena_use().bytes; }

  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Execution> execution_;
};

TEST_F(ExecutionMemoryTest, GivesTheSameResultsInAnArena) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    Start(RandomNetwork(seed, 40));
    for (uint32_t run = 0; run < 4; ++run) {
      RunAndCheck(Rows(3, run));
      EXPECT_EQ(arena_bytes() > 0, run > 0);
    }
  }
}

TEST_F(ExecutionMemoryTest, HasAnArenaForEachOfTheLastSizes) {
  Start(RandomNetwork(5, 40));
  size_t one_row = 0;
  for (const int64_t rows : {1, 4, 1, 4, 20, 4, 20, 1}) {
    RunAndCheck(Rows(rows, 9));
    if (rows == 1) one_row = arena_bytes();
  }
  EXPECT_GT(one_row, 0u);
  for (int64_t rows = 1; rows < 12; ++rows) RunAndCheck(Rows(rows, 2));
  EXPECT_EQ(arena_bytes(), 0u);
}

TEST_F(ExecutionMemoryTest, ResultsThatACallerKeepsStayAsTheyAre) {
  Start(RandomNetwork(6, 40));
  std::vector<Tensor> results;
  for (uint32_t run = 0; run < 5; ++run) {
    results.push_back(execution_->Run({Rows(2, run)}, {})[0]);
  }
  for (uint32_t run = 0; run < 5; ++run) {
    ExpectRight(Rows(2, run), results[run]);
  }
}

TEST_F(ExecutionMemoryTest, ShowsTappedValuesBetweenRunsInTheArena) {
  Start(RandomNetwork(7, 40));
  RunOptions options;
  options.taps = {graph_->FindValue("v20")};
  std::vector<Tensor> kept;
  options.tap = [&](ValueId, const Tensor& tensor) { kept.push_back(tensor); };
  for (int run = 0; run < 4; ++run) {
    RunAndCheck(Rows(2, 1));
    ExpectRight(Rows(2, 1), execution_->Run({Rows(2, 1)}, options)[0]);
  }
  for (const Tensor& tensor : kept) {
    EXPECT_EQ(tensor.ToFloats(), kept[0].ToFloats());
  }
}

TEST_F(ExecutionMemoryTest, MakesResultsInMemoryOfTheCallerBesideTheArena) {
  Start(RandomNetwork(8, 40));
  std::vector<float> place(3 * kWidth);
  RunOptions options;
  options.place = [&](size_t, DType, const Dims&) {
    return reinterpret_cast<std::byte*>(place.data());
  };
  for (uint32_t run = 0; run < 4; ++run) {
    const Tensor x = Rows(3, run);
    const auto results = execution_->Run({x}, options);
    ExpectRight(x, results[0]);
    EXPECT_EQ(results[0].data<float>(), place.data());
    RunAndCheck(x);
  }
  execution_->Run({Rows(3, 0)}, options);
  EXPECT_EQ(execution_->memory().pool().bytes_in_use(), arena_bytes());
}

// For the shape of its result.
TEST_F(ExecutionMemoryTest, AsksTheHeapAtMostOnceForEachNode) {
  const auto news_in_a_run = [&](int steps) {
    Start(RandomNetwork(9, steps));
    const std::vector<Tensor> inputs = {Rows(3, 0)};
    for (int run = 0; run < 3; ++run) execution_->Run(inputs, {});
    const int64_t before = num_news;
    execution_->Run(inputs, {});
    return num_news - before;
  };
  EXPECT_LE(news_in_a_run(100) - news_in_a_run(50), 2 * 50);
}

// Runs with memory of the caller are written down and run again (Replay).
class ReplayTest : public ExecutionMemoryTest {
 protected:
  // Without poison, which a replay would not spread.
  void StartPlain(Graph graph) {
    Start(std::move(graph));
    execution_ = std::make_unique<Execution>(*network_, false);
  }
  // The same; cancel_ stops its runs.
  void StartCancellable(Graph graph) {
    graph_ = std::make_shared<const Graph>(std::move(graph));
    Context context;
    context.threads = 1;
    context.cancel = &cancel_;
    network_ = std::make_unique<Network>(graph_, context, FindOp);
    execution_ = std::make_unique<Execution>(*network_, false);
  }
  // Into memory that is another each time, filled before.
  std::vector<Tensor> RunInto(const std::vector<Tensor>& inputs) {
    places_.clear();
    RunOptions options;
    options.place = [&](size_t, DType dtype, const Dims& dims) {
      places_.emplace_back(BytesOf(dtype, ElementCount(dims)) + 64,
                           std::byte{0x7F});
      return places_.back().data();
    };
    return execution_->Run(inputs, options);
  }
  void RunIntoAndCheck(const std::vector<Tensor>& inputs) {
    const std::vector<Tensor> results = RunInto(inputs);
    const std::vector<Tensor> right = Interpret(*graph_, inputs);
    ASSERT_EQ(results.size(), right.size());
    for (size_t i = 0; i < right.size(); ++i) {
      EXPECT_EQ(results[i].dims(), right[i].dims());
      EXPECT_THAT(
          results[i].ToFloats(),
          testing::Pointwise(testing::FloatNear(1e-5f), right[i].ToFloats()));
    }
  }
  // Of one more run.
  int64_t NewsOf(const std::vector<Tensor>& inputs) {
    std::vector<float> place(static_cast<size_t>(inputs[0].size()));
    RunOptions options;
    options.place = [&](size_t, DType, const Dims&) {
      return reinterpret_cast<std::byte*>(place.data());
    };
    const int64_t before = num_news;
    execution_->Run(inputs, options);
    return num_news - before;
  }

  std::list<std::vector<std::byte>> places_;
  std::atomic<bool> cancel_ = false;
};

TEST_F(ReplayTest, GivesTheResultsOfEachRunsOwnInputs) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    StartPlain(RandomNetwork(seed, 40));
    for (uint32_t run = 0; run < 5; ++run) RunIntoAndCheck({Rows(3, run)});
    // The same memory with other numbers, and once more in its own.
    Tensor x = Rows(3, 7);
    for (uint32_t run = 0; run < 3; ++run) {
      std::ranges::copy(Rows(3, 70 + run).values<float>(),
                        x.mutable_data<float>());
      RunIntoAndCheck({x});
    }
  }
}

TEST_F(ReplayTest, AsksTheHeapForNothingThatGrowsWithTheNetwork) {
  const auto news_of = [&](int steps) {
    StartPlain(RandomNetwork(9, steps));
    const std::vector<Tensor> inputs = {Rows(3, 0)};
    for (int run = 0; run < 3; ++run) RunInto(inputs);
    return NewsOf(inputs);
  };
  EXPECT_EQ(news_of(100), news_of(20));
}

TEST_F(ReplayTest, GoesOnBetweenRunsOfOtherKindsAndSizes) {
  StartPlain(RandomNetwork(5, 40));
  for (const int64_t rows : {1, 4, 1, 4, 1, 4, 20, 4, 20, 1, 20, 1}) {
    RunIntoAndCheck({Rows(rows, static_cast<uint32_t>(rows))});
    RunAndCheck(Rows(rows, 3));
    RunOptions options;
    int events = 0;
    options.on_step = [&](const StepEvent&) { ++events; };
    execution_->Run({Rows(rows, 4)}, options);
    EXPECT_GT(events, 0);
  }
}

TEST_F(ReplayTest, KeepsFromWhatACallerKept) {
  StartPlain(RandomNetwork(7, 40));
  for (uint32_t run = 0; run < 4; ++run) RunIntoAndCheck({Rows(2, run)});
  RunOptions options;
  options.taps = {graph_->FindValue("v20")};
  std::vector<Tensor> kept;
  options.tap = [&](ValueId, const Tensor& tensor) { kept.push_back(tensor); };
  execution_->Run({Rows(2, 9)}, options);
  const std::vector<float> before = kept[0].ToFloats();
  for (uint32_t run = 0; run < 3; ++run) RunIntoAndCheck({Rows(2, run)});
  EXPECT_EQ(kept[0].ToFloats(), before);
}

TEST_F(ReplayTest, FollowsSizesThatFollowTheData) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({2, 6}));
  const ValueId shape = graph.AddInput("shape", DType::kInt64, Shape::Of({2}));
  const ValueId y = graph.Emit("Reshape", {x, shape}, "y");
  const ValueId z = graph.Emit("Transpose", {y}, "z");
  graph.AddOutput(z);
  graph.AddOutput(graph.Emit("Tanh", {y}, "t"));
  InferShapes(graph);
  StartPlain(std::move(graph));
  Tensor numbers(DType::kFloat32, {2, 6});
  for (int i = 0; i < 12; ++i) {
    numbers.mutable_data<float>()[i] = static_cast<float>(i);
  }
  for (int run = 0; run < 4; ++run) {
    for (const int64_t rows : {3, 4, 2}) {
      Tensor to(DType::kInt64, {2});
      to.mutable_data<int64_t>()[0] = rows;
      to.mutable_data<int64_t>()[1] = 12 / rows;
      RunIntoAndCheck({numbers, to});
    }
  }
}

// An input, a constant, one value twice.
TEST_F(ReplayTest, MakesOutputsThatNoStepMakes) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({3, kWidth}));
  const ValueId y = graph.Emit("Tanh", {x}, "y");
  const ValueId z = graph.Emit("Relu", {y}, "z");
  graph.AddOutput(x);
  graph.AddOutput(z);
  graph.AddOutput(y);
  graph.AddOutput(graph.AddConstant("c", Rows(2, 5)));
  InferShapes(graph);
  StartPlain(std::move(graph));
  for (uint32_t run = 0; run < 5; ++run) RunIntoAndCheck({Rows(3, run)});
}

Graph TanhLessInput() {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({3, kWidth}));
  const ValueId y = graph.Emit("Tanh", {x}, "y");
  graph.AddOutput(graph.Emit("Sub", {y, x}, "z"));
  return graph;
}

// What is made of an input each time is not in a step.
TEST_F(ReplayTest, SimulatesAnInputInEachRun) {
  Graph graph = TanhLessInput();
  graph.value(graph.inputs()[0]).quant = PerTensor(DType::kUint16, 0.25f, 100);
  InferShapes(graph);
  StartPlain(std::move(graph));
  for (uint32_t run = 0; run < 6; ++run) {
    const std::vector<float> got = RunInto({Rows(3, run)})[0].ToFloats();
    EXPECT_EQ(got, execution_->Run({Rows(3, run)}, {})[0].ToFloats());
  }
}

TEST_F(ReplayTest, GivesAConstantOfHalfPrecisionEachTime) {
  Graph graph = TanhLessInput();
  graph.AddOutput(graph.AddConstant("c", Rows(40, 5).CastTo(DType::kFloat16)));
  InferShapes(graph);
  StartPlain(std::move(graph));
  const std::vector<float> want =
      Rows(40, 5).CastTo(DType::kFloat16).ToFloats();
  for (uint32_t run = 0; run < 6; ++run) {
    EXPECT_EQ(RunInto({Rows(3, run)})[1].ToFloats(), want);
    std::vector<Tensor> junk(8, Rows(40, 9));  // takes what was let go
  }
}

TEST_F(ReplayTest, GoesOnAfterARunThatFailedWhileItWasWrittenDown) {
  StartCancellable(RandomNetwork(3, 40));
  RunIntoAndCheck({Rows(3, 0)});
  for (const bool clears : {false, true}) {
    cancel_ = true;  // of the run that has an arena for the first time
    EXPECT_THROW(RunInto({Rows(3, 1)}), Error);
    if (clears) execution_->Clear();
    cancel_ = false;
  }
  for (uint32_t run = 0; run < 2; ++run) RunIntoAndCheck({Rows(3, run)});
  EXPECT_LT(NewsOf({Rows(3, 2)}), 40);
  RunIntoAndCheck({Rows(3, 4)});
}

TEST_F(ReplayTest, StopsWhenItIsCancelled) {
  StartCancellable(RandomNetwork(3, 40));
  for (uint32_t run = 0; run < 4; ++run) RunIntoAndCheck({Rows(3, run)});
  cancel_ = true;
  try {
    RunInto({Rows(3, 1)});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("Sub")));
  }
  cancel_ = false;
  RunIntoAndCheck({Rows(3, 1)});
}

}  // namespace
}  // namespace squint
