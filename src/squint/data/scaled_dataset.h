// A dataset whose numbers are scaled and shifted.
#ifndef SQUINT_DATA_SCALED_DATASET_H_
#define SQUINT_DATA_SCALED_DATASET_H_

#include <memory>

#include "squint/data/dataset.h"

namespace squint {

// Every float32 input x of `inner` becomes factor * x + offset.
std::shared_ptr<const Dataset> MakeScaledDataset(
    std::shared_ptr<const Dataset> inner, float factor, float offset);

}  // namespace squint

#endif  // SQUINT_DATA_SCALED_DATASET_H_
