// How long a network should take on this machine, node by node, in float and
// in integers, without running it.
//
// A node takes the longer of two times: its products at the share of the
// machine's peak that such nodes reach, and its operands at the share of the
// memory's speed at which they pass. Peaks are measured (kernels/peak); shares
// are medians over the nodes of some networks, by kind of work, and so is what
// a forecast can be off (docs/decisions/017-forecast.md). Values that pass
// between float and integer nodes are converted by the node that reads them.
#ifndef SQUINT_REPORT_FORECAST_H_
#define SQUINT_REPORT_FORECAST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/kernels/peak/peak.h"
#include "squint/quantize/selection.h"

namespace squint {

// Work that reaches about the same share of the peaks.
enum class WorkKind : uint8_t {
  kNothing,    // renames bytes, or is done by its neighbour
  kLongSums,   // convolution of 256 products a result and more
  kSums,       // of 64 and more
  kShortSums,  // of fewer: first layers, narrow 1x1
  kDepthwise,  // grouped convolution of some taps
  kMatrix,     // product of 8 rows and more
  kRow,        // of fewer, which waits for its weights
  kRecurrent,  // LSTM, GRU, RNN
  kElements,   // one or two operations an element
  kFunction,   // exponentials, normalization
  kMovement,   // Transpose, Concat, Pool and other things that move
};
std::string_view WorkKindName(WorkKind kind);  // "long sums"

// `macs` and `results` of the node on the shapes at hand.
WorkKind KindOfWork(const Node& node, int64_t macs, int64_t results);

// What a node takes of this kind, products and bytes; `integer` says in which
// arithmetic.
double ForecastSeconds(WorkKind kind, bool integer, int64_t macs, double bytes,
                       const Peaks& peaks);

struct ForecastRow {
  std::string name;  // the user's
  std::string op_type;
  std::string shape;  // of output 0
  WorkKind kind = WorkKind::kNothing;
  int64_t macs = 0;
  bool integer = false;        // under the target
  double float_seconds = 0;    // of the float network
  double integer_seconds = 0;  // of the quantized one, conversions included
  std::string reason;          // why it stays float
};

struct Forecast {
  std::vector<ForecastRow> rows;  // in execution order
  double float_seconds = 0;
  double integer_seconds = 0;
  int unknown = 0;  // nodes whose sizes are not known: not in the sums
};

// Of a float graph with known sizes, optimized, as `selection` would have it.
Forecast ForecastOf(const Graph& graph, const Selection& selection,
                    const Peaks& peaks);

// Where integers will not pay, in words: the network as a whole, and nodes with
// a notable part of it. Empty: they pay.
std::vector<std::string> ForecastWarnings(const Forecast& forecast);

}  // namespace squint

#endif  // SQUINT_REPORT_FORECAST_H_
