// Whole jobs in which one allocation or one system call fails, each in turn:
// the error says so, nothing leaks, the output is the old file or the new one
// and nothing else is left. SQUINT_FAULT_RUNS says how many runs each job
// gets (default: as many as `make test` has time for); under the address
// sanitizer leaks of any kind are found at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "faults.h"
#include "squint/base/file.h"
#include "squint/onnx/onnx.h"
#include "squint/squint.h"

namespace squint {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::string_view kOld = "what was there before";

int64_t RunsPerJob() {
  const char* text = std::getenv("SQUINT_FAULT_RUNS");
  return text == nullptr ? 150 : std::atoll(text);
}

// y = Softmax(Gemm(GlobalAveragePool(Relu(Conv(x))))).
void WriteModel(const fs::path& path) {
  const auto weights = [](Dims dims) {
    Tensor tensor(DType::kFloat32, std::move(dims));
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.mutable_data<float>()[i] = static_cast<float>(i % 7 - 3) / 4;
    }
    return tensor;
  };
  Graph graph;
  graph.name = "small";
  graph.ir_version = 10;
  graph.opset[""] = 21;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, DimList{Dim::Symbol("n"), 2, 6, 6});
  const ValueId conv = graph.Emit(
      "Conv", {x, graph.AddConstant("w", weights({4, 2, 3, 3}))}, "conv");
  const ValueId relu = graph.Emit("Relu", {conv}, "relu");
  const ValueId pool = graph.Emit("GlobalAveragePool", {relu}, "pool");
  const ValueId flat = graph.Emit("Flatten", {pool}, "flat");
  const ValueId gemm = graph.Emit(
      "Gemm", {flat, graph.AddConstant("m", weights({4, 5}))}, "gemm");
  graph.AddOutput(graph.Emit("Softmax", {gemm}, "y"));
  WriteOnnx(graph, path);
}

void WriteSamples(const fs::path& path, int count) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(count) + ", 2, 6, 6)}";
  header.resize(117, ' ');
  std::string text("\x93NUMPY\x01\x00v\x00", 10);
  text += header + '\n';
  for (int i = 0; i < count * 72; ++i) {
    const float value = static_cast<float>(i * 37 % 101 - 50) / 25;
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  WriteTextFile(path, text);
}

class FaultTest : public ::testing::Test {
 protected:
  FaultTest() {
    std::string name = ::testing::TempDir() + "squint_faults_XXXXXX";
    folder_ = ::mkdtemp(name.data());
    model_ = folder_ / "model.onnx";
    samples_ = folder_ / "samples.npy";
    output_ = folder_ / "output";
    WriteModel(model_);
    WriteSamples(samples_, 4);
    WriteSamples(folder_ / "one.npy", 1);
    before_ = Files();
    context_.threads = 1;
  }
  ~FaultTest() override { fs::remove_all(folder_); }

  // Runs `job` with fault after fault of one kind, spread evenly over all
  // that the job does.
  void Try(Faults::Kind kind, const std::function<void()>& job) {
    job();  // what is made once per process is made
    Faults::Arm(kind, 0);
    job();
    const int64_t total = Faults::Disarm();
    ASSERT_GT(total, 5);
    new_ = ReadTextFile(output_);
    const int64_t runs = std::min(total, RunsPerJob());
    int64_t failed = 0;
    for (int64_t run = 0; run < runs && !HasFailure(); ++run) {
      failed += TryOne(kind, 1 + run * total / runs, job);
    }
    // Few faults are of no consequence: a cache that stays smaller, a file
    // that was read and does not close.
    EXPECT_GT(failed, runs / 2);
  }

  fs::path folder_;
  fs::path model_;
  fs::path samples_;
  fs::path output_;
  Context context_;
  std::set<std::string> allowed_;  // left-over files that are meant to be

 private:
  std::set<std::string> Files() const {
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      files.insert(entry.path().filename().string());
    }
    return files;
  }

  // True when the job told of the fault.
  bool TryOne(Faults::Kind kind, int64_t n, const std::function<void()>& job) {
    SCOPED_TRACE(n);
    for (const std::string& name : allowed_) fs::remove(folder_ / name);
    WriteTextFile(output_, kOld);
    const int64_t live = Faults::LiveBlocks();
    bool told = false;
    Faults::Arm(kind, n);
    try {
      job();
      Faults::Disarm();
    } catch (const Error& error) {
      Faults::Disarm();
      told = true;
      CheckError(kind, error);
    } catch (const std::exception& error) {
      Faults::Disarm();
      ADD_FAILURE() << "another exception than Error: " << error.what();
    }
    EXPECT_EQ(Faults::LiveBlocks(), live) << "blocks leaked";
    CheckFiles();
    return told;
  }

  void CheckError(Faults::Kind kind, const Error& error) const {
    if (kind == Faults::Kind::kAllocations) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      EXPECT_THAT(error.what(),
                  AnyOf(HasSubstr("memory"), HasSubstr("cannot allocate")));
    } else {
      EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(folder_.string()));
    }
  }

  void CheckFiles() const {
    std::set<std::string> expected = before_;
    expected.insert(output_.filename().string());
    std::set<std::string> files = Files();
    for (const std::string& name : allowed_) files.erase(name);
    EXPECT_EQ(files, expected);
    const std::string content = ReadTextFile(output_);
    EXPECT_TRUE(content == kOld || content == new_) << "half-written output";
  }

  std::set<std::string> before_;
  std::string new_;
};

constexpr Faults::Kind kKinds[] = {Faults::Kind::kAllocations,
                                   Faults::Kind::kCalls};

TEST_F(FaultTest, QuantizingTellsOfEveryFault) {
  QuantizeRequest request;
  request.model = model_;
  request.output = output_;
  request.data.source = samples_;
  for (const auto kind : kKinds) {
    Try(kind, [&] { QuantizeFile(request, context_); });
  }
}

TEST_F(FaultTest, QuantizingWithThreadsTellsOfEveryFault) {
  context_.threads = 2;
  QuantizeRequest request;
  request.model = model_;
  request.output = output_;
  request.data.source = samples_;
  for (const auto kind : kKinds) {
    Try(kind, [&] { QuantizeFile(request, context_); });
  }
}

TEST_F(FaultTest, QuantizingWeightsAloneTellsOfEveryFault) {
  QuantizeRequest request;
  request.model = model_;
  request.output = output_;
  request.recipe.mode = "weight-only";
  for (const auto kind : kKinds) {
    Try(kind, [&] { QuantizeFile(request, context_); });
  }
}

TEST_F(FaultTest, CalibratingTellsOfEveryFault) {
  CalibrateRequest request;
  request.model = model_;
  request.output = output_;
  request.data.source = samples_;
  allowed_ = {output_.filename().string() + ".partial"};
  for (const auto kind : kKinds) {
    Try(kind, [&] { CalibrateFile(request, context_); });
  }
}

TEST_F(FaultTest, RunningTellsOfEveryFault) {
  RunRequest request;
  request.model = model_;
  request.inputs = {folder_ / "one.npy"};
  request.output = output_;
  for (const auto kind : kKinds) {
    Try(kind, [&] { RunFile(request, context_); });
  }
}

}  // namespace
}  // namespace squint
