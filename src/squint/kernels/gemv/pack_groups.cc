// Weights in groups: from their stored form to panels.
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "squint/kernels/aligned.h"
#include "squint/kernels/gemv/gemv.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/gemv/pack_groups.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/gemv/group-inl.h"

#ifndef SQUINT_KERNELS_GEMV_PACK_ONCE_
#define SQUINT_KERNELS_GEMV_PACK_ONCE_
namespace squint {
namespace {

// Scales and zero points in the form that panels have, at their places in the
// tables of the weight.
struct ParameterBytes {
  const uint8_t* scales;
  const uint8_t* zeros;
};

}  // namespace
}  // namespace squint
#endif

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

int64_t GemvColumns() { return kGemvNr; }

// Neighbouring numbers of a whole panel, from the first of a byte on.
template <int kBits>
HWY_INLINE void ReadRow(const uint8_t* HWY_RESTRICT in, uint8_t flip,
                        uint8_t* HWY_RESTRICT out) {
  constexpr int kPerByte = 8 / kBits;
  constexpr int kMask = (1 << kBits) - 1;
  if constexpr (kBits == 4) {
    const hn::CappedTag<uint8_t, kGemvNr / 2> d;
    const auto mask = hn::Set(d, static_cast<uint8_t>(kMask));
    const auto flipped = hn::Set(d, flip);
    for (size_t i = 0; i < kGemvNr / 2; i += hn::Lanes(d)) {
      const auto pairs = hn::LoadU(d, in + i);
      const auto low = hn::Xor(hn::And(pairs, mask), flipped);
      const auto high = hn::Xor(hn::ShiftRight<4>(pairs), flipped);
      hn::StoreInterleaved2(low, high, d, out + 2 * i);
    }
    return;
  }
  for (int64_t i = 0; i < kGemvNr / kPerByte; ++i) {
    for (int f = 0; f < kPerByte; ++f) {
      const int field = in[i] >> (f * kBits) & kMask;
      out[i * kPerByte + f] = static_cast<uint8_t>(field ^ flip);
    }
  }
}

// Numbers `step` apart, anywhere.
void ReadApart(const uint8_t* data, int bits, int64_t first, int64_t step,
               int64_t count, int flip, uint8_t* out) {
  const int per_byte = 8 / bits;
  const int mask = (1 << bits) - 1;
  for (int64_t j = 0; j < count; ++j) {
    const int64_t at = first + j * step;
    const int shift = static_cast<int>(at % per_byte) * bits;
    out[j] = static_cast<uint8_t>((data[at / per_byte] >> shift & mask) ^ flip);
  }
}

// fields[r][j]: `depth` rows of K from p on, stored integers of the columns of
// a panel, counted from the lowest of their type; the rest is left alone.
template <int kBits>
void ReadFields(const GroupedWeight& w, int64_t p, int64_t depth,
                int64_t column, int64_t columns, uint8_t (*fields)[kGemvNr]) {
  constexpr int kPerByte = 8 / kBits;
  const auto* data = static_cast<const uint8_t*>(w.data);
  const auto flip = static_cast<uint8_t>(w.is_signed ? 1 << (kBits - 1) : 0);
  for (int64_t r = 0; r < depth; ++r) {
    const int64_t first = (p + r) * w.row_step + column * w.column_step;
    if (w.column_step == 1 && columns == kGemvNr && first % kPerByte == 0) {
      ReadRow<kBits>(data + first / kPerByte, flip, fields[r]);
    } else {
      ReadApart(data, kBits, first, w.column_step, columns, flip, fields[r]);
    }
  }
}

// One word of each column.
template <int kBits>
void JoinFields(const uint8_t (*fields)[kGemvNr], uint8_t* out) {
  const WordTag d;
  const hn::Rebind<uint8_t, WordTag> db;
  for (int v = 0; v < kGemvNv; ++v) {
    auto word = hn::Zero(d);
    for (int64_t j = FieldsOf(kBits) - 1; j >= 0; --j) {
      const auto field =
          hn::PromoteTo(d, hn::LoadU(db, fields[j] + v * kLanes));
      word = hn::Or(hn::ShiftLeft<kBits>(word), field);
    }
    hn::StoreU(word, d, reinterpret_cast<uint32_t*>(out) + v * kLanes);
  }
}

// The parameters of a group of a panel, as they are written.
struct GroupHeader {
  uint8_t* scales;
  uint8_t zeros[kGemvNr];
};

GroupHeader WriteHeader(const GroupedWeight& w, const PackedGroups& packed,
                        const ParameterBytes& from, int64_t group,
                        int64_t column, int64_t columns, uint8_t* out) {
  const int64_t size = packed.half_scales ? 2 : 4;
  GroupHeader header{out, {}};
  for (int64_t j = 0; j < columns; ++j) {
    const int64_t at = group * w.scale_row + (column + j) * w.scale_column;
    std::memcpy(out + j * size, from.scales + at * size,
                static_cast<size_t>(size));
    header.zeros[j] =
        packed.has_zeros ? from.zeros[at] : static_cast<uint8_t>(packed.zero);
    if (packed.has_zeros) out[kGemvNr * size + j] = header.zeros[j];
  }
  return header;
}

// One group of a panel; returns its end.
template <int kBits>
uint8_t* PackGroup(const GroupedWeight& w, const PackedGroups& packed,
                   const ParameterBytes& from, int64_t begin, int64_t column,
                   uint8_t* out) {
  constexpr int64_t kFields = FieldsOf(kBits);
  const int64_t columns = std::min<int64_t>(kGemvNr, w.n - column);
  const int64_t depth = std::min(packed.group, w.k - begin);
  const GroupHeader header =
      WriteHeader(w, packed, from, w.group == 0 ? 0 : begin / w.group, column,
                  columns, out);
  out += HeaderBytes(packed.half_scales, packed.has_zeros);
  uint8_t differs[kGemvNr] = {};
  for (int64_t p = 0; p < depth; p += kFields, out += kGemvNr * 4) {
    uint8_t read[kFields][kGemvNr] = {};
    const int64_t count = std::min(kFields, depth - p);
    ReadFields<kBits>(w, begin + p, count, column, columns, read);
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t j = 0; j < kGemvNr; ++j) {
        differs[j] |= static_cast<uint8_t>(read[r][j] ^ header.zeros[j]);
      }
    }
    JoinFields<kBits>(read, out);
  }
  // Weights that are all zero give zero, whatever is subtracted when.
  const int64_t size = packed.half_scales ? 2 : 4;
  for (int64_t j = 0; j < kGemvNr; ++j) {
    if (differs[j] == 0) {
      std::memset(header.scales + j * size, 0, static_cast<size_t>(size));
    }
  }
  return out;
}

template <int kBits>
void PackPanelOf(const GroupedWeight& w, const PackedGroups& packed,
                 const ParameterBytes& from, int64_t column, uint8_t* out) {
  for (int64_t begin = 0; begin < w.k; begin += packed.group) {
    out = PackGroup<kBits>(w, packed, from, begin, column, out);
  }
}

void PackPanel(const GroupedWeight& w, const PackedGroups& packed,
               const ParameterBytes& from, int64_t panel, uint8_t* out) {
  const auto pack = w.bits == 2   ? PackPanelOf<2>
                    : w.bits == 4 ? PackPanelOf<4>
                                  : PackPanelOf<8>;
  pack(w, packed, from, panel * kGemvNr, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(GemvColumns);
HWY_EXPORT(PackPanel);

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
    (w, packed, {scales.data(), zeros.data()}, i, out);
  }
  return packed;
}

}  // namespace squint
#endif  // HWY_ONCE
