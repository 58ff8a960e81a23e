#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_quant_matmul() {
  const Tensor a = Tensor::Of<uint8_t>({2, 3}, {0, 1, 255, 7, 128, 9});
  const Tensor b = Tensor::Of<int8_t>({3, 2}, {1, -128, 127, 2, -3, 4});
  return {
      OpExample("MatMulInteger", "no zero points").In(a).Const(b),
      OpExample("MatMulInteger", "scalar zero points")
          .In(a)
          .Const(b)
          .Const(Tensor::Scalar<uint8_t>(128))
          .Const(Tensor::Scalar<int8_t>(-1)),
      OpExample("MatMulInteger", "a zero point per column")
          .In(a)
          .Const(b)
          .Absent()
          .Const(Tensor::Of<int8_t>({2}, {1, -4})),
  };
}

namespace {

using testing::ElementsAre;

std::vector<int64_t> Product(const OpExample& example) {
  return RunExample(example)[0].ToInts();
}

TEST(MatMulInteger, MultipliesIntoInt32) {
  EXPECT_THAT(
      Product(Examples_quant_matmul()[0]),
      ElementsAre(127 - 765, 2 + 1020, 7 + 128 * 127 - 27, -896 + 256 + 36));
}

TEST(MatMulInteger, SubtractsZeroPoints) {
  const Tensor a = Tensor::Of<uint8_t>({2, 1}, {10, 20});
  const Tensor b = Tensor::Of<uint8_t>({1, 2}, {5, 7});
  EXPECT_THAT(Product(OpExample("MatMulInteger", "")
                          .In(a)
                          .Const(b)
                          .Const(Tensor::Scalar<uint8_t>(12))
                          .Const(Tensor::Of<uint8_t>({2}, {5, 8}))),
              ElementsAre(0, 2, 0, -8));
  EXPECT_THAT(Product(OpExample("MatMulInteger", "")
                          .In(a)
                          .Const(b)
                          .Const(Tensor::Of<uint8_t>({2}, {10, 19}))),
              ElementsAre(0, 0, 5, 7));
}

TEST(MatMulInteger, SubtractsARowAndAColumnOfEachMatrix) {
  const Tensor a = Tensor::Of<uint8_t>({2, 2, 1}, {10, 20, 30, 40});
  const Tensor b = Tensor::Of<uint8_t>({2, 1, 2}, {5, 7, 9, 11});
  EXPECT_THAT(
      Product(OpExample("MatMulInteger", "")
                  .In(a)
                  .Const(b)
                  .Const(Tensor::Of<uint8_t>({2, 2, 1}, {9, 18, 27, 36}))
                  .Const(Tensor::Of<uint8_t>({2, 1, 2}, {4, 5, 6, 7}))),
      ElementsAre(1, 2, 2, 4, 9, 12, 12, 16));
}

}  // namespace
}  // namespace squint
