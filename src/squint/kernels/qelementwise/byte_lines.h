// Tables of 256 bytes that are straight lines between two ends, as those of
// BatchNormalization, Relu and a change of scale are: a multiplication and an
// addition give what the table says, many bytes at a time.
#ifndef SQUINT_KERNELS_QELEMENTWISE_BYTE_LINES_H_
#define SQUINT_KERNELS_QELEMENTWISE_BYTE_LINES_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace squint {

class ThreadPool;

inline constexpr int kByteTableEntries = 256;

// For the byte x of channel c, as a number of its type:
//   y = round_half_even(clamp(slope[c] * x + intercept[c], low, high)),
// which is the table's entry for every x and far enough from the border of the
// next one for the product to be rounded or not.
struct ByteLines {
  bool x_is_signed = false;
  bool y_is_signed = false;
  int64_t channels = 0;  // tables
  std::vector<float> slope;
  std::vector<float> intercept;
  float low = 0;
  float high = 0;
  std::vector<int64_t> others;  // channels whose tables are no lines, ascending
};

// `tables`: channels * kByteTableEntries results, that of byte b (taken as
// unsigned) at place b. Nullopt where so many are no lines that it does not
// pay.
std::optional<ByteLines> FitByteLines(const uint8_t* tables, int64_t channels,
                                      bool x_is_signed, bool y_is_signed);

// out[i] = tables[channel of i][in[i]]; in and out are
// [outer][channels][inner], of `in` each index of outer in_stride bytes behind
// the one before. `out` may be `in` where that is channels * inner.
void ApplyByteLines(const ByteLines& lines, const uint8_t* tables,
                    const void* in, int64_t in_stride, int64_t outer,
                    int64_t inner, void* out, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QELEMENTWISE_BYTE_LINES_H_
