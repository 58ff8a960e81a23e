// Between files and Squint's graphs: reading with one meaning inside (opset
// 25, functions inlined), quantization moved from Q/DQ nodes into QuantParams
// and back, the targets' tables, and the lowest opset out.
#ifndef SQUINT_INTERCHANGE_INTERCHANGE_H_
#define SQUINT_INTERCHANGE_INTERCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

struct LoadedModel {
  Graph graph;  // upgraded, shapes inferred; Q/DQ and QLinear* still nodes
  std::map<std::string, int64_t> opset;  // the file's own, by domain
  std::string hash;
  size_t file_bytes = 0;              // with external data
  std::vector<std::string> findings;  // what stayed unknown, what was kept
};
LoadedModel LoadModel(const std::filesystem::path& path,
                      const Context& context = {});

// Moves Q/DQ nodes into QuantParams where no reader sees another number; a
// Scan that is the steps of an LSTM or GRU becomes one node again.
void Absorb(Graph& graph);

struct SaveOptions {
  size_t external_threshold = 0;
  // This opset instead of the lowest. Error{kUnsupported} names the node that
  // stands against it.
  std::optional<int64_t> opset = {};
};
struct SaveResult {
  size_t bytes = 0;
  int64_t opset = 0;
  int64_t ir_version = 0;
};
// QuantParams are laid out as Q/DQ in the patterns that targets fuse;
// domain `squint` nodes are expanded; lowest opset (at least 21) and IR.
SaveResult SaveModel(const Graph& graph, const std::filesystem::path& path,
                     const SaveOptions& options = {});
// The layout alone: a copy with Q/DQ nodes and no QuantParams.
Graph LayOutQuantization(const Graph& graph);

// Writes nodes of domain `squint` out in standard operators (SiLU as Sigmoid
// and Mul, recurrent steps as Scan), except Requantize. Quantize calls it first
// where the target fuses only the parts.
void ExpandInternalNodes(Graph& graph);

// x86, arm, tensorrt, squint, edge. Error{kInvalidArgument} lists them.
const Target& FindTarget(std::string_view name);
std::vector<std::string_view> TargetNames();

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_INTERCHANGE_H_
