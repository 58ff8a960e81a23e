#include "squint/fixed/steps/image_movement.h"

#include <algorithm>
#include <optional>

#include "squint/fixed/steps/lead.h"
#include "squint/kernels/fixed/patch_window.h"
#include "squint/kernels/fixed/pick.h"
#include "squint/kernels/fixed/widen.h"

namespace squint {
namespace {

// A window that sees one pixel.
squint_window PixelWindow(const ImageSize& in, const ImageSize& out) {
  squint_window w = {};
  w.images = w.taps_h = w.taps_w = w.step_h = w.step_w = 1;
  w.stride_h = w.stride_w = 1;
  w.in_h = Size(in.height);
  w.in_w = Size(in.width);
  w.channels = Size(in.channels);
  w.out_h = Size(out.height);
  w.out_w = Size(out.width);
  return w;
}

class PickStep : public StepOf<PickStep> {
 public:
  explicit PickStep(const squint_window& window) : window_(window) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("pick", squint_pick), m.Window(window_), m.In(0),
           m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    return LeadOfWindow(
        patch == nullptr
            ? window_
            : squint_patch_window(&window_, &patch->rows, &patch->columns),
        window_.channels, 1);
  }
  const squint_window* window() const override { return &window_; }

 private:
  squint_window window_;
};

class WidenStep : public StepOf<WidenStep> {
 public:
  WidenStep(const squint_window& window, const squint_widening& widening)
      : window_(window), widening_(widening) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("widen", squint_widen), m.Count(Size(pixels())),
           m.Params("squint_widening", widening_), m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch* patch) const override {
    const squint_widening& w = widening_;
    return LeadOfRows(PartOf(pixels(), patch), w.channels,
                      w.before + w.channels + w.after, 1);
  }
  const squint_window* window() const override { return &window_; }
  bool IsByPixel(int64_t count, int64_t channels) const override {
    return count == pixels() && channels == widening_.channels;
  }

 private:
  int64_t pixels() const { return int64_t{window_.out_h} * window_.out_w; }

  squint_window window_;
  squint_widening widening_;
};

std::optional<ImageSize> ImageOf(const FixedOperand& operand) {
  const Dims& dims = operand.dims;
  if (dims.size() != 4 || dims[0] != 1 || !IsByte(operand.dtype)) {
    return std::nullopt;
  }
  return ImageSize{dims[1], dims[2], dims[3]};
}

// The distance of two sources, in steps of `unit`; 1 where there is no second.
int64_t StrideAt(const std::vector<int32_t>& sources, int64_t second,
                 int64_t unit) {
  if (second >= static_cast<int64_t>(sources.size())) return 1;
  return (sources[static_cast<size_t>(second)] - sources[0]) / unit;
}

// Whether pixel (i, j) of the result is the one under its window, everywhere.
bool Picks(const squint_window& w, const std::vector<int32_t>& sources) {
  size_t at = 0;
  for (int64_t i = 0; i < w.out_h; ++i) {
    for (int64_t j = 0; j < w.out_w; ++j) {
      const int64_t pixel =
          (i * w.stride_h - w.pad_top) * w.in_w + j * w.stride_w - w.pad_left;
      for (int64_t c = 0; c < w.channels; ++c, ++at) {
        if (sources[at] != pixel * w.channels + c) return false;
      }
    }
  }
  return true;
}

std::unique_ptr<FixedStep> MakePick(const ImageSize& in, const ImageSize& out,
                                    const std::vector<int32_t>& sources) {
  squint_window w = PixelWindow(in, out);
  const int64_t pixel = sources[0] / in.channels;
  w.pad_top = Size(-(pixel / in.width));
  w.pad_left = Size(-(pixel % in.width));
  if (out.height > 1) {
    w.stride_h = Size(
        StrideAt(sources, out.width * out.channels, in.width * in.channels));
  }
  if (out.width > 1) {
    w.stride_w = Size(StrideAt(sources, out.channels, in.channels));
  }
  if (w.stride_h < 1 || w.stride_w < 1 || !Picks(w, sources)) return nullptr;
  return std::make_unique<PickStep>(w);
}

std::unique_ptr<FixedStep> MakeWiden(const ImageSize& in, const ImageSize& out,
                                     const std::vector<int32_t>& sources,
                                     int32_t border) {
  const auto first = std::ranges::find(sources, 0) - sources.begin();
  const int64_t after = out.channels - in.channels - first;
  if (after < 0) return nullptr;
  size_t at = 0;
  for (int64_t p = 0; p < out.pixels(); ++p) {
    for (int64_t c = -first; c < in.channels + after; ++c, ++at) {
      const bool inside = c >= 0 && c < in.channels;
      const int64_t source = inside ? p * in.channels + c : kBorderSource;
      if (sources[at] != source) return nullptr;
    }
  }
  return std::make_unique<WidenStep>(
      PixelWindow(in, out), squint_widening{.channels = Size(in.channels),
                                            .before = Size(first),
                                            .after = Size(after),
                                            .value = border});
}

}  // namespace

std::unique_ptr<FixedStep> MakeImageMovement(
    const FixedOperation& operation, const std::vector<int32_t>& sources,
    int32_t border) {
  const auto in = ImageOf(operation.inputs[0]);
  const auto out = ImageOf(operation.outputs[0]);
  if (!in || !out || in->channels == 0) return nullptr;
  if (operation.node.op_type == "Slice" && in->channels == out->channels) {
    return MakePick(*in, *out, sources);
  }
  if (operation.node.op_type == "Pad" && in->height == out->height &&
      in->width == out->width) {
    return MakeWiden(*in, *out, sources, border);
  }
  return nullptr;
}

}  // namespace squint
