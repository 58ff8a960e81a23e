#include "fuzz.h"
#include "squint/data/image.h"

namespace squint {
namespace {

// What is done to every image that a dataset feeds.
void Use(const Image& image) {
  WithChannels(image, 1);
  WithChannels(image, 3);
  Resize(image, 5, 3, Filter::kBilinear);
  CentreCrop(image, (image.width + 1) / 2, (image.height + 1) / 2);
}

}  // namespace

void Fuzz_jpeg(FuzzBytes bytes) {
  const auto block = ExactCopy(bytes);
  Survives([&] { Use(DecodeJpeg({block.get(), bytes.size()}, "x.jpg")); });
}

void Fuzz_png(FuzzBytes bytes) {
  const auto block = ExactCopy(bytes);
  Survives([&] { Use(DecodePng({block.get(), bytes.size()}, "x.png")); });
}

}  // namespace squint
