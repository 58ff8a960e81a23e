#include "squint/quantize/weight_store.h"

#include <utility>

#include "squint/quantize/method.h"
#include "squint/tensor/pieces.h"

namespace squint {

WeightOptions WeightStore::OptionsFor(NodeId id, const QuantSlot& slot,
                                      ValueId weight) const {
  WeightOptions options;
  const WeightFormat format = formats_.of(id);
  options.dtype = format.dtype;
  if (format.bits < BitsOf(format.dtype)) options.bits = format.bits;
  for (const MethodDef* method : AllMethods()) {
    if (method->weights != nullptr && MethodIsOn(*method, recipe_)) {
      method->weights(options);
    }
  }
  options.per_channel = recipe_.per_channel && slot.axis >= 0;
  options.axis = slot.axis;
  options.reduce_axis = slot.reduce_axis;
  options.saturation_safe = recipe_.saturation_safe;
  if (options.per_channel && slot.axis == slot.reduce_axis) {
    options.group = graph_.value(weight).constant.dim(slot.axis);
  }
  return options;
}

Tensor WeightStore::Stored(const Tensor& weight, const QuantParams& params,
                           const WeightOptions& options) const {
  if (options.bits > 0) {
    return LimitIntegers(QuantizeTensor(weight.Materialize(), params),
                         LargestWeight(options));
  }
  if (recipe_.mode != QuantizeMode::kStatic) {
    return QuantizeWeight(weight, params);
  }
  const size_t bytes = BytesOf(params.dtype, weight.size());
  if (bytes > context_.memory_limit) {
    Fail(ErrorCode::kOutOfMemory,
         "needs {} bytes as {}, the limit is {}; weight-only quantization "
         "needs no memory for its weights",
         bytes, DTypeName(params.dtype), context_.memory_limit);
  }
  return QuantizeTensor(weight.Materialize(), params);
}

ValueId WeightStore::Quantized(ValueId id, const WeightOptions& options) {
  const auto key = std::make_tuple(id, options.dtype, options.bits,
                                   options.per_channel ? options.axis : -1,
                                   options.group, options.reduce_axis);
  const auto [it, added] = weights_.try_emplace(key, kNoValue);
  if (!added) return it->second;
  const Value source = graph_.value(id);
  const Tensor& weight = source.constant;
  Tensor stored;
  QuantParams params;
  try {
    params = ChooseWeightParams(weight, options, &pool_);
    stored = Stored(weight, params, options);
  } catch (const Error& error) {
    throw error.In(fmt::format("weight '{}'", source.name));
  }
  const ValueId copy =
      graph_.AddConstant(source.name + "_quantized", std::move(stored));
  Value& value = graph_.value(copy);
  value.dtype = DType::kFloat32;
  value.user_name = source.user_name;
  value.quant = params;
  quantized_bytes_ +=
      value.constant.bytes() + params.scale.bytes() + params.zero_point.bytes();
  if (options.bits > 0) narrow_numbers_[options.bits] += weight.size();
  if (quantized_once_.insert(id).second) {
    float_bytes_ += weight.bytes();
  } else {
    stored_twice_.push_back(fmt::format(
        "weight '{}' is stored twice, {} bytes more: its readers need "
        "different scales",
        source.name, value.constant.bytes()));
  }
  return it->second = copy;
}

void WeightStore::QuantizeInputs(NodeId id, const QuantSpec& spec,
                                 bool stored) {
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const ValueId input = graph_.node(id).input(i);
    if (spec.inputs[i].role != Role::kWeight || input == kNoValue) continue;
    WeightOptions options = OptionsFor(id, spec.inputs[i], input);
    const bool grouped = recipe_.mode != QuantizeMode::kStatic || stored;
    if (BitsOf(options.dtype) == 4 && grouped &&
        !UseGroups(id, stored, options)) {
      options.dtype = DType::kInt8;
    }
    graph_.ReplaceInput(id, i, Quantized(graph_.node(id).input(i), options));
  }
}

bool WeightStore::UseGroups(NodeId id, bool stored, WeightOptions& options) {
  Node& node = graph_.node(id);
  if (stored) {
    options.group = recipe_.group;
    return true;
  }
  const Tensor* weight = graph_.ConstantOf(node.input(1));
  const bool fits = (node.Is("MatMul") || node.Is("Gemm")) && weight &&
                    weight->rank() == 2 && node.Int("transA", 0) == 0 &&
                    node.Float("alpha", 1.0f) == 1.0f;
  if (!fits) {
    eight_bits_instead_ = true;
    return false;
  }
  if (node.Int("transB", 0) != 0) {
    const std::string name = graph_.value(node.input(1)).name;
    graph_.ReplaceInput(id, 1,
                        graph_.AddConstant(name, TransposeLazily(*weight)));
    graph_.node(id).Set("transB", int64_t{0});
  }
  options.group = recipe_.group;
  options.reduce_axis = 0;
  options.axis = 1;
  return true;
}

void WeightStore::QuantizeTable(NodeId id) {
  WeightOptions options;
  options.dtype = CommonWeightType(recipe_, target_);
  options.axis = 1;
  options.reduce_axis = 1;
  if (BitsOf(options.dtype) == 4) options.group = recipe_.group;
  graph_.ReplaceInput(id, 0, Quantized(graph_.node(id).input(0), options));
}

std::vector<std::string> WeightStore::Notes() const {
  std::vector<std::string> notes = stored_twice_;
  if (eight_bits_instead_) {
    notes.push_back(
        "4 bits in groups suit MatMul, Gemm, LSTM and GRU; other weights "
        "have 8 bits");
  }
  for (const auto& [bits, numbers] : narrow_numbers_) {
    notes.push_back(fmt::format(
        "{} weights hold {} bits in a type of {}: {} bytes that could be {}",
        numbers, bits, BitsOf(DType::kInt8), numbers,
        (numbers * bits + 7) / 8));
  }
  return notes;
}

}  // namespace squint
