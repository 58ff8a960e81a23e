#include "squint/report/forecast.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "squint/graph/user_name.h"
#include "squint/ops/macs.h"
#include "squint/ops/op.h"
#include "squint/report/profile.h"
#include "squint/runtime/program.h"

namespace squint {
namespace {

// Shares of the peaks in one arithmetic; 0: such nodes have no products.
struct Shares {
  double macs;
  double bytes;  // may pass 1: operands come from the caches
};
struct KindRow {
  WorkKind kind;
  std::string_view name;
  Shares real;
  Shares integer;
};

// Medians weighted by time over the nodes of mobilenetv2, resnet50,
// densenet121 and minilm_l6; of recurrent steps over two keyword spotters. Of
// functions: Gelu (AVX-512) and tables of bytes (AVX2); of depthwise windows the
// layers of mobilenetv2 (AVX-512).
constexpr std::array<KindRow, 11> kKinds = {{
    {WorkKind::kNothing, "nothing", {0, 0}, {0, 0}},
    {WorkKind::kLongSums, "long sums", {0.68, 2}, {0.77, 2}},
    {WorkKind::kSums, "sums", {0.74, 2}, {0.57, 2}},
    {WorkKind::kShortSums, "short sums", {0.45, 2}, {0.23, 2}},
    {WorkKind::kDepthwise, "depthwise", {0.25, 2}, {0.25, 2}},
    {WorkKind::kMatrix, "matrix", {0.77, 2}, {0.77, 2}},
    {WorkKind::kRow, "row", {0.50, 0.63}, {0.50, 0.45}},
    {WorkKind::kRecurrent, "recurrent", {0.27, 2}, {0.27, 2}},
    {WorkKind::kElements, "elements", {0, 1.3}, {0, 0.65}},
    {WorkKind::kFunction, "function", {0, 0.7}, {0, 0.33}},
    {WorkKind::kMovement, "movement", {0, 0.36}, {0, 0.55}},
}};

const KindRow& RowOf(WorkKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

bool IsOneOf(const Node& node, std::span<const std::string_view> types) {
  return std::ranges::find(types, node.op_type) != types.end();
}

constexpr std::array<std::string_view, 6> kViews = {
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Shape"};
constexpr std::array<std::string_view, 22> kElementwise = {"Abs",
                                                           "Add",
                                                           "Cast",
                                                           "Clip",
                                                           "DequantizeLinear",
                                                           "Div",
                                                           "Floor",
                                                           "HardSwish",
                                                           "HardSigmoid",
                                                           "LeakyRelu",
                                                           "Max",
                                                           "Min",
                                                           "Mul",
                                                           "Neg",
                                                           "PRelu",
                                                           "QLinearAdd",
                                                           "QLinearMul",
                                                           "QuantizeLinear",
                                                           "Relu",
                                                           "Round",
                                                           "Sqrt",
                                                           "Sub"};
constexpr std::array<std::string_view, 4> kRecurrents = {"LSTM", "GRU", "RNN",
                                                         "DynamicQuantizeLSTM"};
constexpr std::array<std::string_view, 12> kMovements = {
    "Transpose",   "Concat",      "Split",        "Slice",
    "Gather",      "Pad",         "Expand",       "MaxPool",
    "AveragePool", "NhwcMaxPool", "DepthToSpace", "GlobalAveragePool"};

bool IsConv(const Node& node) {
  return node.op_type.find("Conv") != std::string::npos;
}

WorkKind KindOfSums(int64_t terms) {
  constexpr int64_t kLong = 256;
  constexpr int64_t kMiddle = 64;
  if (terms >= kLong) return WorkKind::kLongSums;
  return terms >= kMiddle ? WorkKind::kSums : WorkKind::kShortSums;
}

// Sizes of a value, constants included; nullopt where not known.
std::optional<Dims> DimsOf(const Graph& graph, ValueId id) {
  if (id == kNoValue) return Dims{};
  const Value& value = graph.value(id);
  if (value.is_constant()) return value.constant.dims();
  return value.shape.values();
}

// Bytes of a value as it is, or with a byte for each real number.
double BytesAs(const Graph& graph, ValueId id, const Dims& dims, bool integer) {
  if (id == kNoValue) return 0;
  const DType dtype = graph.value(id).dtype;
  const bool is_byte = integer && IsFloat(dtype);
  return static_cast<double>(ElementCount(dims)) *
         (is_byte ? 1.0 : BitsOf(dtype) / 8.0);
}

class Forecasting {
 public:
  Forecasting(const Graph& graph, const Selection& selection,
              const Peaks& peaks)
      : graph_(graph),
        selection_(selection),
        peaks_(peaks),
        program_(graph, FindOp) {}

  Forecast Run() {
    std::vector<bool> fused(program_.nodes.size());
    for (const ProgramNode& step : program_.nodes) {
      if (step.clamp_node >= 0)
        fused[static_cast<size_t>(step.clamp_node)] = true;
    }
    Forecast forecast;
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      const auto row = RowOfNode(program_.nodes[i].id, fused[i]);
      if (!row) {
        ++forecast.unknown;
        continue;
      }
      forecast.float_seconds += row->float_seconds;
      forecast.integer_seconds += row->integer_seconds;
      forecast.rows.push_back(*row);
    }
    return forecast;
  }

 private:
  std::optional<ForecastRow> RowOfNode(NodeId id, bool fused) const {
    const Node& node = graph_.node(id);
    std::vector<Dims> in;
    std::vector<Dims> out;
    for (const ValueId value : node.inputs) {
      const auto dims = DimsOf(graph_, value);
      if (!dims) return std::nullopt;
      in.push_back(*dims);
    }
    for (const ValueId value : node.outputs) {
      const auto dims = DimsOf(graph_, value);
      if (!dims) return std::nullopt;
      out.push_back(*dims);
    }
    const Decision& decision = selection_.of(id);
    ForecastRow row;
    row.name = UserName(graph_, node);
    row.op_type = node.op_type;
    row.shape = out.empty() ? "" : DimsToString(out[0]);
    row.macs = MacsOf(node, in, out);
    row.integer = decision.integer;
    row.reason = decision.reason;
    const int64_t results = out.empty() ? 0 : ElementCount(out[0]);
    row.kind = fused ? WorkKind::kNothing : KindOfWork(node, row.macs, results);
    row.float_seconds = Seconds(row, false, node, in, out);
    row.integer_seconds = IntegerSeconds(row, id, in, out);
    return row;
  }

  double Seconds(const ForecastRow& row, bool integer, const Node& node,
                 const std::vector<Dims>& in,
                 const std::vector<Dims>& out) const {
    double bytes = 0;
    for (size_t i = 0; i < in.size(); ++i) {
      bytes += BytesAs(graph_, node.inputs[i], in[i], integer);
    }
    for (size_t i = 0; i < out.size(); ++i) {
      bytes += BytesAs(graph_, node.outputs[i], out[i], integer);
    }
    return ForecastSeconds(row.kind, integer, row.macs, bytes, peaks_);
  }

  double IntegerSeconds(const ForecastRow& row, NodeId id,
                        const std::vector<Dims>& in,
                        const std::vector<Dims>& out) const {
    const Node& node = graph_.node(id);
    const Decision& decision = selection_.of(id);
    if (decision.absorbed_clamp || JoinsConv(id)) return 0;
    double seconds = decision.integer ? Seconds(row, true, node, in, out)
                                      : row.float_seconds;
    for (size_t i = 0; i < in.size(); ++i) {
      const ValueId value = node.inputs[i];
      if (value == kNoValue || graph_.value(value).is_constant()) continue;
      const bool wants = selection_.ReadsQuantized(id, i);
      if (wants == selection_.MadeInteger(value) ||
          !IsFloat(graph_.value(value).dtype)) {
        continue;
      }
      // Real numbers on one side, bytes on the other.
      constexpr double kBytesEach = 5;
      seconds += ForecastSeconds(
          WorkKind::kElements, false, 0,
          kBytesEach * static_cast<double>(ElementCount(in[i])), peaks_);
    }
    return seconds;
  }

  // A sum that is made in the store of a convolution (runtime/fuse_additions).
  bool JoinsConv(NodeId id) const {
    const Node& node = graph_.node(id);
    if (!node.Is("Add") || !selection_.of(id).integer) return false;
    return std::ranges::any_of(node.inputs, [&](ValueId value) {
      const NodeId producer = graph_.value(value).producer;
      return producer != kNoNode && graph_.node(producer).Is("Conv") &&
             graph_.node(producer).Int("group", 1) == 1 &&
             selection_.of(producer).integer &&
             selection_.uses().SoleReader(value) == id;
    });
  }

  const Graph& graph_;
  const Selection& selection_;
  const Peaks& peaks_;
  Program program_;
};

}  // namespace

std::string_view WorkKindName(WorkKind kind) { return RowOf(kind).name; }

WorkKind KindOfWork(const Node& node, int64_t macs, int64_t results) {
  constexpr int64_t kFewRows = 8;
  if (IsOneOf(node, kViews) || results == 0) return WorkKind::kNothing;
  if (IsOneOf(node, kRecurrents)) return WorkKind::kRecurrent;
  // Groups of several channels are summed like any convolution.
  constexpr int64_t kMostTaps = 49;
  if (IsConv(node) && node.Int("group", 1) > 1 && macs / results <= kMostTaps) {
    return WorkKind::kDepthwise;
  }
  if (macs > 0 && IsConv(node)) return KindOfSums(macs / results);
  if (macs > 0) {
    // Results of a row share their sums' length, and rows are what is left
    // when a weight as long as the sums serves each result of a row.
    return results < kFewRows * macs / results ? WorkKind::kRow
                                               : WorkKind::kMatrix;
  }
  if (IsOneOf(node, kElementwise)) return WorkKind::kElements;
  return IsOneOf(node, kMovements) ? WorkKind::kMovement : WorkKind::kFunction;
}

double ForecastSeconds(WorkKind kind, bool integer, int64_t macs, double bytes,
                       const Peaks& peaks) {
  const Shares& shares = integer ? RowOf(kind).integer : RowOf(kind).real;
  const double peak = integer ? peaks.integer_macs : peaks.float_macs;
  const double products =
      shares.macs > 0 ? static_cast<double>(macs) / (shares.macs * peak) : 0;
  const double memory =
      shares.bytes > 0 ? bytes / (shares.bytes * peaks.read_bytes) : 0;
  return std::max(products, memory);
}

Forecast ForecastOf(const Graph& graph, const Selection& selection,
                    const Peaks& peaks) {
  return Forecasting(graph, selection, peaks).Run();
}

std::vector<std::string> ForecastWarnings(const Forecast& forecast) {
  constexpr double kPays = 0.9;      // of the float time, at most
  constexpr double kNotable = 0.03;  // of all
  std::vector<std::string> warnings;
  if (forecast.integer_seconds > kPays * forecast.float_seconds) {
    warnings.push_back(
        fmt::format("int8 will hardly pay: {:.0f}% of the float time",
                    100 * forecast.integer_seconds / forecast.float_seconds));
  }
  for (const ForecastRow& row : forecast.rows) {
    if (row.integer_seconds <= kPays * row.float_seconds ||
        row.integer_seconds < kNotable * forecast.integer_seconds) {
      continue;
    }
    warnings.push_back(
        row.integer ? fmt::format("{} ({}): integers are not faster here",
                                  row.name, row.op_type)
                    : fmt::format("{} ({}) stays float: {}", row.name,
                                  row.op_type, row.reason));
  }
  return warnings;
}

}  // namespace squint
