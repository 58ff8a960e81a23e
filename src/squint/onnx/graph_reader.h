// GraphProto to Graph. Names become ids; what a nested graph reads from
// outside becomes a capture. Initializers that are also listed as inputs
// (files before IR version 4 must do so) are constants, not inputs.
#ifndef SQUINT_ONNX_GRAPH_READER_H_
#define SQUINT_ONNX_GRAPH_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/onnx/tensor_reader.h"
#include "squint/onnx/wire.h"

namespace squint {

// Deeper nesting than any compiler of models makes, and shallow enough for
// the stack of any thread.
inline constexpr int kMaxGraphDepth = 64;

class GraphReader {
 public:
  // `depth` 0: the model's main graph, in which every name must be defined.
  GraphReader(TensorSource& source, int depth)
      : source_(source), depth_(depth) {}

  Graph Read(WireReader message);

 private:
  // A NodeProto before its names are resolved.
  struct RawNode {
    Node node;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    std::vector<WireReader> attributes;
  };

  void ReadFields(WireReader message);
  RawNode ReadNode(WireReader message);
  void AddInitializer(NamedTensor named);
  void AddInput(WireReader message);
  void DefineOutputs(RawNode& raw);
  void DescribeValue(const Value& described);
  void FinishNode(RawNode raw);
  ValueId Resolve(std::string_view name, const std::string& reader);
  ValueId Define(std::string_view name, const std::string& by);

  TensorSource& source_;
  int depth_;
  Graph graph_;
  std::vector<RawNode> nodes_;
  std::vector<WireReader> inputs_;
  std::vector<WireReader> outputs_;
  std::vector<WireReader> value_infos_;
  std::vector<ValueId> input_ids_;
};

// Gives captures the types and shapes of the outer values they stand for.
void DescribeCaptures(Graph& graph);

// Nested graphs speak the operator sets of the graph around them.
void ShareOpsets(Graph& graph);

}  // namespace squint

#endif  // SQUINT_ONNX_GRAPH_READER_H_
