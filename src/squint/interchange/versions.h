// Opsets and IR versions: which definition of an operator holds where, and
// the lowest pair that a graph can be written in.
#ifndef SQUINT_INTERCHANGE_VERSIONS_H_
#define SQUINT_INTERCHANGE_VERSIONS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "squint/graph/graph.h"

namespace squint {

inline constexpr int64_t kOldestOpset = 7;     // read and upgraded from here
inline constexpr int64_t kLowestWritten = 21;  // int4, int16, blocks
inline constexpr int64_t kMeaningOpset = 25;   // what nodes mean inside
inline constexpr int64_t kNewestOpset = 28;    // listed in since_table.inc

// A graph that has standard operators without a row keeps the opset of its
// file under this domain: what they mean is settled only there.
inline constexpr std::string_view kFileOpset = "squint";

// The opset that introduced the definition of a standard operator which
// holds at `opset`; nullopt when there is no such operator there.
std::optional<int64_t> DefinitionAt(std::string_view op_type, int64_t opset);

// A node written in opset a (or b) is the same node in the other: it may have
// been allowed more in between, but was not given another meaning.
bool MeansTheSame(std::string_view op_type, int64_t a, int64_t b);

// A node of domain ai.onnx for which Squint has no row.
bool IsUnknownStandard(const Node& node);

// The IR version that came with an opset, as ONNX lists releases.
int64_t IrVersionFor(int64_t opset);

// Sets opset and ir_version of a graph without QuantParams to the lowest in
// which all its nodes and types are legal: at least 21, unless a standard
// operator that Squint does not know binds it to the opset of its file.
// Error{kUnsupported} names what stands against that.
void SetLowestVersions(Graph& graph);

// Sets exactly this opset, 7 to 28, and its IR version; nodes that LowerNodes
// rewrote count as what they are. Error{kUnsupported} names the first node
// that is not legal there or would mean something else.
void SetVersions(Graph& graph, int64_t opset);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_VERSIONS_H_
