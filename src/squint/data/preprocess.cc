#include "squint/data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace squint {
namespace {

using Layout = ImagePreprocess::Layout;
using Scaling = ImagePreprocess::Scaling;

// How the input wants the image; 0 where the model leaves it open.
struct Target {
  bool channels_last = false;
  int channels = 0;
  int height = 0;
  int width = 0;
};

int Fixed(int64_t dim) { return dim > 0 ? static_cast<int>(dim) : 0; }

bool IsChannelCount(int64_t dim) { return dim == 1 || dim == 3; }

Target TargetOf(const ImagePreprocess& preprocess, const InputSpec& input) {
  Target target;
  target.channels_last = preprocess.layout == Layout::kNhwc;
  if (!input.dims.has_value() || input.dims->size() == 2) return target;
  const Dims& dims = *input.dims;
  if (dims.size() != 4) {
    Fail(ErrorCode::kInvalidArgument,
         "input '{}' has rank {}, images need rank 4 (or 2: all pixels in a "
         "row)",
         input.name, dims.size());
  }
  if (preprocess.layout == Layout::kAuto) {
    target.channels_last = !IsChannelCount(dims[1]) && IsChannelCount(dims[3]);
  }
  target.channels = Fixed(target.channels_last ? dims[3] : dims[1]);
  target.height = Fixed(target.channels_last ? dims[1] : dims[2]);
  target.width = Fixed(target.channels_last ? dims[2] : dims[3]);
  if (target.channels != 0 && !IsChannelCount(target.channels)) {
    Fail(ErrorCode::kInvalidArgument,
         "input '{}' wants {} channels; images have 1 or 3", input.name,
         target.channels);
  }
  return target;
}

int Rounded(double value) {
  return std::max(1, static_cast<int>(std::lround(value)));
}

// A sliver of an image would grow without bounds when its short side does.
Image Scaled(const Image& image, double factor, Filter filter) {
  constexpr double kMostPixels = 1 << 26;
  if (image.width * factor * (image.height * factor) > kMostPixels) {
    Fail(ErrorCode::kInvalidArgument,
         "an image of {} x {} pixels is too long and narrow to be resized "
         "{:.1f} times",
         image.width, image.height, factor);
  }
  return Resize(image, Rounded(image.width * factor),
                Rounded(image.height * factor), filter);
}

// The smallest resize of which the crop is at most the fraction.
Image Covering(const Image& image, const ImagePreprocess& p, int width,
               int height) {
  if (width == 0 || height == 0) return image;
  const double factor = std::max(width / p.crop_fraction / image.width,
                                 height / p.crop_fraction / image.height);
  return Scaled(image, factor, p.filter);
}

Image Framed(const Image& image, const ImagePreprocess& p,
             const Target& target) {
  const int width = p.crop_width > 0 ? p.crop_width : target.width;
  const int height = p.crop_height > 0 ? p.crop_height : target.height;
  Image result;
  switch (p.scaling) {
    case Scaling::kCover:
      result = Covering(image, p, width, height);
      break;
    case Scaling::kShortSide:
      result = Scaled(image,
                      static_cast<double>(p.resize_height) /
                          std::min(image.width, image.height),
                      p.filter);
      break;
    case Scaling::kExact:
      result = Resize(image, p.resize_width, p.resize_height, p.filter);
      break;
    case Scaling::kNone:
      result = image;
  }
  if (width == 0 || height == 0) return result;
  if (result.width < width || result.height < height) {
    return Resize(result, width, height, Filter::kBicubic);
  }
  return CentreCrop(result, width, height);
}

// Normalized values of every pixel value, per channel.
using Table = std::array<std::array<float, 256>, 3>;

Table TableOf(const ImagePreprocess& p) {
  Table table;
  for (size_t c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) {
      table[c][static_cast<size_t>(v)] =
          static_cast<float>((v * p.scale - p.mean[c]) / p.std[c]);
    }
  }
  return table;
}

Tensor Normalized(const Image& image, const ImagePreprocess& p,
                  bool channels_last) {
  const Table table = TableOf(p);
  const int64_t c = image.channels;
  const int64_t plane = int64_t{image.width} * image.height;
  Tensor result(DType::kFloat32, channels_last
                                     ? Dims{1, image.height, image.width, c}
                                     : Dims{1, c, image.height, image.width});
  float* out = result.mutable_data<float>();
  for (int64_t k = 0; k < c; ++k) {
    const int64_t from =
        p.order == ImagePreprocess::Order::kBgr ? c - 1 - k : k;
    for (int64_t i = 0; i < plane; ++i) {
      const uint8_t pixel = image.pixels[static_cast<size_t>(i * c + from)];
      out[channels_last ? i * c + k : k * plane + i] =
          table[static_cast<size_t>(k)][pixel];
    }
  }
  return result;
}

}  // namespace

Tensor Preprocess(const Image& image, const ImagePreprocess& preprocess,
                  const InputSpec& input) {
  const Target target = TargetOf(preprocess, input);
  int channels = target.channels;
  if (channels == 0) channels = preprocess.gray ? 1 : 3;
  // A flat input says nothing about channels: those of the image.
  if (input.dims.has_value() && input.dims->size() == 2) {
    channels = preprocess.gray ? 1 : image.channels;
  }
  Tensor result =
      Normalized(Framed(WithChannels(image, channels), preprocess, target),
                 preprocess, target.channels_last);
  if (input.dims.has_value() && input.dims->size() == 2) {
    result = result.Reshaped({1, result.size()});
  }
  return IsInteger(input.dtype) ? result.CastTo(input.dtype) : result;
}

Image ImageOfTensor(const Tensor& pixels) {
  const int rank = pixels.rank();
  const bool gray = rank == 2;
  if (pixels.dtype() != DType::kUint8 || (!gray && rank != 3) ||
      (rank == 3 && !IsChannelCount(pixels.dim(2)))) {
    Fail(ErrorCode::kInvalidArgument,
         "image preprocessing needs uint8 pixels [H,W], [H,W,1] or [H,W,3], "
         "got {} {}",
         DTypeName(pixels.dtype()), DimsToString(pixels.dims()));
  }
  constexpr int64_t kMaxSide = 1 << 20;
  if (pixels.size() == 0 || pixels.dim(0) > kMaxSide ||
      pixels.dim(1) > kMaxSide) {
    Fail(ErrorCode::kInvalidArgument, "an image of shape {} is impossible",
         DimsToString(pixels.dims()));
  }
  Image image(static_cast<int>(pixels.dim(1)), static_cast<int>(pixels.dim(0)),
              gray ? 1 : static_cast<int>(pixels.dim(2)));
  std::memcpy(image.pixels.data(), pixels.raw(), image.pixels.size());
  return image;
}

}  // namespace squint
