// A part of a step's work: a rectangle of its result.
#ifndef SQUINT_FIXED_PATCH_H_
#define SQUINT_FIXED_PATCH_H_

#include <cstdint>

#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/fixed/span.h"
#include "squint/kernels/fixed/window.h"

namespace squint {

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  int64_t pixels() const { return height * width; }
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

struct Patch {
  squint_span rows;
  squint_span columns;
  int64_t image_pixels = 0;  // of the whole result

  int64_t pixels() const { return int64_t{rows.out} * columns.out; }
};

// A number that is proportional to the pixels of the result.
inline int64_t PartOf(int64_t whole, const Patch* patch) {
  return patch == nullptr ? whole
                          : whole / patch->image_pixels * patch->pixels();
}

// The same operands as [1][1][pixels][channels], `pixels` in all.
squint_pair ByPixel(squint_pair pair, int64_t pixels);

}  // namespace squint

#endif  // SQUINT_FIXED_PATCH_H_
