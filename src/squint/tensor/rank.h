// The largest rank.
#ifndef SQUINT_TENSOR_RANK_H_
#define SQUINT_TENSOR_RANK_H_

namespace squint {

// More dimensions than any exporter writes. What comes from files is held to
// it, so that time and recursion per dimension are bounded.
inline constexpr int kMaxRank = 64;

}  // namespace squint

#endif  // SQUINT_TENSOR_RANK_H_
