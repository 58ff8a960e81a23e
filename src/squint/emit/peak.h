// What takes most of the memory.
#ifndef SQUINT_EMIT_PEAK_H_
#define SQUINT_EMIT_PEAK_H_

#include <cstdint>
#include <string>

#include "squint/emit/network.h"
#include "squint/emit/plan.h"

namespace squint {

// The step at which most of the arena is taken.
struct Peak {
  std::string layer;  // in the network; the last one of those in patches
  bool in_patches = false;
  int64_t bytes = 0;   // taken at this step
  int64_t inputs = 0;  // of the values it reads, makes and computes in
  int64_t outputs = 0;
  int64_t scratch = 0;
};
Peak PeakOf(const FixedNetwork& network, const MemoryPlan& plan);

// For a message: "layer 'x' (its input 18432, its result 36864 bytes)".
std::string ToString(const Peak& peak);

}  // namespace squint

#endif  // SQUINT_EMIT_PEAK_H_
