// 8-bit images: decoding JPEG and PNG, and resizing.
#ifndef SQUINT_DATA_IMAGE_H_
#define SQUINT_DATA_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace squint {

struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;             // 1 gray, 3 RGB
  std::vector<uint8_t> pixels;  // rows of interleaved channels, no padding

  Image() = default;
  Image(int w, int h, int c)
      : width(w),
        height(h),
        channels(c),
        pixels(static_cast<size_t>(w) * static_cast<size_t>(h) *
               static_cast<size_t>(c)) {}
  const uint8_t* Row(int y) const {
    return pixels.data() + static_cast<size_t>(y) * RowBytes();
  }
  uint8_t* MutableRow(int y) {
    return pixels.data() + static_cast<size_t>(y) * RowBytes();
  }
  size_t RowBytes() const {
    return static_cast<size_t>(width) * static_cast<size_t>(channels);
  }
};

bool LooksLikeImage(std::span<const std::byte> bytes);

// Alpha is dropped, palettes and CMYK become RGB, 16 bits become 8.
// Error{kInvalidArgument} names `file` when it is damaged, cut off or claims
// more pixels than its bytes can hold; Error{kUnsupported} when built
// without SQUINT_IMAGES.
Image DecodeImage(std::span<const std::byte> bytes, const std::string& file);
Image ReadImage(const std::filesystem::path& path);

// Both widen their support when shrinking, as Pillow does (no aliasing).
enum class Filter { kBilinear, kBicubic };
Image Resize(const Image& image, int width, int height, Filter filter);
// The middle width x height pixels; the image must be at least so large. An
// odd margin is smaller at the left and top.
Image CentreCrop(const Image& image, int width, int height);
// To 1 or 3 channels; gray is ITU-R 601 luma, rounded.
Image WithChannels(const Image& image, int channels);

// Error{kInvalidArgument} unless width x height pixels are fewer than 2^28
// and either fewer than 2^24 or at most `per_byte` for each byte of the file.
void CheckPixels(int64_t width, int64_t height, size_t file_bytes,
                 int64_t per_byte, const std::string& file);

// The two decoders, chosen by DecodeImage.
Image DecodeJpeg(std::span<const std::byte> bytes, const std::string& file);
Image DecodePng(std::span<const std::byte> bytes, const std::string& file);

}  // namespace squint

#endif  // SQUINT_DATA_IMAGE_H_
