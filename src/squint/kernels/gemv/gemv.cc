// Few rows times a weight in groups: packing, and cutting into tasks.
#include "squint/kernels/gemv/gemv.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
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

int64_t GemvColumns() { return kGemvNr; }

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

// Rows of x, ready for the tiles: `stride` floats each, and behind all of them
// the sums of x over each group.
struct ReadyRows {
  const float* x;
  int64_t stride;
  const float* sums;
  int64_t groups;
};

ReadyRows RowsIn(const float* scratch, int64_t m, const PackedGroups& w) {
  const int64_t fields = FieldsOf(w.bits);
  const int64_t stride = (w.k + fields - 1) / fields * fields;
  return {scratch, stride, scratch + m * stride, (w.k + w.group - 1) / w.group};
}

int64_t ScratchFloats(int64_t m, const PackedGroups& w) {
  const ReadyRows rows = RowsIn(nullptr, m, w);
  return m * (rows.stride + rows.groups);
}

void PrepareRow(const float* x, const PackedGroups& w, float* scaled,
                float* sums) {
  ScaleRow(x, w, scaled);
  for (int64_t begin = 0; begin < w.k; begin += w.group) {
    *sums++ = SumOf(x + begin, std::min(w.group, w.k - begin));
  }
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

// Calls visit(parts, number, k_begin) for each group of a panel.
template <int kBits, class Visit>
HWY_INLINE void ForEachGroup(const PackedGroups& w, const uint8_t* panel,
                             Visit&& visit) {
  int64_t number = 0;
  for (int64_t begin = 0; begin < w.k; begin += w.group, ++number) {
    const GroupParts parts = PartsOf(panel, std::min(w.group, w.k - begin),
                                     kBits, w.half_scales, w.has_zeros);
    visit(parts, number, begin);
    panel = parts.end;
  }
}

template <int kBits>
HWY_NOINLINE void RowPanel(const PackedGroups& w, const uint8_t* panel,
                           const float* HWY_RESTRICT x, const float* x_sums,
                           float* HWY_RESTRICT sums) {
  const FloatTag d;
  FloatVector total[kGemvNv];
#pragma GCC unroll 4
  for (int v = 0; v < kGemvNv; ++v) total[v] = hn::Zero(d);
  for (int64_t begin = 0; begin < w.k; begin += w.group) {
    const GroupParts parts = PartsOf(panel, std::min(w.group, w.k - begin),
                                     kBits, w.half_scales, w.has_zeros);
    AddGroupToRow<kBits>(parts, w, x + begin, *x_sums++, total);
    panel = parts.end;
  }
#pragma GCC unroll 4
  for (int v = 0; v < kGemvNv; ++v) {
    hn::StoreU(total[v], d, sums + v * kLanes);
  }
}

// kRows rows at a time from `row` on, then the rest.
template <int kBits, int kRows>
HWY_INLINE void AddGroupToAll(const float* weights, const GroupParts& parts,
                              const PackedGroups& w, const RowsOfGroup& rows,
                              int64_t row, int64_t count) {
  for (; row + kRows <= count; row += kRows) {
    AddGroupToRows<kBits, kRows>(weights, parts, w, rows, row);
  }
  if constexpr (kRows > 1) {
    AddGroupToAll<kBits, kRows - 1>(weights, parts, w, rows, row, count);
  }
}

template <int kBits>
HWY_NOINLINE void RowsPanel(const PackedGroups& w, const uint8_t* panel,
                            const ReadyRows& rows, int64_t row, int64_t count,
                            float* totals) {
  HWY_ALIGN float weights[kMaxGroup * kGemvNr];
  std::fill_n(totals, count * kGemvNr, 0.0f);
  ForEachGroup<kBits>(
      w, panel, [&](const GroupParts& parts, int64_t number, int64_t begin) {
        DecodeGroup<kBits>(parts, w, weights);
        const RowsOfGroup group{rows.x + row * rows.stride + begin, rows.stride,
                                rows.sums + row * rows.groups + number,
                                rows.groups, totals};
        AddGroupToAll<kBits, kGemvMr>(weights, parts, w, group, 0, count);
      });
}

template <int kBits>
void PanelFor(const GroupedGemvArgs& args, const ReadyRows& rows, int64_t panel,
              int64_t row, int64_t count) {
  HWY_ALIGN float sums[kMaxGemvRows * kGemvNr];
  const PackedGroups& w = args.weight;
  const uint8_t* data = w.data.get() + panel * w.panel_bytes;
  if (count == 1) {
    RowPanel<kBits>(w, data, rows.x + row * rows.stride,
                    rows.sums + row * rows.groups, sums);
  } else {
    RowsPanel<kBits>(w, data, rows, row, count, sums);
  }
  StorePanel(args, row, count, panel * kGemvNr, sums);
}

using PanelFunction = void (*)(const GroupedGemvArgs&, const ReadyRows&,
                               int64_t, int64_t, int64_t);

PanelFunction FunctionFor(int bits) {
  return bits == 2 ? PanelFor<2> : bits == 4 ? PanelFor<4> : PanelFor<8>;
}

void RunGroupedGemv(const GroupedGemvArgs& args, ThreadPool& pool) {
  const PackedGroups& w = args.weight;
  const ReadyRows rows = RowsIn(args.scratch, args.m, w);
  pool.ParallelFor(
      static_cast<size_t>(args.m), 8, [&](size_t begin, size_t end) {
        for (auto i = static_cast<int64_t>(begin);
             i < static_cast<int64_t>(end); ++i) {
          PrepareRow(args.x + i * args.x_stride, w,
                     args.scratch + i * rows.stride,
                     args.scratch + args.m * rows.stride + i * rows.groups);
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

// ---- packing

// fields[r][j]: `depth` rows of K from p on, stored integers of the columns of
// a panel, counted from the lowest of their type; zero points elsewhere.
void ReadFields(const GroupedWeight& w, int64_t p, int64_t depth,
                int64_t column, int64_t columns, uint8_t (*fields)[kGemvNr]) {
  const auto* data = static_cast<const uint8_t*>(w.data);
  const int per_byte = 8 / w.bits;
  const int mask = (1 << w.bits) - 1;
  const int flip = w.is_signed ? 1 << (w.bits - 1) : 0;
  for (int64_t r = 0; r < depth; ++r) {
    const int64_t first = (p + r) * w.row_step + column * w.column_step;
    if (w.column_step == 1 && columns == kGemvNr && first % per_byte == 0) {
      const uint8_t* in = data + first / per_byte;
      for (int64_t j = 0; j < kGemvNr; j += per_byte, ++in) {
        for (int f = 0; f < per_byte; ++f) {
          fields[r][j + f] =
              static_cast<uint8_t>((*in >> (f * w.bits) & mask) ^ flip);
        }
      }
      continue;
    }
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = first + j * w.column_step;
      const int shift = static_cast<int>(at % per_byte) * w.bits;
      fields[r][j] =
          static_cast<uint8_t>((data[at / per_byte] >> shift & mask) ^ flip);
    }
  }
}

// One word of each column.
void JoinFields(const uint8_t (*fields)[kGemvNr], int bits, uint8_t* out) {
  const WordTag d;
  const hn::Rebind<uint8_t, WordTag> db;
  HWY_ALIGN uint32_t words[kGemvNr];
  for (int v = 0; v < kGemvNv; ++v) {
    auto word = hn::Zero(d);
    for (int64_t j = FieldsOf(bits) - 1; j >= 0; --j) {
      const auto field =
          hn::PromoteTo(d, hn::LoadU(db, fields[j] + v * kLanes));
      word = hn::Or(hn::ShiftLeftSame(word, bits), field);
    }
    hn::Store(word, d, words + v * kLanes);
  }
  std::memcpy(out, words, sizeof(words));
}

void PackPanel(const GroupedWeight& w, const PackedGroups& packed,
               const uint8_t* scales, const uint8_t* zeros, int64_t panel,
               uint8_t* out) {
  const int64_t column = panel * kGemvNr;
  const int64_t columns = std::min<int64_t>(kGemvNr, w.n - column);
  const int64_t size = packed.half_scales ? 2 : 4;
  const int64_t fields = FieldsOf(w.bits);
  for (int64_t begin = 0; begin < w.k; begin += packed.group) {
    const int64_t depth = std::min(packed.group, w.k - begin);
    const int64_t group = w.group == 0 ? 0 : begin / w.group;
    uint8_t* header = out;
    uint8_t zero[kGemvNr] = {};
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = group * w.scale_row + (column + j) * w.scale_column;
      std::memcpy(out + j * size, scales + at * size,
                  static_cast<size_t>(size));
      zero[j] =
          packed.has_zeros ? zeros[at] : static_cast<uint8_t>(packed.zero);
      if (packed.has_zeros) out[kGemvNr * size + j] = zero[j];
    }
    out += HeaderBytes(packed.half_scales, packed.has_zeros);
    uint8_t differs[kGemvNr] = {};
    for (int64_t p = 0; p < depth; p += fields, out += kGemvNr * 4) {
      uint8_t read[FieldsOf(2)][kGemvNr] = {};
      const int64_t count = std::min(fields, depth - p);
      ReadFields(w, begin + p, count, column, columns, read);
      for (int64_t r = 0; r < count; ++r) {
        for (int64_t j = 0; j < kGemvNr; ++j)
          differs[j] |= read[r][j] ^ zero[j];
      }
      JoinFields(read, w.bits, out);
    }
    // Weights that are all zero give zero, whatever is subtracted when.
    for (int64_t j = 0; j < kGemvNr; ++j) {
      if (differs[j] == 0) {
        std::memset(header + j * size, 0, static_cast<size_t>(size));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(GemvColumns);
HWY_EXPORT(PackPanel);
HWY_EXPORT(RunGroupedGemv);
HWY_EXPORT(ScratchFloats);

// Bits of the float16 that is exactly `value`, a normal number or zero; false
// where there is none.
bool ToHalf(float value, uint16_t& half) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const int exponent = static_cast<int>(bits >> 23 & 0xFFu) - 127 + 15;
  half = sign;
  if ((bits & 0x7FFFFFFFu) == 0) return true;
  if ((bits & 0x1FFFu) != 0 || exponent < 1 || exponent > 30) return false;
  half = static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent) << 10 |
                               (bits >> 13 & 0x3FFu));
  return true;
}

// Numbers in the table of scales.
int64_t TableSize(const GroupedWeight& w) {
  const int64_t groups = w.group == 0 ? 1 : (w.k + w.group - 1) / w.group;
  return (groups - 1) * w.scale_row + (w.n - 1) * w.scale_column + 1;
}

// The scales as they are written: float16 where all are.
std::vector<uint8_t> ScaleBytes(const GroupedWeight& w, bool& half) {
  const auto count = static_cast<size_t>(TableSize(w));
  std::vector<uint16_t> halves(count);
  half = true;
  for (size_t i = 0; half && i < count; ++i) {
    half = ToHalf(w.scales[i], halves[i]);
  }
  std::vector<uint8_t> bytes(count * (half ? 2 : 4));
  if (half) {
    std::memcpy(bytes.data(), halves.data(), bytes.size());
  } else {
    std::memcpy(bytes.data(), w.scales, bytes.size());
  }
  return bytes;
}

// Zero points counted as the stored integers are; fills `common` where all
// are the same.
std::vector<uint8_t> ZeroBytes(const GroupedWeight& w, bool& differ,
                               int32_t& common) {
  const int32_t lowest = w.is_signed ? 1 << (w.bits - 1) : 0;
  differ = false;
  common = lowest;
  if (w.zeros == nullptr) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(TableSize(w)));
  common = w.zeros[0] + lowest;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(w.zeros[i] + lowest);
    differ = differ || bytes[i] != common;
  }
  return bytes;
}

// The largest divisor of `group` that the stack buffers hold.
int64_t CutGroup(int64_t group) {
  if (group == 0) return kMaxGroup;
  int64_t parts = 1;
  while (group / parts > kMaxGroup || group % parts != 0 ||
         group / parts % kGroupUnit != 0) {
    ++parts;
  }
  return group / parts;
}

int64_t PanelBytes(const PackedGroups& w, int64_t columns) {
  const int64_t header =
      columns * ((w.half_scales ? 2 : 4) + (w.has_zeros ? 1 : 0));
  const int64_t groups = (w.k + w.group - 1) / w.group;
  const int64_t fields = 32 / w.bits;
  const int64_t words = (w.k + fields - 1) / fields;
  const int64_t bytes = groups * header + words * columns * 4;
  return (bytes + 63) / 64 * 64;
}

}  // namespace

PackedGroups PackGroups(const GroupedWeight& w) {
  PackedGroups packed;
  packed.k = w.k;
  packed.n = w.n;
  packed.bits = w.bits;
  packed.group = CutGroup(w.group);
  const std::vector<uint8_t> scales = ScaleBytes(w, packed.half_scales);
  const std::vector<uint8_t> zeros =
      ZeroBytes(w, packed.has_zeros, packed.zero);
  const int64_t columns = HWY_DYNAMIC_DISPATCH(GemvColumns)();
  const int64_t panels = (w.n + columns - 1) / columns;
  packed.panel_bytes = PanelBytes(packed, columns);
  packed.bytes = static_cast<size_t>(panels * packed.panel_bytes);
  packed.data = AllocateAligned<uint8_t>(panels * packed.panel_bytes);
  for (int64_t i = 0; i < panels; ++i) {
    uint8_t* out = packed.data.get() + i * packed.panel_bytes;
    std::memset(out, 0, static_cast<size_t>(packed.panel_bytes));
    HWY_DYNAMIC_DISPATCH(PackPanel)
    (w, packed, scales.data(), zeros.data(), i, out);
  }
  return packed;
}

int64_t GroupedGemvScratch(int64_t m, const PackedGroups& weight) {
  return HWY_DYNAMIC_DISPATCH(ScratchFloats)(m, weight);
}

void GroupedGemv(const GroupedGemvArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGroupedGemv)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
