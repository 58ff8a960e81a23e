// Runs of steps that can be computed patch by patch.
#ifndef SQUINT_EMIT_SEGMENT_H_
#define SQUINT_EMIT_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "squint/emit/network.h"
#include "squint/fixed/patch.h"

namespace squint {

// Steps first .. last of a network. All their values are images [height][width]
// [channels], but the first step may make one of planes; they read one value
// from outside, `entry`, and constants; one value of theirs is read outside,
// `exit`.
struct Segment {
  size_t first = 0;
  size_t last = 0;
  ValueId entry = kNoValue;
  ValueId exit = kNoValue;
  std::map<ValueId, ImageSize> images;  // of the entry also where it is planes
};

// All there are of two steps or more, by first and last.
std::vector<Segment> FindSegments(const FixedNetwork& network);

}  // namespace squint

#endif  // SQUINT_EMIT_SEGMENT_H_
