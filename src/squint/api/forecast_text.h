// The forecast of `squint inspect`, as a table and as JSON.
#ifndef SQUINT_API_FORECAST_TEXT_H_
#define SQUINT_API_FORECAST_TEXT_H_

#include <string>

#include "squint/api/jobs.h"
#include "squint/base/context.h"
#include "squint/base/json.h"

namespace squint {

struct ForecastReport {
  std::string text;
  Json json;
};

// Measures the machine's peaks, some tenths of a second. Of the request:
// preset and inputs. Error: kInvalidArgument for a quantized model, whose float
// form is not known.
ForecastReport ForecastFor(const Prepared& model, const InspectRequest& request,
                           const Context& context);

}  // namespace squint

#endif  // SQUINT_API_FORECAST_TEXT_H_
