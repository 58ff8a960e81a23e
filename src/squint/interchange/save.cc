// Graph to file: quantization laid out as nodes, internal operators written
// out, the lowest versions.
#include <algorithm>
#include <array>
#include <string_view>

#include "squint/interchange/interchange.h"
#include "squint/interchange/lower.h"
#include "squint/interchange/versions.h"
#include "squint/onnx/onnx.h"

namespace squint {
namespace {

// Operators whose result's shape follows from that of input 0 in any reader.
constexpr std::array<std::string_view, 11> kFollowing = {"AveragePool",
                                                         "BatchNormalization",
                                                         "Clip",
                                                         "Conv",
                                                         "DequantizeLinear",
                                                         "GlobalAveragePool",
                                                         "Identity",
                                                         "MaxPool",
                                                         "QuantizeLinear",
                                                         "Relu",
                                                         "Sigmoid"};

// Types and shapes of their results are not written: in a small network they
// would be a tenth of the bytes. Those behind Reshape and the like stay, for
// ONNX Runtime cannot tell them by itself when the batch is a symbol, and
// then misses fusions.
void ForgetFollowing(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      const bool follows =
          node.domain.empty() && std::find(kFollowing.begin(), kFollowing.end(),
                                           node.op_type) != kFollowing.end();
      if (!follows || each.IsOutput(node.output())) continue;
      each.value(node.output()).dtype = DType::kUndefined;
      each.value(node.output()).shape = Shape();
    }
  });
}

}  // namespace

SaveResult SaveModel(const Graph& graph, const std::filesystem::path& path,
                     const SaveOptions& options) {
  try {
    Graph laid = LayOutQuantization(graph);
    if (options.opset) {
      LowerNodes(laid, *options.opset);
      SetVersions(laid, *options.opset);
    } else {
      SetLowestVersions(laid);
    }
    ForgetFollowing(laid);
    SaveResult result;
    result.opset = laid.opset[""];
    result.ir_version = laid.ir_version;
    result.bytes = WriteOnnx(
        laid, path, {.external_threshold = options.external_threshold});
    return result;
  } catch (const Error& error) {
    throw error.In(path.string());
  }
}

}  // namespace squint
