// --io int8 or uint8: the graph's float inputs and outputs become integers,
// for callers who have quantized data anyway.
#ifndef SQUINT_QUANTIZE_IO_H_
#define SQUINT_QUANTIZE_IO_H_

#include "squint/graph/graph.h"
#include "squint/tensor/dtype.h"

namespace squint {

// Float inputs and outputs that carry static QuantParams become tensors of
// `io` under their old names, with scale and zero point in the metadata
// ("squint.io.<name>": "scale=... zero_point=..."). Between uint8 and int8
// the zero point moves by 128, and nothing else changes.
void QuantizeInputsAndOutputs(Graph& graph, DType io);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_IO_H_
