// States of recurrent layers that come from outside or leave the network.
#ifndef SQUINT_FIXED_STATE_GRIDS_H_
#define SQUINT_FIXED_STATE_GRIDS_H_

#include "squint/graph/graph.h"

namespace squint {

// Steps of 16-bit states and cells (kernels/fixed/cell.h).
inline constexpr float kStateStep = 1.0f / (1 << 15);
inline constexpr float kCellStep = 1.0f / (1 << 11);

// The states before the first step are zeros.
bool StartsAtZero(const Graph& graph, ValueId id);

// Gives real initial states of LSTMSteps and GRUSteps the grid that the steps
// compute with, back to where they come from through what only moves them; and
// last states and cells that only move the grid that they are read on, or that
// of the steps where outputs of the network are real numbers.
void GiveStatesGrids(Graph& graph);

}  // namespace squint

#endif  // SQUINT_FIXED_STATE_GRIDS_H_
