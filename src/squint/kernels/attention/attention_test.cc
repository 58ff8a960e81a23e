// On every instruction set: attention in one pass gives the bits of the kernels
// that it is made of, one after the other.
#include "squint/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/rows/rows.h"

namespace squint {
namespace {

constexpr int64_t kBatch = 2;
constexpr int64_t kSize = 7;

struct Sizes {
  int64_t rows;
  int64_t keys;
  int64_t value_size;
};
// Few rows are not packed; blocks have 24; vectors have up to 16 lanes.
constexpr Sizes kSizes[] = {
    {1, 5, 3}, {8, 16, 16}, {25, 33, 9}, {50, 130, 40}, {24, 1, 1}};

std::vector<float> Wave(int64_t count, float step) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(step * static_cast<float>(i + 1));
  }
  return values;
}
std::vector<uint8_t> Bytes(int64_t count, float step) {
  std::vector<uint8_t> bytes;
  for (const float v : Wave(count, step)) {
    bytes.push_back(static_cast<uint8_t>(128.0f + 100.0f * v));
  }
  return bytes;
}

// Of contiguous matrices, `size` elements each.
struct Offsets {
  explicit Offsets(int64_t size) {
    for (int64_t i = 0; i < kBatch; ++i) at.push_back(i * size);
  }
  std::vector<int64_t> at;
};
template <typename T>
MatrixStack Stack(const std::vector<T>& data, const Offsets& offsets,
                  int64_t row_stride) {
  return {data.data(), offsets.at.data(), row_stride, 1};
}

AttentionArgs ArgsFor(const Sizes& s) {
  AttentionArgs args;
  args.batch = kBatch;
  args.rows = s.rows;
  args.keys = s.keys;
  args.size = kSize;
  args.value_size = s.value_size;
  args.y_stride = s.value_size;
  return args;
}

template <typename T>
std::vector<T> Run(AttentionArgs args, int threads) {
  ThreadPool pool(threads);
  const Offsets y(args.rows * args.value_size);
  std::vector<T> made(
      static_cast<size_t>(kBatch * args.rows * args.value_size));
  // Of 64-aligned pieces, filled with NaN.
  struct alignas(64) Piece {
    uint8_t bytes[64];
  };
  std::vector<Piece> scratch(AttentionScratch(args, threads) / sizeof(Piece));
  std::memset(scratch.data(), 0xFF, scratch.size() * sizeof(Piece));
  args.scratch = scratch.data();
  args.y = made.data();
  args.y_offsets = y.at.data();
  Attention(args, pool);
  return made;
}

template <typename T>
void ExpectSameBits(const std::vector<T>& got, const std::vector<T>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(T)),
            0);
}

void CheckFloats(const Sizes& s) {
  const Offsets q_at(s.rows * kSize), k_at(kSize * s.keys),
      v_at(s.keys * s.value_size), mask_at(0);
  const auto q = Wave(kBatch * s.rows * kSize, 0.3f);
  const auto k = Wave(kBatch * kSize * s.keys, 0.7f);
  const auto v = Wave(kBatch * s.keys * s.value_size, 0.11f);
  const auto mask = Wave(s.rows * s.keys, 1.3f);

  ThreadPool pool(1);
  std::vector<float> scores(static_cast<size_t>(kBatch * s.rows * s.keys));
  std::vector<float> y(static_cast<size_t>(kBatch * s.rows * s.value_size));
  GemmArgs gemm;
  gemm.m = s.rows;
  gemm.n = s.keys;
  gemm.k = kSize;
  gemm.batch = kBatch;
  gemm.a = {q.data(), kSize, 1};
  gemm.b = {k.data(), s.keys, 1};
  gemm.a_offsets = q_at.at.data();
  gemm.b_offsets = k_at.at.data();
  gemm.c = scores.data();
  gemm.c_stride = s.keys;
  gemm.c_step = s.rows * s.keys;
  Gemm(gemm, pool);
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = scores[i] / 3.0f + mask[i % mask.size()];
  }
  Softmax(false, kBatch * s.rows, s.keys, 1, scores.data(), scores.data(),
          pool);
  gemm.n = s.value_size;
  gemm.k = s.keys;
  gemm.a = {scores.data(), s.keys, 1};
  gemm.b = {v.data(), s.value_size, 1};
  const Offsets p_at(s.rows * s.keys);
  gemm.a_offsets = p_at.at.data();
  gemm.b_offsets = v_at.at.data();
  gemm.c = y.data();
  gemm.c_stride = s.value_size;
  gemm.c_step = s.rows * s.value_size;
  Gemm(gemm, pool);

  AttentionArgs args = ArgsFor(s);
  args.q = Stack(q, q_at, kSize);
  args.k = Stack(k, k_at, s.keys);
  args.v = Stack(v, v_at, s.value_size);
  args.factor = {ScoreFactor::kOver, 3.0f};
  args.mask = Stack(mask, mask_at, s.keys);
  for (const int threads : {1, 2}) ExpectSameBits(Run<float>(args, threads), y);
}

TEST(Attention, OfFloatsIsItsKernelsOneAfterTheOther) {
  ForEachTarget([] {
    for (const Sizes& s : kSizes) {
      SCOPED_TRACE(s.keys);
      CheckFloats(s);
    }
  });
}

// A product of stacks of bytes with one zero point each.
template <typename T>
std::vector<T> Product(const std::vector<uint8_t>& a, int32_t a_zero,
                       const std::vector<uint8_t>& b, int32_t b_zero, int64_t m,
                       int64_t k, int64_t n, const Requantization& result) {
  ThreadPool pool(1);
  const WideMatrix rows =
      WideRows(m, k, {a.data(), false, k, 1, &a_zero, 0}, kBatch, m * k);
  const WideMatrix panels =
      WidePanels(k, n, {b.data(), false, n, 1, &b_zero, 0}, kBatch, k * n);
  std::vector<T> c(static_cast<size_t>(kBatch * m * n));
  const int64_t index[] = {0, 1};
  QuantizedGemm({.m = m,
                 .n = n,
                 .k = k,
                 .a = rows.data.get(),
                 .b = panels.data.get(),
                 .c = c.data(),
                 .c_stride = n * int64_t{sizeof(T)},
                 .requantization = result,
                 .batch = kBatch,
                 .a_index = index,
                 .b_index = index,
                 .c_step = m * n * int64_t{sizeof(T)}},
                pool);
  return c;
}

void CheckBytes(const Sizes& s) {
  const Offsets q_at(s.rows * kSize), k_at(kSize * s.keys),
      v_at(s.keys * s.value_size);
  const auto q = Bytes(kBatch * s.rows * kSize, 0.3f);
  const auto k = Bytes(kBatch * kSize * s.keys, 0.7f);
  const auto v = Bytes(kBatch * s.keys * s.value_size, 0.11f);
  const ByteGrid grid{1.0f / 255, 3, false};
  const float first_step = 2e-4f, second_step = 0.01f;
  ByteProduct first{{120, false}, {131, false}, {}};
  first.result.multiplier = &first_step;
  first.result.is_real = true;
  ByteProduct second{{grid.zero, false}, {99, false}, {}};
  second.result.multiplier = &second_step;
  SetResultGrid({1, 17, true}, second.result);

  ThreadPool pool(1);
  const auto scores =
      Product<float>(q, 120, k, 131, s.rows, kSize, s.keys, first.result);
  std::vector<uint8_t> p(scores.size());
  std::vector<float> buffer(
      static_cast<size_t>(RowBytesScratch(kBatch * s.rows, s.keys, 1)));
  SoftmaxToBytes({.rows = kBatch * s.rows,
                  .length = s.keys,
                  .x = scores.data(),
                  .grid = grid,
                  .y = p.data(),
                  .scratch = buffer.data()},
                 pool);
  const auto y = Product<uint8_t>(p, grid.zero, v, 99, s.rows, s.keys,
                                  s.value_size, second.result);

  AttentionArgs args = ArgsFor(s);
  args.q = Stack(q, q_at, kSize);
  args.k = Stack(k, k_at, s.keys);
  args.v = Stack(v, v_at, s.value_size);
  args.first = &first;
  args.second = &second;
  args.probabilities = grid;
  for (const int threads : {1, 2}) {
    ExpectSameBits(Run<uint8_t>(args, threads), y);
  }
}

TEST(Attention, OfBytesIsItsKernelsOneAfterTheOther) {
  ForEachTarget([] {
    for (const Sizes& s : kSizes) {
      SCOPED_TRACE(s.keys);
      CheckBytes(s);
    }
  });
}

}  // namespace
}  // namespace squint
