#include "squint/report/random_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/report/runner.h"

namespace squint {
namespace {

constexpr int64_t kMostIndices = 30000;

// Nodes whose output 0 has the numbers of input 0, perhaps fewer or elsewhere.
bool PassesOn(const Node& node) {
  constexpr std::array<std::string_view, 10> kTypes = {
      "Cast",  "Expand", "Flatten", "Identity",  "Reshape",
      "Slice", "Split",  "Squeeze", "Transpose", "Unsqueeze"};
  return std::ranges::find(kTypes, node.op_type) != kTypes.end();
}

// Rows of the table that `use` looks up by its indices, when it is a Gather of
// any kind.
std::optional<int64_t> RowsLookedUp(const Graph& graph, const Use& use) {
  if (use.node == kNoNode || use.index != 1) return {};
  const Node& node = graph.node(use.node);
  const bool looks_up = node.op_type == "Gather" ||
                        node.op_type == "GatherElements" ||
                        node.op_type == "GatherBlockQuantized";
  if (!looks_up) return {};
  const Shape& table = graph.value(node.input(0)).shape;
  const int64_t axis = node.op_type == "GatherBlockQuantized"
                           ? node.Int("gather_axis", 0)
                           : node.Int("axis", 0);
  if (!table.has_rank()) return {};
  return table[NormalizeAxis(axis, table.rank())].value();
}

// The least number of rows that `id` is an index of, on any way to a Gather.
class IndexBound {
 public:
  explicit IndexBound(const Graph& graph) : graph_(graph), uses_(graph) {}

  std::optional<int64_t> Of(ValueId id) {
    seen_.clear();
    bound_.reset();
    Visit(id);
    return bound_;
  }

 private:
  void Visit(ValueId id) {
    if (!seen_.insert(id).second) return;
    for (const Use& use : uses_.of(id)) {
      if (const auto rows = RowsLookedUp(graph_, use)) {
        bound_ = std::min(*rows, bound_.value_or(kMostIndices));
      }
      if (use.node == kNoNode || use.index != 0) continue;
      const Node& node = graph_.node(use.node);
      if (!PassesOn(node)) continue;
      for (const ValueId output : node.outputs) {
        if (output != kNoValue) Visit(output);
      }
    }
  }

  const Graph& graph_;
  UseMap uses_;
  std::set<ValueId> seen_;
  std::optional<int64_t> bound_;
};

std::string InputAxis(const Value& input, int axis) {
  return fmt::format("{}[{}]", input.name, axis);
}

// Sizes by name, each of which must be found in some input.
class Sizing {
 public:
  explicit Sizing(const InputSizes& sizes) : sizes_(sizes) {
    for (const auto& [name, size] : sizes.dims) {
      if (size < 1) {
        Fail(ErrorCode::kInvalidArgument, "dimension {}={} is not positive",
             name, size);
      }
    }
  }

  // -1: to be chosen.
  int64_t Of(const Value& input, int axis) {
    const Dim& dim = input.shape[axis];
    const auto symbol = dim.symbol();
    const std::string place = InputAxis(input, axis);
    known_.push_back(symbol.value_or(place));
    for (const std::string& name : {place, symbol.value_or(place)}) {
      const auto given = sizes_.dims.find(name);
      if (given == sizes_.dims.end()) continue;
      used_.insert(name);
      CheckFixed(dim, given->second, input, place);
      return given->second;
    }
    if (axis == 0 && sizes_.batch > 0) {
      batched_ = batched_ || !dim.value() || dim.is(sizes_.batch);
      if (!dim.value()) return sizes_.batch;
    }
    return dim.value().value_or(-1);
  }

  void CheckAllUsed() const {
    for (const auto& [name, size] : sizes_.dims) {
      if (used_.contains(name)) continue;
      Fail(ErrorCode::kInvalidArgument,
           "no input has a dimension '{}'; there are {}", name,
           fmt::join(known_, ", "));
    }
    if (sizes_.batch > 0 && !batched_) {
      Fail(ErrorCode::kInvalidArgument,
           "batch {}: the first dimension of every input is fixed at another "
           "size",
           sizes_.batch);
    }
  }

 private:
  static void CheckFixed(const Dim& dim, int64_t size, const Value& input,
                         const std::string& place) {
    if (!dim.value() || dim.is(size)) return;
    Fail(ErrorCode::kInvalidArgument,
         "{}={}: input '{}' is {}, of a fixed size there", place, size,
         input.name, input.shape.ToString());
  }

  const InputSizes& sizes_;
  std::vector<std::string> known_;
  std::set<std::string> used_;
  bool batched_ = false;
};

std::pair<int64_t, int64_t> IntegersFor(const Value& input,
                                        std::optional<int64_t> rows) {
  if (rows) return {0, std::max<int64_t>(*rows, 1)};
  if (input.dtype == DType::kUint8) return {0, 200};
  if (input.dtype == DType::kInt8) return {-100, 100};
  return {0, 2};
}

}  // namespace

std::vector<InputSpec> SizedInputs(const Graph& graph,
                                   const InputSizes& sizes) {
  std::vector<InputSpec> specs = InputSpecsOf(graph);
  IndexBound bound(graph);
  Sizing sizing(sizes);
  for (size_t i = 0; i < specs.size(); ++i) {
    const ValueId id = graph.inputs()[i];
    const Value& input = graph.value(id);
    specs[i].integers = IntegersFor(input, bound.Of(id));
    if (!specs[i].dims) continue;
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      (*specs[i].dims)[static_cast<size_t>(axis)] = sizing.Of(input, axis);
    }
  }
  sizing.CheckAllUsed();
  return specs;
}

std::vector<Tensor> RandomInputs(const Graph& graph, const InputSizes& sizes,
                                 const Context& context) {
  const std::vector<InputSpec> specs = SizedInputs(graph, sizes);
  for (const InputSpec& spec : specs) {
    if (spec.dims) {
      Dims dims = *spec.dims;
      for (int64_t& dim : dims) dim = std::max<int64_t>(dim, 1);
      CheckResultSize(spec.dtype, dims, context.memory_limit);
    }
  }
  DatasetOptions options;
  options.seed = context.seed;
  options.random_samples = 1;
  return OpenDataset("random", specs, options)->Get(0).inputs;
}

}  // namespace squint
