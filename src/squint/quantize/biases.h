// Biases in int32, at the scale of their products.
#ifndef SQUINT_QUANTIZE_BIASES_H_
#define SQUINT_QUANTIZE_BIASES_H_

#include "squint/graph/graph.h"

namespace squint {

// The constant bias (input 2) of a node whose input and weight have static
// parameters becomes int32 at their product's scale; where it would pass 2^30
// steps the weight's scale grows with it. Another form of bias is left alone.
void QuantizeBias(Graph& graph, NodeId id);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_BIASES_H_
