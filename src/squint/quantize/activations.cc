#include "squint/quantize/activations.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "squint/ops/parameter_groups.h"
#include "squint/quantize/weight_format.h"

namespace squint {
namespace {

// One range for a set of values that share parameters.
struct GroupRange {
  std::vector<ValueId> values;
  Range range;
  bool unit = false;
  bool fixed = false;  // by the user: never widened by sharing
  bool wide = false;   // 8 bits, where others have fewer
  const TensorOverride* override = nullptr;
  const QuantParams* exact = nullptr;  // instead of the range
};

const TensorOverride* OverrideOf(const Graph& graph, ValueId id,
                                 const Recipe& recipe) {
  for (const std::string& name :
       {graph.value(id).name, graph.value(id).user_name}) {
    const auto it = recipe.tensors.find(name);
    if (it != recipe.tensors.end()) return &it->second;
  }
  return nullptr;
}

// What one sample out of so few has not shown of a value's tails, another one
// has: by this share ranges reach further than observed
// (docs/decisions/005-default-recipe.md).
double Unseen(size_t samples) {
  constexpr double kMost = 0.2;
  constexpr double kFew = 8;      // and fewer: kMost
  constexpr double kEnough = 16;  // and more: nothing
  const double lacking =
      (kEnough - static_cast<double>(samples)) / (kEnough - kFew);
  return samples == 0 ? 0 : kMost * std::clamp(lacking, 0.0, 1.0);
}

class RangeChooser {
 public:
  RangeChooser(const Graph& graph, const ActivationPlan& plan,
               const Calibration& calibration, const Recipe& recipe,
               const Target& target)
      : graph_(graph),
        plan_(plan),
        calibration_(calibration),
        recipe_(recipe),
        target_(target),
        unseen_(Unseen(calibration.samples.size())) {}

  GroupRange Choose(const std::vector<ValueId>& values) const {
    GroupRange group;
    group.values = values;
    for (const ValueId id : values) {
      if (const auto* found = OverrideOf(graph_, id, recipe_)) {
        group.override = found;
      }
      group.unit = group.unit || plan_.unit_range.contains(id);
      const auto exact = plan_.exact.find(id);
      if (exact != plan_.exact.end()) group.exact = &exact->second;
    }
    if (group.exact && !group.override) {
      group.fixed = true;
      return group;
    }
    if (group.override && group.override->range) {
      group.range = {group.override->range->first,
                     group.override->range->second};
      group.fixed = true;
      return group;
    }
    for (const ValueId id : values) {
      const Range range = RangeOfValue(id, group.override);
      group.range.low = std::min(group.range.low, range.low);
      group.range.high = std::max(group.range.high, range.high);
    }
    return group;
  }

 private:
  Range RangeOfValue(ValueId id, const TensorOverride* override) const {
    const Value& value = graph_.value(id);
    if (value.is_constant()) return ConstantRange(value);
    const std::string& name = plan_.values.at(id);
    const auto it = calibration_.values.find(name);
    if (it == calibration_.values.end()) {
      Fail(ErrorCode::kInvalidArgument,
           "the calibration has no statistics of tensor '{}'; it was made "
           "with other options or another version",
           name);
    }
    const ValueStatistics& statistics = it->second;
    if (statistics.nans > 0) {
      Fail(ErrorCode::kInvalidModel,
           "tensor '{}' holds NaN ({} of {} elements) on the calibration "
           "samples: look for bad samples or a division by zero before it",
           name, statistics.nans, statistics.count);
    }
    const std::string observer =
        override ? override->observer.value_or("") : "";
    Range range = CalibratedRange(statistics, recipe_, target_, observer);
    if (observer.empty() && recipe_.observer.empty()) {
      range.low *= 1 + unseen_;
      range.high *= 1 + unseen_;
    }
    if (const auto clamp = plan_.clamps.find(id); clamp != plan_.clamps.end()) {
      range.low = std::max(range.low, static_cast<double>(clamp->second.first));
      range.high =
          std::min(range.high, static_cast<double>(clamp->second.second));
    }
    return range;
  }

  static Range ConstantRange(const Value& value) {
    Range range;
    for (const float v : value.constant.ToFloats()) {
      if (!std::isfinite(v)) {
        Fail(ErrorCode::kInvalidModel,
             "constant '{}' holds NaN or infinity and would be quantized",
             value.name);
      }
      range.low = std::min(range.low, static_cast<double>(v));
      range.high = std::max(range.high, static_cast<double>(v));
    }
    return range;
  }

  const Graph& graph_;
  const ActivationPlan& plan_;
  const Calibration& calibration_;
  const Recipe& recipe_;
  const Target& target_;
  double unseen_;
};

// Concat copies bytes when its inputs share the output's parameters. That is
// worth it while it costs an input at most one bit of its range.
void ShareConcatParams(const Graph& graph, std::vector<GroupRange>& groups,
                       std::map<ValueId, size_t>& group_of) {
  const auto width = [](const GroupRange& g) {
    return g.range.high - g.range.low;
  };
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.Is("Concat") || !group_of.contains(node.output())) continue;
    const size_t out = group_of[node.output()];
    for (const ValueId input : node.inputs) {
      if (!group_of.contains(input) || group_of[input] == out) continue;
      GroupRange& from = groups[group_of[input]];
      GroupRange& to = groups[out];
      if (from.fixed || to.fixed || from.unit || to.unit ||
          from.wide != to.wide || width(from) * 2 < width(to)) {
        continue;
      }
      to.range.low = std::min(to.range.low, from.range.low);
      to.range.high = std::max(to.range.high, from.range.high);
      for (const ValueId moved : from.values) {
        group_of[moved] = out;
        to.values.push_back(moved);
      }
      from.values.clear();
    }
  }
}

// Where activations have fewer than 8 bits, what the first and the last layers
// read has 8 all the same, as their weights have, and so have the last results.
std::set<ValueId> ValuesOfEdges(const Graph& graph, const Recipe& recipe,
                                const Target& target) {
  std::set<ValueId> values;
  if (BitsOf(ActivationType(recipe, target)) >= 8 || !recipe.edges_8_bits) {
    return values;
  }
  const std::set<NodeId> first = FirstLayers(graph);
  for (const NodeId id : EdgeLayers(graph)) {
    const Node& node = graph.node(id);
    values.insert(node.input(0));
    if (!first.contains(id)) values.insert(node.output());
  }
  return values;
}

Recipe WithEightBits(const Recipe& recipe, const Target& target) {
  Recipe wide = recipe;
  wide.activations =
      IsSigned(ActivationType(recipe, target)) ? DType::kInt8 : DType::kUint8;
  return wide;
}

QuantParams ParamsOf(const GroupRange& group, const Recipe& recipe,
                     const Target& target) {
  if (group.exact && !group.override) return *group.exact;
  DType dtype = ActivationType(recipe, target);
  bool symmetric = target.symmetric_activation;
  if (group.override) {
    dtype = group.override->dtype.value_or(dtype);
    symmetric = group.override->symmetric.value_or(symmetric);
  }
  if (group.unit && !symmetric && target.unit_range_outputs &&
      BitsOf(dtype) == 8) {
    return PerTensor(dtype, 1.0f / 256,
                     static_cast<int32_t>(IntegerMin(dtype)));
  }
  const ScaleZero chosen =
      ChooseScale(group.range.low, group.range.high, dtype, symmetric);
  return PerTensor(dtype, chosen.scale, chosen.zero_point);
}

}  // namespace

DType ActivationType(const Recipe& recipe, const Target& target) {
  return recipe.activations.value_or(target.activation);
}

// docs/decisions/005-default-recipe.md. A value with few numbers for each
// channel (no positions, as after a global pool) has its tails too thinly
// observed to be cut off; one whose histogram is not known has only extremes.
std::string DefaultObserver(const ValueStatistics& statistics) {
  constexpr uint64_t kFewPerChannel = 1;
  const size_t blocks = statistics.blocks.size();
  const uint64_t samples = blocks * ValueStatistics::kBlockSamples;
  const bool few = statistics.channel_count > 0 &&
                   statistics.channel_count <= kFewPerChannel * samples;
  return few || statistics.histogram.empty() ? "min_max" : "mse";
}

Range CalibratedRange(const ValueStatistics& statistics, const Recipe& recipe,
                      const Target& target, std::string observer) {
  ObserverOptions options;
  options.dtype = ActivationType(recipe, target);
  options.symmetric = target.symmetric_activation;
  options.percentile = recipe.percentile;
  if (observer.empty()) observer = recipe.observer;
  if (observer.empty() || statistics.histogram.empty()) {
    observer = DefaultObserver(statistics);
  }
  const ObserverDef* row = FindObserver(observer);
  if (row == nullptr) {
    std::string known;
    for (const auto* o : AllObservers()) known += fmt::format(" {}", o->name);
    Fail(ErrorCode::kInvalidArgument,
         "observer '{}' is not known; there are:{}", observer, known);
  }
  return row->choose(statistics, options);
}

void AssignActivationParams(Graph& graph, const ActivationPlan& plan,
                            const Calibration& calibration,
                            const Recipe& recipe, const Target& target) {
  const auto is_quantized = [&](ValueId id) {
    return plan.values.contains(id);
  };
  const Recipe wide = WithEightBits(recipe, target);
  const RangeChooser chooser(graph, plan, calibration, recipe, target);
  const RangeChooser wide_chooser(graph, plan, calibration, wide, target);
  const std::set<ValueId> edges = ValuesOfEdges(graph, recipe, target);
  std::vector<GroupRange> groups;
  std::map<ValueId, size_t> group_of;
  for (const auto& values : ParameterGroups(graph, target, is_quantized)) {
    const bool is_wide = std::ranges::any_of(
        values, [&](ValueId id) { return edges.contains(id); });
    for (const ValueId id : values) group_of[id] = groups.size();
    groups.push_back((is_wide ? wide_chooser : chooser).Choose(values));
    groups.back().wide = is_wide;
  }
  ShareConcatParams(graph, groups, group_of);
  for (const GroupRange& group : groups) {
    if (group.values.empty()) continue;
    const QuantParams params =
        ParamsOf(group, group.wide ? wide : recipe, target);
    for (const ValueId id : group.values) {
      Value& value = graph.value(id);
      value.quant = params;
      if (value.is_constant()) {
        value.constant = QuantizeTensor(value.constant.Materialize(), params);
      }
    }
  }
}

}  // namespace squint
