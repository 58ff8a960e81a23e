// Per-channel affine maps y = scale[c] * x + shift[c]: what BatchNormalization
// and Mul, Div, Add, Sub, Neg with constants are, and how they compose. All
// arithmetic is in double, so that folding rounds once, at the end.
#ifndef SQUINT_OPTIMIZE_AFFINE_H_
#define SQUINT_OPTIMIZE_AFFINE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "squint/optimize/editor.h"

namespace squint {

struct Affine {
  ValueId data = kNoValue;
  // The channel axis, counted from the front; -1 when both are uniform.
  int axis = -1;
  std::vector<double> scale = {1.0};  // one for all channels, or one each
  std::vector<double> shift = {0.0};
  // The nodes it stands for, first to last.
  std::vector<NodeId> nodes;

  size_t channels() const;  // 1 when uniform
  double scale_at(size_t c) const { return scale[scale.size() == 1 ? 0 : c]; }
  double shift_at(size_t c) const { return shift[shift.size() == 1 ? 0 : c]; }
  bool has_scale() const;  // some scale is not 1
  bool has_shift() const;  // some shift is not 0
  bool is_finite() const;
  Affine OnlyScale() const;  // x -> scale * x
  Affine OnlyShift() const;  // x -> x + shift
};

// One node, float32 only; nullopt when it is no such map or touches
// quantized values.
std::optional<Affine> ReadAffine(const Editor& editor, NodeId node);

// The longest chain of such maps that ends in `last` and whose inner values
// have no other reader.
std::optional<Affine> ReadAffineChain(Editor& editor, NodeId last);

// `second` after `first`; nullopt when their channel axes differ.
std::optional<Affine> Compose(const Affine& first, const Affine& second);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_AFFINE_H_
