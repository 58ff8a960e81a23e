// What one graph of a nest has of the calibration and the recipe, which speak
// of the whole: names without paths, and nothing of what only the outermost
// graph has.
#ifndef SQUINT_QUANTIZE_LOCAL_VIEW_H_
#define SQUINT_QUANTIZE_LOCAL_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "squint/calibrate/calibration.h"
#include "squint/graph/nested_values.h"
#include "squint/quantize/recipe.h"

namespace squint {

class LocalView {
 public:
  // Everything must outlive this; `calibration` may be null.
  LocalView(const NestedValues& values, const Calibration* calibration,
            const Recipe& recipe);

  // For a graph that is one of the parts of `values`.
  std::optional<Calibration> CalibrationOf(const Graph& graph) const;
  Recipe RecipeOf(const Graph& graph) const;

 private:
  const NestedValues& values_;
  const Calibration* calibration_;
  const Recipe& recipe_;
  std::vector<std::string> names_;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_LOCAL_VIEW_H_
