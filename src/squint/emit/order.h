// The order of an emitted network's steps.
#ifndef SQUINT_EMIT_ORDER_H_
#define SQUINT_EMIT_ORDER_H_

#include <cstddef>
#include <vector>

#include "squint/emit/network.h"

namespace squint {

// Values that only rename the bytes of another one, by that one; of any other
// value itself.
class Roots {
 public:
  explicit Roots(const FixedNetwork& network);
  ValueId of(ValueId id) const { return roots_[static_cast<size_t>(id)]; }

 private:
  std::vector<ValueId> roots_;
};

// A topological order with a low peak of bytes that are taken at one time.
// Sets of steps that have run are searched breadth first; as long as there are
// few of one size (chains, residual blocks) the order is the best there is.
std::vector<size_t> ChooseOrder(const FixedNetwork& network);

}  // namespace squint

#endif  // SQUINT_EMIT_ORDER_H_
