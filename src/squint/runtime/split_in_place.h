// Split of channels without copies.
#ifndef SQUINT_RUNTIME_SPLIT_IN_PLACE_H_
#define SQUINT_RUNTIME_SPLIT_IN_PLACE_H_

#include "squint/graph/graph.h"

namespace squint {

// In a lowered graph with channels-last images: who reads a part of a Split of
// channels reads these channels of the whole image instead, where it can
// (runtime/channel_readers.h). Parts that others read are sliced off; a Split
// that only such read stays. Numbers stay what they are.
void ReadSplitsInPlace(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_SPLIT_IN_PLACE_H_
