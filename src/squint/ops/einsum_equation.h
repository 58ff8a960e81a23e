// What the equation of an Einsum says: a label for every axis of every
// operand and of the result.
#ifndef SQUINT_OPS_EINSUM_EQUATION_H_
#define SQUINT_OPS_EINSUM_EQUATION_H_

#include <map>
#include <string>
#include <vector>

#include "squint/graph/dim.h"

namespace squint {

// A letter, or an axis of the ellipsis: kEllipsisEnd - 1 for the last one,
// kEllipsisEnd - 2 for the one before it ...
using EinsumLabel = int;
using EinsumLabels = std::vector<EinsumLabel>;
inline constexpr EinsumLabel kEllipsisEnd = 1 << 30;

bool HasLabel(const EinsumLabels& labels, EinsumLabel label);
EinsumLabels JoinLabels(EinsumLabels first, const EinsumLabels& second);

struct EinsumEquation {
  std::vector<EinsumLabels> operands;  // one label per axis, may repeat
  EinsumLabels result;                 // no label twice
};

// The equation for operands of these ranks, the implicit result written out
// and the ellipsis spread to axes. Error{kInvalidModel} says what is wrong.
EinsumEquation ParseEinsum(const std::string& equation,
                           const std::vector<int>& ranks);

// The size of every label: axes of one label must have one size, or 1 where
// the operand is repeated. Shapes have the ranks that were parsed for.
// Error{kInvalidModel} where sizes cannot match.
std::map<EinsumLabel, Dim> EinsumSizes(const EinsumEquation& equation,
                                       const std::vector<Shape>& operands);

}  // namespace squint

#endif  // SQUINT_OPS_EINSUM_EQUATION_H_
