#include "squint/runtime/fake_quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "squint/base/threads.h"

namespace squint {
namespace {

std::vector<float> Samples(size_t count, float spread) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> values = {0.0f,
                               -0.0f,
                               NAN,
                               INFINITY,
                               -INFINITY,
                               1e30f,
                               -1e30f,
                               0.5f,
                               1.5f,
                               -2.5f,
                               std::numeric_limits<float>::denorm_min()};
  values.resize(count);
  for (size_t i = 11; i < count; ++i) values[i] = normal(random);
  return values;
}

std::vector<float> Faked(const std::vector<float>& in, const Dims& dims,
                         const QuantParams& params, int threads = 1) {
  ThreadPool pool(threads);
  std::vector<float> out(in.size());
  FakeQuantize(in.data(), out.data(), dims, params, pool);
  return out;
}

void ExpectSameBits(const std::vector<float>& got, const Tensor& expected) {
  const auto want = expected.values<float>();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want[i]))
        << "element " << i << ": " << got[i] << " and " << want[i];
  }
}

TEST(FakeQuantize, EqualsTheWayThroughIntegersForEveryType) {
  const std::vector<float> in = Samples(257, 3.0f);
  const Dims dims = {257};
  for (const auto& [dtype, zero] : {std::pair{DType::kUint8, 0},
                                    {DType::kUint8, 255},
                                    {DType::kInt8, -128},
                                    {DType::kInt8, 127},
                                    {DType::kUint16, 65535},
                                    {DType::kInt16, 0},
                                    {DType::kInt16, -32768},
                                    {DType::kInt4, 7},
                                    {DType::kUint4, 0},
                                    {DType::kInt32, 0}}) {
    for (const float scale : {0.05f, 1.0f, 3e-5f}) {
      const QuantParams params = PerTensor(dtype, scale, zero);
      ExpectSameBits(Faked(in, dims, params),
                     FakeQuantizeTensor(Tensor::Of<float>(dims, in), params));
    }
  }
}

TEST(FakeQuantize, TakesEachChannelsOwnScale) {
  const std::vector<float> in = Samples(2 * 3 * 5, 2.0f);
  const Dims dims = {2, 3, 5};
  for (const int axis : {0, 1, 2}) {
    std::vector<float> scales;
    for (int64_t c = 0; c < dims[static_cast<size_t>(axis)]; ++c) {
      scales.push_back(0.01f * static_cast<float>(c + 1));
    }
    const QuantParams params = PerChannel(DType::kInt8, axis, scales);
    ExpectSameBits(Faked(in, dims, params),
                   FakeQuantizeTensor(Tensor::Of<float>(dims, in), params));
  }
}

TEST(FakeQuantize, StoresHalfPrecisionWithoutAScale) {
  QuantParams params;
  params.dtype = DType::kFloat16;
  const std::vector<float> out = Faked({1.0f, 1.0f + 1.0f / 4096}, {2}, params);
  EXPECT_THAT(out, testing::ElementsAre(1.0f, 1.0f));
}

TEST(FakeQuantize, ChoosesDynamicScalesAsDynamicQuantizeLinear) {
  // The example of the operator's specification.
  const ScaleZero a = DynamicScale(-2.5f, 2.0f, DType::kUint8);
  EXPECT_FLOAT_EQ(a.scale, 4.5f / 255);
  EXPECT_EQ(a.zero_point, 142);
  const ScaleZero b = DynamicScale(1.0f, 4.0f, DType::kUint8);
  EXPECT_FLOAT_EQ(b.scale, 4.0f / 255);
  EXPECT_EQ(b.zero_point, 0);
  const ScaleZero none = DynamicScale(0.0f, 0.0f, DType::kUint8);
  EXPECT_EQ(none.scale, 1.0f);
  EXPECT_EQ(none.zero_point, 0);
  EXPECT_EQ(DynamicScale(-1.0f, 3.0f, DType::kInt8).zero_point, -64);
}

TEST(FakeQuantize, DynamicTensorEqualsStaticWithTheSameChoice) {
  const std::vector<float> in = {-2.5f, 0.0f, 0.3f, 1.9f, 2.0f, -1.0f};
  QuantParams dynamic;
  dynamic.dtype = DType::kUint8;
  dynamic.kind = QuantKind::kDynamicTensor;
  const QuantParams fixed = PerTensor(DType::kUint8, 4.5f / 255, 142);
  EXPECT_EQ(Faked(in, {2, 3}, dynamic), Faked(in, {2, 3}, fixed));
}

TEST(FakeQuantize, FindsTheExtremesWhereverTheyAre) {
  QuantParams dynamic;
  dynamic.dtype = DType::kUint8;
  dynamic.kind = QuantKind::kDynamicTensor;
  for (const size_t count : {1u, 2u, 15u, 16u, 17u, 31u, 33u}) {
    for (size_t at = 0; at < count; ++at) {
      std::vector<float> in(count, 0.1f);
      in[at] = 51.0f;
      in[count - 1 - at] = at == count - 1 - at ? 51.0f : NAN;
      const QuantParams fixed = PerTensor(DType::kUint8, 51.0f / 255, 0);
      const Dims dims = {static_cast<int64_t>(count)};
      EXPECT_EQ(Faked(in, dims, dynamic), Faked(in, dims, fixed));
    }
  }
}

TEST(FakeQuantize, DynamicRowsDoNotDependOnEachOther) {
  QuantParams dynamic;
  dynamic.dtype = DType::kInt8;
  dynamic.kind = QuantKind::kDynamicRow;
  const std::vector<float> both =
      Faked({1.0f, 0.37f, -0.5f, 100.0f, 20.1f, -3.0f}, {2, 3}, dynamic);
  const std::vector<float> first = Faked({1.0f, 0.37f, -0.5f}, {1, 3}, dynamic);
  const std::vector<float> second =
      Faked({100.0f, 20.1f, -3.0f}, {1, 3}, dynamic);
  EXPECT_THAT(std::vector(both.begin(), both.begin() + 3),
              testing::ElementsAreArray(first));
  EXPECT_THAT(std::vector(both.begin() + 3, both.end()),
              testing::ElementsAreArray(second));
}

TEST(FakeQuantize, DoesNotDependOnThreads) {
  const std::vector<float> in = Samples(100003, 1.0f);
  const QuantParams params = PerTensor(DType::kUint8, 0.02f, 100);
  const Dims dims = {100003};
  const auto one = Faked(in, dims, params, 1);
  const auto two = Faked(in, dims, params, 2);
  EXPECT_EQ(std::memcmp(one.data(), two.data(), one.size() * 4), 0);
}

TEST(FakeQuantize, TakesEmptyTensors) {
  EXPECT_TRUE(Faked({}, {0}, PerTensor(DType::kUint8, 1.0f, 0)).empty());
  QuantParams rows;
  rows.dtype = DType::kUint8;
  rows.kind = QuantKind::kDynamicRow;
  EXPECT_TRUE(Faked({}, {3, 0}, rows).empty());
}

}  // namespace
}  // namespace squint
