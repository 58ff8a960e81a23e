// Quantization rules and integer readings that many operators share. An
// operator with a formula of its own (Conv, Add, Concat ...) does not use
// them.
#ifndef SQUINT_OPS_QUANT_RULES_H_
#define SQUINT_OPS_QUANT_RULES_H_

#include <optional>

#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"

namespace squint {

// The reason why a node on int64, bool ... tensors stays as it is: set when
// the type of input `data` is known and no float type.
std::optional<QuantSpec> FloatUnlessReal(const QuantizeQuery& query,
                                         size_t data = 0);

// Moves elements: input 0 and all outputs share one set of parameters; the
// other inputs (axes, shapes, indices) are never quantized.
QuantSpec MovementRule(const QuantizeQuery& query);
// Copies chosen elements of input 0 to output 0, which share parameters, and
// reports their places in the other outputs (MaxPool, TopK).
QuantSpec SelectionRule(const QuantizeQuery& query);
// Input 0 and output 0 each with parameters of their own.
QuantSpec ActivationRule(const QuantizeQuery& query);
// Of operators on stored integers, which stay as they are.
QuantSpec StoredIntegersRule(const QuantizeQuery& query);
// Every input and output an activation (Add, Mul, Sub, Min, Max).
QuantSpec AllActivationRule(const QuantizeQuery& query);

// All outputs have input 0's parameters, per tensor: stored integers can be
// moved or compared without being read.
bool SameParamsThroughout(const RunContext& context);

// Integer reading of an operator that only moves or compares elements.
template <void (*kReference)(RunContext&)>
void IntegerMovement(RunContext& context) {
  if (SameParamsThroughout(context)) {
    kReference(context);
  } else {
    RunDequantized(context, kReference);
  }
}

// The same for SelectionRule. Packed integers are not compared as they lie.
template <void (*kReference)(RunContext&)>
void IntegerSelection(RunContext& context) {
  const QuantParams* y = context.output_quant[0];
  if (y != nullptr && *context.input_quant[0] == *y && BitsOf(y->dtype) >= 8) {
    kReference(context);
  } else {
    RunDequantized(context, kReference);
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_QUANT_RULES_H_
