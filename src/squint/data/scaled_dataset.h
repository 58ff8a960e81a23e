// A dataset whose numbers are scaled and shifted.
#ifndef SQUINT_DATA_SCALED_DATASET_H_
#define SQUINT_DATA_SCALED_DATASET_H_

#include <memory>

#include "squint/data/dataset.h"

namespace squint {

// Every float32 input x of sample i of `inner`, of mean m, becomes
// factor * (m + c * (x - m)) + offset, where the contrasts c of the samples are
// between 0 and sqrt(2) and their squares 1 in the mean: statistics of a
// training set say how much its samples vary on the whole, and single ones vary
// more and less.
std::shared_ptr<const Dataset> MakeScaledDataset(
    std::shared_ptr<const Dataset> inner, double factor, double offset);

}  // namespace squint

#endif  // SQUINT_DATA_SCALED_DATASET_H_
