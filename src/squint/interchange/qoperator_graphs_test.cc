#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/qdq_graphs.h"

namespace squint {
namespace {

using List = std::vector<int64_t>;

// Writes operators on stored integers.
class IntegerBuilder : public QdqBuilder {
 public:
  using QdqBuilder::QdqBuilder;

  // The tensor with the current scale and zero point.
  std::vector<ValueId> Triple(ValueId integers) {
    return {integers, Scalar(params.scale), One(params.dtype, params.zero)};
  }
  // A weight's triple; `axis` -1: per tensor.
  std::vector<ValueId> WeightTriple(DType dtype, Dims dims, int axis) {
    const int64_t channels = axis < 0 ? 1 : dims[static_cast<size_t>(axis)];
    weight_scale = Scales(channels);
    if (axis < 0) weight_scale = weight_scale.Reshaped({});
    return {graph.AddConstant("w", Integers(dtype, dims)),
            graph.AddConstant("w_scale", weight_scale),
            graph.AddConstant("w_zero", Tensor(dtype, weight_scale.dims()))};
  }
  // `type` of these triples, then the result's scale and zero point.
  ValueId Integer(std::string_view type,
                  std::vector<std::vector<ValueId>> triples,
                  Attributes attributes = {},
                  std::string_view domain = "com.microsoft") {
    std::vector<ValueId> inputs;
    for (const auto& triple : triples) {
      inputs.insert(inputs.end(), triple.begin(), triple.end());
    }
    inputs.push_back(Scalar(params.scale));
    inputs.push_back(One(params.dtype, params.zero));
    return Op(type, std::move(inputs), std::move(attributes), domain);
  }
  ValueId Conv(ValueId x, Dims w, int axis, bool bias,
               Attributes attributes = {}, std::string_view domain = "") {
    const auto image = Triple(x);
    const auto weight = WeightTriple(DType::kInt8, w, axis);
    const ValueId y =
        Integer("QLinearConv", {image, weight}, std::move(attributes), domain);
    if (bias) {
      Tensor steps(DType::kInt32, {w[0]});
      steps.mutable_data<int32_t>()[0] = 321;
      Node& node = graph.node(graph.value(y).producer);
      node.inputs.push_back(graph.AddConstant("b", steps));
    }
    return y;
  }
};

struct Collector {
  std::vector<QuantizedExample> examples;
  void Add(std::string what, Graph graph, bool absorbed = true) {
    examples.push_back({std::move(what), std::move(graph), absorbed});
  }
};

Graph ConvGraph(DType dtype, int axis, bool bias) {
  IntegerBuilder b(dtype);
  const ValueId x = b.Quantize(b.Input({1, 2, 5, 5}));
  const ValueId y = b.Conv(x, {4, 2, 3, 3}, axis, bias);
  return b.Finish({b.Dequantize(y)});
}

// conv -> max pool -> conv + skip -> pool -> flatten -> gemm: what a
// quantizer makes of a small residual network.
Graph Network(DType dtype) {
  IntegerBuilder b(dtype);
  const ValueId x = b.Quantize(b.Input({1, 2, 6, 6}));
  const Attributes pads = {{"pads", List{1, 1, 1, 1}}};
  const ValueId first = b.Conv(x, {4, 2, 3, 3}, 0, true, pads);
  const ValueId pooled =
      b.Op("MaxPool", {first},
           {{"kernel_shape", List{2, 2}}, {"strides", List{2, 2}}});
  const ValueId second = b.Conv(pooled, {4, 4, 3, 3}, 0, true, pads);
  const ValueId sum =
      b.Integer("QLinearAdd", {b.Triple(pooled), b.Triple(second)});
  const ValueId mean = b.Integer("QLinearGlobalAveragePool", {b.Triple(sum)},
                                 {{"channels_last", int64_t{0}}});
  const ValueId flat = b.Op("Flatten", {mean});
  const auto a = b.Triple(flat);
  const auto w = b.WeightTriple(DType::kInt8, {5, 4}, 0);
  const ValueId bias =
      b.graph.AddConstant("b", Tensor::Of<int32_t>({5}, {1, -200, 3000, 4, 5}));
  const ValueId y =
      b.Integer("QGemm", {a, w, {bias}}, {{"transB", int64_t{1}}});
  return b.Finish({b.Dequantize(y)});
}

void AddElementwise(Collector& all) {
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    const std::string name(DTypeName(dtype));
    for (const char* type : {"QLinearAdd", "QLinearMul"}) {
      IntegerBuilder b(dtype);
      const auto a = b.Triple(b.Quantize(b.Input({2, 3})));
      b.params.scale = 0.03f;
      const auto c = b.Triple(b.Quantize(b.Input({3})));
      b.params.scale = 0.06f;
      const ValueId y = b.Integer(type, {a, c});
      all.Add(type + (", " + name), b.Finish({b.Dequantize(y)}));
    }
    struct Kind {
      const char* type;
      Attributes attributes;
    };
    const Kind kinds[] = {
        {"QLinearSigmoid", {}},
        {"QLinearLeakyRelu", {{"alpha", 0.2f}}},
        {"QLinearSoftmax", {{"axis", int64_t{-1}}, {"opset", int64_t{13}}}},
        {"QLinearAveragePool", {{"kernel_shape", List{2, 2}}}},
        {"QLinearAveragePool",
         {{"kernel_shape", List{2, 2}}, {"channels_last", int64_t{1}}}},
        {"QLinearGlobalAveragePool", {{"channels_last", int64_t{1}}}}};
    for (const Kind& kind : kinds) {
      IntegerBuilder b(dtype);
      const auto x = b.Triple(b.Quantize(b.Input({1, 4, 4, 6})));
      b.params.scale = 0.01f;
      const ValueId y = b.Integer(kind.type, {x}, kind.attributes);
      all.Add(kind.type + (", " + name), b.Finish({b.Dequantize(y)}));
    }
  }
}

void AddProducts(Collector& all) {
  for (const int axis : {-1, 1}) {
    IntegerBuilder b;
    const auto x = b.Triple(b.Quantize(b.Input({3, 4})));
    const auto w = b.WeightTriple(DType::kInt8, {4, 5}, axis);
    const ValueId y = b.Integer("QLinearMatMul", {x, w}, {}, "");
    all.Add(fmt::format("QLinearMatMul, axis {}", axis),
            b.Finish({b.Dequantize(y)}));
  }
  IntegerBuilder real;
  const auto x = real.Triple(real.Quantize(real.Input({3, 4})));
  const auto w = real.WeightTriple(DType::kInt8, {4, 5}, 1);
  const ValueId bias =
      real.graph.AddConstant("b", QdqBuilder::Scales(5, -0.1f));
  const ValueId y =
      real.Op("MatMulIntegerToFloat",
              {x[0], w[0], x[1], w[1], x[2], w[2], bias}, {}, "com.microsoft");
  all.Add("MatMulIntegerToFloat", real.Finish({y}));
  IntegerBuilder gemm;
  auto inputs = gemm.Triple(gemm.Quantize(gemm.Input({3, 4})));
  const auto g = gemm.WeightTriple(DType::kInt8, {4, 5}, 1);
  inputs.insert(inputs.end(), g.begin(), g.end());
  all.Add("QGemm, float output",
          gemm.Finish({gemm.Op("QGemm", inputs, {}, "com.microsoft")}));
}

void AddJoins(Collector& all) {
  IntegerBuilder b;
  const auto first = b.Triple(b.Quantize(b.Input({2, 3})));
  std::vector<ValueId> inputs = {first[1], first[2]};
  inputs.insert(inputs.end(), first.begin(), first.end());
  b.params.scale = 0.05f;
  const auto second = b.Triple(b.Quantize(b.Input({2, 3})));
  inputs.insert(inputs.end(), second.begin(), second.end());
  const ValueId y =
      b.Op("QLinearConcat", inputs, {{"axis", int64_t{1}}}, "com.microsoft");
  b.params.scale = 0.02f;
  all.Add("QLinearConcat", b.Finish({b.Dequantize(y)}));
  IntegerBuilder where;
  const ValueId condition =
      where.graph.AddConstant("c", Tensor::Of<bool>({3}, {true, false, true}));
  const auto p = where.Triple(where.Quantize(where.Input({2, 3})));
  where.params.scale = 0.04f;
  const auto q = where.Triple(where.Quantize(where.Input({2, 3})));
  const ValueId z = where.Integer("QLinearWhere", {{condition}, p, q});
  all.Add("QLinearWhere", where.Finish({where.Dequantize(z)}));
}

// What has no place in QuantParams stays a node and runs.
void AddWhatStays(Collector& all) {
  IntegerBuilder ends;
  const ValueId x =
      ends.graph.AddInput("x", DType::kUint8, Shape::Of({1, 2, 5, 5}));
  all.Add("integer input and output",
          ends.Finish({ends.Conv(x, {4, 2, 3, 3}, 0, true)}), false);
  IntegerBuilder old;
  const auto s = old.Triple(old.Quantize(old.Input({2, 3, 4})));
  const ValueId y = old.Integer("QLinearSoftmax", {s},
                                {{"axis", int64_t{1}}, {"opset", int64_t{11}}});
  all.Add("QLinearSoftmax of opset 11", old.Finish({old.Dequantize(y)}), false);
  IntegerBuilder given;
  auto a = given.Triple(given.Quantize(given.Input({2, 3})));
  a[1] = given.graph.AddInput("scale", DType::kFloat32, Shape::Of({}));
  const ValueId sum = given.Integer("QLinearAdd", {a, a});
  all.Add("a scale that is an input", given.Finish({given.Dequantize(sum)}),
          false);
}

// ---- scales made at run time

struct Dynamic {
  ValueId integers = kNoValue;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

class DynamicBuilder : public QdqBuilder {
 public:
  Dynamic Quantize(ValueId real) {
    Node node;
    node.op_type = "DynamicQuantizeLinear";
    node.inputs = {real};
    node.outputs = {graph.AddValue("q"), graph.AddValue("q_scale"),
                    graph.AddValue("q_zero")};
    const Dynamic made = {node.outputs[0], node.outputs[1], node.outputs[2]};
    graph.AddNode(std::move(node));
    return made;
  }
  ValueId Product(std::string_view type, const Dynamic& x, DType dtype,
                  Dims dims, int axis) {
    const bool conv = type == "ConvInteger";
    const int64_t channels = axis < 0 ? 1 : dims[static_cast<size_t>(axis)];
    Tensor scale = Scales(channels);
    if (axis < 0) scale = scale.Reshaped({});
    if (axis >= 0 && conv) scale = scale.Reshaped({channels, 1, 1});
    const ValueId sums =
        Op(type, {x.integers, graph.AddConstant("w", Integers(dtype, dims)),
                  x.zero, One(dtype, dtype == DType::kUint8 ? 131 : 0)});
    const ValueId cast =
        Op("Cast", {sums}, {{"to", static_cast<int64_t>(DType::kFloat32)}});
    const ValueId step =
        Op("Mul", {x.scale, graph.AddConstant("w_scale", scale)});
    return Op("Mul", {cast, step});
  }
};

// As ONNX Runtime writes them: negative where the largest magnitude of a
// block is, 0 for a block of zeros.
Tensor NBitsScales() {
  Tensor scales = QdqBuilder::Scales(15);
  scales.mutable_data<float>()[3] *= -1;
  scales.mutable_data<float>()[7] = 0;
  return scales;
}

void AddNBits(Collector& all) {
  for (const int64_t bits : {2, 4, 8}) {
    for (const bool bias : {false, true}) {
      QdqBuilder b;
      std::vector<ValueId> inputs = {
          b.Input({3, 40}),
          b.graph.AddConstant(
              "w", QdqBuilder::Integers(DType::kUint8, {5, 3, 2 * bits})),
          b.graph.AddConstant("s", NBitsScales()),
          b.graph.AddConstant(
              "z",
              QdqBuilder::Integers(DType::kUint8, {5, (3 * bits + 7) / 8}))};
      if (bias) {
        inputs.push_back(kNoValue);
        inputs.push_back(b.graph.AddConstant("b", QdqBuilder::Scales(5)));
      }
      const ValueId y = b.Op("MatMulNBits", inputs,
                             {{"K", int64_t{40}},
                              {"N", int64_t{5}},
                              {"bits", bits},
                              {"block_size", int64_t{16}}},
                             "com.microsoft");
      all.Add(fmt::format("MatMulNBits of {} bits, bias {}", bits, bias),
              b.Finish({y}));
    }
  }
}

}  // namespace

std::vector<QuantizedExample> QOperatorExamples() {
  Collector all;
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    for (const int axis : {-1, 0}) {
      for (const bool bias : {false, true}) {
        all.Add(fmt::format("QLinearConv {}, axis {}, bias {}",
                            DTypeName(dtype), axis, bias),
                ConvGraph(dtype, axis, bias));
      }
    }
    all.Add(fmt::format("residual network, {}", DTypeName(dtype)),
            Network(dtype));
  }
  IntegerBuilder last;
  const ValueId x = last.Quantize(last.Input({1, 5, 5, 2}));
  const ValueId y = last.Conv(x, {4, 2, 3, 3}, 0, true,
                              {{"channels_last", int64_t{1}}}, "com.microsoft");
  all.Add("QLinearConv, channels last", last.Finish({last.Dequantize(y)}));
  AddElementwise(all);
  AddProducts(all);
  AddJoins(all);
  AddWhatStays(all);
  return std::move(all.examples);
}

std::vector<QuantizedExample> RunTimeScaleExamples() {
  Collector all;
  for (const int axis : {-1, 1}) {
    for (const DType dtype : {DType::kInt8, DType::kUint8}) {
      DynamicBuilder b;
      const Dynamic x = b.Quantize(b.Input({3, 4}));
      all.Add(
          fmt::format("dynamic MatMul, {}, axis {}", DTypeName(dtype), axis),
          b.Finish({b.Product("MatMulInteger", x, dtype, {4, 5}, axis)}));
    }
  }
  DynamicBuilder shared;
  const ValueId in = shared.Op("Relu", {shared.Input({3, 4})});
  const Dynamic x = shared.Quantize(in);
  const ValueId q = shared.Product("MatMulInteger", x, DType::kInt8, {4, 4}, 1);
  const ValueId k = shared.Product("MatMulInteger", x, DType::kInt8, {4, 4}, 1);
  const ValueId real =
      shared.Op("DequantizeLinear", {x.integers, x.scale, x.zero});
  const ValueId sum = shared.Op("Add", {shared.Op("Add", {q, k}), in});
  all.Add("dynamic, several readers", shared.Finish({sum, real}));
  for (const int axis : {-1, 0}) {
    DynamicBuilder conv;
    const Dynamic image = conv.Quantize(conv.Input({1, 2, 5, 5}));
    all.Add(fmt::format("dynamic Conv, axis {}", axis),
            conv.Finish({conv.Product("ConvInteger", image, DType::kUint8,
                                      {4, 2, 3, 3}, axis)}));
  }
  DynamicBuilder seen;
  const Dynamic y = seen.Quantize(seen.Input({3, 4}));
  const ValueId product =
      seen.Product("MatMulInteger", y, DType::kInt8, {4, 5}, 1);
  all.Add("dynamic, its scale an output", seen.Finish({product, y.scale}),
          false);
  DynamicBuilder fused;
  const ValueId w =
      fused.graph.AddConstant("w", QdqBuilder::Integers(DType::kInt8, {4, 5}));
  const ValueId scale = fused.graph.AddConstant("s", QdqBuilder::Scales(5));
  const ValueId bias = fused.graph.AddConstant("b", QdqBuilder::Scales(5));
  all.Add(
      "DynamicQuantizeMatMul",
      fused.Finish({fused.Op("DynamicQuantizeMatMul",
                             {fused.Input({3, 4}), w, scale, kNoValue, bias},
                             {}, "com.microsoft")}));
  AddNBits(all);
  return std::move(all.examples);
}

}  // namespace squint
