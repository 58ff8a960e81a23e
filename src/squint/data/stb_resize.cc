// Resizing by stb_image_resize; the only file that holds its implementation,
// compiled without Squint's warnings.
#include "squint/base/error.h"
#include "squint/data/image.h"

#if SQUINT_HAS_IMAGES
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
// Among its assertions is that the weights of a pixel sum to 0.9 to 1.1
// before they are normalized, which shrinking 7 pixels to 5 breaks.
#define STBIR_ASSERT(condition) static_cast<void>(0)
#include <stb/stb_image_resize.h>
#endif

namespace squint {

#if SQUINT_HAS_IMAGES

Image Resize(const Image& image, int width, int height, Filter filter) {
  if (width == image.width && height == image.height) return image;
  Image result(width, height, image.channels);
  const int done = stbir_resize_uint8_generic(
      image.pixels.data(), image.width, image.height, 0, result.pixels.data(),
      width, height, 0, image.channels, STBIR_ALPHA_CHANNEL_NONE, 0,
      STBIR_EDGE_CLAMP,
      filter == Filter::kBicubic ? STBIR_FILTER_CATMULLROM
                                 : STBIR_FILTER_TRIANGLE,
      STBIR_COLORSPACE_LINEAR, nullptr);
  if (done == 0) {
    Fail(ErrorCode::kOutOfMemory, "cannot resize an image to {} x {}", width,
         height);
  }
  return result;
}

#else  // !SQUINT_HAS_IMAGES

Image Resize(const Image& image, int width, int height, Filter) {
  if (width == image.width && height == image.height) return image;
  Fail(ErrorCode::kUnsupported,
       "this build cannot resize images; configure with -DSQUINT_IMAGES=ON");
}

#endif

}  // namespace squint
