#include "squint/data/image.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

bool IsJpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xff} &&
         bytes[1] == std::byte{0xd8} && bytes[2] == std::byte{0xff};
}

bool IsPng(std::span<const std::byte> bytes) {
  constexpr std::string_view kMagic = "\x89PNG\r\n\x1a\n";
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

}  // namespace

bool LooksLikeImage(std::span<const std::byte> bytes) {
  return IsJpeg(bytes) || IsPng(bytes);
}

Image DecodeImage(std::span<const std::byte> bytes, const std::string& file) {
  if (IsJpeg(bytes)) return DecodeJpeg(bytes, file);
  if (IsPng(bytes)) return DecodePng(bytes, file);
  Fail(ErrorCode::kInvalidArgument, "{}: {}", file,
       bytes.empty() ? "the file is empty, expected an image"
                     : "is neither JPEG nor PNG");
}

Image ReadImage(const std::filesystem::path& path) {
  return DecodeImage(MappedFile::Open(path)->bytes(), path.string());
}

Image CentreCrop(const Image& image, int width, int height) {
  CheckInternal(width <= image.width && height <= image.height,
                "CentreCrop: larger than the image");
  Image result(width, height, image.channels);
  const int left = (image.width - width) / 2;
  const int top = (image.height - height) / 2;
  for (int y = 0; y < height; ++y) {
    std::memcpy(result.MutableRow(y),
                image.Row(top + y) + left * image.channels, result.RowBytes());
  }
  return result;
}

Image WithChannels(const Image& image, int channels) {
  if (image.channels == channels) return image;
  Image result(image.width, image.height, channels);
  const size_t count = image.pixels.size() / image.channels;
  for (size_t i = 0; i < count; ++i) {
    if (channels == 3) {
      std::fill_n(&result.pixels[3 * i], 3, image.pixels[i]);
      continue;
    }
    // 0.299, 0.587 and 0.114 in 16-bit fixed point; they add up to 1.
    const uint8_t* p = &image.pixels[3 * i];
    result.pixels[i] = static_cast<uint8_t>(
        (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
  }
  return result;
}

void CheckPixels(int64_t width, int64_t height, size_t file_bytes,
                 int64_t per_byte, const std::string& file) {
  constexpr int64_t kAlwaysFine = int64_t{1} << 24;
  constexpr int64_t kMost = int64_t{1} << 28;
  const int64_t pixels = width * height;
  if (pixels <= kAlwaysFine) return;
  if (pixels > kMost || pixels / per_byte > static_cast<int64_t>(file_bytes)) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: claims {} x {} pixels, which its {} bytes cannot hold or which "
         "are beyond the limit of 2^28",
         file, width, height, file_bytes);
  }
}

}  // namespace squint
