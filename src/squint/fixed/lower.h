// A quantized graph as the operators that fixed-point steps are made of.
#ifndef SQUINT_FIXED_LOWER_H_
#define SQUINT_FIXED_LOWER_H_

#include "squint/graph/graph.h"

namespace squint {

// LowerToIntegers (runtime/integer_graph.h) without the fusions that only the
// engine's own kernels have. Averages of whole images, however they are
// written, are global pools first. A real input that is read on several grids
// is rounded to the first, and looked up on the others. Steps are made for int8
// and int16 activations: unsigned ones are turned by MakeActivationsSigned
// (interchange/convert.h) before.
Graph LowerToFixed(const Graph& quantized);

}  // namespace squint

#endif  // SQUINT_FIXED_LOWER_H_
