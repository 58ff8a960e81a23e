// One block of channels of depthwise_last.h. No header guard: included inside
// a namespace, once for each way of multiplying: SQUINT_TAPS neighbouring
// taps by SQUINT_TAP_PRODUCT(x, w, sum).

// The bytes of SQUINT_TAPS taps of one channel in each lane; vector i has the
// channels 4 i to 4 i + 3 of every 16.
HWY_INLINE void JoinTaps(const uint8_t* const* taps, int64_t at,
                         IntVector (&x)[4]) {
  const hn::Repartition<uint8_t, IntTag> bytes;
  const IntTag d;
  const auto first = hn::LoadU(bytes, taps[0] + at);
  const auto second = hn::LoadU(bytes, taps[1] + at);
  const auto low = hn::InterleaveLower(bytes, first, second);
  const auto high = hn::InterleaveUpper(bytes, first, second);
#if SQUINT_TAPS == 2
  const auto none = hn::Zero(bytes);
  x[0] = hn::BitCast(d, hn::InterleaveLower(bytes, low, none));
  x[1] = hn::BitCast(d, hn::InterleaveUpper(bytes, low, none));
  x[2] = hn::BitCast(d, hn::InterleaveLower(bytes, high, none));
  x[3] = hn::BitCast(d, hn::InterleaveUpper(bytes, high, none));
#else
  const hn::Repartition<uint16_t, IntTag> words;
  const auto third = hn::LoadU(bytes, taps[2] + at);
  const auto fourth = hn::LoadU(bytes, taps[3] + at);
  const auto low_2 = hn::InterleaveLower(bytes, third, fourth);
  const auto high_2 = hn::InterleaveUpper(bytes, third, fourth);
  const auto a = hn::BitCast(words, low);
  const auto b = hn::BitCast(words, low_2);
  x[0] = hn::BitCast(d, hn::InterleaveLower(words, a, b));
  x[1] = hn::BitCast(d, hn::InterleaveUpper(words, a, b));
  const auto e = hn::BitCast(words, high);
  const auto f = hn::BitCast(words, high_2);
  x[2] = hn::BitCast(d, hn::InterleaveLower(words, e, f));
  x[3] = hn::BitCast(d, hn::InterleaveUpper(words, e, f));
#endif
}

// kGroups: of SQUINT_TAPS taps, 0 where only the arguments know.
template <int kGroups>
HWY_NOINLINE void DepthwiseBlocks(const DepthwisePixel& p) {
  const IntTag d;
  const int64_t groups = kGroups > 0 ? kGroups : p.groups;
  const int32_t* w = p.weights;
  for (int64_t block = 0; block < p.blocks; ++block) {
    const int64_t at = p.ChannelOf(block);
    IntVector sum[4];
    for (int i = 0; i < 4; ++i) {
      sum[i] =
          hn::LoadU(d, p.bias + block * kDepthwiseChannels + i * kIntLanes);
    }
#pragma GCC unroll 13
    for (int64_t g = 0; g < groups; ++g) {
      IntVector x[4];
      JoinTaps(p.taps + g * SQUINT_TAPS, at, x);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const auto weights = hn::Load(d, w + i * kIntLanes);
        sum[i] = SQUINT_TAP_PRODUCT(x[i], weights, sum[i]);
      }
      w += 4 * kIntLanes;
    }
    StoreBlock(sum[0], sum[1], sum[2], sum[3],
               p.multiplier + block * kDepthwiseChannels, p.zero, p.out + at);
  }
}

HWY_NOINLINE void DepthwiseChannels(const DepthwisePixel& p) {
  switch (p.groups) {
    case (9 + SQUINT_TAPS - 1) / SQUINT_TAPS:
      return DepthwiseBlocks<(9 + SQUINT_TAPS - 1) / SQUINT_TAPS>(p);
    case (25 + SQUINT_TAPS - 1) / SQUINT_TAPS:
      return DepthwiseBlocks<(25 + SQUINT_TAPS - 1) / SQUINT_TAPS>(p);
    default:
      return DepthwiseBlocks<0>(p);
  }
}
