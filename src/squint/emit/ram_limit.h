// Networks that fit a limit of memory.
#ifndef SQUINT_EMIT_RAM_LIMIT_H_
#define SQUINT_EMIT_RAM_LIMIT_H_

#include <cstdint>
#include <optional>

#include "squint/emit/network.h"
#include "squint/emit/plan.h"

namespace squint {

// The network with some of its steps in patches, so that its arena is at most
// `limit` bytes: of the choices that are, the one that computes the least
// twice. nullopt where `plan`, the network's own, meets the limit as it is.
// Error{kBudgetNotMet} says by how much the best choice misses, and which layer
// stands in the way.
std::optional<FixedNetwork> MeetRamLimit(const FixedNetwork& network,
                                         const MemoryPlan& plan, int64_t limit);

}  // namespace squint

#endif  // SQUINT_EMIT_RAM_LIMIT_H_
