#include <algorithm>
#include <optional>

#include "squint/quantize/recurrent.h"

namespace squint {
namespace {

constexpr size_t kW = 1, kR = 2, kPeephole = 7, kWScale = 8, kRScale = 10;
constexpr int kMiddle = 128;  // int8 as uint8 with this zero point

bool IsSymmetricInt8(const Value& value) {
  if (!value.is_constant() || !value.quant || value.constant.rank() != 3 ||
      value.quant->dtype != DType::kInt8) {
    return false;
  }
  const std::vector<int64_t> zeros = value.quant->zero_point.ToInts();
  return std::all_of(zeros.begin(), zeros.end(),
                     [](int64_t zero) { return zero == 0; });
}

// [directions, rows, inputs] int8 -> [directions, inputs, rows] uint8.
Tensor TransposedUnsigned(const Tensor& stored) {
  const int64_t rows = stored.dim(1);
  const int64_t inputs = stored.dim(2);
  Tensor result(DType::kUint8, {stored.dim(0), inputs, rows});
  const int8_t* from = stored.data<int8_t>();
  uint8_t* to = result.mutable_data<uint8_t>();
  for (int64_t d = 0; d < stored.dim(0); ++d) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < inputs; ++i) {
        to[(d * inputs + i) * rows + row] =
            static_cast<uint8_t>(from[(d * rows + row) * inputs + i] + kMiddle);
      }
    }
  }
  return result;
}

// [directions], or [directions, rows]; nothing for other granularities.
std::optional<Tensor> ScalesOf(const QuantParams& params, const Dims& dims) {
  const std::vector<float> scales = params.scale.ToFloats();
  if (params.per_tensor()) {
    Tensor all(DType::kFloat32, {dims[0]});
    std::fill_n(all.mutable_data<float>(), dims[0], scales[0]);
    return all;
  }
  const bool row_by_row =
      static_cast<int64_t>(scales.size()) == dims[0] * dims[1];
  const bool along_rows =
      params.block == 0 ? params.axis == 1 : params.block >= dims[2];
  if (!row_by_row || !along_rows) return std::nullopt;
  return Tensor::Of<float>({dims[0], dims[1]}, scales);
}

struct DynamicWeight {
  Tensor integers;
  Tensor scale;
  Tensor zero_point;
};

std::optional<DynamicWeight> WeightOf(const Graph& graph, ValueId id) {
  if (id == kNoValue || !IsSymmetricInt8(graph.value(id))) return std::nullopt;
  const Tensor stored = graph.value(id).constant.Materialize();
  auto scale = ScalesOf(*graph.value(id).quant, stored.dims());
  if (!scale) return std::nullopt;
  Tensor zero(DType::kUint8, scale->dims());
  std::fill_n(zero.mutable_data<uint8_t>(), zero.size(), uint8_t{kMiddle});
  return DynamicWeight{TransposedUnsigned(stored), *scale, zero};
}

}  // namespace

bool UseDynamicLstm(Graph& graph, NodeId id) {
  const Node lstm = graph.node(id);
  if (!lstm.Is("LSTM") || lstm.Int("layout", 0) != 0) return false;
  const auto w = WeightOf(graph, lstm.input(kW));
  const auto r = WeightOf(graph, lstm.input(kR));
  if (!w || !r) return false;
  std::vector<ValueId> inputs = lstm.inputs;
  inputs.resize(kPeephole + 1, kNoValue);
  const auto add = [&](const DynamicWeight& weight, size_t at) {
    const std::string name = graph.value(lstm.input(at)).name;
    inputs[at] = graph.AddConstant(name + "_columns", weight.integers);
    inputs.push_back(graph.AddConstant(name + "_scale", weight.scale));
    inputs.push_back(
        graph.AddConstant(name + "_zero_point", weight.zero_point));
  };
  static_assert(kWScale == kPeephole + 1 && kRScale == kWScale + 2);
  add(*w, kW);
  add(*r, kR);
  Node& node = graph.node(id);
  node.op_type = "DynamicQuantizeLSTM";
  node.domain = "com.microsoft";
  node.inputs = std::move(inputs);
  node.attributes.erase("layout");
  return true;
}

}  // namespace squint
