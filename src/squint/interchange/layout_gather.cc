// Lookups in quantized tables. `DQ(table) -> Gather` would dequantize the
// whole table on every run (measured: ONNX Runtime does not turn it around),
// so the rows are gathered as integers and dequantized behind:
//   per tensor, or per channel beside the gathered axis: Gather -> DQ
//   per row of the gathered axis: the scales are gathered too, and each row
//     is one block of a blocked DQ
//   4-bit groups: com.microsoft::GatherBlockQuantized (Gather takes no int4)
#include "squint/interchange/layout.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

struct Lookup {
  Node node;  // the Gather, a copy
  NodeId id;
  QuantParams params;
  int rank;  // of the table
  int axis;  // gathered
  ValueId table() const { return node.input(0); }
  ValueId indices() const { return node.input(1); }
  ValueId output() const { return node.output(); }
};

// Behind the Gather the table's axis `axis` is this one, counted from the
// end where the indices' rank shifts it.
int64_t AxisBehind(const Lookup& lookup, int axis) {
  return axis < lookup.axis ? axis : axis - lookup.rank;
}

ValueId GatherFrom(Layout& layout, const Lookup& lookup, ValueId table) {
  const Graph& graph = layout.graph;
  return layout.Insert(lookup.id, "Gather", {table, lookup.indices()},
                       graph.value(lookup.output()).name + "_rows",
                       graph.value(table).dtype,
                       {{"axis", static_cast<int64_t>(lookup.axis)}});
}

void GatherThenDequantize(Layout& layout, const Lookup& lookup) {
  const ValueId rows =
      GatherFrom(layout, lookup, layout.Integers(lookup.table()));
  InsertDequantize(layout, rows, lookup.output(), lookup.params, lookup.id);
  if (lookup.params.per_tensor()) return;
  const NodeId dequantize = layout.graph.value(lookup.output()).producer;
  layout.graph.node(dequantize)
      .Set("axis", AxisBehind(lookup, lookup.params.axis));
}

// scale and zero point [rows] -> [rows, 1], gathered like the rows.
void GatherRowsWithScales(Layout& layout, const Lookup& lookup) {
  Graph& graph = layout.graph;
  const std::string name = graph.value(lookup.table()).name;
  const Tensor& scale = lookup.params.scale;
  const Tensor& zero = lookup.params.zero_point;
  const Dims column = {scale.size(), 1};
  std::vector<ValueId> inputs = {layout.Integers(lookup.table())};
  inputs.push_back(layout.Parameter(name + "_scale", scale.Reshaped(column)));
  inputs.push_back(
      layout.Parameter(name + "_zero_point", zero.Reshaped(column)));
  for (ValueId& input : inputs) input = GatherFrom(layout, lookup, input);
  const int64_t row = graph.value(lookup.table()).constant.dim(1);
  layout.InsertFor(lookup.output(), lookup.id, "DequantizeLinear", inputs,
                   {{"axis", int64_t{-1}}, {"block_size", row}});
}

void GatherBlocks(Layout& layout, const Lookup& lookup) {
  const std::string name = layout.graph.value(lookup.table()).name;
  std::vector<ValueId> inputs = {layout.Integers(lookup.table()),
                                 lookup.indices()};
  for (const ValueId id : layout.Parameters(name, lookup.params)) {
    inputs.push_back(id);
  }
  layout.InsertFor(lookup.output(), lookup.id, "GatherBlockQuantized",
                   std::move(inputs),
                   {{"gather_axis", static_cast<int64_t>(lookup.axis)},
                    {"quantize_axis", static_cast<int64_t>(lookup.params.axis)},
                    {"block_size", lookup.params.block}},
                   "com.microsoft");
}

bool IsPowerOfTwo(int64_t value) { return (value & (value - 1)) == 0; }

// How this lookup is written; null: DQ of the table, then Gather.
using Writer = void (*)(Layout&, const Lookup&);
Writer WriterFor(const Lookup& lookup) {
  const QuantParams& params = lookup.params;
  const int bits = BitsOf(params.dtype);
  const bool plain = params.real_dtype == params.scale.dtype();
  if (params.block > 0) {
    return bits == 4 && plain && params.axis != lookup.axis &&
                   params.block >= 16 && IsPowerOfTwo(params.block)
               ? GatherBlocks
               : nullptr;
  }
  if (bits != 8 && bits != 16) return nullptr;
  if (params.axis != lookup.axis) {
    return plain || params.per_tensor() ? GatherThenDequantize : nullptr;
  }
  return plain && lookup.rank == 2 && lookup.axis == 0 ? GatherRowsWithScales
                                                       : nullptr;
}

}  // namespace

void LayOutGathers(Layout& layout) {
  Graph& graph = layout.graph;
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).Is("Gather")) continue;
    const ValueId table = graph.node(id).input(0);
    const Value& value = graph.value(table);
    if (!IsFixed(graph, table) || !value.quant || value.quant->scale.empty()) {
      continue;
    }
    const int rank = value.constant.rank();
    const Lookup lookup = {graph.node(id), id, Normalized(*value.quant), rank,
                           NormalizeAxis(graph.node(id).Int("axis", 0), rank)};
    const Writer write = WriterFor(lookup);
    if (write == nullptr) continue;
    graph.RemoveNode(id);
    write(layout, lookup);
    const NodeId last = graph.value(lookup.output()).producer;
    graph.node(last).user_names = lookup.node.user_names;
  }
}

}  // namespace squint
