// QuantizeLinear and DequantizeLinear as files have them: pairs, halves, with
// one scale or several, on constants, shared, doubled, and as outputs.
#include <array>

#include "graph_maker.h"

namespace squint {
namespace {

// Scale, zero point and granularity of one Q or DQ.
struct Parameters {
  ValueId scale = kNoValue;
  ValueId zero_point = kNoValue;
  DType dtype = DType::kUint8;
  Attributes attributes;
};

Tensor ZeroPoint(GraphMaker& m, DType dtype, const Dims& dims) {
  Tensor ints(DType::kInt64, dims);
  for (int64_t i = 0; i < ints.size(); ++i) {
    ints.mutable_data<int64_t>()[i] =
        dtype == DType::kInt32 ? 0 : m.choices.Int(0, 7);
  }
  return ints.CastTo(dtype);
}

Parameters MakeParameters(GraphMaker& m, const Dims& dims, bool dequantize) {
  constexpr std::array<DType, 8> kTypes = {
      DType::kUint8, DType::kInt8, DType::kUint16, DType::kInt16,
      DType::kUint4, DType::kInt4, DType::kInt8,   DType::kInt32};
  Parameters made;
  made.dtype = kTypes[m.choices.Index(dequantize ? 8 : 7)];
  Dims granularity;
  const int64_t kind = dims.empty() ? 0 : m.choices.Int(0, 3);
  if (kind == 1) granularity = {1};
  if (kind >= 2) {
    const size_t axis = m.choices.Index(dims.size());
    made.attributes["axis"] = static_cast<int64_t>(axis);
    granularity = {dims[axis]};
    if (kind == 3) {
      granularity = dims;
      const int64_t block = m.choices.Int(1, 4);
      granularity[axis] = (dims[axis] + block - 1) / block;
      made.attributes["block_size"] = block;
    }
  }
  made.scale = m.Reals(granularity, 0.01f, 0.2f);
  if (made.dtype != DType::kUint8 || m.choices.Coin()) {
    made.zero_point = m.Constant(ZeroPoint(m, made.dtype, granularity));
  }
  return made;
}

ValueId AddLinear(GraphMaker& m, std::string_view type, ValueId x,
                  const Parameters& p) {
  if (x == kNoValue) return kNoValue;
  std::vector<ValueId> inputs = {x, p.scale};
  if (p.zero_point != kNoValue) inputs.push_back(p.zero_point);
  return m.Add(type, std::move(inputs), p.attributes);
}

// x -> Q -> one to three DQs, the last perhaps with other parameters.
void AddPair(GraphMaker& m, ValueId x) {
  const Dims dims = m.DimsOf(x);
  const Parameters p = MakeParameters(m, dims, false);
  const ValueId integers = AddLinear(m, "QuantizeLinear", x, p);
  const int64_t readers = m.choices.Int(0, 2);
  for (int64_t i = 0; i <= readers; ++i) {
    AddLinear(m, "DequantizeLinear", integers, p);
  }
  if (!m.choices.Rarely(48)) return;
  Parameters other = MakeParameters(m, dims, false);
  if (other.dtype == p.dtype) {
    AddLinear(m, "DequantizeLinear", integers, other);
  }
}

// Stored integers, constant or fed, and their DQ.
void AddStored(GraphMaker& m, const Dims& dims) {
  const Parameters p = MakeParameters(m, dims, true);
  const Tensor reals = Ramp(dims, 0, 7, 3);
  const Tensor stored = reals.CastTo(p.dtype);
  const ValueId integers =
      m.choices.Coin() ? m.Constant(stored) : m.Input(stored);
  AddLinear(m, "DequantizeLinear", integers, p);
}

}  // namespace

void AddQuantization(GraphMaker& maker) {
  const ValueId x = maker.Pick();
  const Dims dims = maker.DimsOf(x);
  switch (maker.choices.Int(0, 3)) {
    case 0:
    case 1:
      return AddPair(maker, x);
    case 2:
      return AddStored(maker, dims);
    default:
      return AddPair(maker, maker.Reals(dims));
  }
}

}  // namespace squint
