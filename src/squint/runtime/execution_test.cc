// The executor's own decisions, on operators made for the purpose: rows whose
// steps tell where they wrote. Dead memory is poisoned with NaN throughout.
#include "squint/runtime/execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace squint {
namespace {

using testing::ElementsAre;

struct Counters {
  int steps = 0;
  int in_place = 0;
  int clamped = 0;
  int prepared = 0;
  int alive = 0;  // steps
};
Counters counters;

// y = 2 x [+ z], clamped when asked; may work in place.
class TwiceStep : public Step {
 public:
  explicit TwiceStep(const PrepareContext& context)
      : clamp_(context.clamp), count_(ElementCount(context.output_dims[0])) {
    ++counters.alive;
  }
  ~TwiceStep() override { --counters.alive; }
  void Run(const StepArgs& args) const override {
    const auto* x = static_cast<const float*>(args.inputs[0]);
    const auto* z = args.inputs.size() > 1
                        ? static_cast<const float*>(args.inputs[1])
                        : nullptr;
    auto* y = static_cast<float*>(args.outputs[0]);
    ++counters.steps;
    counters.in_place += y == x;
    counters.clamped += clamp_.has_value();
    for (int64_t i = 0; i < count_; ++i) {
      y[i] = 2 * x[i] + (z ? z[i] : 0.0f);
      if (clamp_) y[i] = std::clamp(y[i], clamp_->first, clamp_->second);
    }
  }
  size_t scratch_bytes() const override { return 100; }
  bool can_run_in_place() const override { return true; }

 private:
  std::optional<std::pair<float, float>> clamp_;
  int64_t count_;
};

std::unique_ptr<Step> PrepareTwice(const PrepareContext& context) {
  ++counters.prepared;
  return std::make_unique<TwiceStep>(context);
}
std::unique_ptr<Step> PrepareNothing(const PrepareContext&) { return nullptr; }

void SameAsInput(InferContext& context) { context.SameAsInput(); }

void RunTwice(RunContext& context) {
  Tensor y = context.in(0).Clone();
  for (int64_t i = 0; i < y.size(); ++i) y.mutable_data<float>()[i] *= 2;
  context.outputs[0] = y;
}

void RunRelu(RunContext& context) {
  Tensor y = context.in(0).Clone();
  for (int64_t i = 0; i < y.size(); ++i) {
    y.mutable_data<float>()[i] = std::max(0.0f, y.mutable_data<float>()[i]);
  }
  context.outputs[0] = y;
}

void InferReshape(InferContext& context) {
  if (const auto dims = context.ints(1)) {
    context.SetOutput(0, context.dtype(0), Shape::Of(*dims));
  }
}
void RunReshape(RunContext& context) {
  context.outputs[0] = context.in(0).Reshaped(context.in(1).ToInts());
}

// The elements over zero: a shape that only the data tell.
void RunPositive(RunContext& context) {
  std::vector<float> kept;
  for (const float v : context.in(0).values<float>()) {
    if (v > 0) kept.push_back(v);
  }
  context.outputs[0] = Tensor::Of<float>({static_cast<int64_t>(kept.size())},
                                         std::span<const float>(kept));
}
void InferPositive(InferContext& context) {
  context.SetOutput(0, DType::kFloat32, Shape({Dim::Unknown()}));
}

constexpr OpDef kRows[] = {
    {.type = "Twice",
     .infer = SameAsInput,
     .reference = RunTwice,
     .prepare = PrepareTwice,
     .fuses_clamp = true},
    {.type = "Slow",
     .infer = SameAsInput,
     .reference = RunTwice,
     .prepare = PrepareNothing,
     .fuses_clamp = true},
    {.type = "Relu", .infer = SameAsInput, .reference = RunRelu},
    {.type = "Reshape", .infer = InferReshape, .reference = RunReshape},
    {.type = "Positive",
     .infer = InferPositive,
     .reference = RunPositive,
     .prepare = PrepareTwice},
};

const OpDef* FindTestOp(std::string_view type, std::string_view) {
  for (const OpDef& row : kRows) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

class ExecutionTest : public testing::Test {
 protected:
  ExecutionTest() {
    counters = {};
    x_ = graph_.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("n")}));
  }

  ValueId Emit(std::string_view type, std::vector<ValueId> inputs,
               std::string_view name) {
    return graph_.Emit(type, std::move(inputs), name);
  }

  Execution& Start() {
    network_ = std::make_unique<Network>(std::make_shared<const Graph>(graph_),
                                         Context{}, FindTestOp);
    execution_ = std::make_unique<Execution>(*network_, true);
    return *execution_;
  }

  std::vector<float> Run(std::vector<float> x, const RunOptions& options = {}) {
    if (!execution_) Start();
    const Tensor in = Tensor::Of<float>({static_cast<int64_t>(x.size())},
                                        std::span<const float>(x));
    return execution_->Run({in}, options)[0].ToFloats();
  }

  Graph graph_;
  ValueId x_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Execution> execution_;
};

TEST_F(ExecutionTest, WritesOverAnInputThatDiesButNeverOverTheCallers) {
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId b = Emit("Twice", {a}, "b");
  graph_.AddOutput(Emit("Twice", {b}, "c"));
  EXPECT_THAT(Run({1, -2}), ElementsAre(8, -16));
  EXPECT_EQ(counters.in_place, 2);
}

TEST_F(ExecutionTest, KeepsAnInputThatIsReadAgain) {
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId b = Emit("Twice", {a}, "b");
  graph_.AddOutput(Emit("Twice", {a, b}, "c"));
  EXPECT_THAT(Run({1, 3}), ElementsAre(8, 24));
  EXPECT_EQ(counters.in_place, 1);  // only c over a
}

TEST_F(ExecutionTest, KeepsAnInputThatIsAnOutputOfTheGraph) {
  const ValueId a = Emit("Twice", {x_}, "a");
  graph_.AddOutput(a);
  graph_.AddOutput(Emit("Twice", {a}, "b"));
  const auto out = Start().Run({Tensor::Of<float>({1}, {3.0f})}, {});
  EXPECT_EQ(out[0].ToFloats()[0], 6);
  EXPECT_EQ(out[1].ToFloats()[0], 12);
  EXPECT_EQ(counters.in_place, 0);
}

TEST_F(ExecutionTest, DoesNotWriteInPlaceWhenBothOperandsAreTheSameValue) {
  const ValueId a = Emit("Twice", {x_}, "a");
  graph_.AddOutput(Emit("Twice", {a, a}, "b"));
  EXPECT_THAT(Run({1, 5}), ElementsAre(6, 30));
  EXPECT_EQ(counters.in_place, 0);
}

TEST_F(ExecutionTest, SharesBytesThroughViewsAndDoesNotWriteOverThem) {
  const ValueId shape =
      graph_.AddConstant("shape", Tensor::Of<int64_t>({2}, {2, 1}));
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId view = Emit("Reshape", {a, shape}, "view");
  const ValueId b = Emit("Twice", {a}, "b");     // a dies, the view lives
  const ValueId c = Emit("Twice", {view}, "c");  // now sole owner
  graph_.AddOutput(Emit("Twice", {b, c}, "d"));
  RunOptions options;
  std::map<ValueId, const void*> bytes;
  options.taps = {a, view};
  options.tap = [&](ValueId id, const Tensor& t) { bytes[id] = t.raw(); };
  EXPECT_THAT(Run({1, -1}, options), ElementsAre(12, -12));
  EXPECT_EQ(bytes[a], bytes[view]);
  EXPECT_EQ(counters.in_place, 2);  // c over the view, d over b
}

TEST_F(ExecutionTest, ACopyThatATapKeepsStaysAsItWas) {
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId b = Emit("Twice", {a}, "b");
  graph_.AddOutput(Emit("Twice", {b}, "c"));
  Tensor kept;
  RunOptions options;
  options.taps = {a};
  options.tap = [&](ValueId, const Tensor& t) { kept = t; };
  EXPECT_THAT(Run({1}, options), ElementsAre(8));
  EXPECT_EQ(kept.ToFloats()[0], 2);
  EXPECT_EQ(counters.in_place, 1);
}

TEST_F(ExecutionTest, FusesAClampIntoTheOnlyNodeItFollows) {
  const ValueId a = Emit("Twice", {x_}, "a");
  graph_.AddOutput(Emit("Relu", {a}, "r"));
  EXPECT_THAT(Run({1, -2}), ElementsAre(2, 0));
  EXPECT_EQ(counters.clamped, 1);
}

TEST_F(ExecutionTest, FusesClipsWithConstantBoundsOnly) {
  const ValueId low = graph_.AddConstant("low", Tensor::Scalar(-1.0f));
  const ValueId a = Emit("Twice", {x_}, "a");
  graph_.AddOutput(Emit("Clip", {a, low}, "r"));
  EXPECT_THAT(Run({100, -2}), ElementsAre(200, -1));
  EXPECT_EQ(counters.clamped, 1);
}

TEST_F(ExecutionTest, DoesNotFuseWhatIsTappedSimulatedReadTwiceOrAnOutput) {
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId r = Emit("Relu", {a}, "r");
  graph_.AddOutput(r);
  graph_.value(a).quant = PerTensor(DType::kUint8, 3.0f, 128);
  EXPECT_THAT(Run({1, -2}), ElementsAre(3, 0));  // 2 is rounded to 3
  RunOptions tap;
  float seen = 0;
  tap.taps = {a};
  tap.tap = [&](ValueId, const Tensor& t) { seen = t.ToFloats()[1]; };
  tap.simulate = std::vector<bool>(10, false);
  EXPECT_THAT(Run({1, -2}, tap), ElementsAre(2, 0));
  EXPECT_EQ(seen, -4);
  EXPECT_EQ(counters.clamped, 0);
  tap.taps.clear();
  EXPECT_THAT(Run({1, -2}, tap), ElementsAre(2, 0));
  EXPECT_EQ(counters.clamped, 1);
  graph_.AddOutput(a);
  Start();
  Run({1, -2}, tap);
  EXPECT_EQ(counters.clamped, 1);
}

TEST_F(ExecutionTest, RunsTheClampItselfWhenTheNodeHasNoStep) {
  const ValueId a = Emit("Slow", {x_}, "a");
  graph_.AddOutput(Emit("Relu", {a}, "r"));
  EXPECT_THAT(Run({1, -2}), ElementsAre(2, 0));
}

TEST_F(ExecutionTest, PreparesOncePerShape) {
  graph_.AddOutput(Emit("Twice", {x_}, "a"));
  for (const size_t n : {3u, 5u, 3u, 5u, 1u, 0u, 3u}) {
    EXPECT_EQ(Run(std::vector<float>(n, 2.0f)), std::vector<float>(n, 4.0f));
  }
  EXPECT_EQ(counters.prepared, 4);
}

TEST_F(ExecutionTest, PreparesAheadWhatARunAsksFor) {
  const ValueId shape =
      graph_.AddConstant("shape", Tensor::Of<int64_t>({2}, {3, 1}));
  const ValueId clamped = Emit("Relu", {Emit("Twice", {x_}, "a")}, "r");
  const ValueId view = Emit("Reshape", {clamped, shape}, "view");
  const ValueId kept = Emit("Positive", {Emit("Slow", {view}, "s")}, "kept");
  const ValueId rows = graph_.AddInput("i", DType::kInt64, Shape::Of({1}));
  graph_.AddOutput(Emit("Twice", {kept}, "y"));
  graph_.AddOutput(Emit("Reshape", {Emit("Twice", {x_}, "b"), rows}, "z"));
  for (const char* known : {"a", "r", "b"}) {
    graph_.value(graph_.FindValue(known)).dtype = DType::kFloat32;
  }
  Context context;
  context.threads = 1;  // the counters are plain numbers
  Network network(std::make_shared<const Graph>(graph_), context, FindTestOp);
  network.PrepareFor({{3}, {1}});
  const int ahead = counters.prepared;
  EXPECT_EQ(ahead, 2);  // a with its clamp, and b
  Execution execution(network, true);
  const auto out = execution.Run(
      {Tensor::Of<float>({3}, {1, -2, 3}), Tensor::Of<int64_t>({1}, {3})}, {});
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(8, 24));
  EXPECT_THAT(out[1].ToFloats(), ElementsAre(2, -4, 6));
  EXPECT_EQ(counters.clamped, 1);
  EXPECT_EQ(counters.prepared, ahead + 1);  // y, whose size the data tell
  network.PrepareFor({{3}});                // too few: nothing happens
  EXPECT_EQ(counters.prepared, ahead + 1);
}

TEST_F(ExecutionTest, RemembersABoundedNumberOfShapes) {
  graph_.AddOutput(Emit("Twice", {x_}, "y"));
  for (size_t length = 1; length <= 512; ++length) {
    EXPECT_THAT(Run(std::vector<float>(length, 1.5f)),
                testing::AllOf(testing::SizeIs(length), testing::Each(3.0f)));
    ASSERT_LE(counters.alive, 16);
  }
  EXPECT_EQ(counters.prepared, 512);
}

TEST_F(ExecutionTest, FollowsShapesThatOnlyTheDataTell) {
  const ValueId kept = Emit("Positive", {x_}, "kept");
  graph_.AddOutput(Emit("Twice", {kept}, "y"));
  EXPECT_THAT(Run({1, -1, 3}), ElementsAre(2, 6));
  EXPECT_THAT(Run({-1, -1, 3}), ElementsAre(6));
  EXPECT_THAT(Run({-1}), ElementsAre());
}

TEST_F(ExecutionTest, FollowsShapesThatAnotherInputTells) {
  const ValueId shape = graph_.AddInput("s", DType::kInt64, Shape::Of({2}));
  const ValueId view = Emit("Reshape", {x_, shape}, "v");
  graph_.AddOutput(Emit("Twice", {view}, "y"));
  Start();
  const Tensor x = Tensor::Of<float>({4}, {1, 2, 3, 4});
  for (const Dims& dims : {Dims{2, 2}, Dims{4, 1}, Dims{2, 2}}) {
    const auto out = execution_->Run(
        {x, Tensor::Of<int64_t>({2}, std::span<const int64_t>(dims))}, {});
    EXPECT_EQ(out[0].dims(), dims);
    EXPECT_THAT(out[0].ToFloats(), ElementsAre(2, 4, 6, 8));
  }
}

TEST_F(ExecutionTest, ReleasesEverythingAfterARun) {
  ValueId v = x_;
  for (int i = 0; i < 20; ++i) v = Emit("Slow", {Emit("Twice", {v}, "a")}, "b");
  graph_.AddOutput(v);
  Run(std::vector<float>(1000, 0.0f));
  EXPECT_EQ(execution_->memory().pool().bytes_in_use(), 0u);
  EXPECT_LE(execution_->memory().pool().bytes_free(), 3 * 4096u);
}

TEST_F(ExecutionTest, ConvertsHalfPrecisionConstantsInputsAndOutputs) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat16, Shape::Of({2}));
  const ValueId c = graph.AddConstant(
      "c", Tensor::Of<float>({2}, {1, 2}).CastTo(DType::kBfloat16));
  const ValueId y = graph.Emit("Twice", {x, c}, "y");
  graph.value(y).dtype = DType::kFloat16;
  graph.AddOutput(y);
  Network network(std::make_shared<const Graph>(graph), {}, FindTestOp);
  Execution execution(network);
  const Tensor in = Tensor::Of<float>({2}, {0.5f, -1.5f});
  const auto out = execution.Run({in.CastTo(DType::kFloat16)}, {});
  EXPECT_EQ(out[0].dtype(), DType::kFloat16);
  EXPECT_THAT(out[0].ToFloats(), ElementsAre(2, -1));
  EXPECT_THAT(execution.Run({in}, {})[0].ToFloats(), ElementsAre(2, -1));
}

TEST_F(ExecutionTest, ReadsQuantizedConstantsAsReals) {
  const ValueId c =
      graph_.AddConstant("c", Tensor::Of<int8_t>({2}, {int8_t{3}, int8_t{-4}}));
  graph_.value(c).dtype = DType::kFloat32;
  graph_.value(c).quant = PerTensor(DType::kInt8, 0.5f, 1);
  graph_.AddOutput(Emit("Twice", {x_, c}, "y"));
  EXPECT_THAT(Run({0, 0}), ElementsAre(1.0f, -2.5f));
  RunOptions none;
  none.simulate = std::vector<bool>(10, false);
  EXPECT_THAT(Run({0, 0}, none), ElementsAre(1.0f, -2.5f));
}

TEST_F(ExecutionTest, SimulatesInputsAndViewsOnce) {
  const ValueId shape =
      graph_.AddConstant("shape", Tensor::Of<int64_t>({2}, {1, 2}));
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId view = Emit("Reshape", {a, shape}, "view");
  graph_.AddOutput(view);
  graph_.value(x_).quant = PerTensor(DType::kInt8, 1.0f, 0);
  graph_.value(a).quant = PerTensor(DType::kInt8, 3.0f, 0);
  graph_.value(view).quant = PerTensor(DType::kInt8, 3.0f, 0);
  std::set<const void*> bytes;
  RunOptions options;
  options.taps = {a, view};
  options.tap = [&](ValueId, const Tensor& t) { bytes.insert(t.raw()); };
  EXPECT_THAT(Run({1.4f, 200.0f}, options), ElementsAre(3.0f, 255.0f));
  EXPECT_EQ(bytes.size(), 1u);
}

TEST_F(ExecutionTest, AReshapeWithOtherParametersDoesNotChangeItsSource) {
  const ValueId shape =
      graph_.AddConstant("shape", Tensor::Of<int64_t>({1}, {1}));
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId view = Emit("Reshape", {a, shape}, "view");
  graph_.value(view).quant = PerTensor(DType::kInt8, 10.0f, 0);
  graph_.AddOutput(Emit("Twice", {view, a}, "y"));
  EXPECT_THAT(Run({2}), ElementsAre(4.0f));  // 2 * 0 + 4
}

TEST_F(ExecutionTest, NamesTheNodeThatCannotRun) {
  graph_.AddOutput(Emit("Nonsense", {x_}, "y"));
  try {
    Run({1});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), testing::HasSubstr("Nonsense"));
  }
}

TEST_F(ExecutionTest, MakesOutputsInTheMemoryThatIsGivenForThem) {
  const ValueId shape =
      graph_.AddConstant("shape", Tensor::Of<int64_t>({2}, {2, 1}));
  const ValueId a = Emit("Twice", {x_}, "a");
  const ValueId view = Emit("Reshape", {a, shape}, "view");
  const ValueId b = Emit("Twice", {view}, "b");
  for (const ValueId output : {a, view, b, b, x_}) graph_.AddOutput(output);
  std::vector<std::array<float, 2>> places(5);
  std::vector<Dims> shapes(5);
  RunOptions options;
  options.place = [&](size_t index, DType dtype, const Dims& dims) {
    EXPECT_EQ(dtype, DType::kFloat32);
    EXPECT_TRUE(shapes[index].empty()) << "asked for twice";
    shapes[index] = dims;
    return reinterpret_cast<std::byte*>(places[index].data());
  };
  RunOptions tapped = options;
  std::set<const void*> made;
  tapped.taps = {a, b};
  tapped.tap = [&](ValueId, const Tensor& t) { made.insert(t.raw()); };
  Run({1, -3}, tapped);
  EXPECT_THAT(
      made, testing::UnorderedElementsAre(places[0].data(), places[2].data()));
  EXPECT_THAT(places, ElementsAre(ElementsAre(2, -6), ElementsAre(2, -6),
                                  ElementsAre(4, -12), ElementsAre(4, -12),
                                  ElementsAre(1, -3)));
  EXPECT_EQ(shapes[1], (Dims{2, 1}));
  // And none of it stays for a run without.
  EXPECT_THAT(Run({5, 7}), ElementsAre(10, 14));
  EXPECT_EQ(places[0][0], 2);
}

TEST_F(ExecutionTest, StopsWhenCancelled) {
  graph_.AddOutput(Emit("Twice", {x_}, "y"));
  const std::atomic<bool> cancel = true;
  Context context;
  context.cancel = &cancel;
  Network network(std::make_shared<const Graph>(graph_), context, FindTestOp);
  Execution execution(network);
  EXPECT_THROW(execution.Run({Tensor::Of<float>({1}, {1.0f})}, {}), Error);
}

}  // namespace
}  // namespace squint
