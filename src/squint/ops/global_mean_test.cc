#include "squint/ops/global_mean.h"

#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

template <typename T>
OpExample RealMean(const char* what, const Dims& x, bool channels_last) {
  return OpExample("GlobalAveragePoolToFloat", what, "squint")
      .In(Bytes<T>(x))
      .Const(Tensor::Scalar<float>(0.037f))
      .Const(Tensor::Scalar<T>(17))
      .Set("channels_last", int64_t{channels_last});
}

}  // namespace

std::vector<OpExample> Examples_global_mean() {
  return {RealMean<uint8_t>("channels last", {2, 5, 7, 70}, true),
          RealMean<int8_t>("int8", {2, 5, 7, 30}, true),
          RealMean<uint8_t>("channels first", {2, 70, 5, 7}, false),
          RealMean<int8_t>("one axis", {3, 9, 66}, true)};
}

namespace {

TEST(GlobalAveragePoolToFloat, IsTheExactSumTimesOneFactor) {
  const auto example = OpExample("GlobalAveragePoolToFloat", "", "squint")
                           .In(Tensor::Of<uint8_t>({1, 3, 2}, {1, 255,  //
                                                               2, 255,  //
                                                               4, 254}))
                           .Const(Tensor::Scalar<float>(0.1f))
                           .Const(Tensor::Scalar<uint8_t>(3))
                           .Set("channels_last", int64_t{1});
  const Tensor y = RunExample(example)[0];
  EXPECT_EQ(y.dims(), (Dims{1, 2, 1}));
  EXPECT_EQ(y.data<float>()[0], -2.0f * (0.1f / 3.0f));
  EXPECT_EQ(y.data<float>()[1], 755.0f * (0.1f / 3.0f));
}

TEST(GlobalAveragePoolToFloat, IsPreparedBitForBit) {
  for (const OpExample& example : Examples_global_mean()) {
    SCOPED_TRACE(example.label());
    const std::vector<Tensor> truth = RunExample(example);
    PreparedExample prepared(example, truth);
    ASSERT_TRUE(prepared.prepared());
    for (const int threads : {1, 2}) {
      const Tensor result = prepared.Run(threads)[0];
      EXPECT_EQ(std::memcmp(result.raw(), truth[0].raw(), truth[0].bytes()), 0);
    }
  }
}

TEST(GlobalAveragePoolToFloat, NeedsSamplesAndChannels) {
  EXPECT_THROW(RunExample(RealMean<uint8_t>("", {5}, true)), Error);
}

}  // namespace
}  // namespace squint
