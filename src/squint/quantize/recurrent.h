// LSTM and GRU in the forms that a quantized file has for them.
#ifndef SQUINT_QUANTIZE_RECURRENT_H_
#define SQUINT_QUANTIZE_RECURRENT_H_

#include "squint/graph/graph.h"
#include "squint/tensor/dtype.h"

namespace squint {

// An LSTM or GRU in its common form (the standard activations, no clipping,
// peepholes or sequence lengths, steps first, constant weights) becomes, for
// each direction, MatMul and Add for all steps at once and squint::LSTMSteps
// or GRUSteps behind them. False: another form, left alone.
bool SplitRecurrent(Graph& graph, NodeId id);

// LSTM whose W and R are quantized to int8 becomes com.microsoft
// DynamicQuantizeLSTM: weights transposed, [directions, inputs, 4 hidden],
// and as uint8 with zero point 128: ONNX Runtime's kernels for int8 weights
// saturate on x86 without VNNI. False: not in that operator's form.
bool UseDynamicLstm(Graph& graph, NodeId id);

// Gives squint::LSTMSteps or GRUSteps the grid of the state that they
// multiply: an activation of type `dtype` and of range [-1, 1], which no state
// leaves: it is a product or a mean of tanh and sigmoid.
void SetStateGrid(Graph& graph, NodeId id, DType dtype);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_RECURRENT_H_
