#include "squint/quantize/local_view.h"

namespace squint {

LocalView::LocalView(const NestedValues& values, const Calibration* calibration,
                     const Recipe& recipe)
    : values_(values),
      calibration_(calibration),
      recipe_(recipe),
      names_(values.Names()) {}

std::optional<Calibration> LocalView::CalibrationOf(const Graph& graph) const {
  if (calibration_ == nullptr) return std::nullopt;
  const ValueId first = values_.FirstOf(graph);
  if (first == 0) return *calibration_;
  Calibration local;
  local.model_hash = calibration_->model_hash;
  local.samples = calibration_->samples;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const std::string& name =
        names_[static_cast<size_t>(first) + static_cast<size_t>(id)];
    const auto it = calibration_->values.find(name);
    if (it != calibration_->values.end()) {
      local.values[graph.value(id).name] = it->second;
    }
  }
  return local;
}

Recipe LocalView::RecipeOf(const Graph& graph) const {
  const ValueId first = values_.FirstOf(graph);
  Recipe local = recipe_;
  if (first == 0) return local;
  local.io = DType::kFloat32;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const auto it = recipe_.tensors.find(
        names_[static_cast<size_t>(first) + static_cast<size_t>(id)]);
    if (it != recipe_.tensors.end()) {
      local.tensors[graph.value(id).name] = it->second;
    }
  }
  return local;
}

}  // namespace squint
