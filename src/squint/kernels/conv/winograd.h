// Convolutions of 3 x 3 by Winograd's minimal filtering F(2x2, 3x3): four
// results from a tile of 4 x 4 inputs by 16 products instead of 36.
//   Y = At [ (G g Gt) . (Bt d B) ] A
//   (A. Lavin, S. Gray: Fast Algorithms for Convolutional Neural Networks,
//   2015, section 4.1)
// The sum over channels of the products in brackets is 16 matrix products,
// filters x channels by channels x tiles. Only additions and halves come
// beside them, so that a result is about as exact as the direct sum's; larger
// tiles multiply less and round more. Inputs that are infinite may give NaN.
#ifndef SQUINT_KERNELS_CONV_WINOGRAD_H_
#define SQUINT_KERNELS_CONV_WINOGRAD_H_

#include <cstddef>

#include "squint/kernels/conv/conv.h"

namespace squint {

// 3 x 3, stride and dilation 1, and enough channels and tiles for the products
// to be worth the transformations.
bool WinogradPays(const ConvShape& shape);

struct WinogradPlan {
  explicit WinogradPlan(const ConvShape& shape);
  ConvShape shape;
  PlaneWindow tiles;  // of 4 x 4 pixels, two apart: its pixels are tiles
  int64_t block = 0;  // tiles whose products are made together
  size_t scratch_bytes = 0;
};

// The 16 matrices of weights [filters][channels][3][3].
PackedMatrix PackWinogradWeights(const ConvShape& shape, const float* weights);

using WinogradArgs = PlannedConv<WinogradPlan>;
void WinogradConv(const WinogradArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_CONV_WINOGRAD_H_
