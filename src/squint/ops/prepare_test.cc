// Every prepared step against its operator's float reference: on the examples
// of the list, and on shapes around the kernels' tile borders.
#include "squint/ops/prepare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

// The prepared step of one example and what it needs to run.
class PreparedExample {
 public:
  PreparedExample(const OpExample& example, const std::vector<Tensor>& truth)
      : example_(example),
        graph_(GraphOf(example)),
        op_(FindOp(example.op_type, example.domain)) {
    PrepareContext context{.node = graph_.node(graph_.order().front()),
                           .input_dtypes = {},
                           .input_dims = {},
                           .output_dtypes = {},
                           .output_dims = {},
                           .constants = {},
                           .packs = packs_,
                           .pack_key = "example",
                           .threads = 2,
                           .clamp = {}};
    for (const auto& input : example.inputs) {
      const bool absent = input.value.empty();
      context.input_dtypes.push_back(input.value.dtype());
      context.input_dims.push_back(absent ? Dims{} : input.value.dims());
      context.constants.push_back(input.constant ? &input.value : nullptr);
      inputs_.push_back(absent ? nullptr : input.value.raw());
    }
    for (const Tensor& tensor : truth) {
      context.output_dtypes.push_back(tensor.dtype());
      context.output_dims.push_back(tensor.dims());
      outputs_.push_back(Tensor(tensor.dtype(), tensor.dims()));
    }
    if (op_->prepare != nullptr) step_ = op_->prepare(context);
  }

  bool prepared() const { return step_ != nullptr; }

  std::vector<Tensor> Run(int threads) {
    ThreadPool pool(threads);
    const size_t bytes = step_->scratch_bytes();
    const auto scratch = Buffer::Allocate(bytes + 64);
    std::memset(scratch->mutable_data(), 0xFF, bytes);
    std::vector<void*> outputs;
    for (Tensor& tensor : outputs_) {
      std::memset(tensor.mutable_raw(), 0xFF, tensor.bytes());
      outputs.push_back(tensor.mutable_raw());
    }
    step_->Run({inputs_, outputs, scratch->mutable_data(), pool});
    return outputs_;
  }

 private:
  const OpExample& example_;
  Graph graph_;
  const OpDef* op_;
  PackCache packs_;
  std::unique_ptr<Step> step_;
  std::vector<const void*> inputs_;
  std::vector<Tensor> outputs_;
};

void ExpectSame(const Tensor& result, const Tensor& truth) {
  ASSERT_EQ(result.dims(), truth.dims());
  if (truth.dtype() != DType::kFloat32) {
    EXPECT_EQ(std::memcmp(result.raw(), truth.raw(), truth.bytes()), 0);
    return;
  }
  const float* a = result.data<float>();
  const float* b = truth.data<float>();
  float largest = 1.0f;
  for (int64_t i = 0; i < truth.size(); ++i) {
    if (std::isfinite(b[i])) largest = std::max(largest, std::fabs(b[i]));
  }
  for (int64_t i = 0; i < truth.size(); ++i) {
    if (std::isnan(b[i])) {
      EXPECT_TRUE(std::isnan(a[i])) << i;
    } else if (std::isinf(b[i])) {
      EXPECT_EQ(a[i], b[i]) << i;
    } else {
      ASSERT_NEAR(a[i], b[i], 1e-5f * largest) << "element " << i;
    }
  }
}

// False: no step was prepared.
bool Check(const OpExample& example) {
  SCOPED_TRACE(example.label());
  const std::vector<Tensor> truth = RunExample(example);
  PreparedExample prepared(example, truth);
  if (!prepared.prepared()) return false;
  for (const int threads : {1, 2}) {
    const std::vector<Tensor> result = prepared.Run(threads);
    for (size_t i = 0; i < truth.size(); ++i) {
      SCOPED_TRACE(i);
      if (!truth[i].empty()) ExpectSame(result[i], truth[i]);
    }
  }
  return true;
}

void CheckPrepared(const OpExample& example) {
  EXPECT_TRUE(Check(example)) << example.label() << ": no step";
}

TEST(Prepare, EveryExampleEqualsItsReference) {
  int prepared = 0;
  for (const OpExample& example : AllExamples()) prepared += Check(example);
  EXPECT_GT(prepared, 10);
}

TEST(Prepare, ConvAroundTileBorders) {
  for (const int64_t size : {1, 7, 13, 16, 29}) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t kernel : {1, 3}) {
        CheckPrepared(OpExample("Conv", "dense")
                          .In(Ramp({2, 5, size, size + 1}))
                          .Const(Ramp({9, 5, kernel, kernel}, -1, 1, 2))
                          .Const(Ramp({9}, -1, 1, 3))
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("auto_pad", std::string("SAME_UPPER")));
        CheckPrepared(OpExample("Conv", "depthwise")
                          .In(Ramp({2, 6, size, size + 1}))
                          .Const(Ramp({6, 1, kernel, kernel}, -1, 1, 2))
                          .Set("group", int64_t{6})
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("auto_pad", std::string("SAME_LOWER")));
      }
    }
  }
}

TEST(Prepare, ConvWithOneSpatialAxis) {
  CheckPrepared(OpExample("Conv", "1-D")
                    .In(Ramp({2, 4, 50}))
                    .Const(Ramp({8, 2, 5}, -1, 1, 2))
                    .Set("group", int64_t{2})
                    .Set("strides", std::vector<int64_t>{3})
                    .Set("pads", std::vector<int64_t>{2, 4}));
}

TEST(Prepare, GemmWithEveryTransposeAndBias) {
  for (int bits = 0; bits < 8; ++bits) {
    const bool ta = (bits & 1) != 0;
    const bool tb = (bits & 2) != 0;
    const int64_t m = (bits & 4) != 0 ? 1 : 9;
    for (const Dims& bias :
         {Dims{}, Dims{1}, Dims{50}, Dims{1, 50}, Dims{m, 1}, Dims{m, 50}}) {
      const auto gemm = [&](float alpha, bool constant) {
        OpExample example("Gemm", "transposed or not");
        example = std::move(example).In(Ramp(ta ? Dims{13, m} : Dims{m, 13}));
        const Tensor b = Ramp(tb ? Dims{50, 13} : Dims{13, 50}, -1, 1, 2);
        example =
            constant ? std::move(example).Const(b) : std::move(example).In(b);
        return std::move(example)
            .Const(Ramp(bias, -1, 1, 3))
            .Set("transA", int64_t{ta})
            .Set("transB", int64_t{tb})
            .Set("alpha", alpha)
            .Set("beta", 1.5f);
      };
      CheckPrepared(gemm(1.0f, true));
      CheckPrepared(gemm(1.0f, false));
      CheckPrepared(gemm(0.5f, true));
    }
  }
}

TEST(Prepare, MatMulOfVectorsMatricesAndBatches) {
  const std::vector<std::pair<Dims, Dims>> shapes = {
      {{7}, {7}},
      {{7}, {7, 5}},
      {{5, 7}, {7}},
      {{3, 7}, {7, 50}},
      {{2, 3, 7}, {7, 50}},
      {{1, 400}, {400, 130}},
      {{2, 3, 7}, {2, 7, 5}},
      {{4, 1, 3, 7}, {2, 7, 5}},
      {{3, 7}, {2, 7, 5}},
      {{7}, {2, 7, 5}},
      {{2, 3, 7}, {1, 7, 5}},
  };
  for (const auto& [a, b] : shapes) {
    CheckPrepared(OpExample("MatMul", DimsToString(a) + DimsToString(b))
                      .In(Ramp(a))
                      .In(Ramp(b, -1, 1, 2)));
    CheckPrepared(OpExample("MatMul", DimsToString(a) + DimsToString(b))
                      .In(Ramp(a))
                      .Const(Ramp(b, -1, 1, 2)));
  }
}

}  // namespace
}  // namespace squint
