// From pixels to the tensor of an image model. In this order: channels, resize,
// centre crop, (pixel * scale - mean) / std, layout.
#ifndef SQUINT_DATA_PREPROCESS_H_
#define SQUINT_DATA_PREPROCESS_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "squint/data/dataset.h"
#include "squint/data/image.h"

namespace squint {

struct ImagePreprocess {
  enum class Layout { kAuto, kNchw, kNhwc };
  enum class Order { kRgb, kBgr };
  // kCover: the crop is `crop_fraction` of the resized image, both from the
  // model's input size (imagenet: 224 of 256). kShortSide: the short side
  // becomes resize_height. kExact: resize_height x resize_width, whatever the
  // aspect. kNone: straight to the crop.
  enum class Scaling { kCover, kShortSide, kExact, kNone };

  std::string name;  // of the preset
  Scaling scaling = Scaling::kCover;
  int resize_width = 0;
  int resize_height = 0;
  double crop_fraction = 1;
  // 0: the model's own size where it is fixed, else no crop.
  int crop_width = 0;
  int crop_height = 0;
  Filter filter = Filter::kBilinear;
  double scale = 1;
  std::array<double, 3> mean = {0, 0, 0};  // in the order given to the model
  std::array<double, 3> std = {1, 1, 1};
  Order order = Order::kRgb;
  bool gray = false;  // one channel even where the model does not say
  Layout layout = Layout::kAuto;
};

// raw, unit, signed, imagenet, imagenet_tf, caffe, efficientnet_lite, cifar10.
// Error{kInvalidArgument} lists them.
ImagePreprocess PresetByName(std::string_view name);
std::vector<std::string_view> PresetNames();
// The preset `name`, or `otherwise` when it is empty; errors name `source`.
ImagePreprocess PresetOr(const std::string& name, std::string_view otherwise,
                         const std::string& source);
// What most models trained on such images want: "imagenet" for colour images
// of 64 pixels and more, "unit" for the rest.
std::string_view GuessPreset(const InputSpec& input);

// The tensor for `input`, with batch axis, float32 unless the input is of
// an integer type. A crop larger than the image resizes it up to the crop,
// bicubically. Error{kInvalidArgument} when the input cannot take images.
Tensor Preprocess(const Image& image, const ImagePreprocess& preprocess,
                  const InputSpec& input);

// uint8 pixels [H,W], [H,W,1] or [H,W,3] as an Image.
Image ImageOfTensor(const Tensor& pixels);

}  // namespace squint

#endif  // SQUINT_DATA_PREPROCESS_H_
