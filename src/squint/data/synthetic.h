// Which inputs the dataset "synthetic" draws images for.
#ifndef SQUINT_DATA_SYNTHETIC_H_
#define SQUINT_DATA_SYNTHETIC_H_

#include "squint/data/dataset.h"

namespace squint {

// Float, rank 4, one or three channels first or last, sides of at least 16
// pixels or unknown. Other inputs get noise.
bool TakesImages(const InputSpec& input);

}  // namespace squint

#endif  // SQUINT_DATA_SYNTHETIC_H_
