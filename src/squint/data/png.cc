// PNG by libpng's simplified interface.
#include "squint/base/error.h"
#include "squint/data/image.h"

#if SQUINT_HAS_IMAGES
#include <png.h>
#endif

namespace squint {

#if SQUINT_HAS_IMAGES
namespace {

struct PngScope {
  png_image image{};
  PngScope() { image.version = PNG_IMAGE_VERSION; }
  ~PngScope() { png_image_free(&image); }
};

[[noreturn]] void FailDamaged(const png_image& image, const std::string& file) {
  Fail(ErrorCode::kInvalidArgument, "{}: damaged or cut off PNG: {}", file,
       image.message);
}

// The colour channels of gray-alpha or RGBA pixels.
Image WithoutAlpha(const Image& image) {
  Image result(image.width, image.height, image.channels - 1);
  const auto from = static_cast<size_t>(image.channels);
  const auto to = static_cast<size_t>(result.channels);
  for (size_t i = 0; i < image.pixels.size() / from; ++i) {
    for (size_t c = 0; c < to; ++c) {
      result.pixels[i * to + c] = image.pixels[i * from + c];
    }
  }
  return result;
}

}  // namespace

Image DecodePng(std::span<const std::byte> bytes, const std::string& file) {
  PngScope scope;
  png_image& png = scope.image;
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) {
    FailDamaged(png, file);
  }
  // Deflate gives at most 1032 bytes for one, a byte at most 8 pixels.
  CheckPixels(png.width, png.height, bytes.size(), 1032 * 8, file);
  const bool alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  const bool color = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  png.format = (color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY) |
               (alpha ? PNG_FORMAT_FLAG_ALPHA : 0u);
  Image image(static_cast<int>(png.width), static_cast<int>(png.height),
              (color ? 3 : 1) + (alpha ? 1 : 0));
  if (png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr) ==
      0) {
    FailDamaged(png, file);
  }
  return alpha ? WithoutAlpha(image) : image;
}

#else  // !SQUINT_HAS_IMAGES

Image DecodePng(std::span<const std::byte>, const std::string& file) {
  Fail(ErrorCode::kUnsupported,
       "{}: this build cannot read PNG; configure with -DSQUINT_IMAGES=ON",
       file);
}

#endif

}  // namespace squint
