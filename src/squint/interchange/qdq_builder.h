// Writes Q and DQ nodes around operators in few words, for tests.
#ifndef SQUINT_INTERCHANGE_QDQ_BUILDER_H_
#define SQUINT_INTERCHANGE_QDQ_BUILDER_H_

#include <string>
#include <utility>
#include <vector>

#include "squint/interchange/example_graphs.h"
#include "squint/ops/infer.h"

namespace squint {

class QdqBuilder {
 public:
  // Type, scale and zero point of one tensor.
  struct Params {
    DType dtype = DType::kUint8;
    float scale = 0.02f;
    int zero = 128;
    bool has_zero = true;
  };

  explicit QdqBuilder(DType activation = DType::kUint8) {
    graph.opset[""] = 25;
    params.dtype = activation;
    if (activation == DType::kInt8 || activation == DType::kInt16) {
      params.zero = 3;
    }
    if (BitsOf(activation) == 16) params.scale = 1e-4f;
  }

  Graph graph;
  Params params;  // of activations from here on

  ValueId Input(Dims dims) {
    return graph.AddInput("x", DType::kFloat32, Shape::Of(dims));
  }
  ValueId Op(std::string_view type, std::vector<ValueId> inputs,
             Attributes attributes = {}, std::string_view domain = "") {
    const std::string name = std::string(type) + "_out";
    return graph.Emit(type, std::move(inputs), name, std::move(attributes),
                      domain);
  }
  ValueId Quantize(ValueId real) {
    return Op("QuantizeLinear", WithParameters(real));
  }
  ValueId Dequantize(ValueId integers, Attributes attributes = {}) {
    return Op("DequantizeLinear", WithParameters(integers),
              std::move(attributes));
  }
  ValueId Pair(ValueId real) { return Dequantize(Quantize(real)); }
  ValueId Pair(ValueId real, Params other) {
    std::swap(params, other);
    const ValueId id = Pair(real);
    params = other;
    return id;
  }

  // Deterministic integers of the whole type.
  static Tensor Integers(DType dtype, Dims dims) {
    Tensor tensor(dtype, std::move(dims));
    const int bits = BitsOf(dtype);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const int q = static_cast<int>((i * 73 + 41) % (1 << bits));
      const int low = IsSigned(dtype) ? -(1 << (bits - 1)) : 0;
      if (bits == 8) {
        tensor.mutable_raw()[i] = static_cast<std::byte>(q + low);
      } else {
        WritePacked(tensor.mutable_raw(), dtype, i, q + low);
      }
    }
    return tensor;
  }
  static Tensor Scales(int64_t count, float first = 0.01f) {
    Tensor scale(DType::kFloat32, {count});
    for (int64_t i = 0; i < count; ++i) {
      scale.mutable_data<float>()[i] = first * static_cast<float>(i + 1);
    }
    return scale;
  }

  // An initializer of integers behind DQ: per channel along `axis`, or per
  // tensor where that is -1.
  ValueId Weight(DType dtype, Dims dims, int axis, bool has_zero = true) {
    const int64_t channels = axis < 0 ? 1 : dims[static_cast<size_t>(axis)];
    weight_scale = Scales(channels);
    if (axis < 0) weight_scale = weight_scale.Reshaped({});
    std::vector<ValueId> inputs = {
        graph.AddConstant("w", Integers(dtype, dims)),
        graph.AddConstant("w_scale", weight_scale)};
    if (has_zero) {
      inputs.push_back(
          graph.AddConstant("w_zero", Tensor(dtype, weight_scale.dims())));
    }
    Attributes attributes;
    if (axis >= 0) attributes["axis"] = static_cast<int64_t>(axis);
    return Op("DequantizeLinear", inputs, attributes);
  }
  // int32 at `factor` times the scale of the products.
  ValueId Bias(int64_t count, float factor = 1.0f) {
    Tensor bias(DType::kInt32, {count});
    Tensor scale(DType::kFloat32, weight_scale.dims());
    for (int64_t i = 0; i < scale.size(); ++i) {
      scale.mutable_data<float>()[i] =
          params.scale * weight_scale.data<float>()[i] * factor;
    }
    for (int64_t i = 0; i < count; ++i) {
      bias.mutable_data<int32_t>()[i] = static_cast<int32_t>(i * 100 - 150);
    }
    Attributes attributes;
    if (scale.rank() > 0) attributes["axis"] = int64_t{0};
    return Op(
        "DequantizeLinear",
        {graph.AddConstant("b", bias), graph.AddConstant("b_scale", scale)},
        attributes);
  }
  ValueId Ints(std::vector<int64_t> values) {
    const auto count = static_cast<int64_t>(values.size());
    return graph.AddConstant("i", Tensor::Of<int64_t>({count}, values));
  }
  ValueId Scalar(float value) {
    return graph.AddConstant("s", Tensor::Scalar<float>(value));
  }
  // A zero point (or any one integer) of this type.
  ValueId One(DType dtype, int value) {
    return graph.AddConstant("z", PerTensor(dtype, 1.0f, value).zero_point);
  }

  Graph Finish(std::vector<ValueId> outputs) {
    for (const ValueId id : outputs) graph.AddOutput(id);
    InferShapes(graph);
    return std::move(graph);
  }

  Tensor weight_scale;  // of the last Weight()

 private:
  std::vector<ValueId> WithParameters(ValueId data) {
    std::vector<ValueId> inputs = {data, Scalar(params.scale)};
    if (params.has_zero) inputs.push_back(One(params.dtype, params.zero));
    return inputs;
  }
};

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_QDQ_BUILDER_H_
