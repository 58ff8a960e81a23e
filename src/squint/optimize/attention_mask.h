// What hides keys in attention that is written out: masks that are added to
// the scores or choose between them and a number that no softmax lets
// through, and among them the causal one.
#ifndef SQUINT_OPTIMIZE_ATTENTION_MASK_H_
#define SQUINT_OPTIMIZE_ATTENTION_MASK_H_

#include <cstdint>
#include <optional>

#include "squint/optimize/editor.h"

namespace squint {

struct AttentionMask {
  enum class Kind : uint8_t {
    kAdded,   // a number for each score
    kShown,   // bool: true where a score counts
    kHidden,  // bool: true where it does not
    // Row i sees the keys up to i, or up to i + keys - rows where the mask
    // was cut out of a larger square by its last rows. `value` makes it.
    kCausal,
  };
  ValueId value = kNoValue;
  Kind kind = Kind::kAdded;
};

// Both end in the same two dimensions.
bool SameMatrices(const Shape& a, const Shape& b);

// A mask that is added: plainly so, or what a Where between 0 and a hiding
// number says.
AttentionMask ReadAddedMask(const Editor& editor, ValueId added);

// A Where between scores and a hiding number.
struct ChosenScores {
  ValueId scores = kNoValue;
  AttentionMask mask;
};
std::optional<ChosenScores> ReadChosenScores(const Editor& editor,
                                             const Node& node);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_ATTENTION_MASK_H_
