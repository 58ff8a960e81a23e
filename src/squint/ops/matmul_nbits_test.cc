#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"
#include "squint/ops/nbits_weight.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

// N = 3 columns, K = 20: two blocks of 16, the second one padded.
constexpr int64_t kN = 3, kK = 20, kBlock = 16, kBlocks = 2;

Tensor Pattern(Dims dims) {
  Tensor bytes(DType::kUint8, std::move(dims));
  for (int64_t i = 0; i < bytes.size(); ++i) {
    bytes.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i * 37 + 11);
  }
  return bytes;
}

OpExample Product(const char* what, int64_t bits) {
  return OpExample("MatMulNBits", what, "com.microsoft")
      .In(Ramp({2, kK}))
      .Const(Pattern({kN, kBlocks, kBlock * bits / 8}))
      .Const(Ramp({kN * kBlocks}, 0.1f, 0.2f))
      .Set("N", kN)
      .Set("K", kK)
      .Set("bits", bits)
      .Set("block_size", kBlock);
}

// Column n of the product with row k of the identity: the weight itself.
float WeightAt(OpExample example, int64_t k, int64_t n) {
  Tensor row(DType::kFloat32, {1, kK});
  row.mutable_data<float>()[k] = 1.0f;
  example.inputs[0].value = row;
  return FloatsOf(example)[static_cast<size_t>(n)];
}

float ScaleAt(const OpExample& example, int64_t group) {
  return example.inputs[2].value.data<float>()[group];
}

}  // namespace

std::vector<OpExample> Examples_matmul_nbits() {
  const std::vector<int32_t> groups = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
                                       0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  return {
      Product("4 bits", 4),
      Product("2 bits, zero points", 2).Const(Pattern({kN, 1})),
      Product("8 bits, zero points", 8).Const(Pattern({kN, kBlocks})),
      Product("4 bits, float zero points", 4).Const(Ramp({kN * kBlocks}, 6, 9)),
      Product("4 bits, group index", 4)
          .Absent()
          .Const(Tensor::Of<int32_t>({kK}, groups)),
      Product("4 bits, bias", 4)
          .Absent()
          .Absent()
          .Const(Floats({kN}, {1, 2, 3})),
  };
}

namespace {

TEST(MatMulNBits, IsCentredWithoutZeroPoints) {
  const OpExample example = Product("", 4);
  // Byte 0 is 11: nibbles 11 and 0. Column 1, row 17: block 3, byte 24.
  EXPECT_FLOAT_EQ(WeightAt(example, 0, 0), 3.0f * ScaleAt(example, 0));
  EXPECT_FLOAT_EQ(WeightAt(example, 1, 0), -8.0f * ScaleAt(example, 0));
  const int byte = (24 * 37 + 11) & 255;
  EXPECT_FLOAT_EQ(WeightAt(example, 17, 1),
                  static_cast<float>((byte >> 4) - 8) * ScaleAt(example, 3));
}

TEST(MatMulNBits, ReadsPackedAndFloatZeroPoints) {
  const auto& examples = Examples_matmul_nbits();
  // 2 bits: column 0, block 1: bits 2 and 3 of byte 11 are 2.
  const int byte = 4 * 37 + 11;
  EXPECT_FLOAT_EQ(WeightAt(examples[1], 16, 0),
                  static_cast<float>((byte & 3) - 2) * ScaleAt(examples[1], 1));
  const float zero = examples[3].inputs[3].value.data<float>()[0];
  EXPECT_FLOAT_EQ(WeightAt(examples[3], 0, 0),
                  (11.0f - zero) * ScaleAt(examples[3], 0));
}

TEST(MatMulNBits, GroupIndexChoosesTheBlockOfARow) {
  const OpExample example = Examples_matmul_nbits()[4];
  EXPECT_FLOAT_EQ(WeightAt(example, 1, 0), -8.0f * ScaleAt(example, 1));
}

TEST(MatMulNBits, AddsTheBias) {
  const OpExample plain = Product("", 4);
  const OpExample biased = Examples_matmul_nbits()[5];
  EXPECT_FLOAT_EQ(WeightAt(biased, 3, 2), WeightAt(plain, 3, 2) + 3.0f);
}

TEST(MatMulNBits, UnpacksIntoAMatrixOfTheSameNumbers) {
  for (const OpExample& example : Examples_matmul_nbits()) {
    const bool plain = example.inputs.size() < 4 ||
                       example.inputs[3].value.dtype() == DType::kUint8;
    if (!plain) continue;
    SCOPED_TRACE(example.label());
    Node node;
    node.attributes = example.attributes;
    const Tensor* zeros =
        example.inputs.size() > 3 ? &example.inputs[3].value : nullptr;
    const NBitsWeight weight =
        UnpackNBits(ReadNBitsShape(node), example.inputs[1].value,
                    example.inputs[2].value, zeros);
    EXPECT_EQ(weight.stored.dims(), (Dims{kK, kN}));
    const Tensor real = DequantizeTensor(weight.stored, weight.params);
    for (const int64_t k : {0, 7, 15, 16, 19}) {
      EXPECT_EQ(real.data<float>()[k * kN + 1], WeightAt(example, k, 1));
    }
  }
}

TEST(MatMulNBits, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(RunExample(Product("", 4).Set("K", int64_t{200})), Error);
  EXPECT_THROW(RunExample(Product("", 4).Set("N", int64_t{4})), Error);
  EXPECT_THROW(RunExample(Product("", 4).Set("block_size", int64_t{24})),
               Error);
  EXPECT_THROW(RunExample(Product("", 4).Set("bits", int64_t{3})), Error);
  EXPECT_THROW(RunExample(Product("", 4).Const(Pattern({5}))), Error);
  const OpExample outside = Product("", 4).Absent().Const(
      Tensor::Of<int32_t>({kK}, std::vector<int32_t>(kK, 2)));
  EXPECT_THROW(RunExample(outside), Error);
}

}  // namespace
}  // namespace squint
