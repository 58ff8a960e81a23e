// Few rows times a weight in groups: the rows, and cutting into tasks.
#include "squint/kernels/gemv/gemv.h"

#include <algorithm>
#include <cmath>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/gemv/gemv.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/clamp-inl.h"
#include "squint/kernels/gemv/group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Rows of one task: their sums lie on the stack.
constexpr int64_t kMaxGemvRows = 48;

// ---- rows of x

// x times the scale of the field that it meets; zeros up to whole words.
void ScaleRow(const float* HWY_RESTRICT x, const PackedGroups& w,
              float* HWY_RESTRICT out) {
  const int64_t fields = FieldsOf(w.bits);
  float scale[FieldsOf(2)];
  for (int64_t j = 0; j < fields; ++j) scale[j] = FieldScale(w.bits, j);
  int64_t p = 0;
  for (; p + fields <= w.k; p += fields) {
    for (int64_t j = 0; j < fields; ++j) out[p + j] = x[p + j] * scale[j];
  }
  for (int64_t j = 0; p < w.k; ++j, ++p) out[p] = x[p] * scale[j];
  for (; p % fields != 0; ++p) out[p] = 0.0f;
}

float SumOf(const float* x, int64_t count) {
  constexpr int64_t kSums = 8;
  double sums[kSums] = {};
  int64_t p = 0;
  for (; p + kSums <= count; p += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      sums[j] += static_cast<double>(x[p + j]);
    }
  }
  for (; p < count; ++p) sums[0] += static_cast<double>(x[p]);
  return static_cast<float>(((sums[0] + sums[1]) + (sums[2] + sums[3])) +
                            ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

// Rows of x, ready for the tiles: `stride` floats each, behind all of them the
// sums of x over each group, then whether all sums of a row are finite (1, 0).
struct ReadyRows {
  float* x;
  int64_t stride;
  float* sums;
  int64_t groups;
  float* finite;
};

ReadyRows RowsIn(float* scratch, int64_t m, const PackedGroups& w) {
  const int64_t fields = FieldsOf(w.bits);
  const int64_t stride = (w.k + fields - 1) / fields * fields;
  const int64_t groups = (w.k + w.group - 1) / w.group;
  float* sums = scratch + m * stride;
  return {scratch, stride, sums, groups, sums + m * groups};
}

int64_t ScratchFloats(int64_t m, const PackedGroups& w) {
  const ReadyRows rows = RowsIn(nullptr, m, w);
  return m * (rows.stride + rows.groups + 1);
}

void PrepareRow(const float* x, const PackedGroups& w, const ReadyRows& rows,
                int64_t i) {
  ScaleRow(x, w, rows.x + i * rows.stride);
  float* sums = rows.sums + i * rows.groups;
  for (int64_t g = 0; g < rows.groups; ++g) {
    const int64_t begin = g * w.group;
    sums[g] = SumOf(x + begin, std::min(w.group, w.k - begin));
  }
  const bool finite = std::all_of(sums, sums + rows.groups,
                                  [](float sum) { return std::isfinite(sum); });
  rows.finite[i] = finite ? 1.0f : 0.0f;
}

// ---- the way out

HWY_INLINE void StoreRow(const float* sums, int64_t columns, const float* bias,
                         const Epilogue& e, float* y) {
  const FloatTag d;
  const auto low = hn::Set(d, e.low);
  const auto high = hn::Set(d, e.high);
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    auto sum = hn::LoadU(d, sums + j);
    if (bias != nullptr) {
      sum = hn::Add(
          sum, e.bias_column == 0 ? hn::Set(d, *bias) : hn::LoadU(d, bias + j));
    }
    hn::StoreU(ClampKeepNaN(sum, low, high), d, y + j);
  }
  for (; j < columns; ++j) {
    const float sum = sums[j] + (bias ? bias[j * e.bias_column] : 0.0f);
    y[j] = ClampScalarKeepNaN(sum, e.low, e.high);
  }
}

void StorePanel(const GroupedGemvArgs& args, int64_t row, int64_t rows,
                int64_t column, const float* sums) {
  const Epilogue& e = args.epilogue;
  const int64_t columns = std::min<int64_t>(kGemvNr, args.weight.n - column);
  for (int64_t i = row; i < row + rows; ++i, sums += kGemvNr) {
    const float* bias =
        e.bias ? e.bias + i * e.bias_row + column * e.bias_column : nullptr;
    StoreRow(sums, columns, bias, e, args.y + i * args.y_stride + column);
  }
}

// ---- panels

// kRows rows at a time from `row` on, then the rest by halves: each number of
// rows is 6 kB of code, and three rows are seldom asked for.
template <int kBits, bool kEarly, int kRows>
HWY_INLINE void AddGroupToAll(const GroupParts& parts, const PackedGroups& w,
                              const RowsOfGroup& rows, int64_t row,
                              int64_t count) {
  for (; row + kRows <= count; row += kRows) {
    AddGroup<kBits, kEarly, kRows>(parts, w, rows, row);
  }
  if constexpr (kRows > 1) {
    AddGroupToAll<kBits, kEarly, kRows / 2>(parts, w, rows, row, count);
  }
}

// Neighbouring rows that are all finite, or all not.
template <int kBits>
HWY_INLINE void AddGroupToRuns(const GroupParts& parts, const PackedGroups& w,
                               const RowsOfGroup& rows, const float* finite,
                               int64_t count) {
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    while (end < count && finite[end] == finite[begin]) ++end;
    if (finite[begin] != 0) {
      AddGroupToAll<kBits, SubtractsEarly(kBits, true), kGemvMr>(parts, w, rows,
                                                                 begin, end);
    } else {
      AddGroupToAll<kBits, SubtractsEarly(kBits, false), 1>(parts, w, rows,
                                                            begin, end);
    }
    begin = end;
  }
}

template <int kBits>
void PanelFor(const GroupedGemvArgs& args, const ReadyRows& rows, int64_t panel,
              int64_t row, int64_t count) {
  HWY_ALIGN float totals[kMaxGemvRows * kGemvNr];
  std::fill_n(totals, count * kGemvNr, 0.0f);
  const PackedGroups& w = args.weight;
  const uint8_t* at = w.data.get() + panel * w.panel_bytes;
  RowsOfGroup group{rows.x + row * rows.stride, rows.stride,
                    rows.sums + row * rows.groups, rows.groups, totals};
  for (int64_t begin = 0; begin < w.k; begin += w.group) {
    const GroupParts parts = PartsOf(at, std::min(w.group, w.k - begin), kBits,
                                     w.half_scales, w.has_zeros);
    AddGroupToRuns<kBits>(parts, w, group, rows.finite + row, count);
    at = parts.end;
    group.x += w.group;
    ++group.x_sums;
  }
  StorePanel(args, row, count, panel * kGemvNr, totals);
}

using PanelFunction = void (*)(const GroupedGemvArgs&, const ReadyRows&,
                               int64_t, int64_t, int64_t);

PanelFunction FunctionFor(int bits) {
  return bits == 2 ? PanelFor<2> : bits == 4 ? PanelFor<4> : PanelFor<8>;
}

void RunGroupedGemv(const GroupedGemvArgs& args, ThreadPool& pool) {
  const PackedGroups& w = args.weight;
  const ReadyRows rows = RowsIn(args.scratch, args.m, w);
  pool.ParallelFor(static_cast<size_t>(args.m), 8,
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       PrepareRow(args.x + i * args.x_stride, w, rows, i);
                     }
                   });
  const PanelFunction function = FunctionFor(w.bits);
  const int64_t panels = (w.n + kGemvNr - 1) / kGemvNr;
  const int64_t blocks = (args.m + kMaxGemvRows - 1) / kMaxGemvRows;
  // About four tasks a thread, each of neighbouring panels.
  const int64_t wanted = pool.threads() == 1 ? 1 : 4 * pool.threads();
  const int64_t grain = std::max<int64_t>(1, panels * blocks / wanted);
  pool.ParallelFor(static_cast<size_t>(panels * blocks),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       const int64_t row = i / panels * kMaxGemvRows;
                       function(args, rows, i % panels, row,
                                std::min(kMaxGemvRows, args.m - row));
                     }
                   });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(RunGroupedGemv);
HWY_EXPORT(ScratchFloats);

}  // namespace

int64_t GroupedGemvScratch(int64_t m, const PackedGroups& weight) {
  return HWY_DYNAMIC_DISPATCH(ScratchFloats)(m, weight);
}

void GroupedGemv(const GroupedGemvArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGroupedGemv)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
