#include <gtest/gtest.h>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_unary() {
  return {
      OpExample("Relu", "both signs").In(Ramp({2, 3, 4}, -2, 2)),
      OpExample("Sigmoid", "both signs").In(Ramp({2, 3, 4}, -6, 6)),
  };
}

}  // namespace squint
