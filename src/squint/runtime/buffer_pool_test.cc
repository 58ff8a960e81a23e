#include "squint/runtime/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "squint/base/resident_bytes.h"

namespace squint {
namespace {

TEST(BufferPool, ReusesABlockOnceItsLastTensorDied) {
  BufferPool pool(1 << 20);
  Tensor first = pool.Take(DType::kFloat32, {100});
  const std::byte* block = first.raw();
  Tensor view = first.Reshaped({10, 10});
  first = Tensor();
  EXPECT_NE(pool.Take(DType::kFloat32, {100}).raw(), block);
  view = Tensor();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  const Tensor a = pool.Take(DType::kFloat32, {100});
  const Tensor b = pool.Take(DType::kFloat32, {100});
  EXPECT_TRUE(a.raw() == block || b.raw() == block);
}

TEST(BufferPool, DoesNotSpendALargeBlockOnASmallTensor) {
  BufferPool pool(1 << 20);
  const std::byte* large = pool.Take(DType::kUint8, {4096}).raw();
  EXPECT_NE(pool.Take(DType::kUint8, {64}).raw(), large);
  EXPECT_EQ(pool.Take(DType::kUint8, {2048}).raw(), large);
}

TEST(BufferPool, TensorsMayOutliveThePool) {
  Tensor kept;
  {
    BufferPool pool(1 << 20);
    kept = pool.Take(DType::kFloat32, {3});
    *reinterpret_cast<float*>(BufferPool::Writable(kept)) = 7.0f;
  }
  EXPECT_EQ(kept.values<float>()[0], 7.0f);
}

TEST(BufferPool, GivesFreeMemoryBackWhenSizesChange) {
  BufferPool pool(size_t{1} << 30);
  for (int64_t mb = 1; mb < 64; mb += 2) {
    pool.Take(DType::kUint8, {mb << 20});
    EXPECT_LE(pool.bytes_free(), size_t{16 + 64} << 20);
  }
}

TEST(BufferPool, GivesLargeBlocksBackWhateverLiesBesideThem) {
  constexpr int kBlocks = 64;
  constexpr int64_t kBytes = (int64_t{4} << 20) - 64;
  const size_t before = ResidentBytes();
  std::vector<std::unique_ptr<char[]>> between;
  {
    BufferPool pool(size_t{1} << 30);
    std::vector<Tensor> tensors;
    for (int i = 0; i < kBlocks; ++i) {
      tensors.push_back(pool.Take(DType::kUint8, {kBytes}));
      std::memset(BufferPool::Writable(tensors.back()), 1, kBytes);
      between.emplace_back(new char[1000]);
    }
    EXPECT_GT(ResidentBytes(), before + kBlocks / 2 * kBytes);
  }
  EXPECT_LT(ResidentBytes(), before + 8 * kBytes);
}

TEST(BufferPool, RefusesWhatIsOverTheLimit) {
  BufferPool pool(1000);
  EXPECT_NO_THROW(pool.Take(DType::kUint8, {1000}));
  try {
    pool.Take(DType::kUint8, {1001});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  }
}

TEST(BufferPool, AlignsEmptyAndTinyTensors) {
  BufferPool pool(1000);
  for (const int64_t size : {0, 1, 63, 64, 65}) {
    const Tensor tensor = pool.Take(DType::kUint8, {size});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 64, 0u);
    EXPECT_EQ(tensor.size(), size);
  }
}

}  // namespace
}  // namespace squint
