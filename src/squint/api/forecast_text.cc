#include "squint/api/forecast_text.h"

#include <algorithm>

#include "squint/api/bench.h"
#include "squint/base/error.h"
#include "squint/base/threads.h"
#include "squint/ops/infer.h"
#include "squint/report/forecast.h"

namespace squint {
namespace {

constexpr size_t kMostRows = 20;

// The graph with every size of its inputs chosen, as a benchmark would.
Graph Sized(Graph graph, const BenchInputs& sizes, const Context& context) {
  const std::vector<Tensor> inputs = InputsFor(graph, sizes, context);
  for (size_t i = 0; i < inputs.size(); ++i) {
    graph.value(graph.inputs()[i]).shape = Shape::Of(inputs[i].dims());
  }
  InferShapes(graph);
  return graph;
}

double Milliseconds(double seconds) { return seconds * 1e3; }

std::string Heading(const Graph& graph, const Peaks& peaks, int threads) {
  std::string text = fmt::format(
      "  forecast, {}, {} threads: float {:.1f} GMAC/s, 8-bit {:.1f} GMAC/s, "
      "reading memory {:.1f} GB/s\n",
      InstructionSet(), threads, peaks.float_macs / 1e9,
      peaks.integer_macs / 1e9, peaks.read_bytes / 1e9);
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    text += fmt::format("    with {} {}\n", value.name, value.shape.ToString());
  }
  return text;
}

std::string RowText(const ForecastRow& row) {
  return fmt::format(
      "    {:28} {:18} {:18} {:10} {:9.1f} {:9.3f} {:9.3f}  {}\n", row.name,
      row.op_type, row.shape, WorkKindName(row.kind),
      static_cast<double>(row.macs) / 1e6, Milliseconds(row.float_seconds),
      Milliseconds(row.integer_seconds), row.integer ? "" : "float");
}

std::string Table(const Forecast& forecast) {
  std::vector<ForecastRow> rows = forecast.rows;
  std::ranges::stable_sort(rows, std::greater<>(),
                           &ForecastRow::integer_seconds);
  std::string text =
      fmt::format("    {:28} {:18} {:18} {:10} {:>9} {:>9} {:>9}\n", "node",
                  "operator", "output", "work", "MMAC", "float ms", "int8 ms");
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    text += RowText(rows[i]);
  }
  if (rows.size() > kMostRows) {
    text += fmt::format("    and {} shorter ones\n", rows.size() - kMostRows);
  }
  text += fmt::format("    all: float {:.2f} ms, int8 {:.2f} ms\n",
                      Milliseconds(forecast.float_seconds),
                      Milliseconds(forecast.integer_seconds));
  if (forecast.unknown > 0) {
    text += fmt::format("    not counted: {} nodes of unknown size\n",
                        forecast.unknown);
  }
  return text;
}

Json ToJson(const Forecast& forecast, const std::vector<std::string>& warnings,
            const Peaks& peaks, int threads) {
  Json rows = Json::array();
  for (const ForecastRow& row : forecast.rows) {
    rows.push_back(JsonObject(
        "name", row.name, "op_type", row.op_type, "shape", row.shape, "work",
        WorkKindName(row.kind), "macs", row.macs, "integer", row.integer,
        "float_ms", Milliseconds(row.float_seconds), "int8_ms",
        Milliseconds(row.integer_seconds), "reason", row.reason));
  }
  return JsonObject("threads", threads, "float_gmacs", peaks.float_macs / 1e9,
                    "int8_gmacs", peaks.integer_macs / 1e9, "read_gbs",
                    peaks.read_bytes / 1e9, "float_ms",
                    Milliseconds(forecast.float_seconds), "int8_ms",
                    Milliseconds(forecast.integer_seconds), "unknown",
                    forecast.unknown, "nodes", rows, "warnings", warnings);
}

}  // namespace

ForecastReport ForecastFor(const Prepared& model, const InspectRequest& request,
                           const Context& context) {
  if (model.quantized) {
    Fail(ErrorCode::kInvalidArgument,
         "a forecast is made of the float model; `squint bench` times a "
         "quantized one");
  }
  ThreadPool pool(context.threads);
  const Peaks peaks = MeasurePeaks(pool);
  const Graph graph = Sized(*model.graph, request.inputs, context);
  const Selection selection(graph, FindTarget(request.preset), {}, {});
  const Forecast forecast = ForecastOf(graph, selection, peaks);
  const std::vector<std::string> warnings = ForecastWarnings(forecast);
  ForecastReport report;
  report.text = Heading(graph, peaks, pool.threads()) + Table(forecast);
  for (const std::string& warning : warnings) {
    report.text += "    warning: " + warning + "\n";
  }
  report.json = ToJson(forecast, warnings, peaks, pool.threads());
  return report;
}

}  // namespace squint
