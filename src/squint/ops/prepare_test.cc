// Every prepared step against its operator's float reference: on the examples
// of the list, and on shapes around the kernels' tile borders.
#include "squint/ops/prepare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

// The prepared step of one example and what it needs to run.
class PreparedExample {
 public:
  PreparedExample(const OpExample& example, const std::vector<Tensor>& truth,
                  std::optional<std::pair<float, float>> clamp = {})
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
                           .clamp = clamp};
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

// The reference's outputs, limited, where the row can fuse a clamp.
void CheckClamped(const OpExample& example) {
  SCOPED_TRACE(example.label());
  std::vector<Tensor> truth = RunExample(example);
  PreparedExample prepared(example, truth, std::pair{-0.25f, 0.5f});
  ASSERT_TRUE(prepared.prepared());
  Tensor limited = truth[0].Clone();
  float* values = limited.mutable_data<float>();
  for (int64_t i = 0; i < limited.size(); ++i) {
    values[i] = std::clamp(values[i], -0.25f, 0.5f);
  }
  ExpectSame(prepared.Run(2)[0], limited);
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

TEST(Prepare, UnaryFunctionsOverSeveralLengths) {
  for (const char* type :
       {"Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish",
        "LeakyRelu", "Neg", "Relu", "Round", "Sigmoid", "Softplus", "Tanh"}) {
    for (const int64_t length : {1, 15, 17, 20000}) {
      CheckPrepared(OpExample(type, "row").In(Ramp({length}, -4, 4)));
    }
  }
  for (const char* type : {"Log", "Sqrt", "Reciprocal"}) {
    CheckPrepared(OpExample(type, "positive").In(Ramp({3, 17}, 0.1f, 4)));
  }
  for (const char* approximate : {"none", "tanh"}) {
    CheckPrepared(OpExample("Gelu", approximate)
                      .In(Ramp({3, 17}, -4, 4))
                      .Set("approximate", std::string(approximate)));
  }
  CheckPrepared(OpExample("SiLU", "row", "squint").In(Ramp({33}, -4, 4)));
}

TEST(Prepare, ClipWithEitherLimit) {
  const Tensor low = Tensor::Scalar<float>(-0.5f);
  const Tensor high = Tensor::Scalar<float>(0.25f);
  const auto x = [] { return OpExample("Clip", "limits").In(Ramp({50})); };
  CheckPrepared(x());
  CheckPrepared(x().Const(low));
  CheckPrepared(x().Absent().In(high));
  CheckPrepared(x().In(low).Const(high));
}

TEST(Prepare, BinaryWithBroadcasts) {
  const std::vector<std::pair<Dims, Dims>> shapes = {
      {{}, {}},        {{33}, {33}},    {{2, 3, 4, 5}, {3, 1, 1}},
      {{4, 40}, {40}}, {{40}, {4, 40}}, {{2, 1, 5}, {3, 1}},
      {{20000}, {1}},
  };
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"}) {
    for (const auto& [a, b] : shapes) {
      CheckPrepared(OpExample(type, DimsToString(a) + DimsToString(b))
                        .In(Ramp(a, 0.5f, 2))
                        .In(Ramp(b, 0.5f, 2, 2)));
    }
  }
}

TEST(Prepare, NormalizationsAndSoftmax) {
  for (const int64_t length : {1, 7, 384}) {
    CheckPrepared(OpExample("Softmax", "last").In(Ramp({2, 5, length}, -9, 9)));
    CheckPrepared(OpExample("Softmax", "first")
                      .In(Ramp({length, 1}, -9, 9))
                      .Set("axis", int64_t{0}));
    CheckPrepared(OpExample("LogSoftmax", "last").In(Ramp({5, length}, -9, 9)));
    CheckPrepared(OpExample("LayerNormalization", "last")
                      .In(Ramp({2, 5, length}, 1, 3))
                      .Const(Ramp({length}, -1, 1, 2))
                      .Const(Ramp({length}, -1, 1, 3)));
    CheckPrepared(OpExample("BatchNormalization", "image")
                      .In(Ramp({2, 3, length, 2}))
                      .Const(Ramp({3}, -1, 1, 2))
                      .Const(Ramp({3}, -1, 1, 3))
                      .Const(Ramp({3}, -1, 1, 4))
                      .Const(Ramp({3}, 0.5f, 2, 5)));
  }
  CheckPrepared(OpExample("LayerNormalization", "two axes, no shift")
                    .In(Ramp({4, 3, 5}))
                    .Const(Ramp({3, 5}, -1, 1, 2))
                    .Set("axis", int64_t{1}));
}

TEST(Prepare, PoolsWithEveryKindOfPadding) {
  for (const char* type : {"MaxPool", "AveragePool"}) {
    for (int bits = 0; bits < 16; ++bits) {
      const int64_t stride = (bits & 1) != 0 ? 2 : 1;
      OpExample example(type, "window");
      example = std::move(example)
                    .In(Ramp({2, 3, 12, 13}))
                    .Set("kernel_shape", std::vector<int64_t>{3, 2})
                    .Set("strides", std::vector<int64_t>{stride, stride})
                    .Set("ceil_mode", int64_t{(bits & 2) != 0});
      if ((bits & 4) != 0) {
        example =
            std::move(example).Set("pads", std::vector<int64_t>{1, 0, 2, 1});
      }
      if ((bits & 8) != 0 && std::string(type) == "AveragePool") {
        example = std::move(example).Set("count_include_pad", int64_t{1});
      }
      CheckPrepared(example);
    }
    CheckPrepared(OpExample(type, "1-D, dilated")
                      .In(Ramp({2, 3, 40}))
                      .Set("kernel_shape", std::vector<int64_t>{3})
                      .Set("dilations", std::vector<int64_t>{2}));
    CheckPrepared(OpExample(type, "global")
                      .In(Ramp({2, 3, 25, 5}))
                      .Set("kernel_shape", std::vector<int64_t>{25, 5}));
  }
  for (const char* type : {"GlobalAveragePool", "GlobalMaxPool"}) {
    CheckPrepared(OpExample(type, "image").In(Ramp({2, 3, 7, 7})));
    CheckPrepared(OpExample(type, "pixel").In(Ramp({2, 3, 1})));
  }
}

TEST(Prepare, MovesOfElements) {
  const std::vector<std::vector<int64_t>> perms = {{0, 1, 2, 3}, {3, 2, 1, 0},
                                                   {0, 2, 1, 3}, {0, 2, 3, 1},
                                                   {0, 3, 1, 2}, {1, 0, 3, 2}};
  for (const auto& perm : perms) {
    CheckPrepared(OpExample("Transpose", DimsToString(perm))
                      .In(Ramp({2, 17, 5, 33}))
                      .Set("perm", perm));
    CheckPrepared(OpExample("Transpose", "integers")
                      .In(Ints({2, 1, 3, 2}, std::vector<int64_t>(12, 7)))
                      .Set("perm", perm));
  }
  for (const int64_t axis : {0, 1, -1}) {
    Dims other = {2, 3, 4};
    other[static_cast<size_t>(axis < 0 ? 2 : axis)] = 5;
    CheckPrepared(OpExample("Concat", "axis")
                      .In(Ramp({2, 3, 4}))
                      .In(Ramp(other, -1, 1, 2))
                      .In(Ramp({2, 3, 4}, -1, 1, 3))
                      .Set("axis", axis));
  }
  CheckPrepared(OpExample("Split", "unequal")
                    .In(Ramp({2, 9, 4}))
                    .Const(Ints({3}, {2, 3, 4}))
                    .Set("axis", int64_t{1})
                    .Outputs(3));
}

TEST(Prepare, SlicesForwardsAndBackwards) {
  struct Case {
    int64_t start, end, step;
  };
  for (const auto& [start, end, step] :
       {Case{0, 9, 1}, Case{2, 7, 2}, Case{-3, INT64_MAX, 1}, Case{8, 1, -3},
        Case{-1, INT64_MIN, -1}, Case{100, INT64_MIN, -2}, Case{-100, 5, 1}}) {
    CheckPrepared(OpExample("Slice", std::to_string(start))
                      .In(Ramp({3, 9, 5}))
                      .Const(Ints({2}, {start, 1}))
                      .Const(Ints({2}, {end, 4}))
                      .Const(Ints({2}, {1, -1}))
                      .Const(Ints({2}, {step, 1})));
  }
}

TEST(Prepare, PadAndGather) {
  for (const std::vector<int64_t>& pads :
       {std::vector<int64_t>{0, 1, 2, 3}, {0, -1, 2, 0}, {-1, 0, 0, -2}}) {
    CheckPrepared(
        OpExample("Pad", "zeros").In(Ramp({4, 6})).Const(Ints({4}, pads)));
    CheckPrepared(OpExample("Pad", "value")
                      .In(Ramp({4, 6}))
                      .Const(Ints({4}, pads))
                      .Const(Tensor::Scalar<float>(2.5f)));
  }
  for (const int64_t axis : {0, 1, 2}) {
    CheckPrepared(OpExample("Gather", "axis")
                      .In(Ramp({3, 4, 5}))
                      .In(Ints({2, 2}, {0, -1, 2, 1}))
                      .Set("axis", axis));
  }
}

TEST(Prepare, ConvTransposeWithStridesPadsAndGroups) {
  for (const int64_t stride : {1, 2, 3}) {
    for (const int64_t groups : {1, 2}) {
      for (const int64_t pad : {0, 1}) {
        CheckPrepared(OpExample("ConvTranspose", "image")
                          .In(Ramp({2, 6, 5, 7}))
                          .Const(Ramp({6, 3, 3, 2}, -1, 1, 2))
                          .Const(Ramp({3 * groups}, -1, 1, 3))
                          .Set("group", groups)
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("pads", std::vector<int64_t>{pad, 0, 1, pad}));
      }
    }
  }
}

TEST(Prepare, RecurrentNetworksInBothDirections) {
  for (const char* type : {"LSTM", "GRU"}) {
    const int64_t gates = std::string(type) == "LSTM" ? 4 : 3;
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      const int64_t d = std::string(direction) == "bidirectional" ? 2 : 1;
      for (const int64_t batch : {1, 3}) {
        for (const int64_t hidden : {5, 40}) {
          const int64_t width = gates * hidden;
          const auto make = [&](int64_t linear, bool initial) {
            OpExample example(type, direction);
            example = std::move(example)
                          .In(Ramp({6, batch, 7}))
                          .Const(Ramp({d, width, 7}, -0.5f, 0.5f, 2))
                          .Const(Ramp({d, width, hidden}, -0.5f, 0.5f, 3))
                          .Const(Ramp({d, 2 * width}, -0.5f, 0.5f, 4));
            if (initial) {
              example = std::move(example).Absent().In(
                  Ramp({d, batch, hidden}, -1, 1, 5));
            }
            if (gates == 3) {
              example = std::move(example).Set("linear_before_reset", linear);
            }
            return std::move(example)
                .Set("hidden_size", hidden)
                .Set("direction", std::string(direction))
                .Outputs(gates == 4 ? 3 : 2);
          };
          CheckPrepared(make(0, false));
          CheckPrepared(make(1, true));
        }
      }
    }
  }
}

TEST(Prepare, ReductionsAlongNeighbouringAxes) {
  for (const char* type :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"}) {
    for (const std::vector<int64_t>& axes :
         {std::vector<int64_t>{-1}, {2, 3}, {1}, {0, 1}, {0, 1, 2, 3}}) {
      CheckPrepared(
          OpExample(type, DimsToString(axes))
              .In(Ramp({2, 3, 5, 17}))
              .Const(Ints({static_cast<int64_t>(axes.size())}, axes)));
    }
    CheckPrepared(OpExample(type, "all").In(Ramp({2, 33})));
  }
}

TEST(Prepare, ExpandAndDepthToSpace) {
  CheckPrepared(OpExample("Expand", "middle")
                    .In(Ramp({3, 1, 5}))
                    .Const(Ints({4}, {2, 3, 4, 1})));
  for (const char* mode : {"DCR", "CRD"}) {
    CheckPrepared(OpExample("DepthToSpace", mode)
                      .In(Ramp({2, 8, 3, 5}))
                      .Set("blocksize", int64_t{2})
                      .Set("mode", std::string(mode)));
  }
  CheckPrepared(OpExample("SpaceToDepth", "image")
                    .In(Ramp({2, 3, 4, 6}))
                    .Set("blocksize", int64_t{2}));
}

TEST(Prepare, FusesAClampWhereTheRowSaysSo) {
  CheckClamped(OpExample("Conv", "dense")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({5, 3, 3, 3}, -1, 1, 2)));
  CheckClamped(OpExample("Conv", "depthwise")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({3, 1, 3, 3}, -1, 1, 2))
                   .Set("group", int64_t{3}));
  CheckClamped(OpExample("ConvTranspose", "image")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({3, 5, 3, 3}, -1, 1, 2)));
  for (const int64_t rows : {1, 9}) {
    CheckClamped(OpExample("Gemm", "constant")
                     .In(Ramp({rows, 13}))
                     .Const(Ramp({13, 50}, -1, 1, 2)));
    CheckClamped(OpExample("MatMul", "batched")
                     .In(Ramp({2, rows, 13}))
                     .In(Ramp({2, 13, 50}, -1, 1, 2)));
  }
  CheckClamped(
      OpExample("Add", "broadcast").In(Ramp({4, 33})).In(Ramp({33}, -1, 1, 2)));
  CheckClamped(OpExample("BatchNormalization", "image")
                   .In(Ramp({2, 3, 5, 7}))
                   .Const(Ramp({3}, -1, 1, 2))
                   .Const(Ramp({3}, -1, 1, 3))
                   .Const(Ramp({3}, -1, 1, 4))
                   .Const(Ramp({3}, 0.5f, 2, 5)));
}

}  // namespace
}  // namespace squint
