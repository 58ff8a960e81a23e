// Inputs for networks that come without data. Images are "dead leaves": discs
// of one colour that hide each other, whose radii follow a power law. They
// have what photographs have on average (edges at all scales, a 1/f spectrum,
// colours that are mostly grey levels) and noise has not, and networks answer
// to them much as to real images: Lee, Mumford and Huang 2001, "Occlusion
// Models for Natural Images"; Baradad et al. 2021, "Learning to See by Looking
// at Noise", arXiv:2106.05963.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <random>

#include "squint/base/hash.h"
#include "squint/data/preprocess.h"
#include "squint/data/sources.h"
#include "squint/data/synthetic.h"

namespace squint {
namespace {

constexpr int kDefaultSide = 224;  // where the model does not say
constexpr double kSmallestRadius = 2;
constexpr double kTint = 40;  // largest difference of a colour from its grey

struct ImageSize {
  int width = 0;
  int height = 0;
  int channels = 0;
};

int SideOf(int64_t dim) {
  return dim > 0 ? static_cast<int>(dim) : kDefaultSide;
}

// None for inputs that hold no images.
std::optional<ImageSize> ImageSizeOf(const InputSpec& input) {
  if (!IsFloat(input.dtype) || !input.dims || input.dims->size() != 4) {
    return std::nullopt;
  }
  const Dims& d = *input.dims;
  const auto is_colour = [](int64_t n) { return n == 1 || n == 3; };
  const auto is_side = [](int64_t n) { return n < 0 || n >= 16; };
  if (is_colour(d[1]) && is_side(d[2]) && is_side(d[3])) {
    return ImageSize{SideOf(d[3]), SideOf(d[2]), static_cast<int>(d[1])};
  }
  if (is_colour(d[3]) && is_side(d[1]) && is_side(d[2])) {
    return ImageSize{SideOf(d[2]), SideOf(d[1]), static_cast<int>(d[3])};
  }
  return std::nullopt;
}

class Painter {
 public:
  Painter(const ImageSize& size, uint64_t seed)
      : image_(size.width, size.height, size.channels), bits_(seed) {}

  Image Paint() {
    std::ranges::fill(image_.pixels, uint8_t{128});
    // Discs from back to front; most of the area is covered many times.
    const int discs = 100 + (image_.width + image_.height) * 4;
    for (int i = 0; i < discs; ++i) Disc();
    return std::move(image_);
  }

 private:
  double Uniform() {
    constexpr double kUnit = 0x1p-53;
    return static_cast<double>(bits_() >> 11) * kUnit;
  }

  // Density proportional to r^-3, from the smallest to half the image.
  double Radius() {
    const double largest = std::max(
        kSmallestRadius * 2, std::max(image_.width, image_.height) / 2.0);
    const double a = 1 / (kSmallestRadius * kSmallestRadius);
    const double b = 1 / (largest * largest);
    return 1 / std::sqrt(a - Uniform() * (a - b));
  }

  void Disc() {
    const double radius = Radius();
    const double x = Uniform() * image_.width;
    const double y = Uniform() * image_.height;
    uint8_t colour[3];
    const double grey = Uniform() * 255;
    for (uint8_t& c : colour) {
      c = static_cast<uint8_t>(
          std::clamp(grey + (Uniform() * 2 - 1) * kTint, 0.0, 255.0));
    }
    const int top = std::max(0, static_cast<int>(std::ceil(y - radius)));
    const int bottom =
        std::min(image_.height - 1, static_cast<int>(std::floor(y + radius)));
    for (int row = top; row <= bottom; ++row) {
      const double half = std::sqrt(radius * radius - (row - y) * (row - y));
      const int left = std::max(0, static_cast<int>(std::ceil(x - half)));
      const int right =
          std::min(image_.width - 1, static_cast<int>(std::floor(x + half)));
      uint8_t* pixel = image_.MutableRow(row) + left * image_.channels;
      for (int i = left; i <= right; ++i, pixel += image_.channels) {
        std::copy_n(colour, image_.channels, pixel);
      }
    }
  }

  Image image_;
  std::mt19937_64 bits_;
};

// Which preprocessing a network wants cannot be seen. Of the usual ones for
// colour images this has the widest range: ranges that are too wide cost a bit
// or two, too narrow ones clip.
std::string_view WidestPreset(const ImageSize& size) {
  return size.channels == 3 ? "imagenet" : "unit";
}

class SyntheticDataset : public Dataset {
 public:
  SyntheticDataset(std::vector<InputSpec> inputs, const DatasetOptions& options)
      : inputs_(std::move(inputs)),
        options_(options),
        noise_(MakeRandomDataset(inputs_, options)) {
    for (const InputSpec& input : inputs_) {
      if (const auto size = ImageSizeOf(input)) {
        presets_.push_back(PresetByName(
            options.preset.empty() ? WidestPreset(*size) : options.preset));
        drawn_ = presets_.back().name;
      } else {
        presets_.emplace_back();
      }
    }
  }

  int64_t size() const override { return noise_->size(); }
  bool has_labels() const override { return false; }
  std::string description() const override {
    if (drawn_.empty()) return fmt::format("synthetic ({} of noise)", size());
    return fmt::format(
        "synthetic ({} images of discs, as by --preprocess {}{})", size(),
        drawn_, options_.preset.empty() ? ", a guess" : "");
  }

  Sample Get(int64_t index) const override {
    Sample sample = noise_->Get(index);
    sample.id = fmt::format("synthetic #{}", index);
    ContentHasher hasher;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (const auto size = ImageSizeOf(inputs_[i])) {
        Painter painter(*size,
                        options_.seed * 1000003 + static_cast<uint64_t>(index));
        sample.inputs[i] = Preprocess(painter.Paint(), presets_[i], inputs_[i]);
      }
      hasher.Add({sample.inputs[i].raw(), sample.inputs[i].bytes()});
    }
    sample.hash = hasher.Digest();
    return sample;
  }

 private:
  std::vector<InputSpec> inputs_;
  DatasetOptions options_;
  DatasetRef noise_;
  std::vector<ImagePreprocess> presets_;
  std::string drawn_;  // the preset of the images
};

}  // namespace

bool TakesImages(const InputSpec& input) {
  return ImageSizeOf(input).has_value();
}

DatasetRef MakeSyntheticDataset(const std::vector<InputSpec>& inputs,
                                const DatasetOptions& options) {
  return std::make_shared<SyntheticDataset>(inputs, options);
}

}  // namespace squint
