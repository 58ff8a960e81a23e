// Reads scalar formulas that exporters write out in small operators: products,
// straight lines and clamped lines of one value, in whatever order and
// association. What recognises HardSwish, Gelu and their like stands on this.
#ifndef SQUINT_OPTIMIZE_FORMULA_H_
#define SQUINT_OPTIMIZE_FORMULA_H_

#include <optional>
#include <vector>

#include "squint/optimize/affine.h"
#include "squint/optimize/editor.h"

namespace squint {

// value = factor * operand * operand * ...
struct Product {
  double factor = 1.0;
  std::vector<ValueId> operands;
  std::vector<NodeId> nodes;  // that it was read from, none read elsewhere
};
// Goes down through Mul, Pow by 2 or 3 and multiplication or division by one
// number, as long as nobody else reads what is between. The value itself may
// have any number of readers.
Product ReadProduct(Editor& editor, ValueId value);

// value = slope * x + offset, one number each.
struct Line {
  ValueId x = kNoValue;
  double slope = 1.0;
  double offset = 0.0;
  std::vector<NodeId> nodes;
};
// At worst the line 1 * value + 0.
Line ReadLine(Editor& editor, ValueId value);

// value = clamp(slope * x + offset, low, high).
struct ClampedLine {
  Line line;
  double low = 0.0;
  double high = 0.0;
};
// From Clip, Relu, Min, Max with numbers, HardSigmoid, and lines around them;
// nullopt when nothing clamps.
std::optional<ClampedLine> ReadClampedLine(Editor& editor, ValueId value);

// Equal to the precision that exporters write numbers with (0.166667).
bool Near(double a, double b);

// `last` becomes `op_type` of `x` and stands for `nodes` in names. False when
// Squint has no such operator.
bool BecomeFunction(Editor& editor, NodeId last, std::string_view op_type,
                    ValueId x, const std::vector<NodeId>& nodes,
                    Attributes attributes = {});

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_FORMULA_H_
