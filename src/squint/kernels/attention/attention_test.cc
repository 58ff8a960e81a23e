// On every instruction set: attention in one pass gives the bits of the kernels
// that it is made of, one after the other.
#include "squint/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "squint/base/error.h"
#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/kernels/isa/isa.h"
#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/rows/rows.h"

namespace squint {
namespace {

constexpr int64_t kBatch = 2;

struct Sizes {
  int64_t rows;
  int64_t keys;
  int64_t value_size;
  int64_t size = 7;
};
// Few rows are not packed; blocks have 24, in eights; vectors have up to 16
// lanes, panels up to 4 vectors, products up to 4 bytes at once.
constexpr Sizes kSizes[] = {
    {1, 5, 3},         {8, 16, 16, 4},    {25, 33, 9, 6},
    {50, 130, 40, 33}, {24, 1, 1, 1},     {9, 3, 70, 2},
    {7, 31, 5, 13},    {13, 127, 32, 32}, {1, 512, 64, 64}};

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
  args.size = s.size;
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
  const Offsets q_at(s.rows * s.size), k_at(s.size * s.keys),
      v_at(s.keys * s.value_size), mask_at(0);
  const auto q = Wave(kBatch * s.rows * s.size, 0.3f);
  const auto k = Wave(kBatch * s.size * s.keys, 0.7f);
  const auto v = Wave(kBatch * s.keys * s.value_size, 0.11f);
  const auto mask = Wave(s.rows * s.keys, 1.3f);

  ThreadPool pool(1);
  std::vector<float> scores(static_cast<size_t>(kBatch * s.rows * s.keys));
  std::vector<float> y(static_cast<size_t>(kBatch * s.rows * s.value_size));
  GemmArgs gemm;
  gemm.m = s.rows;
  gemm.n = s.keys;
  gemm.k = s.size;
  gemm.batch = kBatch;
  gemm.a = {q.data(), s.size, 1};
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
  args.q = Stack(q, q_at, s.size);
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

// A stack of contiguous matrices of bytes with one zero point.
struct ByteStack {
  const std::vector<uint8_t>& bytes;
  ByteOperand operand;
  int64_t rows;
  int64_t columns;
  bool is_turned = false;  // columns are contiguous in memory

  ByteView view() const {
    return {bytes.data(),         operand.is_signed, is_turned ? 1 : columns,
            is_turned ? rows : 1, &operand.zero,     0};
  }
};

template <typename T>
std::vector<T> Product(const ByteStack& a, const ByteStack& b,
                       const Requantization& result) {
  ThreadPool pool(1);
  const int64_t m = a.rows, k = b.rows, n = b.columns;
  const WideMatrix rows = WideRows(m, k, a.view(), kBatch, m * k);
  const WideMatrix panels = WidePanels(k, n, b.view(), kBatch, k * n);
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

struct ByteCase {
  ByteOperand q, k, v;
  ByteGrid probabilities;
  bool turned_keys;
};
constexpr ByteCase kByteCases[] = {
    {{120, false}, {131, false}, {99, false}, {1.0f / 255, 3, false}, false},
    {{-7, true}, {0, true}, {-128, true}, {1.0f / 255, -128, true}, true},
    {{127, true}, {128, false}, {255, false}, {1.0f / 256, 0, false}, true},
    {{0, false}, {-128, true}, {0, true}, {0.02f, 127, true}, true},
    {{-128, true}, {127, true}, {128, false}, {0.003f, 200, false}, false}};

void CheckBytes(const Sizes& s, const ByteCase& c) {
  const Offsets q_at(s.rows * s.size), k_at(s.size * s.keys),
      v_at(s.keys * s.value_size);
  const auto q = Bytes(kBatch * s.rows * s.size, 0.3f);
  const auto k = Bytes(kBatch * s.size * s.keys, 0.7f);
  const auto v = Bytes(kBatch * s.keys * s.value_size, 0.11f);
  const ByteStack keys{k, c.k, s.size, s.keys, c.turned_keys};
  const float first_step = 2e-4f, second_step = 0.01f;
  ByteProduct first{c.q, c.k, {}};
  first.result.multiplier = &first_step;
  first.result.is_real = true;
  const ByteGrid& grid = c.probabilities;
  ByteProduct second{{grid.zero, grid.is_signed}, c.v, {}};
  second.result.multiplier = &second_step;
  SetResultGrid({1, 17, true}, second.result);

  // A row that is masked as a whole, and one with NaN, in both matrices.
  auto mask = Wave(s.rows * s.keys, 1.3f);
  const Offsets mask_at(0);
  std::vector<int64_t> mask_rows;
  for (int64_t r = 0; r < kBatch * s.rows; ++r) {
    mask_rows.push_back(r % s.rows * s.keys);
  }
  if (s.rows > 2) {
    std::fill_n(mask.begin() + s.keys, s.keys, -HUGE_VALF);
    mask[static_cast<size_t>(2 * s.keys + s.keys / 2)] = NAN;
  }

  ThreadPool pool(1);
  const auto scores =
      Product<float>({q, c.q, s.rows, s.size}, keys, first.result);
  std::vector<uint8_t> p(scores.size());
  std::vector<float> buffer(
      static_cast<size_t>(RowBytesScratch(kBatch * s.rows, s.keys, 1)));
  SoftmaxToBytes({.rows = kBatch * s.rows,
                  .length = s.keys,
                  .x = scores.data(),
                  .added = mask.data(),
                  .added_offset = mask_rows.data(),
                  .grid = grid,
                  .y = p.data(),
                  .scratch = buffer.data()},
                 pool);
  const auto y =
      Product<uint8_t>({p, second.a, s.rows, s.keys},
                       {v, c.v, s.keys, s.value_size}, second.result);

  AttentionArgs args = ArgsFor(s);
  args.q = Stack(q, q_at, s.size);
  args.k = Stack(k, k_at, keys.view().row_stride);
  args.k.column_stride = keys.view().column_stride;
  args.v = Stack(v, v_at, s.value_size);
  args.first = &first;
  args.second = &second;
  args.mask = Stack(mask, mask_at, s.keys);
  args.probabilities = grid;
  for (const int threads : {1, 2}) {
    ExpectSameBits(Run<uint8_t>(args, threads), y);
  }
}

void CheckAllBytes() {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(s.keys);
    for (const ByteCase& c : kByteCases) {
      SCOPED_TRACE(c.q.zero);
      CheckBytes(s, c);
    }
  }
}

TEST(Attention, OfBytesIsItsKernelsOneAfterTheOther) {
  ForEachTarget(CheckAllBytes);
}

// What the best of a target's ways to multiply hides.
TEST(Attention, OfBytesIsTheSameWithoutDotProducts) {
  for (const std::string& name : InstructionSetNames()) {
    SCOPED_TRACE(name);
    if (name != "avx2" && name != "avx512" && name != "neon") continue;
    try {
      UseInstructionSet(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.message();
      continue;
    }
    CheckAllBytes();
  }
  UseBestInstructionSet();
}

}  // namespace
}  // namespace squint
