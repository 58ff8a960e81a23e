// Steps of operators on stored 8-bit integers, over the integer kernels: the
// integer reading, bit for bit. Null where no kernel fits: scales that are
// computed (but for DynamicQuantizeLinear), 16 bits, sums that int32 might not
// hold, other layouts.
#ifndef SQUINT_OPS_QLINEAR_PREPARE_H_
#define SQUINT_OPS_QLINEAR_PREPARE_H_

#include <memory>
#include <optional>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"

namespace squint {

std::unique_ptr<Step> PrepareQLinear(const PrepareContext& context);
std::unique_ptr<Step> PrepareQuantizeLinear(const PrepareContext& context);
std::unique_ptr<Step> PrepareDequantizeLinear(const PrepareContext& context);
std::unique_ptr<Step> PrepareDynamicQuantize(const PrepareContext& context);

// For PrepareQLinear: `form` is that of the node.
std::unique_ptr<Step> PrepareQConv(const PrepareContext& context,
                                   const QLinearForm& form);
std::unique_ptr<Step> PrepareQGemm(const PrepareContext& context,
                                   const QLinearForm& form);
std::unique_ptr<Step> PrepareQMatMul(const PrepareContext& context,
                                     const QLinearForm& form);
// A real product with the scale and zero point of A computed, or a float bias.
// What becomes of real results before they are bytes of `grid`.
struct RealResult {
  RealFunction function = RealFunction::kNone;
  ByteGrid grid;
  std::optional<size_t> factor = {};  // input with one number a column
};
std::unique_ptr<Step> PrepareDynamicProduct(
    const PrepareContext& context, const QLinearForm& form,
    const std::optional<RealResult>& bytes = {});

}  // namespace squint

#endif  // SQUINT_OPS_QLINEAR_PREPARE_H_
