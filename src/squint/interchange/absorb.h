// The part of Absorb that knows lookups in quantized tables.
#ifndef SQUINT_INTERCHANGE_ABSORB_H_
#define SQUINT_INTERCHANGE_ABSORB_H_

#include "squint/graph/graph.h"

namespace squint {

// The forms that LayOutGathers writes become Gather in a quantized constant:
//   Gather(integers) -> DQ; the same with gathered scales as blocks of a
//   row; com.microsoft::GatherBlockQuantized.
void AbsorbGathers(Graph& graph);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_ABSORB_H_
