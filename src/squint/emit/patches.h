// A segment of a network as a step that runs in patches.
#ifndef SQUINT_EMIT_PATCHES_H_
#define SQUINT_EMIT_PATCHES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "squint/emit/network.h"
#include "squint/emit/segment.h"
#include "squint/fixed/patch_step.h"
#include "squint/runtime/place_blocks.h"

namespace squint {

// The result of the segment is cut into rows x columns rectangles, as equal as
// can be.
struct PatchGrid {
  int64_t rows = 1;
  int64_t columns = 1;
};

// Layers whose memory has no places yet.
struct PatchDraft {
  std::vector<PatchLayer> layers;
  std::vector<ValueId> inputs;  // that they read: the entry, then constants
  // What layers hand on, and then their own scratch memory; `scratch` has a
  // block for each layer, or -1.
  std::vector<Block> blocks;
  std::vector<Overlap> overlaps;
  std::vector<int64_t> scratch;

  int64_t extra_macs() const;
};

// `network` is in the order that the segment counts in.
PatchDraft DraftPatches(const FixedNetwork& network, const Segment& segment,
                        const PatchGrid& grid);

// The network with the segment as one step, whose node is kNoNode.
FixedNetwork WithPatches(const FixedNetwork& network, const Segment& segment,
                         PatchDraft draft);

// The one step that stands for a segment; null: there is none.
const PatchStep* PatchesOf(const FixedNetwork& network);

}  // namespace squint

#endif  // SQUINT_EMIT_PATCHES_H_
