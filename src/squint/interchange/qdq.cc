#include "squint/interchange/qdq.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace squint {
namespace {

bool IsQuantize(const Node& node) { return node.Is("QuantizeLinear"); }
bool IsDequantize(const Node& node) { return node.Is("DequantizeLinear"); }

bool IsScaleType(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 ||
         dtype == DType::kBfloat16;
}

bool IsScale(const Tensor& scale, bool of_weight) {
  const std::vector<float> values = scale.ToFloats();
  return std::all_of(values.begin(), values.end(), [&](float value) {
    return std::isfinite(value) && (value > 0.0f || of_weight);
  });
}

// What the integers are: as the zero point says, else the attribute of Q
// (default uint8) or the input of DQ.
DType StoredType(const Graph& graph, const Node& node) {
  if (const Tensor* zero = graph.ConstantOf(node.input(2))) {
    return zero->dtype();
  }
  if (IsDequantize(node)) return graph.value(node.input(0)).dtype;
  const auto type = static_cast<DType>(node.Int("output_dtype", 0));
  return type == DType::kUndefined ? DType::kUint8 : type;
}

DType RealType(const Node& node, const Tensor& scale) {
  if (!IsDequantize(node)) return scale.dtype();
  const auto type = static_cast<DType>(node.Int("output_dtype", 0));
  return type == DType::kUndefined ? scale.dtype() : type;
}

bool IsStorable(DType dtype, const Node& node) {
  if (!IsInteger(dtype)) return false;
  return BitsOf(dtype) <= 16 || (dtype == DType::kInt32 && IsDequantize(node));
}

// The rank of the data, from its shape or, for blocks, from the scale.
std::optional<int> DataRank(const Graph& graph, const Node& node,
                            const Tensor& scale, int64_t block) {
  if (block > 0) return scale.rank();
  for (const ValueId id : {node.input(0), node.output()}) {
    if (graph.value(id).shape.has_rank()) return graph.value(id).shape.rank();
  }
  return std::nullopt;
}

// Fills axis and block; false when they cannot be told.
bool SetGranularity(const Graph& graph, const Node& node, QuantParams& params) {
  params.block = node.Int("block_size", 0);
  if (params.block < 0) return false;
  if (params.block == 0 && params.scale.size() == 1) return true;
  if (params.block == 0 && params.scale.rank() != 1) return false;
  const auto rank = DataRank(graph, node, params.scale, params.block);
  int64_t axis = node.Int("axis", 1);
  if (axis < 0 && rank) axis += *rank;
  if (axis < 0 || (rank && axis >= *rank)) return false;
  params.axis = static_cast<int>(axis);
  return true;
}

}  // namespace

bool IsFixed(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).is_constant() && !graph.IsInput(id);
}

bool SameContent(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.dims() != b.dims()) return false;
  return std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

QuantParams Normalized(QuantParams params) {
  if (params.scale.empty()) return params;
  if (params.block == 0 && params.scale.size() == 1) {
    params.axis = -1;
    params.scale = params.scale.Reshaped({});
    if (!params.zero_point.empty()) {
      params.zero_point = params.zero_point.Reshaped({});
    }
  }
  if (params.dtype == DType::kInt32) {
    params.zero_point = Tensor();
  } else if (params.zero_point.empty()) {
    params.zero_point = Tensor(params.dtype, params.scale.dims());
  }
  return params;
}

std::optional<QuantParams> ParamsOfNode(const Graph& graph, const Node& node) {
  if (!IsQuantize(node) && !IsDequantize(node)) return std::nullopt;
  if (!node.has_input(0) || !IsFixed(graph, node.input(1))) {
    return std::nullopt;
  }
  if (node.has_input(2) && !IsFixed(graph, node.input(2))) return std::nullopt;
  QuantParams params;
  params.scale = graph.value(node.input(1)).constant.Materialize();
  params.dtype = StoredType(graph, node);
  params.real_dtype = RealType(node, params.scale);
  if (!IsScaleType(params.scale.dtype()) || !IsScaleType(params.real_dtype) ||
      !IsStorable(params.dtype, node) ||
      !IsScale(params.scale,
               IsDequantize(node) && IsFixed(graph, node.input(0)))) {
    return std::nullopt;
  }
  const int64_t precision = node.Int("precision", 0);
  if (precision != 0 && precision != static_cast<int64_t>(DType::kFloat32)) {
    return std::nullopt;
  }
  if (!SetGranularity(graph, node, params)) return std::nullopt;
  if (node.has_input(2)) {
    const Tensor zero = graph.value(node.input(2)).constant.Materialize();
    if (zero.dtype() != params.dtype || zero.size() != params.scale.size()) {
      return std::nullopt;
    }
    if (params.dtype != DType::kInt32) params.zero_point = zero;
  }
  return Normalized(std::move(params));
}

}  // namespace squint
