// Where an execution has its results: in one arena once it has seen the sizes
// of its inputs. Dead memory is poisoned with NaN throughout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
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

// For the shape of its result, and for the body of its kernel's loop.
TEST_F(ExecutionMemoryTest, AsksTheHeapAtMostTwiceForEachNode) {
  const auto news_in_a_run = [&](int steps) {
    Start(RandomNetwork(9, steps));
    const std::vector<Tensor> inputs = {Rows(3, 0)};
    for (int run = 0; run < 3; ++run) execution_->Run(inputs, {});
    const int64_t before = num_news;
    execution_->Run(inputs, {});
    return num_news - before;
  };
  EXPECT_LE(news_in_a_run(100) - news_in_a_run(50), 2 * 2 * 50);
}

}  // namespace
}  // namespace squint
