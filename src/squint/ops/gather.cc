// Picking elements by index: Gather takes whole slices of an axis (also of
// shape arithmetic and of embedding tables), GatherElements single elements.
#include "squint/ops/dim_content.h"
#include "squint/ops/index.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

// ---- Gather

void GatherContent(InferContext& context) {
  const DimTensor* data = context.dim_tensor(0);
  const DimTensor* wanted = context.dim_tensor(1);
  const auto indices = context.ints(1);
  if (data == nullptr || data->scalar || !indices) return;
  DimTensor out{{}, wanted->scalar};
  const auto size = static_cast<int64_t>(data->elements.size());
  for (const int64_t index : *indices) {
    out.elements.push_back(
        data->elements[static_cast<size_t>(CheckedIndex(index, size))]);
  }
  context.SetDimTensor(0, std::move(out));
}

void InferGather(InferContext& context) {
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  Shape out;
  if (data.has_rank() && indices.has_rank()) {
    if (data.rank() == 0) {
      Fail(ErrorCode::kInvalidModel, "there is no axis to gather from");
    }
    const auto axis = NormalizeAxis(context.node().Int("axis", 0), data.rank());
    DimList dims(data.dims().begin(), data.dims().begin() + axis);
    dims.insert(dims.end(), indices.dims().begin(), indices.dims().end());
    dims.insert(dims.end(), data.dims().begin() + axis + 1, data.dims().end());
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
  GatherContent(context);
}

// `data` with axis `axis` replaced by the wanted positions, one axis of them.
Tensor TakeAlong(const Tensor& data, int axis, const Tensor& indices) {
  AxisMaps maps = IdentityMaps(data.dims());
  auto& map = maps[static_cast<size_t>(axis)];
  std::vector<int64_t> picked;
  for (const int64_t index : indices.ToInts()) {
    picked.push_back(map[static_cast<size_t>(
        CheckedIndex(index, static_cast<int64_t>(map.size())))]);
  }
  map = std::move(picked);
  return CopyByMaps(data, maps);
}

// The same with that axis spread out to the indices' own dimensions.
Tensor SpreadAxis(const Tensor& taken, int axis, const Dims& indices) {
  Dims dims = taken.dims();
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, indices.begin(), indices.end());
  return taken.Reshaped(std::move(dims));
}

void RunGather(RunContext& context) {
  const Tensor& data = context.in(0);
  const Tensor& indices = context.in(1);
  const int axis = NormalizeAxis(context.node.Int("axis", 0), data.rank());
  context.outputs[0] =
      SpreadAxis(TakeAlong(data, axis, indices), axis, indices.dims());
}

// A constant table (an embedding) is a weight with one scale per row, and
// what is looked up is real; computed data are moved as they are.
QuantSpec GatherRule(const QuantizeQuery& query) {
  QuantSpec spec = MovementRule(query);
  if (!spec.reason.empty() ||
      query.graph.ConstantOf(query.node.input(0)) == nullptr) {
    return spec;
  }
  const Shape& table = query.graph.value(query.node.input(0)).shape;
  if (!table.has_rank() || table.rank() != 2 ||
      query.node.Int("axis", 0) != 0) {
    return QuantSpec::Float("looks up a constant that is no table of rows");
  }
  spec.inputs[0] = {.role = Role::kWeight, .axis = 0, .reduce_axis = 1};
  spec.outputs[0].role = Role::kFloat;
  spec.same.clear();
  return spec;
}

// ---- GatherElements

void InferGatherElements(InferContext& context) {
  context.SetOutput(0, context.dtype(0), context.shape(1));
}

void RunGatherElements(RunContext& context) {
  const Tensor& data = context.in(0);
  const Tensor& indices = context.in(1);
  const int axis = NormalizeAxis(context.node.Int("axis", 0), data.rank());
  context.outputs[0] =
      CopyByMaps(data, {ElementOffsets(data.dims(), indices, axis)})
          .Reshaped(indices.dims());
}

// ---- com.microsoft GatherBlockQuantized

// Inputs data, indices, scales, zero_points; a table of 4-bit integers with
// one scale per `block_size` elements along quantize_axis.
struct BlockTable {
  int gather_axis = 0;
  int quantize_axis = 1;
  int64_t block = 128;
  bool nibbles = false;  // uint8 that holds two 4-bit numbers, low one first
};

BlockTable ReadBlockTable(const Node& node, DType dtype, int rank) {
  BlockTable table;
  table.gather_axis = NormalizeAxis(node.Int("gather_axis", 0), rank);
  table.quantize_axis = NormalizeAxis(node.Int("quantize_axis", 1), rank);
  table.block = node.Int("block_size", 128);
  table.nibbles = dtype == DType::kUint8 && node.Int("bits", 4) == 4;
  if (table.gather_axis == table.quantize_axis) {
    Fail(ErrorCode::kUnsupported, "gather_axis and quantize_axis are both {}",
         table.gather_axis);
  }
  if (table.block <= 0) {
    Fail(ErrorCode::kInvalidModel, "block_size is {}", table.block);
  }
  return table;
}

void CheckBlocksOf(const char* what, const Shape& shape, const Dims& expected) {
  const auto dims = shape.values();
  if (!dims || *dims == expected) return;
  Fail(ErrorCode::kInvalidModel, "{} are {}, expected {}", what,
       DimsToString(*dims), DimsToString(expected));
}

// One scale and, where there are any, one zero point a block of the table,
// which has `dims` numbers.
void CheckBlocks(const InferContext& context, const BlockTable& table,
                 Dims dims) {
  int64_t& blocks = dims[static_cast<size_t>(table.quantize_axis)];
  blocks = blocks / table.block + (blocks % table.block != 0);
  CheckBlocksOf("scales", context.shape(2), dims);
  if (table.nibbles) dims.back() = (dims.back() + 1) / 2;
  if (context.has_input(3)) {
    CheckBlocksOf("zero points", context.shape(3), dims);
  }
}

void InferGatherBlockQuantized(InferContext& context) {
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  Shape out;
  if (data.has_rank() && indices.has_rank()) {
    const BlockTable table =
        ReadBlockTable(context.node(), context.dtype(0), data.rank());
    DimList dims = data.dims();
    if (table.nibbles) dims.back() = dims.back() * Dim(2);
    if (const auto known = Shape(dims).values()) {
      CheckBlocks(context, table, *known);
    }
    dims.erase(dims.begin() + table.gather_axis);
    dims.insert(dims.begin() + table.gather_axis, indices.dims().begin(),
                indices.dims().end());
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(2), out);
}

// uint8 [..., n] seen as uint4 [..., 2 n], cut to `last` elements.
Tensor UnpackNibbles(const Tensor& bytes, int64_t last) {
  Dims dims = bytes.dims();
  dims.back() *= 2;
  const Tensor nibbles(DType::kUint4, dims, bytes.buffer());
  AxisMaps maps = IdentityMaps(dims);
  maps.back().resize(static_cast<size_t>(last));
  return CopyByMaps(nibbles.CastTo(DType::kUint8), maps);
}

void RunGatherBlockQuantized(RunContext& context) {
  const Tensor& indices = context.in(1);
  const Tensor& scales = context.in(2);
  Tensor data = context.in(0);
  const BlockTable table =
      ReadBlockTable(context.node, data.dtype(), data.rank());
  Tensor zeros = context.has(3) ? context.in(3) : Tensor();
  if (zeros.empty() && data.dtype() == DType::kUint8) {
    // uint8 tables are centred unless they say otherwise.
    zeros = Tensor(DType::kUint8, scales.dims());
    std::fill_n(zeros.mutable_data<uint8_t>(), zeros.size(),
                table.nibbles ? 8 : 128);
  } else if (!zeros.empty() && table.nibbles) {
    zeros = UnpackNibbles(zeros, scales.dims().back());
  }
  if (table.nibbles) data = UnpackNibbles(data, 2 * data.dims().back());
  const auto take = [&](const Tensor& tensor) {
    return TakeAlong(tensor, table.gather_axis, indices);
  };
  QuantParams params;
  params.dtype = data.dtype();
  params.axis = table.quantize_axis;
  params.block = table.block;
  params.scale = take(scales);
  if (!zeros.empty()) params.zero_point = take(zeros);
  context.outputs[0] = SpreadAxis(DequantizeTensor(take(data), params),
                                  table.gather_axis, indices.dims())
                           .CastTo(scales.dtype());
}

QuantSpec BlockTableRule(const QuantizeQuery&) {
  return QuantSpec::Float("its table is quantized already");
}

}  // namespace

extern constinit const OpDef kGatherBlockQuantizedOp = {
    .type = "GatherBlockQuantized",
    .domain = "com.microsoft",
    .since = 1,
    .infer = InferGatherBlockQuantized,
    .reference = RunGatherBlockQuantized,
    .quantize = BlockTableRule,
};
extern constinit const OpDef kGatherElementsOp = {
    .type = "GatherElements",
    .since = 11,
    .infer = InferGatherElements,
    .reference = RunGatherElements,
    .integer_reference = IntegerMovement<RunGatherElements>,
    .quantize = MovementRule,
};
extern constinit const OpDef kGatherOp = {
    .type = "Gather",
    .since = 11,
    .infer = InferGather,
    .reference = RunGather,
    .integer_reference = IntegerMovement<RunGather>,
    .quantize = GatherRule,
    .prepare = PrepareGather,
    .prepare_stored = PrepareStoredGather,
};

}  // namespace squint
