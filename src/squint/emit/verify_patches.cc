// Every patch followed layer by layer, with the name of the buffer that every
// byte of scratch memory holds in place of the byte.
#include <algorithm>
#include <map>
#include <span>
#include <string_view>

#include "squint/base/error.h"
#include "squint/emit/plan.h"
#include "squint/fixed/patch_step.h"

namespace squint {
namespace {

constexpr int64_t kNobody = -1;
constexpr int64_t kScratch = -2;

class PatchFollower {
 public:
  PatchFollower(const PatchStep& patches, size_t row, size_t column)
      : patches_(patches),
        row_(row),
        column_(column),
        memory_(patches.scratch_bytes(), kNobody) {}

  void Run() {
    for (const PatchLayer& layer : patches_.layers()) RunLayer(layer);
  }

 private:
  static void Check(bool holds, std::string_view what) {
    if (!holds) Fail(ErrorCode::kInternal, "patches: {}", what);
  }

  std::span<int64_t> Bytes(int64_t offset, int64_t size) {
    Check(offset >= 0 && offset + size <= static_cast<int64_t>(memory_.size()),
          "a buffer lies beyond the scratch memory");
    return std::span(memory_).subspan(static_cast<size_t>(offset),
                                      static_cast<size_t>(size));
  }

  static bool Overlap(std::span<const int64_t> a, std::span<const int64_t> b) {
    return !a.empty() && !b.empty() && a.data() < b.data() + b.size() &&
           b.data() < a.data() + a.size();
  }

  std::span<int64_t> Held(const PatchOperand& operand) {
    const auto size = sizes_.find(operand.index);
    Check(size != sizes_.end(), "a buffer is read before it is made");
    const auto bytes = Bytes(operand.offset, size->second);
    const auto name = static_cast<int64_t>(operand.index);
    Check(std::ranges::all_of(bytes, [&](int64_t b) { return b == name; }),
          "a buffer was overwritten before it is read");
    return bytes;
  }

  void RunLayer(const PatchLayer& layer) {
    const Patch patch = layer.PatchAt(row_, column_);
    const auto scratch =
        Bytes(layer.scratch, static_cast<int64_t>(layer.step->scratch_bytes()));
    std::span<int64_t> result;
    if (layer.output.in_scratch) {
      sizes_[layer.output.index] = patch.pixels() * layer.channels;
      result = Bytes(layer.output.offset, sizes_[layer.output.index]);
    }
    Check(!Overlap(scratch, result), "scratch memory lies on a result");
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      if (!layer.inputs[i].in_scratch) continue;
      const auto input = Held(layer.inputs[i]);
      Check(!Overlap(scratch, input), "scratch memory lies on an input");
      if (!Overlap(result, input)) continue;
      const auto lead = layer.step->Lead(i, &patch);
      Check(lead && input.data() - result.data() >= *lead,
            "a result lies on an input");
    }
    std::ranges::fill(scratch, kScratch);
    std::ranges::fill(result, static_cast<int64_t>(layer.output.index));
  }

  const PatchStep& patches_;
  size_t row_;
  size_t column_;
  std::vector<int64_t> memory_;
  std::map<size_t, int64_t> sizes_;  // of buffers that were made
};

}  // namespace

void VerifyPatches(const PatchStep& patches) {
  for (size_t r = 0; r < static_cast<size_t>(patches.grid_rows()); ++r) {
    for (size_t c = 0; c < static_cast<size_t>(patches.grid_columns()); ++c) {
      PatchFollower(patches, r, c).Run();
    }
  }
}

}  // namespace squint
