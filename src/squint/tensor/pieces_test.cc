#include "squint/tensor/pieces.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace squint {
namespace {

Tensor RandomTensor(Dims dims) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  std::mt19937 engine(3);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  float* values = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) values[i] = normal(engine);
  return tensor;
}

// The same tensor with its bytes computed.
Tensor Computed(const Tensor& tensor) {
  return {tensor.dtype(), tensor.dims(),
          Buffer::Computed(tensor.bytes(), [tensor](auto offset, auto out) {
            tensor.buffer()->Read(offset, out);
          })};
}

std::vector<std::byte> Bytes(const Tensor& tensor) {
  std::vector<std::byte> bytes(tensor.bytes());
  tensor.buffer()->Read(0, bytes);
  return bytes;
}

// Every way of cutting the bytes in two reads, and all odd ones of three.
void ExpectTheBytesInAnyPieces(const Tensor& lazy, const Tensor& truth) {
  const std::vector<std::byte> whole = Bytes(truth);
  ASSERT_EQ(lazy.bytes(), whole.size());
  ASSERT_TRUE(lazy.buffer()->is_computed());
  EXPECT_EQ(Bytes(lazy), whole);
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    std::vector<std::byte> joined(whole.size(), std::byte{0xa5});
    const std::span<std::byte> out(joined);
    lazy.buffer()->Read(0, out.first(cut));
    lazy.buffer()->Read(cut, out.subspan(cut));
    ASSERT_EQ(joined, whole) << "cut at " << cut;
  }
  for (size_t begin = 0; begin + 3 <= whole.size(); begin += 5) {
    std::vector<std::byte> part(3);
    lazy.buffer()->Read(begin, part);
    ASSERT_EQ(std::memcmp(part.data(), whole.data() + begin, 3), 0);
  }
}

QuantParams Grouped(DType dtype, const Dims& dims, int axis, int64_t block) {
  QuantParams params;
  params.dtype = dtype;
  params.axis = axis;
  params.block = block;
  Dims scales = dims;
  auto& blocks = scales[static_cast<size_t>(axis)];
  blocks = (blocks + block - 1) / block;
  params.scale = Tensor(DType::kFloat32, scales);
  for (int64_t i = 0; i < params.scale.size(); ++i) {
    params.scale.mutable_data<float>()[i] =
        0.01f * static_cast<float>(i % 40 + 1);
  }
  params.zero_point = Tensor(dtype, scales);
  return params;
}

TEST(SameBytes, SeesTheLastByteOfSeveralPieces) {
  const Tensor a = RandomTensor({3, 200000});
  Tensor b = a.Clone();
  EXPECT_TRUE(SameBytes(*a.buffer(), *b.buffer()));
  EXPECT_TRUE(SameBytes(*a.buffer(), *Computed(b).buffer()));
  b.mutable_data<float>()[599999] += 1.0f;
  EXPECT_FALSE(SameBytes(*a.buffer(), *b.buffer()));
  EXPECT_FALSE(SameBytes(*a.buffer(), *RandomTensor({3}).buffer()));
}

TEST(QuantizeLazily, EqualsQuantizingAtOnceInEveryGranularity) {
  const Tensor real = RandomTensor({3, 7, 5});
  const std::vector<float> scales = {0.02f, 0.5f, 0.1f, 0.3f,
                                     0.07f, 1.0f, 2.0f};
  const std::vector<int32_t> zeros = {1, 0, 3, 2, 1, 7, 6};
  for (const DType dtype : {DType::kInt8, DType::kUint8, DType::kInt4,
                            DType::kUint4, DType::kInt16, DType::kInt2}) {
    SCOPED_TRACE(DTypeName(dtype));
    std::vector<QuantParams> cases = {PerTensor(dtype, 0.03f, 1)};
    for (int axis = 0; axis < 3; ++axis) {
      const auto count = static_cast<size_t>(real.dim(axis));
      const auto channel_zeros = std::span(zeros).first(count);
      const auto channel_scales = std::span(scales).first(count);
      cases.push_back(PerChannel(dtype, axis, channel_scales));
      if (BitsOf(dtype) > 2) {
        cases.push_back(PerChannel(dtype, axis, channel_scales, channel_zeros));
      }
      cases.push_back(Grouped(dtype, real.dims(), axis, 2));
    }
    for (const QuantParams& params : cases) {
      SCOPED_TRACE(ToString(params));
      const Tensor truth = QuantizeTensor(real, params);
      ExpectTheBytesInAnyPieces(QuantizeLazily(real, params), truth);
      ExpectTheBytesInAnyPieces(QuantizeLazily(Computed(real), params), truth);
    }
  }
}

TEST(QuantizeLazily, StorageTypesAreCast) {
  const Tensor real = RandomTensor({5, 9});
  for (const DType dtype : {DType::kFloat16, DType::kBfloat16}) {
    QuantParams storage;
    storage.dtype = dtype;
    ExpectTheBytesInAnyPieces(QuantizeLazily(real, storage),
                              real.CastTo(dtype));
  }
}

TEST(QuantizeLazily, ReadsTheRightPartOfALongTensor) {
  const Tensor real = RandomTensor({3001, 7});
  const QuantParams params = Grouped(DType::kInt4, real.dims(), 0, 16);
  const std::vector<std::byte> whole = Bytes(QuantizeTensor(real, params));
  std::vector<std::byte> joined;
  ForEachPiece(*QuantizeLazily(real, params).buffer(), 1000,
               [&](std::span<const std::byte> piece) {
                 EXPECT_LE(piece.size(), 1000u);
                 joined.insert(joined.end(), piece.begin(), piece.end());
               });
  EXPECT_EQ(joined, whole);
}

TEST(TransposeLazily, ExchangesRowsAndColumnsInAnyPieces) {
  const Tensor real = RandomTensor({7, 5});
  Tensor truth(DType::kFloat32, {5, 7});
  for (int64_t r = 0; r < 7; ++r) {
    for (int64_t c = 0; c < 5; ++c) {
      truth.mutable_data<float>()[c * 7 + r] = real.data<float>()[r * 5 + c];
    }
  }
  EXPECT_EQ(TransposeLazily(real).dims(), (Dims{5, 7}));
  ExpectTheBytesInAnyPieces(TransposeLazily(real), truth);
  ExpectTheBytesInAnyPieces(TransposeLazily(Computed(real)), truth);
  const Tensor bytes = real.CastTo(DType::kInt8);
  ExpectTheBytesInAnyPieces(TransposeLazily(bytes), truth.CastTo(DType::kInt8));
}

TEST(FloatReader, ReadsRangesOfHeldAndComputedTensors) {
  const Tensor real = RandomTensor({100});
  for (const Tensor& tensor : {real, Computed(real)}) {
    FloatReader reader(tensor);
    for (const int64_t first : {0, 10, 99}) {
      const auto values = reader.Read(first, 1);
      EXPECT_EQ(values[0], real.data<float>()[first]);
    }
    EXPECT_EQ(reader.Read(50, 50).size(), 50u);
  }
}

}  // namespace
}  // namespace squint
