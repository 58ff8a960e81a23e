#include "squint/tensor/held_bits.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>

#include "squint/tensor/pieces.h"

namespace squint {

int HeldBits(const Tensor& integers) {
  constexpr int kLeast = 2;
  if (integers.dtype() != DType::kInt8) return BitsOf(integers.dtype());
  // A bit is set where some number's differs from that number's sign.
  unsigned magnitudes = 0;
  ForEachPiece(*integers.buffer(), kLazyBytes,
               [&](std::span<const std::byte> piece) {
                 for (const std::byte byte : piece) {
                   const auto bits = std::to_integer<unsigned>(byte);
                   magnitudes |= (bits & 0x80) != 0 ? ~bits & 0x7f : bits;
                 }
               });
  return std::max(kLeast, static_cast<int>(std::bit_width(magnitudes)) + 1);
}

}  // namespace squint
