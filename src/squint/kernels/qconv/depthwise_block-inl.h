// One block of channels of depthwise_last.h. No header guard: included inside
// a namespace, once for each way of multiplying and length of vectors:
// SQUINT_TAPS neighbouring rows of the image by SQUINT_TAP_PRODUCT(x, w, sum)
// of SQUINT_TAP_OPERAND(bytes), SQUINT_TAP_LANES channels in a vector.

using TapTag = hn::CappedTag<int32_t, SQUINT_TAP_LANES>;
using TapVector = hn::Vec<TapTag>;
constexpr int kTapLanes = SQUINT_TAP_LANES;
constexpr int kVectors = SQUINT_TAPS;  // of sums of a block
constexpr int64_t kChannels = int64_t{kVectors} * kTapLanes;

// A column of SQUINT_TAPS rows, each channel's bytes side by side.
template <class Load>
HWY_INLINE void JoinRows(const Load& load, int32_t* staged) {
  const TapTag d;
  const auto store = [&](int i, auto v) {
    hn::Store(SQUINT_TAP_OPERAND(hn::BitCast(d, v)), d, staged + i * kTapLanes);
  };
#if SQUINT_TAPS == 2
  const hn::Repartition<int16_t, TapTag> words;
  const auto first = hn::PromoteTo(words, load(0));
  const auto second = hn::PromoteTo(words, load(1));
  store(0, hn::InterleaveLower(words, first, second));
  store(1, hn::InterleaveUpper(words, first, second));
#else
  const hn::Repartition<uint8_t, TapTag> bytes;
  const hn::Repartition<uint16_t, TapTag> words;
  const auto join = [&](auto a, auto b, auto c, auto e, int i) {
    const auto x = hn::BitCast(words, a);
    const auto y = hn::BitCast(words, b);
    store(i, hn::InterleaveLower(words, x, y));
    store(i + 1, hn::InterleaveUpper(words, x, y));
    const auto z = hn::BitCast(words, c);
    const auto w = hn::BitCast(words, e);
    store(i + 2, hn::InterleaveLower(words, z, w));
    store(i + 3, hn::InterleaveUpper(words, z, w));
  };
  const auto first = load(0);
  const auto second = load(1);
  const auto third = load(2);
  const auto fourth = load(3);
  join(hn::InterleaveLower(bytes, first, second),
       hn::InterleaveLower(bytes, third, fourth),
       hn::InterleaveUpper(bytes, first, second),
       hn::InterleaveUpper(bytes, third, fourth), 0);
#endif
}

#if SQUINT_TAPS == 2
using LoadTag = hn::Rebind<uint8_t, hn::Repartition<int16_t, TapTag>>;
#else
using LoadTag = hn::Repartition<uint8_t, TapTag>;
#endif

// The rows of group g, of columns [begin, end) that lie inside the image.
template <bool kWhole>
HWY_INLINE void StageInside(const DepthwiseBand& band, int64_t g,
                            int64_t channel, int64_t begin, int64_t end,
                            int32_t* staged) {
  const LoadTag d;
  const uint8_t* rows[SQUINT_TAPS];
  int64_t steps[SQUINT_TAPS];
#pragma GCC unroll 4
  for (int i = 0; i < SQUINT_TAPS; ++i) {
    const uint8_t* row = band.rows[g * SQUINT_TAPS + i];
    steps[i] = row == nullptr ? 0 : band.channels;
    rows[i] = row == nullptr ? band.border_row
                             : row + begin * band.channels + channel;
  }
  // Columns all of whose vectors end inside the image, as all whole ones do:
  // the other channels of a narrow one are those of the pixels that follow.
  int64_t inside = end;
  for (int i = 0; !kWhole && i < SQUINT_TAPS; ++i) {
    if (steps[i] == 0) continue;
    const int64_t left = band.input_end - rows[i] - kChannels;
    inside =
        std::min(inside, left < 0 ? begin : begin + 1 + left / band.channels);
  }
  for (int64_t column = begin; column < end; ++column) {
    const auto load = [&](int i) {
      if (kWhole || column < inside) return hn::LoadU(d, rows[i]);
      HWY_ALIGN uint8_t some[kChannels] = {};
      std::copy_n(rows[i], band.channels - channel, some);
      return hn::Load(d, some);
    };
    JoinRows(load, staged);
    staged += band.shape.groups * kChannels;
#pragma GCC unroll 4
    for (int i = 0; i < SQUINT_TAPS; ++i) rows[i] += steps[i];
  }
}

// Columns [begin, end) of the band, from `channel` on.
HWY_NOINLINE void StageColumns(const DepthwiseBand& band, int64_t channel,
                               int64_t begin, int64_t end, int32_t* staged) {
  const auto border = hn::Set(LoadTag(), band.border_row[0]);
  const auto outside = [&](int64_t from, int64_t to) {
    for (int64_t i = (from - begin) * band.shape.groups;
         i < (to - begin) * band.shape.groups; ++i) {
      JoinRows([&](int) { return border; }, staged + i * kChannels);
    }
  };
  const int64_t first = std::clamp<int64_t>(0, begin, end);
  const int64_t last = std::clamp<int64_t>(band.window.in_w, first, end);
  outside(begin, first);
  outside(last, end);
  int32_t* inside = staged + (first - begin) * band.shape.groups * kChannels;
  const bool whole = channel + kChannels <= band.channels;
  for (int64_t g = 0; g < band.shape.groups; ++g) {
    (whole ? StageInside<true> : StageInside<false>)(band, g, channel, first,
                                                     last,
                                                     inside + g * kChannels);
  }
}

// Sums of a block as bytes: narrowing in two steps puts channels in order.
template <bool kClamps>
HWY_INLINE auto Words(TapVector first, TapVector second,
                      const float* multiplier, int32_t zero) {
  const hn::RebindToFloat<TapTag> df;
  const hn::Repartition<int16_t, TapTag> words;
  const auto finish = [&](TapVector sum, int i) {
    const auto v = hn::Mul(hn::ConvertTo(df, sum),
                           hn::LoadU(df, multiplier + i * kTapLanes));
    if constexpr (!kClamps) return RoundToInt(v);
    return RoundedBetween(v, static_cast<float>(-zero),
                          static_cast<float>(255 - zero));
  };
  return hn::SaturatedAdd(
      hn::ReorderDemote2To(words, finish(first, 0), finish(second, 1)),
      hn::Set(words, static_cast<int16_t>(zero)));
}

template <bool kClamps>
HWY_INLINE void StoreBlock(const TapVector (&sum)[kVectors],
                           const float* multiplier, int32_t zero,
                           uint8_t* out) {
  const auto first = Words<kClamps>(sum[0], sum[1], multiplier, zero);
  const hn::Repartition<int16_t, TapTag> words;
  const hn::Rebind<uint8_t, decltype(words)> half;
#if SQUINT_TAPS == 2
  hn::StoreU(hn::DemoteTo(half, first), half, out);
#else
  const auto second =
      Words<kClamps>(sum[2], sum[3], multiplier + 2 * kTapLanes, zero);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET <= HWY_AVX3
  StoreWords(first, second, out);
#else
  hn::StoreU(hn::DemoteTo(half, first), half, out);
  hn::StoreU(hn::DemoteTo(half, second), half, out + 2 * kTapLanes);
#endif
#endif
}

// How pixels and rows of the result lie on the staged columns: pixels' windows
// beside each other, or anyhow; rows read the same groups, or each its own.
enum class Walk : uint8_t { kConsecutive, kStrided, kRowsApart };

// The products of one vector of channels with the rows of one group, for
// kPixels neighbouring pixels and kRows rows of the result. kWidth: columns of
// the window, all of whose weights are in registers at once.
template <int kRows, int kPixels, int kWidth, Walk kWalk>
HWY_INLINE void AddGroup(const DepthwiseBand& band, const int32_t* tap,
                         int64_t next, const int32_t* w, int64_t w_next,
                         TapVector (&sum)[kPixels][kRows]) {
  const TapTag d;
  TapVector weights[kWidth][kRows];
#pragma GCC unroll 5
  for (int kx = 0; kx < kWidth; ++kx) {
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) {
      weights[kx][r] = hn::Load(d, w + kx * w_next + r * kChannels);
      if constexpr (kWidth <= 3) Pin(weights[kx][r]);
    }
  }
  const auto add = [&](TapVector x, int kx, int p, int r) HWY_ATTR
      __attribute__((always_inline)) {
    sum[p][r] = SQUINT_TAP_PRODUCT(x, weights[kx][r], sum[p][r]);
    Pin(sum[p][r]);
  };
  if constexpr (kWalk == Walk::kConsecutive) {
#pragma GCC unroll 8
    for (int c = 0; c < kWidth + kPixels - 1; ++c) {
      const TapVector x = hn::Load(d, tap + c * next);
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        if (c < p || c - p >= kWidth) continue;
#pragma GCC unroll 2
        for (int r = 0; r < kRows; ++r) add(x, c - p, p, r);
      }
    }
  } else {
#pragma GCC unroll 5
    for (int kx = 0; kx < kWidth; ++kx) {
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const int32_t* at =
            tap +
            (p * band.window.stride_w + kx * band.window.dilation_w) * next;
        const TapVector x = hn::Load(d, at);
#pragma GCC unroll 2
        for (int r = 0; r < kRows; ++r) {
          const bool apart = kWalk == Walk::kRowsApart && r > 0;
          add(apart ? hn::Load(d, at + r * kChannels) : x, kx, p, r);
        }
      }
    }
  }
}

// What all pixels of a block share.
struct BlockArgs {
  const DepthwiseBand& band;
  const int32_t* weights;
  const int32_t* bias;
  const float* multiplier;
  const int32_t* staged;
  uint8_t* const* out;
  int64_t out_stride;
};

// Pixels from x on. kWidth, kGroups: columns of the window and groups of rows;
// 0 where only the band knows.
template <int kRows, int kPixels, int kWidth, int kGroups, Walk kWalk,
          bool kClamps>
HWY_INLINE void SomePixels(const BlockArgs& a, int64_t x) {
  const TapTag d;
  const DepthwiseBand& band = a.band;
  const int64_t groups = kGroups > 0 ? kGroups : band.shape.row_groups;
  const int64_t next = band.shape.groups * kChannels;
  const int64_t w_group = band.shape.rows * kChannels;
  const int64_t w_next = groups * w_group;
  const int32_t* tap = a.staged + x * band.window.stride_w * next;
  TapVector all[kVectors][kPixels][kRows];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const int64_t at = v * kTapLanes;
    TapVector sum[kPixels][kRows];
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
      for (int r = 0; r < kRows; ++r) sum[p][r] = hn::LoadU(d, a.bias + at);
    }
#pragma GCC unroll 3
    for (int64_t g = 0; g < groups; ++g) {
      const int32_t* x_group = tap + g * kChannels + at;
      const int32_t* w = a.weights + g * w_group + at;
      if constexpr (kWidth > 0) {
        AddGroup<kRows, kPixels, kWidth, kWalk>(band, x_group, next, w, w_next,
                                                sum);
      } else {
        for (int64_t kx = 0; kx < band.window.kernel_w; ++kx) {
          AddGroup<kRows, kPixels, 1, kWalk>(
              band, x_group + kx * band.window.dilation_w * next, next,
              w + kx * w_next, w_next, sum);
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
      for (int r = 0; r < kRows; ++r) all[v][p][r] = sum[p][r];
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) {
      TapVector sum[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[v] = all[v][p][r];
      StoreBlock<kClamps>(sum, a.multiplier, band.zero,
                          a.out[r] + (x + p) * a.out_stride);
    }
  }
}

// Sums of some pixels beside a window's weights, where registers hold them.
constexpr bool kManyRegisters =
    HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON;
constexpr int kPixelsAtOnce =
    kVectors * kDepthwiseRows * 2 <= 8 || kManyRegisters ? 2 : 1;
// Four taps leave room for more: of one row alone there would be few sums under
// way, and of two rows three pixels read fewer weights each.
constexpr int PixelsAtOnce(int rows) {
  if (kVectors != 4 || HWY_TARGET > HWY_AVX3) return kPixelsAtOnce;
  return rows == 1 ? 4 : 3;
}

// kRows rows of the result, `count` pixels.
template <int kRows, int kWidth, int kGroups, Walk kWalk, bool kClamps>
HWY_NOINLINE void Pixels(const BlockArgs& a, int64_t count) {
  constexpr int kPixels = PixelsAtOnce(kRows);
  int64_t x = 0;
  for (; x + kPixels <= count; x += kPixels) {
    SomePixels<kRows, kPixels, kWidth, kGroups, kWalk, kClamps>(a, x);
  }
  for (; x < count; ++x) {
    SomePixels<kRows, 1, kWidth, kGroups, kWalk, kClamps>(a, x);
  }
}

// Windows of 3 and 5 columns have loops of their own, unless results have to be
// clamped by themselves: multipliers of 1 and more are rare. Those of 5 have
// none for CPUs before AVX2.
template <int kRows, Walk kWalk, bool kClamps>
void PixelsOf(const BlockArgs& a, int64_t count) {
  constexpr int kThree = SQUINT_TAPS == 2 ? 2 : 1;
  constexpr int kFive = SQUINT_TAPS == 2 ? 3 : 2;
  const int64_t width = a.band.window.kernel_w;
  const int64_t groups = a.band.shape.row_groups;
  constexpr Walk kAny = kWalk == Walk::kConsecutive ? Walk::kStrided : kWalk;
  if constexpr (kClamps) {
    Pixels<kRows, 0, 0, kAny, true>(a, count);
  } else if (width == 3 && groups == kThree) {
    Pixels<kRows, 3, kThree, kWalk, false>(a, count);
  } else if (HWY_TARGET != HWY_SSE4 && width == 5 && groups == kFive) {
    constexpr bool kHas = HWY_TARGET != HWY_SSE4;  // 25 kB
    Pixels<kRows, kHas ? 5 : 0, kHas ? kFive : 0, kHas ? kWalk : kAny, false>(
        a, count);
  } else {
    Pixels<kRows, 0, 0, kAny, false>(a, count);
  }
}

template <int kRows, bool kClamps>
void PixelsOf(const BlockArgs& a, int64_t count) {
  const PlaneWindow& w = a.band.window;
  // Never so with four taps: a stride is 2 at most where rows are shared.
  constexpr bool kMayPart = kRows > 1 && kVectors == 2;
  if (kMayPart && a.band.shape.row_offset > 0) {
    PixelsOf<kRows, kMayPart ? Walk::kRowsApart : Walk::kStrided, kClamps>(
        a, count);
  } else if (w.stride_w == 1 && w.dilation_w == 1) {
    PixelsOf<kRows, Walk::kConsecutive, kClamps>(a, count);
  } else {
    PixelsOf<kRows, Walk::kStrided, kClamps>(a, count);
  }
}

template <int kRows>
void PixelsOf(const BlockArgs& a, int64_t count) {
  if (a.band.clamps_by_packing) {
    PixelsOf<kRows, false>(a, count);
  } else {
    PixelsOf<kRows, true>(a, count);
  }
}

// Pixels [x, x + count) of the band's rows, of one block of channels.
void RunBlock(const DepthwiseBand& band, const BlockPlace& block, int64_t x,
              int64_t count) {
  HWY_ALIGN int32_t staged[kStagedWords];
  HWY_ALIGN uint8_t some[kDepthwiseRows][kNarrowPixels * kChannels];
  const bool narrow = band.channels < kChannels;
  const int64_t channel = block.channel;
  const int64_t first = x * band.window.stride_w - band.window.pad_left;
  StageColumns(
      band, channel, first,
      first + (count - 1) * band.window.stride_w + band.window.span_w(),
      staged);
  uint8_t* out[kDepthwiseRows];
  for (int64_t r = 0; r < band.out_rows; ++r) {
    out[r] = narrow ? some[r]
                    : band.out + (r * band.window.out_w + x) * band.channels +
                          channel;
  }
  const int64_t parameter = block.parameter;
  const BlockArgs args{band,
                       band.weights + parameter * band.window.kernel_w *
                                          band.shape.row_groups *
                                          band.shape.rows,
                       band.bias + parameter,
                       band.multiplier + parameter,
                       staged,
                       out,
                       narrow ? kChannels : band.channels};
  if (band.out_rows == 2) {
    PixelsOf<2>(args, count);
  } else {
    PixelsOf<1>(args, count);
  }
  for (int64_t i = 0; narrow && i < band.out_rows * count; ++i) {
    const int64_t r = i / count;
    const int64_t pixel = x + i % count;
    CopyFew(some[r] + i % count * kChannels, band.channels,
            band.out + (r * band.window.out_w + pixel) * band.channels);
  }
}
