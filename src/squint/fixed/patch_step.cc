#include "squint/fixed/patch_step.h"

#include "squint/fixed/operation.h"
#include "squint/kernels/fixed/crop.h"
#include "squint/kernels/fixed/crop_planes.h"
#include "squint/kernels/fixed/paste.h"
#include "squint/kernels/fixed/patch_pair.h"
#include "squint/kernels/fixed/patch_window.h"

namespace squint {
namespace {

class CropStep : public StepOf<CropStep> {
 public:
  explicit CropStep(int64_t channels) : channels_(Size(channels)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("crop", squint_crop), m.Rows(), m.Columns(),
           m.Number(channels_), m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override { return 0; }

 private:
  int32_t channels_;
};

class CropPlanesStep : public StepOf<CropPlanesStep> {
 public:
  explicit CropPlanesStep(const ImageSize& planes)
      : channels_(Size(planes.channels)), plane_(Size(planes.pixels())) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("crop_planes", squint_crop_planes), m.Rows(),
           m.Columns(), m.Number(channels_), m.Number(plane_), m.In(0),
           m.Out(0));
  }

 private:
  int32_t channels_;
  int32_t plane_;
};

class PasteStep : public StepOf<PasteStep> {
 public:
  explicit PasteStep(int64_t channels) : channels_(Size(channels)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("paste", squint_paste), m.Rows(), m.Columns(),
           m.Number(channels_), m.In(0), m.Out(0));
  }

 private:
  int32_t channels_;
};

}  // namespace

squint_pair ByPixel(squint_pair pair, int64_t pixels) {
  if (pair.size_2 == pixels) return pair;
  pair.size_3 = static_cast<int32_t>(pair.size_3 / pixels);
  pair.size_2 = static_cast<int32_t>(pixels);
  pair.a_2 = pair.a_3 * pair.size_3;
  pair.b_2 = pair.b_3 * pair.size_3;
  return pair;
}

const squint_window* StepRunner::Window(const squint_window& whole) {
  if (patch_ == nullptr) return &whole;
  window_ = squint_patch_window(&whole, &patch_->rows, &patch_->columns);
  return &window_;
}

const squint_pair* StepRunner::Pair(const squint_pair& whole) {
  if (patch_ == nullptr) return &whole;
  const squint_pair by_pixel = ByPixel(whole, patch_->image_pixels);
  pair_ = squint_patch_pair(&by_pixel, &patch_->rows, &patch_->columns);
  return &pair_;
}

void StepRunner::RunLayer(const PatchLayer& layer) {
  const Patch patch =
      layer.PatchAt(static_cast<size_t>(row_), static_cast<size_t>(column_));
  std::vector<const int8_t*> inputs;
  for (const PatchOperand& input : layer.inputs) {
    inputs.push_back(input.in_scratch ? scratch_ + input.offset
                                      : inputs_[input.index]);
  }
  const std::vector<int8_t*> outputs = {
      layer.output.in_scratch ? scratch_ + layer.output.offset : outputs_[0]};
  StepRunner part(inputs, outputs, scratch_ + layer.scratch, nullptr, &patch);
  layer.step->Run(part);
}

int64_t PatchLayer::macs() const {
  int64_t pixels = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < columns.size(); ++c)
      pixels += PatchAt(r, c).pixels();
  }
  return step->macs() / image_pixels * pixels;
}

int64_t PatchStep::macs() const {
  int64_t macs = 0;
  for (const PatchLayer& layer : layers_) macs += layer.macs();
  return macs;
}

int64_t PatchStep::extra_macs() const {
  int64_t whole = 0;
  for (const PatchLayer& layer : layers_) whole += layer.step->macs();
  return macs() - whole;
}

std::unique_ptr<FixedStep> MakeCropStep(int64_t channels) {
  return std::make_unique<CropStep>(channels);
}

std::unique_ptr<FixedStep> MakeCropPlanesStep(const ImageSize& planes) {
  return std::make_unique<CropPlanesStep>(planes);
}

std::unique_ptr<FixedStep> MakePasteStep(int64_t channels) {
  return std::make_unique<PasteStep>(channels);
}

}  // namespace squint
