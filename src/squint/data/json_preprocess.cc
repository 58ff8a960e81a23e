// "preprocess" of a dataset .json: a preset's name or an object over one.
#include <fmt/format.h>

#include <array>
#include <string>

#include "squint/data/json_source.h"

namespace squint {
namespace {

using Scaling = ImagePreprocess::Scaling;

constexpr int kMaxSide = 16384;  // pixels

int SideOf(const Json& json, const JsonContext& context) {
  const auto side = json.get<int64_t>();
  if (side <= 0 || side > kMaxSide) {
    context.Complain("a side of {} pixels is not in 1 to {}", side, kMaxSide);
  }
  return static_cast<int>(side);
}

// A number for every channel, or three.
std::array<double, 3> PerChannel(const Json& json, const JsonContext& context) {
  if (json.is_number()) {
    const auto value = json.get<double>();
    return {value, value, value};
  }
  if (json.is_array() && json.size() == 1) return PerChannel(json[0], context);
  if (!json.is_array() || json.size() != 3) {
    context.Complain("expected a number or one for each of three channels");
  }
  return {json[0].get<double>(), json[1].get<double>(), json[2].get<double>()};
}

// 256: the short side; [h, w]: exactly so; "none": no resizing; "cover": as
// the preset does.
void ReadResize(const Json& json, const JsonContext& context,
                ImagePreprocess* result) {
  if (json.is_number()) {
    result->scaling = Scaling::kShortSide;
    result->resize_height = SideOf(json, context);
  } else if (json.is_array() && json.size() == 2) {
    result->scaling = Scaling::kExact;
    result->resize_height = SideOf(json[0], context);
    result->resize_width = SideOf(json[1], context);
  } else if (json == "none") {
    result->scaling = Scaling::kNone;
  } else if (json == "cover") {
    result->scaling = Scaling::kCover;
  } else {
    context.Complain(
        "expected a number, [height, width], \"none\" or "
        "\"cover\"");
  }
}

void ReadCrop(const Json& json, const JsonContext& context,
              ImagePreprocess* result) {
  const bool both = json.is_array() && json.size() == 2;
  result->crop_height = SideOf(both ? json[0] : json, context);
  result->crop_width = SideOf(both ? json[1] : json, context);
}

// The place of a word in a list of allowed ones.
size_t OneOf(const Json& json, const JsonContext& context,
             std::initializer_list<std::string_view> words) {
  const auto word = json.get<std::string>();
  size_t index = 0;
  for (const std::string_view each : words) {
    if (each == word) return index;
    ++index;
  }
  context.Complain("\"{}\" is none of {}", word, fmt::join(words, ", "));
}

void ReadChanges(const Json& json, const JsonContext& context,
                 ImagePreprocess* result) {
  if (json.contains("resize")) {
    ReadResize(json["resize"], context.In("resize"), result);
  }
  if (json.contains("crop")) {
    ReadCrop(json["crop"], context.In("crop"), result);
  }
  if (json.contains("filter")) {
    result->filter = OneOf(json["filter"], context.In("filter"),
                           {"bilinear", "bicubic"}) == 0
                         ? Filter::kBilinear
                         : Filter::kBicubic;
  }
  if (json.contains("scale")) result->scale = json["scale"].get<double>();
  if (json.contains("mean")) {
    result->mean = PerChannel(json["mean"], context.In("mean"));
  }
  if (json.contains("std")) {
    result->std = PerChannel(json["std"], context.In("std"));
    for (const double each : result->std) {
      if (!(each > 0)) context.Complain("\"std\" must be positive");
    }
  }
  if (json.contains("order")) {
    result->order =
        OneOf(json["order"], context.In("order"), {"rgb", "bgr"}) == 0
            ? ImagePreprocess::Order::kRgb
            : ImagePreprocess::Order::kBgr;
  }
  if (json.contains("layout")) {
    result->layout =
        OneOf(json["layout"], context.In("layout"), {"nchw", "nhwc"}) == 0
            ? ImagePreprocess::Layout::kNchw
            : ImagePreprocess::Layout::kNhwc;
  }
  result->gray = json.value("gray", result->gray);
}

}  // namespace

ImagePreprocess ReadPreprocess(const Json& json, const JsonContext& context,
                               const InputSpec& input) {
  // What the caller asks for goes before what the file says.
  const std::string& asked = context.options.preset;
  const std::string source = context.file.string();
  if (!asked.empty()) return PresetOr(asked, "", source);
  if (json.is_null()) {
    ImagePreprocess guess = PresetOr("", GuessPreset(input), source);
    guess.name += " (guessed)";
    return guess;
  }
  if (json.is_string()) {
    return PresetOr(json.get<std::string>(), "unit", source);
  }
  const JsonContext inner = context.In("preprocess");
  CheckKeys(json, inner,
            {"preset", "resize", "crop", "filter", "scale", "mean", "std",
             "order", "layout", "gray"});
  ImagePreprocess result =
      PresetOr(json.value("preset", std::string()), "raw", source);
  if (json.size() > 1) result.name += " (changed)";
  ReadChanges(json, inner, &result);
  return result;
}

}  // namespace squint
