#include "squint/report/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "squint/base/error.h"
#include "squint/graph/nested_values.h"

namespace squint {
namespace {

// Sums from which SQNR and cosine follow.
struct Sums {
  double rr = 0;
  double qq = 0;
  double rq = 0;
  double dd = 0;

  void Add(const Tensor& real, const Tensor& quantized) {
    if (real.size() != quantized.size()) return;
    const std::vector<float> a = real.ToFloats();
    const std::vector<float> b = quantized.ToFloats();
    for (size_t i = 0; i < a.size(); ++i) {
      const auto r = static_cast<double>(a[i]);
      const auto q = static_cast<double>(b[i]);
      if (!std::isfinite(r)) continue;  // masks of the float network
      if (!std::isfinite(q)) {
        dd = std::numeric_limits<double>::infinity();
        continue;
      }
      rr += r * r;
      qq += q * q;
      rq += r * q;
      dd += (r - q) * (r - q);
    }
  }

  void Store(ValueDifference& out) const {
    constexpr double kEqual = std::numeric_limits<double>::infinity();
    out.sqnr = dd == 0 ? kEqual : 10 * std::log10(rr / dd);
    out.cosine = rr * qq == 0 ? (dd == 0 ? 1 : 0) : rq / std::sqrt(rr * qq);
  }
};

// The value before a final Softmax, else the output itself.
ValueId BeforeSoftmax(const Graph& graph, ValueId output) {
  const NodeId producer = graph.value(output).producer;
  if (producer == kNoNode) return output;
  const Node& node = graph.node(producer);
  return node.Is("Softmax") || node.Is("LogSoftmax") ? node.input(0) : output;
}

struct Pair {
  ValueId real;
  ValueId quantized;
};

std::vector<Pair> OutputPairs(const Graph& real, const Graph& quantized) {
  if (real.outputs().size() != quantized.outputs().size()) {
    Fail(ErrorCode::kInvalidArgument,
         "the networks have {} and {} outputs: not the same network",
         real.outputs().size(), quantized.outputs().size());
  }
  std::vector<Pair> pairs;
  for (size_t i = 0; i < real.outputs().size(); ++i) {
    const ValueId r = BeforeSoftmax(real, real.outputs()[i]);
    const ValueId q = BeforeSoftmax(quantized, quantized.outputs()[i]);
    const bool both = (r != real.outputs()[i]) == (q != quantized.outputs()[i]);
    pairs.push_back(both ? Pair{r, q}
                         : Pair{real.outputs()[i], quantized.outputs()[i]});
  }
  return pairs;
}

// Whether a node makes the value of this number.
bool IsMade(const NestedValues& values, ValueId number) {
  return values.value(number).producer != kNoNode;
}

// Values of one name, in nested graphs too.
std::vector<Pair> InnerPairs(const NestedValues& real,
                             const NestedValues& quantized) {
  std::map<std::string, ValueId> by_name;
  const std::vector<std::string> quantized_names = quantized.Names();
  for (ValueId id = 0; id < quantized.size(); ++id) {
    if (IsMade(quantized, id)) {
      by_name[quantized_names[static_cast<size_t>(id)]] = id;
    }
  }
  std::vector<Pair> pairs;
  const std::vector<std::string> real_names = real.Names();
  for (const NestedValues::Part& part : real.parts()) {
    for (const NodeId node : part.graph->order()) {
      for (const ValueId id : part.graph->node(node).outputs) {
        if (id == kNoValue || part.graph->value(id).dtype != DType::kFloat32) {
          continue;
        }
        const ValueId number = part.first + id;
        const auto other =
            by_name.find(real_names[static_cast<size_t>(number)]);
        if (other != by_name.end()) pairs.push_back({number, other->second});
      }
    }
  }
  return pairs;
}

// Rows (of the last axis) with the same place of the largest element.
std::pair<int64_t, int64_t> CountAgreement(const Tensor& a, const Tensor& b) {
  if (a.size() != b.size() || a.rank() == 0 || a.size() == 0) return {0, 0};
  const int64_t width = a.dim(a.rank() - 1);
  const std::vector<float> x = a.ToFloats();
  const std::vector<float> y = b.ToFloats();
  int64_t same = 0;
  const int64_t rows = a.size() / width;
  for (int64_t r = 0; r < rows; ++r) {
    const auto top = [&](const std::vector<float>& v) {
      const auto begin = v.begin() + r * width;
      return std::max_element(begin, begin + width) - begin;
    };
    same += top(x) == top(y);
  }
  return {same, rows};
}

// What was tapped in one run; values of a loop have one tensor a trip, of
// which the first are kept.
using Taken = std::map<ValueId, std::vector<Tensor>>;
constexpr size_t kTripsCompared = 64;

void AddTrips(const std::vector<Tensor>& real,
              const std::vector<Tensor>& quantized, Sums& sums) {
  const size_t trips = std::min(real.size(), quantized.size());
  for (size_t i = 0; i < trips; ++i) sums.Add(real[i], quantized[i]);
}

RunOptions TapInto(Taken& taken, const std::vector<ValueId>& values) {
  RunOptions options;
  options.taps = values;
  options.tap = [&taken](ValueId id, const Tensor& tensor) {
    std::vector<Tensor>& trips = taken[id];
    if (trips.size() < kTripsCompared) trips.push_back(tensor);
  };
  return options;
}

ValueDifference Difference(const NestedValues& values, ValueId number,
                           const std::string& name, const Sums& sums) {
  ValueDifference out;
  out.name = name;
  const NodeId producer = values.value(number).producer;
  if (producer != kNoNode) {
    out.op_type = values.PartOf(number).graph->node(producer).op_type;
  }
  sums.Store(out);
  return out;
}

}  // namespace

Comparison Compare(Runner& real, Runner& quantized,
                   const std::shared_ptr<const Dataset>& dataset,
                   const CompareOptions& options, const Context& context) {
  const NestedValues real_values(real.graph());
  std::vector<Pair> pairs = OutputPairs(real.graph(), quantized.graph());
  const size_t outputs = pairs.size();
  if (options.inner) {
    const auto inner = InnerPairs(real_values, NestedValues(quantized.graph()));
    pairs.insert(pairs.end(), inner.begin(), inner.end());
  }
  std::vector<ValueId> real_ids;
  std::vector<ValueId> quantized_ids;
  for (const Pair& pair : pairs) {
    real_ids.push_back(pair.real);
    quantized_ids.push_back(pair.quantized);
  }
  std::vector<Sums> sums(pairs.size());
  Comparison result;
  int64_t same = 0;
  int64_t rows = 0;
  const auto total = static_cast<int64_t>(options.samples.size());
  SampleStream stream(dataset, options.samples, 1);
  while (const std::optional<Sample> sample = stream.Next()) {
    context.ThrowIfCancelled();
    Taken a;
    Taken b;
    const auto real_out = real.Run(sample->inputs, TapInto(a, real_ids));
    const auto quantized_out =
        quantized.Run(sample->inputs, TapInto(b, quantized_ids));
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto r = a.find(pairs[i].real);
      const auto q = b.find(pairs[i].quantized);
      if (r != a.end() && q != b.end()) {
        AddTrips(r->second, q->second, sums[i]);
      } else if (i < outputs) {
        sums[i].Add(real_out[i], quantized_out[i]);
      }
    }
    if (!real_out.empty()) {
      const auto [equal, counted] =
          CountAgreement(real_out[0], quantized_out[0]);
      same += equal;
      rows += counted;
    }
    context.Report("compare", ++result.samples, total);
  }
  result.agreement =
      rows == 0 ? 1.0 : static_cast<double>(same) / static_cast<double>(rows);
  const std::vector<std::string> names = real_values.Names();
  for (size_t i = 0; i < pairs.size(); ++i) {
    const std::string& name = names[static_cast<size_t>(pairs[i].real)];
    (i < outputs ? result.outputs : result.inner)
        .push_back(Difference(real_values, pairs[i].real, name, sums[i]));
  }
  return result;
}

}  // namespace squint
