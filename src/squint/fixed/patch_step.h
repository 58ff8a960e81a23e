// Steps that run patch by patch, so that what lies between the first and the
// last of them is never whole in memory.
//
// The result of the last one is cut into a grid of rectangles. For each, every
// step computes what the steps behind it need: a rectangle of its result, cut
// at the borders of the image, where the windows of the kernels find the zero
// point as they do on the whole. Rectangles of neighbouring patches overlap by
// the windows that look beyond their edge; that part is computed for each. What
// steps hand to one another lies in scratch memory, where every patch uses the
// same places.
#ifndef SQUINT_FIXED_PATCH_STEP_H_
#define SQUINT_FIXED_PATCH_STEP_H_

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/fixed/step.h"
#include "squint/graph/graph.h"

namespace squint {

// Where a layer finds or puts a rectangle.
struct PatchOperand {
  bool in_scratch = false;
  size_t index = 0;    // of the patch step's inputs, or of its buffers
  int64_t offset = 0;  // in scratch memory
};

// One step of a patch.
struct PatchLayer {
  std::shared_ptr<const FixedStep> step;
  NodeId node = kNoNode;
  // "crop" or "paste": moves a rectangle for this node between whole and part.
  std::string_view move;
  std::vector<PatchOperand> inputs = {};
  PatchOperand output = {};            // not in scratch: output 0
  std::vector<squint_span> rows = {};  // for each row of the grid
  std::vector<squint_span> columns = {};
  int64_t image_pixels = 0;  // of the whole result
  int64_t scratch = 0;       // where its own scratch memory lies

  Patch PatchAt(size_t row, size_t column) const {
    return {rows[row], columns[column], image_pixels};
  }
  // Of all patches.
  int64_t macs() const;
};

class PatchStep : public StepOf<PatchStep> {
 public:
  PatchStep(std::vector<PatchLayer> layers, int64_t scratch_bytes)
      : layers_(std::move(layers)), scratch_(scratch_bytes) {}

  template <typename Machine>
  void Do(Machine& m) const {
    m.ForEachPatch(grid_rows(), grid_columns(), [&](Machine& patch) {
      for (const PatchLayer& layer : layers_) patch.RunLayer(layer);
    });
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(scratch_);
  }
  int64_t macs() const override;

  const std::vector<PatchLayer>& layers() const { return layers_; }
  int32_t grid_rows() const {
    return static_cast<int32_t>(layers_[0].rows.size());
  }
  int32_t grid_columns() const {
    return static_cast<int32_t>(layers_[0].columns.size());
  }
  // Products that patches compute and their neighbours, too.
  int64_t extra_macs() const;

 private:
  std::vector<PatchLayer> layers_;
  int64_t scratch_;
};

// Takes a rectangle out of an image, or out of planes; puts one into an image.
std::unique_ptr<FixedStep> MakeCropStep(int64_t channels);
std::unique_ptr<FixedStep> MakeCropPlanesStep(const ImageSize& planes);
std::unique_ptr<FixedStep> MakePasteStep(int64_t channels);

}  // namespace squint

#endif  // SQUINT_FIXED_PATCH_STEP_H_
