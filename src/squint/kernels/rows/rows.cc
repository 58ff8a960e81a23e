// Softmax, normalization and reductions along rows.
#include "squint/kernels/rows/rows.h"

#include <algorithm>
#include <cmath>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/rows/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/rows/row_fold-inl.h"
#include "squint/kernels/rows/softmax_row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

using D = RowTag;
using V = RowVector;

struct SquareAround {
  float mean;
  HWY_INLINE V operator()(V x) const {
    const V centred = hn::Sub(x, hn::Set(D(), mean));
    return hn::Mul(centred, centred);
  }
};

// y = map(x) over a row; map takes the place, too.
template <class M>
HWY_INLINE void MapRow(const M& map, const float* x, int64_t length, float* y) {
  const D d;
  int64_t i = 0;
  for (; i + kRowLanes <= length; i += kRowLanes) {
    hn::StoreU(map(hn::LoadU(d, x + i)), d, y + i);
  }
  if (i == length) return;
  HWY_ALIGN float rest[kRowLanes] = {};
  for (int64_t j = i; j < length; ++j) rest[j - i] = x[j];
  hn::Store(map(hn::Load(d, rest)), d, rest);
  for (int64_t j = i; j < length; ++j) y[j] = rest[j - i];
}

// In two steps: the largest element's result is then as exact as `by`.
struct Lowered {
  float largest;
  float by;
  HWY_INLINE V operator()(V x) const {
    return hn::Sub(hn::Sub(x, hn::Set(D(), largest)), hn::Set(D(), by));
  }
};

void SoftmaxRow(bool logarithm, int64_t length, const float* x, float* y) {
  const float largest = FoldRow(MaxOf{}, Same{}, x, length);
  if (logarithm) {
    const float sum = FoldRow(SumOf{}, ExpAround{largest}, x, length);
    MapRow(Lowered{largest, std::log(sum)}, x, length, y);
    return;
  }
  ScaleRow(y, KeepExponentials(x, largest, length, y), length, y);
}

// `added` may be null; buffer: of `length`.
void SoftmaxBytesRow(int64_t length, const float* x, const float* added,
                     const Requantization& steps, float* buffer, uint8_t* y) {
  const float largest = KeepScores(x, {}, added, length, buffer);
  const float factor = KeepExponentials(buffer, largest, length, buffer);
  StoreBytesOfRow(TimesNumber{buffer, hn::Set(D(), factor)}, length, steps, y);
}

// One vector of columns; `step` floats from row to row.
HWY_INLINE void SoftmaxColumn(bool logarithm, int64_t length, int64_t step,
                              const float* x, float* y) {
  const D d;
  V largest = hn::LoadU(d, x);
  for (int64_t p = 1; p < length; ++p) {
    largest = MaxOf{}(largest, hn::LoadU(d, x + p * step));
  }
  V sum = hn::Zero(d);
  for (int64_t p = 0; p < length; ++p) {
    const V centred = hn::Sub(hn::LoadU(d, x + p * step), largest);
    const V e = ExpOfNegative(d, centred);
    sum = hn::Add(sum, e);
    hn::StoreU(logarithm ? centred : e, d, y + p * step);
  }
  HWY_ALIGN float sums[kRowLanes];
  hn::Store(sum, d, sums);
  for (float& s : sums) s = logarithm ? std::log(s) : 1.0f / s;
  const V last = hn::Load(d, sums);
  for (int64_t p = 0; p < length; ++p) {
    const V v = hn::LoadU(d, y + p * step);
    hn::StoreU(logarithm ? hn::Sub(v, last) : hn::Mul(v, last), d,
               y + p * step);
  }
}

// The columns that no vector holds, one by one.
void SoftmaxNarrow(bool logarithm, int64_t length, int64_t inner,
                   int64_t columns, const float* x, float* y) {
  const D d;
  for (int64_t i = 0; i < columns; ++i) {
    float largest = x[i];
    for (int64_t p = 1; p < length; ++p) {
      largest = MaxOf{}.Scalar(largest, x[p * inner + i]);
    }
    float sum = 0.0f;
    for (int64_t p = 0; p < length; ++p) {
      const float centred = x[p * inner + i] - largest;
      const float e = hn::GetLane(ExpOfNegative(d, hn::Set(d, centred)));
      sum += e;
      y[p * inner + i] = logarithm ? centred : e;
    }
    const float last = logarithm ? std::log(sum) : 1.0f / sum;
    for (int64_t p = 0; p < length; ++p) {
      float& v = y[p * inner + i];
      v = logarithm ? v - last : v * last;
    }
  }
}

// Rows of two, as a detector's scores are: the same numbers as SoftmaxRow, a
// vector of rows at a time.
void SoftmaxPairs(int64_t rows, const float* x, float* y) {
  const D d;
  int64_t i = 0;
  for (; i + kRowLanes <= rows; i += kRowLanes) {
    V first, second;
    hn::LoadInterleaved2(d, x + 2 * i, first, second);
    const V largest = MaxOf{}(first, second);
    first = ExpOfNegative(d, hn::Sub(first, largest));
    second = ExpOfNegative(d, hn::Sub(second, largest));
    const V by = hn::Div(hn::Set(d, 1.0f), hn::Add(first, second));
    hn::StoreInterleaved2(hn::Mul(first, by), hn::Mul(second, by), d,
                          y + 2 * i);
  }
  for (; i < rows; ++i) SoftmaxRow(false, 2, x + 2 * i, y + 2 * i);
}

void SoftmaxBlock(bool logarithm, int64_t length, int64_t inner, const float* x,
                  float* y) {
  if (inner == 1) return SoftmaxRow(logarithm, length, x, y);
  int64_t i = 0;
  for (; i + kRowLanes <= inner; i += kRowLanes) {
    SoftmaxColumn(logarithm, length, inner, x + i, y + i);
  }
  SoftmaxNarrow(logarithm, length, inner, inner - i, x + i, y + i);
}

// `sum`: of x.
HWY_INLINE void NormalizeAround(float sum, int64_t length, float epsilon,
                                const float* scale, const float* shift,
                                const float* x, float* y) {
  const D d;
  const auto n = static_cast<float>(length);
  const float mean = sum / n;
  const float variance = FoldRow(SumOf{}, SquareAround{mean}, x, length) / n;
  const float inverse = 1.0f / std::sqrt(variance + epsilon);
  const V m = hn::Set(d, mean);
  const V s = hn::Set(d, inverse);
  int64_t i = 0;
  for (; i + kRowLanes <= length; i += kRowLanes) {
    V v = hn::Mul(hn::Mul(hn::Sub(hn::LoadU(d, x + i), m), s),
                  hn::LoadU(d, scale + i));
    if (shift != nullptr) v = hn::Add(v, hn::LoadU(d, shift + i));
    hn::StoreU(v, d, y + i);
  }
  for (; i < length; ++i) {
    const float v = (x[i] - mean) * inverse * scale[i];
    y[i] = shift != nullptr ? v + shift[i] : v;
  }
}
void NormalizeRow(int64_t length, float epsilon, const float* scale,
                  const float* shift, const float* x, float* y) {
  NormalizeAround(FoldRow(SumOf{}, Same{}, x, length), length, epsilon, scale,
                  shift, x, y);
}

struct SumOfRows {
  const float* x;
  const float* added;
  HWY_INLINE V operator()(int64_t i, int64_t count) const {
    return hn::Add(LoadPart(x + i, count), LoadPart(added + i, count));
  }
};

// Row r; buffer: of `length`, what becomes of the row.
void NormalizeBytesRow(const NormalizeBytesArgs& a, const Requantization& steps,
                       int64_t r, float* buffer) {
  const int64_t at = r * a.length;
  const float* x = a.x + at;
  float sum;
  if (a.added != nullptr) {
    sum = FoldAndKeep(SumOf{}, SumOfRows{x, a.added + at}, a.length, buffer);
    x = buffer;
  } else {
    sum = FoldRow(SumOf{}, Same{}, x, a.length);
  }
  NormalizeAround(sum, a.length, a.epsilon, a.scale, a.shift, x, buffer);
  StoreBytesOfRow(TimesRow{buffer, a.factor}, a.length, steps,
                  static_cast<uint8_t*>(a.y) + at);
}

// Columns side by side: [length][inner] to [inner].
template <class F>
HWY_INLINE void FoldColumns(const F& f, int64_t length, int64_t inner,
                            const float* x, float* y) {
  const D d;
  int64_t i = 0;
  for (; i + kRowLanes <= inner; i += kRowLanes) {
    V sum = hn::Set(d, F::kStart);
    for (int64_t p = 0; p < length; ++p) {
      sum = f(sum, hn::LoadU(d, x + p * inner + i));
    }
    hn::StoreU(sum, d, y + i);
  }
  for (; i < inner; ++i) {
    float sum = F::kStart;
    for (int64_t p = 0; p < length; ++p) sum = f.Scalar(sum, x[p * inner + i]);
    y[i] = sum;
  }
}

template <class F>
HWY_NOINLINE void FoldBlock(const F& f, int64_t length, int64_t inner,
                            const float* x, float* y) {
  if (inner == 1) {
    *y = FoldRow(f, Same{}, x, length);
  } else {
    FoldColumns(f, length, inner, x, y);
  }
}

void ReduceBlock(ReduceKind kind, int64_t length, int64_t inner, const float* x,
                 float* y) {
  switch (kind) {
    case ReduceKind::kSum:
      return FoldBlock(SumOf{}, length, inner, x, y);
    case ReduceKind::kMean:
      FoldBlock(SumOf{}, length, inner, x, y);
      for (int64_t i = 0; i < inner; ++i) y[i] /= static_cast<float>(length);
      return;
    case ReduceKind::kMax:
      return FoldBlock(MaxOf{}, length, inner, x, y);
    case ReduceKind::kMin:
      return FoldBlock(MinOf{}, length, inner, x, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(SoftmaxPairs);
HWY_EXPORT(SoftmaxBlock);
HWY_EXPORT(SoftmaxBytesRow);
HWY_EXPORT(NormalizeRow);
HWY_EXPORT(NormalizeBytesRow);
HWY_EXPORT(ReduceBlock);

// Calls f(row), rows in shares of at least 16k elements.
template <typename F>
void ForEachRow(int64_t rows, int64_t length, ThreadPool& pool, F&& f) {
  const int64_t grain =
      std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, length));
  pool.ParallelFor(static_cast<size_t>(rows), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     for (size_t r = begin; r < end; ++r) {
                       f(static_cast<int64_t>(r));
                     }
                   });
}

int64_t RowTasks(int64_t rows, int threads) {
  return threads == 1 ? 1 : std::min<int64_t>(rows, int64_t{4} * threads);
}

// Calls f(row, buffer), whose buffer of `length` is the task's.
template <typename F>
void ForEachBufferedRow(int64_t rows, int64_t length, float* scratch,
                        ThreadPool& pool, F&& f) {
  const int64_t tasks = RowTasks(rows, pool.threads());
  pool.ParallelFor(static_cast<size_t>(tasks), 1,
                   [&](size_t begin, size_t end) {
                     for (auto task = static_cast<int64_t>(begin);
                          task < static_cast<int64_t>(end); ++task) {
                       for (int64_t row = task * rows / tasks;
                            row < (task + 1) * rows / tasks; ++row) {
                         f(row, scratch + task * length);
                       }
                     }
                   });
}

}  // namespace

int64_t RowBytesScratch(int64_t rows, int64_t length, int threads) {
  return RowTasks(rows, threads) * length;
}

void SoftmaxToBytes(const SoftmaxBytesArgs& a, ThreadPool& pool) {
  const Requantization steps = StepsOf(a.grid);
  ForEachBufferedRow(
      a.rows, a.length, a.scratch, pool, [&](int64_t row, float* buffer) {
        HWY_DYNAMIC_DISPATCH(SoftmaxBytesRow)
        (a.length, a.x + row * a.length,
         a.added == nullptr ? nullptr : a.added + a.added_offset[row], steps,
         buffer, static_cast<uint8_t*>(a.y) + row * a.length);
      });
}

void NormalizeToBytes(const NormalizeBytesArgs& a, ThreadPool& pool) {
  const Requantization steps = StepsOf(a.grid);
  if (a.real != nullptr) {
    return ForEachRow(a.rows, a.length, pool, [&](int64_t r) {
      HWY_DYNAMIC_DISPATCH(NormalizeBytesRow)
      (a, steps, r, a.real + r * a.length);
    });
  }
  ForEachBufferedRow(a.rows, a.length, a.scratch, pool,
                     [&](int64_t r, float* buffer) {
                       HWY_DYNAMIC_DISPATCH(NormalizeBytesRow)
                       (a, steps, r, buffer);
                     });
}

void Softmax(bool logarithm, int64_t outer, int64_t length, int64_t inner,
             const float* x, float* y, ThreadPool& pool) {
  if (!logarithm && length == 2 && inner == 1) {
    constexpr size_t kRows = 4096;
    pool.ParallelFor(
        static_cast<size_t>(outer), kRows, [&](size_t begin, size_t end) {
          HWY_DYNAMIC_DISPATCH(SoftmaxPairs)
          (static_cast<int64_t>(end - begin), x + 2 * begin, y + 2 * begin);
        });
    return;
  }
  ForEachRow(outer, length * inner, pool, [&](int64_t o) {
    const int64_t at = o * length * inner;
    HWY_DYNAMIC_DISPATCH(SoftmaxBlock)
    (logarithm, length, inner, x + at, y + at);
  });
}

void NormalizeRows(int64_t rows, int64_t length, float epsilon,
                   const float* scale, const float* shift, const float* x,
                   float* y, ThreadPool& pool) {
  ForEachRow(rows, length, pool, [&](int64_t r) {
    HWY_DYNAMIC_DISPATCH(NormalizeRow)
    (length, epsilon, scale, shift, x + r * length, y + r * length);
  });
}

void Reduce(ReduceKind kind, int64_t outer, int64_t length, int64_t inner,
            const float* x, float* y, ThreadPool& pool) {
  ForEachRow(outer, length * inner, pool, [&](int64_t o) {
    HWY_DYNAMIC_DISPATCH(ReduceBlock)
    (kind, length, inner, x + o * length * inner, y + o * inner);
  });
}

}  // namespace squint
#endif  // HWY_ONCE
