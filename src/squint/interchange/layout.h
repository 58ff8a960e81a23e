// The parts of LayOutQuantization, each turning one kind of QuantParams into
// nodes. Layout is one graph while that happens; values lose their `quant`
// as they are laid out.
#ifndef SQUINT_INTERCHANGE_LAYOUT_H_
#define SQUINT_INTERCHANGE_LAYOUT_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

class Layout {
 public:
  // `is_nested`: the graph stands in another one. Its parameters are not
  // shared: where ONNX Runtime turns int8 weights into uint8 (AVX2, with
  // x64quantprecision) it makes each zero point anew under the same name and
  // then refuses the second in a nested graph (seen in 1.32).
  explicit Layout(Graph& laid, bool is_nested = false)
      : graph(laid), is_nested_(is_nested) {}
  Graph& graph;

  // An initializer with this content; equal ones are shared if any are.
  ValueId Parameter(std::string_view name, const Tensor& content);
  // Scale, and zero point of `value`'s quantization, as inputs of Q and DQ
  // and of the integer operators (kNoValue for int32). A weight has a scale
  // initializer of its own: MatMulNBits is not made from a shared one.
  std::vector<ValueId> Parameters(const std::string& name,
                                  const QuantParams& params,
                                  bool of_weight = false);
  // The stored integers of a quantized constant as an initializer of their
  // own; the same one for all constants that share their bytes.
  ValueId Integers(ValueId constant);

  // A node before `before`, or at the end when that is kNoNode; outputs are
  // new values named after `output`, of the given type.
  ValueId Insert(NodeId before, std::string_view op_type,
                 std::vector<ValueId> inputs, std::string_view output,
                 DType dtype, Attributes attributes = {},
                 std::string_view domain = "");
  // The same, but the node makes the existing value `output`.
  NodeId InsertFor(ValueId output, NodeId before, std::string_view op_type,
                   std::vector<ValueId> inputs, Attributes attributes = {},
                   std::string_view domain = "");

 private:
  bool is_nested_;
  std::map<std::string, ValueId> parameters_;
  std::map<std::string, ValueId> integers_;  // by buffer, type, shape
};

// Attributes `axis` and `block_size` as these parameters need them.
Attributes AxisAttributes(const QuantParams& params);
// QuantizeLinear of `real` into `integers`, DequantizeLinear of `integers`
// into `result` (both existing values), before node `before`.
NodeId InsertQuantize(Layout& layout, ValueId real, ValueId integers,
                      const QuantParams& params, NodeId before);
void InsertDequantize(Layout& layout, ValueId integers, ValueId result,
                      const QuantParams& params, NodeId before,
                      bool of_weight = false);
// Where code that reads `id` may stand: right behind its producer, else
// before its first reader.
NodeId PlaceBehind(const Graph& graph, ValueId id, const UseMap& uses);
// `result`, made from `id`, takes over its readers but node `except`, and
// its name where it is a graph output.
void TakeOverReaders(Graph& graph, ValueId id, ValueId result, NodeId except);

// Reshape, Transpose, MaxPool ...: one result, made of input 0's elements.
bool IsMovement(const Node& node);
// Gives data movement with int8 on one side int8 on the other side too.
void QuantizeBothSidesOfMovement(Graph& graph);
// Table lookups in quantized constants: Gather on the integers, dequantized
// behind it; GatherBlockQuantized for 4-bit groups.
void LayOutGathers(Layout& layout);
// Values that are quantized by what they hold at run time:
// DynamicQuantizeLinear, MatMulInteger, ConvInteger.
void LayOutDynamic(Layout& layout);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_LAYOUT_H_
