// Which nodes stay float before anything is decided: because the recipe names a
// tensor, because no sample reached them, because a method asks.
#ifndef SQUINT_QUANTIZE_FLOAT_REQUESTS_H_
#define SQUINT_QUANTIZE_FLOAT_REQUESTS_H_

#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/quantize/method.h"
#include "squint/quantize/selection.h"

namespace squint {

// Every request with its reason. The calibration of `given` may be null: then
// only methods that need none are asked.
FloatRequests CollectFloatRequests(const MethodContext& given);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_FLOAT_REQUESTS_H_
