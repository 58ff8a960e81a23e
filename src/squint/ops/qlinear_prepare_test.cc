#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {

std::vector<OpExample> Examples_qlinear();

namespace {

template <typename T>
Tensor Zero(int value) {
  return Tensor::Scalar<T>(static_cast<T>(value));
}

template <typename T>
OpExample Convolution(Dims x, Dims w, int zero) {
  const int64_t filters = w[0];
  return OpExample("QLinearConv", "")
      .In(Bytes<T>(std::move(x)))
      .Const(Tensor::Scalar<float>(0.02f))
      .Const(Zero<T>(zero))
      .Const(Bytes<int8_t>(std::move(w), 7))
      .Const(Ramp({filters}, 0.001f, 0.01f))
      .Const(Tensor(DType::kInt8, {filters}))
      .Const(Tensor::Scalar<float>(0.3f))
      .Const(Zero<T>(zero / 2))
      .Const(Ramp({filters}, -900, 900, 3).CastTo(DType::kInt32));
}

const std::vector<int64_t> kOnes = {1, 1, 1, 1};

TEST(PrepareQLinear, EqualsTheIntegerReadingBitForBit) {
  int prepared = 0;
  for (const OpExample& example : Examples_qlinear()) {
    prepared += CheckExample(example);
  }
  EXPECT_GE(prepared, 9);
}

TEST(PrepareQLinear, ConvolvesEveryKindOfWindow) {
  CheckPrepared(Convolution<uint8_t>({2, 3, 9, 11}, {8, 3, 3, 3}, 119)
                    .Set("pads", kOnes)
                    .Set("strides", std::vector<int64_t>{2, 2}));
  CheckPrepared(Convolution<int8_t>({1, 6, 7, 7}, {4, 6, 1, 1}, -9));
  CheckPrepared(Convolution<uint8_t>({2, 4, 9, 9}, {4, 1, 3, 3}, 3)
                    .Set("group", int64_t{4})
                    .Set("pads", kOnes));
  CheckPrepared(Convolution<uint8_t>({1, 4, 30}, {6, 2, 5}, 130)
                    .Set("group", int64_t{2})
                    .Set("pads", std::vector<int64_t>{2, 2}));
  CheckPrepared(Convolution<int8_t>({1, 2, 8, 8}, {3, 2, 3, 3}, 5)
                    .Set("auto_pad", std::string("SAME_UPPER"))
                    .Set("dilations", std::vector<int64_t>{2, 2}));
}

// The first image is read from a copy whose windows' rows are one piece, the
// second is too large for that.
TEST(PrepareQLinear, PacksWeightsForImagesOfEverySize) {
  PackCache packs;
  for (const int64_t side : {20, 260, 20}) {
    SCOPED_TRACE(side);
    const OpExample example = OpExample("QLinearConv", "", "com.microsoft")
                                  .In(Bytes<uint8_t>({1, side, side, 8}))
                                  .Const(Tensor::Scalar<float>(0.02f))
                                  .Const(Zero<uint8_t>(119))
                                  .Const(Bytes<int8_t>({5, 8, 3, 3}, 7))
                                  .Const(Ramp({5}, 0.001f, 0.01f))
                                  .Const(Tensor(DType::kInt8, {5}))
                                  .Const(Tensor::Scalar<float>(0.3f))
                                  .Const(Zero<uint8_t>(60))
                                  .Set("channels_last", int64_t{1})
                                  .Set("pads", kOnes);
    const std::vector<Tensor> truth = TruthOf(example);
    PreparedExample prepared(example, truth, {}, &packs);
    ASSERT_TRUE(prepared.prepared());
    ExpectSame(prepared.Run(2)[0], truth[0]);
  }
}

// The product of two computed tensors, broadcast over a batch.
TEST(PrepareQLinear, MultipliesStacksOfMatrices) {
  CheckPrepared(OpExample("QLinearMatMul", "broadcast")
                    .In(Bytes<uint8_t>({2, 1, 5, 19}))
                    .Const(Tensor::Scalar<float>(0.02f))
                    .Const(Zero<uint8_t>(101))
                    .In(Bytes<uint8_t>({3, 19, 7}, 5))
                    .Const(Tensor::Scalar<float>(0.01f))
                    .Const(Zero<uint8_t>(7))
                    .Const(Tensor::Scalar<float>(0.11f))
                    .Const(Zero<uint8_t>(120)));
}

TEST(PrepareQLinear, TakesProductsOfNoTerms) {
  CheckExample(OpExample("QLinearMatMul", "no terms")
                   .In(Tensor(DType::kUint8, {5, 0}))
                   .Const(Tensor::Scalar<float>(0.02f))
                   .Const(Zero<uint8_t>(101))
                   .Const(Tensor(DType::kInt8, {0, 7}))
                   .Const(Tensor::Scalar<float>(0.01f))
                   .Const(Zero<int8_t>(0))
                   .Const(Tensor::Scalar<float>(0.11f))
                   .Const(Zero<uint8_t>(120)));
}

TEST(PrepareQLinear, GivesRealNumbersWhereNoScaleIsAskedFor) {
  CheckPrepared(OpExample("MatMulIntegerToFloat", "", "com.microsoft")
                    .In(Bytes<uint8_t>({3, 4, 11}))
                    .Const(Bytes<int8_t>({11, 21}, 3))
                    .Const(Tensor::Scalar<float>(0.02f))
                    .Const(Ramp({21}, 0.001f, 0.01f))
                    .Const(Zero<uint8_t>(101))
                    .Const(Tensor(DType::kInt8, {21})));
}

TEST(PrepareQLinear, ReadsTheScaleOfTheLeftOperandWhenItRuns) {
  const auto example = [](const char* what) {
    return OpExample("MatMulIntegerToFloat", what, "com.microsoft")
        .In(Bytes<uint8_t>({3, 4, 11}))
        .Const(Bytes<int8_t>({11, 21}, 3))
        .In(Tensor::Scalar<float>(0.02f))
        .Const(Ramp({21}, 0.001f, 0.01f))
        .In(Zero<uint8_t>(101))
        .Const(Tensor(DType::kInt8, {21}));
  };
  CheckPrepared(example("no bias"));
  CheckPrepared(example("bias").In(Ramp({21}, 0.3f, -2.0f)));
}

TEST(PrepareQLinear, QuantizesByTheRangeOfTheData) {
  CheckPrepared(
      OpExample("DynamicQuantizeLinear", "").In(Ramp({5, 7}, 0.31f, -2.0f)));
}

TEST(PrepareQLinear, LeavesSumsThatInt32MightNotHold) {
  const int64_t depth = 40000;
  EXPECT_FALSE(CheckExample(OpExample("QLinearMatMul", "deep")
                                .In(Tensor(DType::kUint8, {1, depth}))
                                .Const(Tensor::Scalar<float>(0.02f))
                                .Const(Zero<uint8_t>(101))
                                .Const(Tensor(DType::kUint8, {depth, 1}))
                                .Const(Tensor::Scalar<float>(0.01f))
                                .Const(Zero<uint8_t>(7))
                                .Const(Tensor::Scalar<float>(1.0f))
                                .Const(Zero<uint8_t>(120))));
}

template <typename T>
OpExample MaxPool(Dims x, int64_t kernel, int64_t stride, int64_t pad) {
  return OpExample("MaxPool", "bytes")
      .In(Bytes<T>(std::move(x)))
      .Set("kernel_shape", std::vector<int64_t>{kernel, kernel})
      .Set("strides", std::vector<int64_t>{stride, stride})
      .Set("pads", std::vector<int64_t>{pad, pad, pad, pad});
}

TEST(PrepareMaxPool, TakesBytesAsTheyAre) {
  CheckPrepared(MaxPool<uint8_t>({2, 3, 9, 13}, 3, 2, 1));
  CheckPrepared(MaxPool<int8_t>({1, 2, 8, 40}, 2, 2, 0));
  CheckPrepared(MaxPool<int8_t>({1, 2, 7, 19}, 3, 1, 1));
  CheckPrepared(MaxPool<uint8_t>({1, 1, 11, 11}, 4, 3, 2)
                    .Set("dilations", std::vector<int64_t>{2, 1}));
  CheckPrepared(
      MaxPool<int8_t>({1, 2, 7, 7}, 3, 2, 1).Set("ceil_mode", int64_t{1}));
}

TEST(PrepareConversions, EqualTheirReferences) {
  const Tensor reals = Ramp({3, 50}, -3, 4);
  const Tensor scale = Tensor::Scalar<float>(0.013f);
  CheckPrepared(OpExample("QuantizeLinear", "uint8")
                    .In(reals)
                    .Const(scale)
                    .Const(Zero<uint8_t>(77)));
  CheckPrepared(OpExample("QuantizeLinear", "int8")
                    .In(reals)
                    .Const(scale)
                    .Const(Zero<int8_t>(-3)));
  CheckPrepared(
      OpExample("QuantizeLinear", "no zero point").In(reals).Const(scale));
  CheckPrepared(OpExample("DequantizeLinear", "int8")
                    .In(Bytes<int8_t>({2, 33}))
                    .Const(scale)
                    .Const(Zero<int8_t>(-3)));
}

}  // namespace
}  // namespace squint
