// Concat of channels without copies.
#ifndef SQUINT_RUNTIME_CONCAT_IN_PLACE_H_
#define SQUINT_RUNTIME_CONCAT_IN_PLACE_H_

#include "squint/graph/graph.h"

namespace squint {

// In a lowered graph with channels-last images: a Concat of channels becomes a
// chain of nodes, in the order in which its parts are made, each of which takes
// the wide image from the one before and writes its channels into it.
// Convolutions do so themselves (ops/conv_channels.h) if all others who read
// their result can read it in the wide image; a Concat that is part of another
// one lies in that one on the same condition; other parts are copied
// (ops/copy_channels.cc). Numbers stay what they are. A Concat without such a
// convolution stays, and so does one whose wide image would make the graph need
// much more memory.
void WriteInPlace(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_CONCAT_IN_PLACE_H_
