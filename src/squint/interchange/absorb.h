// The parts of Absorb that know particular forms.
#ifndef SQUINT_INTERCHANGE_ABSORB_H_
#define SQUINT_INTERCHANGE_ABSORB_H_

#include "squint/graph/graph.h"

namespace squint {

// The forms that LayOutGathers writes become Gather in a quantized constant:
//   Gather(integers) -> DQ; the same with gathered scales as blocks of a
//   row; com.microsoft::GatherBlockQuantized.
void AbsorbGathers(Graph& graph);

// Operators on stored integers (QLinearConv ...) with fixed parameters become
// standard operators between Q and DQ nodes. As written, no number changes.
void WriteOutQLinear(Graph& graph);

// Clip of fixed integers is done here and now.
void FoldClipsOfConstants(Graph& graph);
// Data movement and Clip on integers become such on the numbers they mean,
// between a DQ and a Q.
void MoveBehindDequantize(Graph& graph);

// MatMulNBits becomes MatMul with a quantized constant.
void AbsorbNBits(Graph& graph);

// DynamicQuantizeLinear and the products of its integers become products of
// a value that is quantized by its own range.
void AbsorbDynamic(Graph& graph);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_ABSORB_H_
