// Small random networks for the edge, quantized.
#ifndef SQUINT_TESTS_EDGE_RANDOM_NETWORK_H_
#define SQUINT_TESTS_EDGE_RANDOM_NETWORK_H_

#include <cstdint>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Layers of the kinds that are emitted, of random sizes, with branches; by
// --preset edge on random samples. The same seed gives the same network.
Graph RandomNetwork(uint32_t seed);

// Whether some of its layers compute in float.
bool KeepsFloat(uint32_t seed);

// Real numbers for its inputs.
std::vector<Tensor> RandomInputs(const Graph& graph, uint32_t seed);

}  // namespace squint

#endif  // SQUINT_TESTS_EDGE_RANDOM_NETWORK_H_
