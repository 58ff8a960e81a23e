// Sequences of 1 to 512 steps through one loaded executor: real networks with
// attention, GRU and LSTM, float and int8, give what a fresh executor gives,
// bit for bit, and memory stops growing.
//
// The models are found by SQUINT_SHARED, or beside the repository as
// ../shared; without them the tests are skipped. Only some lengths of the
// larger ones are run unless SQUINT_ALL_LENGTHS is set.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <vector>

#include "squint/base/resident_bytes.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/optimize/optimize.h"
#include "squint/runtime/executor.h"
#include "squint/squint.h"

namespace squint {
namespace {

constexpr int64_t kLongest = 512;
// What lengths that were there before may add: buffers of other sizes that
// are free at the moment.
constexpr size_t kSlackBytes = size_t{32} << 20;

std::filesystem::path Shared() {
  const char* given = std::getenv("SQUINT_SHARED");
  return given != nullptr ? given : SQUINT_SHARED_DEFAULT;
}

double SecondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

// A network whose sequence is `axis` of its first input, and of the second
// one where that is a mask.
struct Network {
  const char* stem;
  int axis;
  int64_t step;  // between lengths, unless all are asked for
  // Tables by position that end before kLongest are repeated to that length.
  std::vector<const char*> tables = {};
};

// Rows (and columns, of a square one) repeated up to kLongest.
Tensor Repeated(const Tensor& table) {
  const int64_t rows = table.dim(0);
  const bool square = table.dim(1) == rows;
  const int64_t columns = square ? kLongest : table.dim(1);
  Tensor result(DType::kFloat32, {kLongest, columns});
  for (int64_t i = 0; i < kLongest; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      // A causal mask stays one: rows and columns move together.
      const int64_t row = square && j > i ? 0 : square ? rows - 1 : i % rows;
      const int64_t column = square ? (j > i ? rows - 1 : 0) : j;
      result.mutable_data<float>()[i * columns + j] =
          table.data<float>()[row * table.dim(1) + column];
    }
  }
  return result;
}

Graph WithAnyLength(Graph graph, const Network& network) {
  for (const char* name : network.tables) {
    Value& table = graph.value(graph.FindValue(name));
    table.constant = Repeated(table.constant.Materialize());
    table.shape = Shape::Of(table.constant.dims());
  }
  for (const ValueId id : graph.inputs()) {
    Value& input = graph.value(id);
    DimList dims = input.shape.dims();
    const bool sequence = id == graph.inputs()[0] || IsInteger(input.dtype);
    if (!sequence) continue;
    dims[static_cast<size_t>(network.axis)] = Dim::Symbol("T");
    input.shape = Shape(dims);
  }
  return graph;
}

// Inputs of one sample with `length` steps.
std::vector<Tensor> InputsOf(const Graph& graph, int64_t length) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    Dims dims;
    for (const Dim& dim : value.shape.dims()) {
      const bool steps = dim == Dim::Symbol("T");
      dims.push_back(steps ? length : dim.value().value_or(1));
    }
    Tensor tensor(DType::kFloat32, dims);
    const bool mask = value.name.find("mask") != std::string::npos;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const int64_t noise = (i * 2654435761 + length) % 1009;
      tensor.mutable_data<float>()[i] =
          mask                     ? 1.0f
          : IsInteger(value.dtype) ? static_cast<float>(noise % 61)
                                   : static_cast<float>(noise - 504) * 0.01f;
    }
    inputs.push_back(tensor.CastTo(value.dtype));
  }
  return inputs;
}

void ExpectSameBytes(const std::vector<Tensor>& got,
                     const std::vector<Tensor>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].dims(), want[i].dims());
    EXPECT_EQ(std::memcmp(got[i].raw(), want[i].raw(), want[i].bytes()), 0);
  }
}

std::vector<int64_t> Lengths(const Network& network) {
  const int64_t step =
      std::getenv("SQUINT_ALL_LENGTHS") != nullptr ? 1 : network.step;
  std::vector<int64_t> lengths = {1};
  for (int64_t n = 1 + step; n < kLongest; n += step) lengths.push_back(n);
  lengths.push_back(kLongest);
  return lengths;
}

class Sequences : public testing::TestWithParam<Network> {
 protected:
  void SetUp() override {
    model_ =
        Shared() / "data/models" / (std::string(GetParam().stem) + ".onnx");
    if (!std::filesystem::exists(model_)) {
      GTEST_SKIP() << model_ << " is not there";
    }
    std::string name = testing::TempDir() + "squint_sequences_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    SaveModel(WithAnyLength(LoadModel(model_).graph, GetParam()),
              folder_ / "float.onnx");
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void Quantize() const {
    QuantizeRequest request;
    request.model = (folder_ / "float.onnx").string();
    request.output = (folder_ / "int8.onnx").string();
    request.data.source = "random";
    request.data.limit = 2;
    request.compare = false;
    QuantizeFile(request);
  }

  std::shared_ptr<const Graph> Load(const char* file, bool optimize) const {
    Graph graph = LoadModel(folder_ / file).graph;
    Absorb(graph);
    if (optimize) Optimize(graph);
    return std::make_shared<const Graph>(std::move(graph));
  }

  // All lengths through one executor; every 8th of them (and the first and
  // the last) through a fresh one, too.
  void Check(const std::shared_ptr<const Graph>& graph) const {
    Context context;
    context.threads = 1;
    Executor executor(graph, context);
    const std::vector<int64_t> lengths = Lengths(GetParam());
    double seconds = 0;
    double preparing = 0;
    for (size_t i = 0; i < lengths.size(); ++i) {
      SCOPED_TRACE(lengths[i]);
      const std::vector<Tensor> inputs = InputsOf(*graph, lengths[i]);
      std::vector<Tensor> outputs;
      const double first = SecondsOf([&] { outputs = executor.Run(inputs); });
      seconds += first;
      if (i % 8 != 0 && i + 1 != lengths.size()) continue;
      const double again =
          SecondsOf([&] { ExpectSameBytes(executor.Run(inputs), outputs); });
      preparing = std::max(preparing, first - again);
      ExpectSameBytes(outputs, Executor(graph, context).Run(inputs));
    }
    const size_t once = ResidentBytes();
    for (size_t i = 0; i < lengths.size(); i += 2) {
      executor.Run(InputsOf(*graph, lengths[i]));
    }
    const size_t twice = ResidentBytes();
    EXPECT_LT(twice, once + kSlackBytes);
    std::printf(
        "%s: %zu lengths, %.3f s, a new length at most %.1f ms more, "
        "%zu MB, again %zu MB\n",
        GetParam().stem, lengths.size(), seconds, preparing * 1e3, once >> 20,
        twice >> 20);
  }

  std::filesystem::path model_;
  std::filesystem::path folder_;
};

TEST_P(Sequences, RunThroughOneLoadedFloatModel) {
  Check(Load("float.onnx", true));
}

TEST_P(Sequences, RunThroughOneLoadedInt8Model) {
  Quantize();
  Check(Load("int8.onnx", false));
}

INSTANTIATE_TEST_SUITE_P(
    Real, Sequences,
    testing::Values(Network{"arm_kws_gru_m", 1, 4},
                    Network{"arm_kws_lstm_s", 1, 1},
                    Network{"silero_vad_16k_sequence", 0, 32},
                    Network{"chargpt", 1, 32, {"mask", "wpe.weight"}},
                    Network{"minilm_l6_v5539", 1, 64, {"p.weight"}}),
    [](const auto& each) { return std::string(each.param.stem); });

}  // namespace
}  // namespace squint
