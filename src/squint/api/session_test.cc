// Sessions by the public interface alone, on files that are made here: a float
// network, the same in int8, and one with nested graphs.
#include "squint/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "squint/base/resident_bytes.h"
#include "squint/base/test_forks.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/squint.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

constexpr int kThreads = 8;
constexpr int64_t kChannels = 12;
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

// Images of any number and size through a convolution, a residual sum and a
// product: "scores" [n, 7], and "map", which is also read on the way.
Graph ImageNetwork() {
  Graph graph;
  const ValueId x = graph.AddInput(
      "image", DType::kFloat32,
      Shape({Dim::Symbol("n"), Dim(3), Dim::Symbol("h"), Dim::Symbol("w")}));
  const auto weights = [&](std::string name, Dims dims, uint32_t seed) {
    return graph.AddConstant(std::move(name), Noise(dims, 0.2f, seed));
  };
  const auto conv = [&](ValueId in, int64_t channels, std::string name) {
    const ValueId w = weights(name + "_w", {kChannels, channels, 3, 3}, 3);
    const ValueId y = graph.Emit("Conv", {in, w}, name,
                                 {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    return graph.Emit("Relu", {y}, name + "_relu");
  };
  const ValueId first = conv(x, 3, "first");
  const ValueId map =
      graph.Emit("Add", {conv(first, kChannels, "second"), first}, "map");
  const ValueId mean = graph.Emit("GlobalAveragePool", {map}, "mean");
  const ValueId flat = graph.Emit("Flatten", {mean}, "flat");
  graph.AddOutput(graph.Emit(
      "MatMul", {flat, weights("head", {kChannels, 7}, 5)}, "scores"));
  graph.AddOutput(map);
  InferShapes(graph);
  return graph;
}

// rows[indices], which a changing index could leave.
Graph RowsByIndex() {
  Graph graph;
  const ValueId rows = graph.AddConstant("rows", Noise({50, 40}, 1.0f, 9));
  const ValueId at =
      graph.AddInput("at", DType::kInt64, Shape({Dim::Symbol("n")}));
  graph.AddOutput(graph.Emit("Gather", {rows, at}, "picked"));
  InferShapes(graph);
  return graph;
}

struct Image {
  std::vector<float> values;
  TensorShape shape;
  InputBuffer buffer() const { return InputOf(values, shape); }
};
Image ImageOf(int64_t n, int64_t side, uint32_t seed) {
  const Dims dims = {n, 3, side, side + 1};
  return {Noise(dims, 1.0f, seed).ToFloats(), dims};
}

std::vector<std::string> BytesOf(const std::vector<Result>& results) {
  std::vector<std::string> bytes;
  for (const Result& result : results) {
    bytes.emplace_back(static_cast<const char*>(result.data()), result.bytes());
  }
  return bytes;
}

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    std::string name = ::testing::TempDir() + "squint_session_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    SaveModel(ImageNetwork(), Path("float.onnx"));
  }
  ~SessionTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const {
    return (folder_ / name).string();
  }
  std::string Quantized() const {
    QuantizeRequest request;
    request.model = Path("float.onnx");
    request.output = Path("int8.onnx");
    request.data.source = "random";
    request.data.limit = 4;
    request.recipe.preset = "squint";
    request.compare = false;
    QuantizeFile(request);
    return request.output;
  }

  std::filesystem::path folder_;
};

template <typename Job>
std::string MessageOf(Job&& job) {
  try {
    job();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.message();
  }
  return "no error";
}

TEST_F(SessionTest, TellsWhatTheNetworkTakesAndGives) {
  const Session session(Path("float.onnx"));
  ASSERT_EQ(session.inputs().size(), 1u);
  EXPECT_EQ(session.inputs()[0].name, "image");
  EXPECT_EQ(session.inputs()[0].type, ElementType::kFloat32);
  EXPECT_EQ(session.inputs()[0].shape, (TensorShape{-1, 3, -1, -1}));
  ASSERT_EQ(session.outputs().size(), 2u);
  EXPECT_EQ(session.outputs()[1].name, "map");
}

// Every thread has its own order of shapes, the first runs prepare at once.
void ExpectRunsOfAllThreadsToEqualRunsAlone(const std::string& model) {
  std::vector<Image> images;
  for (uint32_t i = 0; i < 6; ++i) {
    images.push_back(ImageOf(1 + i % 2, 5 + 4 * (i / 2), 100 + i));
  }
  const Session alone(model);
  std::vector<std::vector<std::string>> expected;
  for (const Image& image : images) {
    expected.push_back(BytesOf(alone.Run({image.buffer()})));
  }
  for (const int threads : {1, 2, 5}) {
    Context context;
    context.threads = threads;
    const Session session(model, context);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> callers;
    for (size_t c = 0; c < kThreads; ++c) {
      callers.emplace_back([&, c] {
        for (size_t i = 0; i < 4 * images.size(); ++i) {
          const size_t which = (i * (c + 1) + c) % images.size();
          const auto results = session.Run({images[which].buffer()});
          wrong += BytesOf(results) != expected[which];
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(wrong.load(), 0) << threads << " threads";
  }
}

TEST_F(SessionTest, EightThreadsGetTheBytesOfARunAloneInFloat) {
  ExpectRunsOfAllThreadsToEqualRunsAlone(Path("float.onnx"));
}

TEST_F(SessionTest, EightThreadsGetTheBytesOfARunAloneInIntegers) {
  ExpectRunsOfAllThreadsToEqualRunsAlone(Quantized());
}

TEST_F(SessionTest, NestedGraphsRunInEightThreads) {
  Graph graph = ControlFlowNetwork();
  InferShapes(graph);
  SaveModel(graph, Path("nested.onnx"));
  const Session session(Path("nested.onnx"));
  std::vector<std::thread> callers;
  for (uint32_t c = 0; c < kThreads; ++c) {
    callers.emplace_back([&, c] {
      for (uint32_t i = 0; i < 6; ++i) {
        const Tensor x = Noise({1 + (c + i) % 5, kRows, kWidth}, 1.0f, c + i);
        const std::vector<float> values = x.ToFloats();
        const auto results = session.Run({InputOf(values, x.dims())});
        EXPECT_THAT(results[0].values<float>(),
                    ::testing::Pointwise(::testing::DoubleNear(1e-5),
                                         ControlFlowExpected(x).y));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(SessionTest, FillsBuffersOfTheCaller) {
  for (const std::string& model : {Path("float.onnx"), Quantized()}) {
    const Session session(model);
    const Image image = ImageOf(2, 6, 1);
    const auto expected = session.Run({image.buffer()});
    std::vector<float> scores(2 * 7);
    std::vector<float> map(2 * kChannels * 6 * 7);
    session.Run({image.buffer()}, {OutputOf(scores, {2, 7}),
                                   OutputOf(map, {2, kChannels, 6, 7})});
    EXPECT_THAT(expected[0].values<float>(),
                ::testing::ElementsAreArray(scores));
    EXPECT_THAT(expected[1].values<float>(), ::testing::ElementsAreArray(map));
  }
}

TEST_F(SessionTest, RefusesInputsThatDoNotFit) {
  const Session session(Path("float.onnx"));
  const Image image = ImageOf(1, 4, 1);
  const auto message = [&](InputBuffer input) {
    return MessageOf([&] { session.Run({input}); });
  };
  EXPECT_THAT(MessageOf([&] { session.Run({}); }),
              HasSubstr("1 inputs, got 0"));
  InputBuffer input = image.buffer();
  input.shape = {1, 4, 4, 5};
  EXPECT_THAT(message(input), HasSubstr("'image' has shape [?,3,?,?]"));
  input.shape = {1, 3, -4, -5};
  EXPECT_THAT(message(input), HasSubstr("got [1,3,-4,-5]"));
  input.shape = {1, 3, 4, 6};
  EXPECT_THAT(message(input),
              HasSubstr("takes 288 bytes as float32 [1,3,4,6], its buffer has "
                        "240"));
  input = image.buffer();
  input.type = ElementType::kInt32;
  EXPECT_THAT(message(input), HasSubstr("'image' is float32, got int32"));
  input.type = static_cast<ElementType>(99);
  EXPECT_THAT(message(input), HasSubstr("of no type"));
  input = image.buffer();
  input.data = nullptr;
  EXPECT_THAT(message(input), HasSubstr("data is null"));
}

TEST_F(SessionTest, RefusesOutputBuffersThatDoNotFit) {
  const Session session(Path("float.onnx"));
  const Image image = ImageOf(1, 4, 1);
  std::vector<float> memory(400);
  const std::span<float> all(memory);
  const OutputBuffer map = OutputOf(all.subspan(100, 240), {1, 12, 4, 5});
  const auto message = [&](OutputBuffer scores) {
    return MessageOf([&] { session.Run({image.buffer()}, {scores, map}); });
  };
  EXPECT_EQ(message(OutputOf(all.subspan(0, 7), {1, 7})), "no error");
  EXPECT_THAT(message(OutputOf(all.subspan(0, 8), {1, 8})),
              HasSubstr("'scores' has shape [?,7], got [1,8]"));
  EXPECT_THAT(message(OutputOf(all.subspan(0, 14), {2, 7})),
              HasSubstr("'scores' is float32 [1,7], its buffer is float32 "
                        "[2,7]"));
  EXPECT_THAT(message(OutputOf(all.subspan(95, 7), {1, 7})),
              HasSubstr("overlaps that of output 'scores'"));
  OutputBuffer shifted = OutputOf(all.subspan(0, 7), {1, 7});
  shifted.data = reinterpret_cast<std::byte*>(memory.data()) + 1;
  EXPECT_THAT(message(shifted), HasSubstr("not aligned"));
  shifted.data = const_cast<float*>(image.values.data() + 10);
  EXPECT_THAT(message(shifted), HasSubstr("overlaps that of input 'image'"));
  std::vector<int32_t> integers(7);
  EXPECT_THAT(message(OutputOf(integers, {1, 7})),
              HasSubstr("'scores' is float32, its buffer is int32"));
  EXPECT_THAT(MessageOf([&] { session.Run({image.buffer()}, {map}); }),
              HasSubstr("2 outputs, got 1"));
}

TEST_F(SessionTest, TakesInputsFromAnyAddress) {
  const Session session(Path("float.onnx"));
  const Image image = ImageOf(1, 4, 1);
  const auto expected = BytesOf(session.Run({image.buffer()}));
  std::vector<char> bytes(image.buffer().bytes + 1);
  std::memcpy(bytes.data() + 1, image.values.data(), image.buffer().bytes);
  InputBuffer input = image.buffer();
  input.data = bytes.data() + 1;
  EXPECT_EQ(BytesOf(session.Run({input})), expected);
}

TEST_F(SessionTest, ResultsRefuseToBeReadAsAnotherType) {
  const Session session(Path("float.onnx"));
  const auto results = session.Run({ImageOf(1, 4, 1).buffer()});
  EXPECT_THAT(MessageOf([&] { results[0].values<int32_t>(); }),
              HasSubstr("float32, not int32"));
}

// Indices that are checked must be those that are used.
TEST_F(SessionTest, SurvivesInputsThatChangeWhileItRuns) {
  if (kThreadSanitizer) GTEST_SKIP() << "the race is the point";
  SaveModel(RowsByIndex(), Path("rows.onnx"));
  const Session session(Path("rows.onnx"));
  std::vector<int64_t> at(2000, 1);
  std::atomic<bool> stop = false;
  std::thread changing([&] {
    volatile int64_t* index = at.data();
    for (size_t i = 0; !stop; i = (i + 1) % at.size()) {
      index[i] = index[i] == 1 ? int64_t{1} << 40 : 1;
    }
  });
  const auto first = session.Run({InputOf(std::vector<int64_t>{1}, {1})});
  for (int run = 0; run < 200; ++run) {
    try {
      const auto results = session.Run({InputOf(at, {2000})});
      EXPECT_EQ(results[0].values<float>()[0], first[0].values<float>()[0]);
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr("Gather"));
    }
  }
  stop = true;
  changing.join();
}

TEST_F(SessionTest, WorksInTheChildOfAFork) {
  if (const char* why = NoThreadsBehindFork()) GTEST_SKIP() << why;
  Context context;
  context.threads = 2;
  const Session session(Quantized(), context);
  const Image image = ImageOf(2, 20, 1);
  const auto expected = BytesOf(session.Run({image.buffer()}));
  const pid_t child = fork();
  if (child == 0) {
    int wrong = 0;
    std::thread other([&] {
      for (int i = 0; i < 20; ++i) session.Run({ImageOf(1, 9, 2).buffer()});
    });
    for (int i = 0; i < 20; ++i) {
      wrong += BytesOf(session.Run({image.buffer()})) != expected;
    }
    other.join();
    _exit(wrong);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(BytesOf(session.Run({image.buffer()})), expected);
}

TEST_F(SessionTest, CopiesShareTheNetworkAndOutliveIt) {
  const Image image = ImageOf(1, 8, 1);
  auto session = std::make_unique<Session>(Path("float.onnx"));
  const auto expected = session->Run({image.buffer()});
  const Session copy = *session;
  session.reset();
  EXPECT_EQ(BytesOf(copy.Run({image.buffer()})), BytesOf(expected));
}

TEST_F(SessionTest, PreparesForShapesAndRefusesOthers) {
  const Session session(Path("float.onnx"));
  session.Prepare({{2, 3, 8, 8}});
  EXPECT_THAT(MessageOf([&] {
                session.Prepare({{2, 4, 8, 8}});
              }),
              HasSubstr("'image' has shape [?,3,?,?], got [2,4,8,8]"));
  EXPECT_THAT(MessageOf([&] { session.Prepare({}); }), HasSubstr("got 0"));
}

TEST_F(SessionTest, NamesTheFileOfAModelThatIsNone) {
  std::ofstream(Path("none.onnx")) << "no model";
  try {
    const Session session(Path("none.onnx"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.message(), HasSubstr("none.onnx"));
  }
}

TEST_F(SessionTest, RefusesResultsBeyondTheMemoryLimit) {
  Context context;
  context.memory_limit = 50'000;
  const Session session(Path("float.onnx"), context);
  session.Run({ImageOf(1, 8, 1).buffer()});
  try {
    session.Run({ImageOf(1, 60, 1).buffer()});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
  session.Run({ImageOf(1, 8, 1).buffer()});
}

TEST_F(SessionTest, MemoryStopsGrowing) {
  const Session session(Quantized());
  // More shapes than a node remembers.
  const auto run_all = [&] {
    std::vector<std::thread> callers;
    for (uint32_t c = 0; c < kThreads; ++c) {
      callers.emplace_back([&session, c] {
        for (int64_t i = 0; i < 40; ++i) {
          session.Run({ImageOf(1, 20 + (i * 7 + c) % 40, c).buffer()});
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  };
  run_all();
  run_all();
  const size_t before = ResidentBytes();
  for (int round = 0; round < 4; ++round) run_all();
  // 1280 runs; one result that stayed of each would be 40 MB.
  EXPECT_LT(ResidentBytes(), before + (size_t{24} << 20));
}

TEST_F(SessionTest, RoundsFactorsOfFloatProductsToBfloat16WhereAsked) {
  const Image image = ImageOf(2, 9, 4);
  const auto run = [&](const std::string& model, FloatFormat format) {
    return Session(model, {}, {.float_format = format}).Run({image.buffer()});
  };
  const auto exact = run(Path("float.onnx"), FloatFormat::kFloat32);
  const auto rounded = run(Path("float.onnx"), FloatFormat::kBf16);
  for (const size_t output : {size_t{0}, size_t{1}}) {
    const auto a = exact[output].values<float>();
    const auto b = rounded[output].values<float>();
    float most = 0;
    float difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      most = std::max(most, std::abs(a[i]));
      difference = std::max(difference, std::abs(a[i] - b[i]));
    }
    EXPECT_GT(difference, 0) << output;
    EXPECT_LT(difference, most / 64) << output;
  }
  const std::string quantized = Quantized();
  EXPECT_EQ(BytesOf(run(quantized, FloatFormat::kBf16)),
            BytesOf(run(quantized, FloatFormat::kFloat32)));
}

}  // namespace
}  // namespace squint
