// Preprocessing by name: what the common training pipelines do to pixels.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "squint/base/error.h"
#include "squint/data/preprocess.h"

namespace squint {
namespace {

using Channels = std::array<double, 3>;

struct PresetRow {
  std::string_view name;
  double scale;
  Channels mean;
  Channels std;
  double crop_fraction;
  Filter filter;
  ImagePreprocess::Order order;
};

constexpr double kByte = 1.0 / 255;
constexpr Channels kZero = {0, 0, 0};
constexpr Channels kOne = {1, 1, 1};
constexpr Channels kHalf = {0.5, 0.5, 0.5};
constexpr auto kRgb = ImagePreprocess::Order::kRgb;
constexpr auto kBgr = ImagePreprocess::Order::kBgr;
constexpr auto kBilinear = Filter::kBilinear;
constexpr auto kBicubic = Filter::kBicubic;

constexpr PresetRow kPresets[] = {
    {"raw", 1, kZero, kOne, 1, kBilinear, kRgb},
    {"unit", kByte, kZero, kOne, 1, kBilinear, kRgb},
    {"signed", kByte, kHalf, kHalf, 1, kBilinear, kRgb},
    // torchvision: short side 256, crop 224.
    {"imagenet",
     kByte,
     {0.485, 0.456, 0.406},
     {0.229, 0.224, 0.225},
     0.875,
     kBilinear,
     kRgb},
    // Keras "tf" mode: x / 127.5 - 1.
    {"imagenet_tf", 1 / 127.5, kOne, kOne, 0.875, kBilinear, kRgb},
    // Keras "caffe" mode: BGR, means only.
    {"caffe", 1, {103.939, 116.779, 123.68}, kOne, 0.875, kBilinear, kBgr},
    {"efficientnet_lite",
     1,
     {127, 127, 127},
     {128, 128, 128},
     0.875,
     kBicubic,
     kRgb},
    {"cifar10",
     kByte,
     {0.4914, 0.4822, 0.4465},
     {0.2470, 0.2435, 0.2616},
     1,
     kBilinear,
     kRgb},
};

}  // namespace

std::vector<std::string_view> PresetNames() {
  std::vector<std::string_view> names;
  for (const PresetRow& row : kPresets) names.push_back(row.name);
  return names;
}

ImagePreprocess PresetByName(std::string_view name) {
  for (const PresetRow& row : kPresets) {
    if (row.name != name) continue;
    ImagePreprocess result;
    result.name = row.name;
    result.scale = row.scale;
    result.mean = row.mean;
    result.std = row.std;
    result.crop_fraction = row.crop_fraction;
    result.filter = row.filter;
    result.order = row.order;
    return result;
  }
  Fail(ErrorCode::kInvalidArgument,
       "no preprocessing preset '{}'; there are {}", name,
       fmt::join(PresetNames(), ", "));
}

ImagePreprocess PresetOr(const std::string& name, std::string_view otherwise,
                         const std::string& source) {
  try {
    return PresetByName(name.empty() ? otherwise : name);
  } catch (const Error& error) {
    throw error.In(source);
  }
}

std::string_view GuessPreset(const InputSpec& input) {
  if (!input.dims.has_value() || input.dims->size() != 4) return "unit";
  const Dims& dims = *input.dims;
  const bool channels_last = dims[3] == 3 && dims[1] != 3;
  if (!channels_last && dims[1] != 3) return "unit";
  // A symbolic size takes images as large as they come.
  const auto side = [&](size_t axis) {
    return dims[axis] < 0 ? INT64_MAX : dims[axis];
  };
  const int64_t smaller =
      channels_last ? std::min(side(1), side(2)) : std::min(side(2), side(3));
  return smaller >= 64 ? "imagenet" : "unit";
}

}  // namespace squint
