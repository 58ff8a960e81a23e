#include "squint/interchange/qdq_graphs.h"

#include <functional>

#include "squint/interchange/qdq_builder.h"

namespace squint {
namespace {

using List = std::vector<int64_t>;
using Params = QdqBuilder::Params;

const Attributes kSamePads = {{"pads", List{1, 1, 1, 1}}};

struct Collector {
  std::vector<QuantizedExample> examples;
  void Add(std::string what, Graph graph, bool absorbed = true) {
    examples.push_back({std::move(what), std::move(graph), absorbed});
  }
};

// ---- convolutions

struct ConvKind {
  const char* what;
  DType x = DType::kUint8;
  DType w = DType::kInt8;
  int axis = 0;
  DType y = DType::kUint8;
  float bias = 1.0f;  // factor of its scale; 0: none
};

Graph ConvGraph(const ConvKind& kind) {
  QdqBuilder b(kind.x);
  const ValueId x = b.Pair(b.Input({1, 2, 5, 5}));
  std::vector<ValueId> inputs = {x, b.Weight(kind.w, {4, 2, 3, 3}, kind.axis)};
  if (kind.bias != 0) inputs.push_back(b.Bias(4, kind.bias));
  const ValueId conv = b.Op("Conv", inputs, kSamePads);
  b.params = QdqBuilder(kind.y).params;
  b.params.scale *= 5;
  return b.Finish({b.Pair(conv)});
}

void AddConvolutions(Collector& all) {
  const auto kU8 = DType::kUint8;
  const auto kS8 = DType::kInt8;
  for (const ConvKind& kind : std::initializer_list<ConvKind>{
           {"u8 x s8"},
           {"s8 x s8", kS8, kS8, 0, kS8},
           {"u8 x u8", kU8, kU8},
           {"s8 x u8", kS8, kU8, 0, kS8},
           {"u8 in, s8 out", kU8, kS8, 0, kS8},
           {"per tensor", kU8, kS8, -1},
           {"no bias", kU8, kS8, 0, kU8, 0},
           {"bias at another scale", kU8, kS8, 0, kU8, 1.5f},
           {"u16 activations", DType::kUint16, kS8, 0, DType::kUint16},
           {"s16 activations", DType::kInt16, kS8, 0, DType::kInt16},
           {"int4 weights", kU8, DType::kInt4}}) {
    all.Add(std::string("Conv ") + kind.what, ConvGraph(kind));
  }
  QdqBuilder b;
  const ValueId x = b.Pair(b.Input({1, 4, 5, 5}));
  const ValueId y =
      b.Op("ConvTranspose", {x, b.Weight(DType::kInt8, {4, 2, 3, 3}, 1)});
  all.Add("ConvTranspose", b.Finish({b.Pair(y)}));
  QdqBuilder weights;
  const ValueId real = weights.Input({1, 2, 5, 5});
  all.Add("Conv, int8 weights only",
          weights.Finish({weights.Op(
              "Conv", {real, weights.Weight(DType::kInt8, {4, 2, 3, 3}, 0)})}));
  // NNCF negates the scale of a channel whose largest magnitude is -128.
  QdqBuilder negated;
  const ValueId w = negated.Op(
      "DequantizeLinear",
      {negated.graph.AddConstant(
           "w", QdqBuilder::Integers(DType::kInt8, {4, 2, 3, 3})),
       negated.graph.AddConstant(
           "w_scale", Tensor::Of<float>({4}, {0.01f, -0.02f, 0.0f, 0.03f}))},
      {{"axis", int64_t{0}}});
  const ValueId in = negated.Pair(negated.Input({1, 2, 5, 5}));
  all.Add("Conv, weights of negative and zero scales",
          negated.Finish({negated.Pair(negated.Op("Conv", {in, w}))}));
}

// A clamp between Conv or Add and Q, zero points that make it redundant or
// not.
void AddClamps(Collector& all) {
  const Params kinds[] = {{DType::kUint8, 0.05f, 0},
                          {DType::kInt8, 0.05f, -128},
                          {DType::kUint8, 0.05f, 128},
                          {DType::kInt8, 0.05f, 0}};
  for (const Params& kind : kinds) {
    const std::string what =
        fmt::format(", {} zero point {}", DTypeName(kind.dtype), kind.zero);
    QdqBuilder b;
    const ValueId x = b.Pair(b.Input({1, 2, 5, 5}));
    const ValueId conv =
        b.Op("Conv", {x, b.Weight(DType::kInt8, {4, 2, 3, 3}, 0)});
    b.params = kind;
    all.Add("Conv, Relu" + what, b.Finish({b.Pair(b.Op("Relu", {conv}))}));
    QdqBuilder add;
    const ValueId a = add.Pair(add.Input({2, 3}));
    const ValueId c = add.Pair(add.Input({2, 3}));
    add.params = kind;
    const ValueId sum = add.Op("Add", {a, c});
    all.Add("Add, Relu" + what, add.Finish({add.Pair(add.Op("Relu", {sum}))}));
  }
  QdqBuilder b;
  const ValueId x = b.Pair(b.Input({1, 2, 5, 5}));
  const ValueId conv =
      b.Op("Conv", {x, b.Weight(DType::kInt8, {4, 2, 3, 3}, 0)});
  b.params = {DType::kUint8, 6.0f / 255, 0};
  const ValueId clip = b.Op("Clip", {conv, b.Scalar(0), b.Scalar(6)});
  all.Add("Conv, Clip", b.Finish({b.Pair(clip)}));
}

// Results that are seen as reals too, tensors that several read.
void AddBranches(Collector& all) {
  QdqBuilder seen;
  const ValueId x = seen.Pair(seen.Input({1, 2, 5, 5}));
  const ValueId conv =
      seen.Op("Conv", {x, seen.Weight(DType::kInt8, {4, 2, 3, 3}, 0)});
  const ValueId rounded = seen.Pair(conv);
  all.Add("Conv, its float result an output", seen.Finish({conv, rounded}),
          true);
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    for (const bool shared : {true, false}) {
      QdqBuilder b(dtype);
      const ValueId q = b.Quantize(b.Input({1, 2, 5, 5}));
      const ValueId first = b.Dequantize(q);
      const ValueId second = shared ? first : b.Dequantize(q);
      const ValueId y =
          b.Op("Conv", {first, b.Weight(DType::kInt8, {4, 2, 3, 3}, 0)});
      const ValueId z =
          b.Op("Conv", {second, b.Weight(DType::kInt8, {4, 2, 3, 3}, 0)});
      all.Add(fmt::format("two Convs on one {} tensor, {} DQ", DTypeName(dtype),
                          shared ? 1 : 2),
              b.Finish({b.Pair(y), b.Pair(z)}));
    }
    QdqBuilder b(dtype);
    const ValueId in = b.Pair(b.Input({1, 2, 5, 5}));
    const ValueId once = b.Pair(b.Op(
        "Relu", {b.Op("Conv", {in, b.Weight(DType::kInt8, {2, 2, 3, 3}, 0)},
                      kSamePads)}));
    const ValueId twice = b.Pair(b.Op(
        "Conv", {once, b.Weight(DType::kInt8, {2, 2, 3, 3}, 0)}, kSamePads));
    const ValueId sum = b.Op("Relu", {b.Op("Add", {in, twice})});
    all.Add(fmt::format("residual block, {}", DTypeName(dtype)),
            b.Finish({b.Pair(sum)}));
  }
  QdqBuilder swish;
  const ValueId s = swish.Pair(swish.Input({2, 3}));
  const ValueId gate =
      swish.Pair(swish.Op("Sigmoid", {s}), {DType::kUint8, 1.0f / 256, 0});
  all.Add("swish on one tensor",
          swish.Finish({swish.Pair(swish.Op("Mul", {s, gate}))}));
}

// ---- products

Graph MatMulGraph(DType x, DType w, int axis, bool zero, bool rounded) {
  QdqBuilder b(x);
  const ValueId a = b.Pair(b.Input({3, 4}));
  const ValueId y = b.Op("MatMul", {a, b.Weight(w, {4, 5}, axis, zero)});
  b.params.scale *= 4;
  return b.Finish({rounded ? b.Pair(y) : y});
}

Graph GemmGraph(float alpha, bool bias, bool zero, bool rounded) {
  QdqBuilder b;
  const ValueId a = b.Pair(b.Input({3, 4}));
  std::vector<ValueId> inputs = {a, b.Weight(DType::kInt8, {5, 4}, 0, zero)};
  if (bias) inputs.push_back(b.Bias(5));
  const ValueId y =
      b.Op("Gemm", inputs, {{"transB", int64_t{1}}, {"alpha", alpha}});
  return b.Finish({rounded ? b.Pair(y) : y});
}

void AddProducts(Collector& all) {
  const auto kU8 = DType::kUint8;
  const auto kS8 = DType::kInt8;
  all.Add("MatMul u8 x s8", MatMulGraph(kU8, kS8, -1, true, true));
  all.Add("MatMul s8 x s8", MatMulGraph(kS8, kS8, -1, true, true));
  all.Add("MatMul per column", MatMulGraph(kU8, kU8, 1, true, true));
  all.Add("MatMul, zero point absent", MatMulGraph(kU8, kS8, 1, false, true));
  all.Add("MatMul, float output", MatMulGraph(kU8, kS8, 1, true, false));
  QdqBuilder both;
  const ValueId a = both.Pair(both.Input({2, 3, 4}));
  const ValueId c = both.Pair(both.Input({2, 4, 5}));
  all.Add("MatMul of activations",
          both.Finish({both.Pair(both.Op("MatMul", {a, c}))}));
  QdqBuilder biased;
  const ValueId product = biased.Op(
      "MatMul",
      {biased.Pair(biased.Input({3, 4})), biased.Weight(kS8, {4, 5}, 1)});
  const ValueId bias =
      biased.graph.AddConstant("bias", QdqBuilder::Scales(5, -0.3f));
  all.Add("MatMul, float bias",
          biased.Finish({biased.Pair(biased.Op("Add", {product, bias}))}));
  all.Add("Gemm", GemmGraph(1.0f, true, true, true));
  all.Add("Gemm, float output", GemmGraph(1.0f, true, true, false));
  all.Add("Gemm, alpha and bias", GemmGraph(0.5f, true, true, true));
  all.Add("Gemm, zero point absent", GemmGraph(1.0f, false, false, true));
}

// Weights alone, in blocks, and tables.
void AddWeightOnly(Collector& all) {
  for (const char* op_type : {"MatMul", "Gemm"}) {
    for (const int axis : {-1, 1}) {
      for (const DType dtype :
           {DType::kInt4, DType::kUint4, DType::kInt8, DType::kInt2}) {
        QdqBuilder b;
        const ValueId x = b.Input({3, 4});
        all.Add(fmt::format("{}, weights {}, axis {}", op_type,
                            DTypeName(dtype), axis),
                b.Finish({b.Op(op_type, {x, b.Weight(dtype, {4, 5}, axis)})}));
      }
    }
  }
  for (const DType dtype : {DType::kInt4, DType::kUint4, DType::kInt8}) {
    QdqBuilder b;
    const ValueId x = b.Input({3, 40});
    const ValueId w =
        b.Op("DequantizeLinear",
             {b.graph.AddConstant("w", QdqBuilder::Integers(dtype, {40, 5})),
              b.graph.AddConstant("s", QdqBuilder::Scales(15).Reshaped({3, 5})),
              b.graph.AddConstant("z", QdqBuilder::Integers(dtype, {3, 5}))},
             {{"axis", int64_t{0}}, {"block_size", int64_t{16}}});
    all.Add(fmt::format("MatMul, {} in blocks", DTypeName(dtype)),
            b.Finish({b.Op("MatMul", {x, w})}));
  }
}

void AddTables(Collector& all) {
  const auto indices = [](QdqBuilder& b) { return b.Ints({3, 0, 3}); };
  QdqBuilder blocks;
  const ValueId table = blocks.Op(
      "DequantizeLinear",
      {blocks.graph.AddConstant("t",
                                QdqBuilder::Integers(DType::kUint4, {5, 32})),
       blocks.graph.AddConstant("s", QdqBuilder::Scales(10).Reshaped({5, 2})),
       blocks.graph.AddConstant("z",
                                QdqBuilder::Integers(DType::kUint4, {5, 2}))},
      {{"axis", int64_t{1}}, {"block_size", int64_t{16}}});
  all.Add("Gather from uint4 blocks",
          blocks.Finish({blocks.Op("Gather", {table, indices(blocks)})}));
  for (const int axis : {-1, 0, 1}) {
    QdqBuilder b;
    const ValueId w = b.Weight(DType::kInt8, {5, 6}, axis);
    all.Add(fmt::format("Gather from int8, axis {}", axis),
            b.Finish({b.Op("Gather", {w, indices(b)})}));
  }
  QdqBuilder integers;
  const ValueId rows = integers.Op(
      "Gather", {integers.graph.AddConstant(
                     "t", QdqBuilder::Integers(DType::kUint8, {5, 6})),
                 indices(integers)});
  all.Add("Gather of integers", integers.Finish({integers.Dequantize(rows)}));
}

// ---- everything else

// f(builder, dequantized input [1,4,4,6]) -> results, each quantized again.
using Body = std::function<std::vector<ValueId>(QdqBuilder&, ValueId)>;

Body One(const char* type, Attributes attributes = {}) {
  return [=](QdqBuilder& b, ValueId x) {
    return std::vector<ValueId>{b.Op(type, {x}, attributes)};
  };
}
Body WithInts(const char* type, std::vector<List> others,
              Attributes attributes = {}) {
  return [=](QdqBuilder& b, ValueId x) {
    std::vector<ValueId> inputs = {x};
    for (const List& values : others) inputs.push_back(b.Ints(values));
    return std::vector<ValueId>{b.Op(type, inputs, attributes)};
  };
}
Body WithScalar(const char* type, float value) {
  return [=](QdqBuilder& b, ValueId x) {
    const ValueId other = b.Pair(b.Scalar(value));
    return std::vector<ValueId>{b.Op(type, {x, other})};
  };
}
Body Resize(const char* mode) {
  return [=](QdqBuilder& b, ValueId x) {
    const ValueId scales =
        b.graph.AddConstant("scales", Tensor::Of<float>({4}, {1, 1, 2, 2}));
    return std::vector<ValueId>{
        b.Op("Resize", {x, kNoValue, scales}, {{"mode", std::string(mode)}})};
  };
}
std::vector<ValueId> SplitBody(QdqBuilder& b, ValueId x) {
  Node node;
  node.op_type = "Split";
  node.inputs = {x, b.Ints({1, 3})};
  node.attributes = {{"axis", int64_t{1}}};
  node.outputs = {b.graph.AddValue("left"), b.graph.AddValue("right")};
  const std::vector<ValueId> outputs = node.outputs;
  b.graph.AddNode(std::move(node));
  return outputs;
}
std::vector<ValueId> LayerNormBody(QdqBuilder& b, ValueId x) {
  const ValueId gain = b.graph.AddConstant("gain", QdqBuilder::Scales(6));
  return {b.Op("LayerNormalization", {x, gain})};
}
std::vector<ValueId> PadBody(QdqBuilder& b, ValueId x) {
  return {b.Op("Pad", {x, b.Ints({0, 0, 1, 1, 0, 0, 1, 1}), b.Scalar(0)})};
}
std::vector<ValueId> WhereBody(QdqBuilder& b, ValueId x) {
  const ValueId condition = b.graph.AddConstant(
      "c", Tensor::Of<bool>({6}, {true, false, true, true, false, false}));
  return {b.Op("Where", {condition, x, b.Pair(b.Scalar(0.5f))})};
}
Body Concat(size_t count) {
  return [=](QdqBuilder& b, ValueId x) {
    std::vector<ValueId> parts = {x};
    while (parts.size() < count) {
      parts.push_back(b.Pair(b.Input({1, 4, 4, 6}), {DType::kInt8, 0.03f, -5}));
    }
    return std::vector<ValueId>{b.Op("Concat", parts, {{"axis", int64_t{1}}})};
  };
}
std::vector<ValueId> HeadBody(QdqBuilder& b, ValueId x) {
  const ValueId pooled = b.Pair(b.Op("GlobalAveragePool", {x}));
  const ValueId flat = b.Pair(b.Op("Flatten", {pooled}));
  const ValueId w = b.Weight(DType::kInt8, {5, 4}, 0);
  return {b.Op("Gemm", {flat, w, b.Bias(5)}, {{"transB", int64_t{1}}})};
}

std::vector<std::pair<std::string, Body>> BodiesOfGraphs() {
  const Attributes window = {{"kernel_shape", List{2, 2}}};
  return {
      {"Sigmoid", One("Sigmoid")},
      {"LeakyRelu", One("LeakyRelu", {{"alpha", 0.3f}})},
      {"Softmax", One("Softmax")},
      {"AveragePool", One("AveragePool", window)},
      {"GlobalAveragePool", One("GlobalAveragePool")},
      {"MaxPool", One("MaxPool", window)},
      {"Transpose", One("Transpose", {{"perm", List{0, 2, 3, 1}}})},
      {"DepthToSpace", One("DepthToSpace", {{"blocksize", int64_t{2}}})},
      {"Flatten", One("Flatten")},
      {"Reshape", WithInts("Reshape", {{2, -1}})},
      {"Squeeze", WithInts("Squeeze", {{0}})},
      {"Slice", WithInts("Slice", {{1}, {3}, {2}})},
      {"Expand", WithInts("Expand", {{2, 4, 4, 6}})},
      {"Tile", WithInts("Tile", {{1, 1, 2, 1}})},
      {"ReduceMax", WithInts("ReduceMax", {{2}})},
      {"ReduceMean", WithInts("ReduceMean", {{2, 3}})},
      {"Gather", WithInts("Gather", {{1, 1, 0}}, {{"axis", int64_t{1}}})},
      {"Split", SplitBody},
      {"Resize nearest", Resize("nearest")},
      {"Resize linear", Resize("linear")},
      {"Pad", PadBody},
      {"Tanh", One("Tanh")},
      {"HardSigmoid", One("HardSigmoid")},
      {"HardSwish", One("HardSwish")},
      {"Erf", One("Erf")},
      {"Exp", One("Exp")},
      {"Gelu", One("Gelu")},
      {"LayerNormalization", LayerNormBody},
      {"Add", WithScalar("Add", 0.7f)},
      {"Mul", WithScalar("Mul", 0.7f)},
      {"Sub", WithScalar("Sub", 0.7f)},
      {"Div", WithScalar("Div", 0.7f)},
      {"Min", WithScalar("Min", 0.7f)},
      {"Max", WithScalar("Max", 0.7f)},
      {"Pow", WithScalar("Pow", 2.0f)},
      {"Where", WhereBody},
      {"Concat of 2", Concat(2)},
      {"Concat of 3", Concat(3)},
      {"pool, flatten, Gemm", HeadBody},
  };
}

Graph BodyGraph(const Body& body, DType dtype, bool same) {
  QdqBuilder b(dtype);
  const ValueId x = b.Pair(b.Input({1, 4, 4, 6}));
  std::vector<ValueId> outputs = body(b, x);
  if (!same) b.params.scale *= 0.7f;
  for (ValueId& id : outputs) id = b.Pair(id);
  return b.Finish(outputs);
}

// ---- other tools

// Brevitas: Q, Clip on the integers, DQ.
void AddClippedIntegers(Collector& all) {
  const std::pair<int, int> ranges[] = {{-128, 127}, {-127, 127}, {-8, 7}};
  for (const auto& [low, high] : ranges) {
    QdqBuilder b(DType::kInt8);
    const auto clip = [&](ValueId integers) {
      return b.Op("Clip", {integers, b.One(DType::kInt8, low),
                           b.One(DType::kInt8, high)});
    };
    b.params.scale = 0.1f;
    const ValueId x = b.Dequantize(clip(b.Quantize(b.Input({3, 4}))));
    const ValueId w = b.Dequantize(clip(
        b.graph.AddConstant("w", QdqBuilder::Integers(DType::kInt8, {4, 5}))));
    const ValueId real = b.Dequantize(clip(
        b.Quantize(b.graph.AddConstant("r", QdqBuilder::Scales(5, -0.7f)))));
    const ValueId y = b.Op("Add", {b.Op("MatMul", {x, w}), real});
    all.Add(fmt::format("integers clipped to {}, {}", low, high),
            b.Finish({b.Dequantize(clip(b.Quantize(y)))}));
  }
}

// TensorRT: symmetric, no zero points, float bias; NNCF and AIMET: float
// weights behind Q and DQ, per channel and in 4 bits.
void AddOtherTools(Collector& all) {
  QdqBuilder b(DType::kInt8);
  b.params.has_zero = false;
  const auto pair = [&](ValueId real) {  // without a zero point Q says uint8
    const ValueId q =
        b.Op("QuantizeLinear", {real, b.Scalar(0.05f)},
             {{"output_dtype", static_cast<int64_t>(DType::kInt8)}});
    return b.Op("DequantizeLinear", {q, b.Scalar(0.05f)});
  };
  const ValueId bias = b.graph.AddConstant("b", QdqBuilder::Scales(4));
  const ValueId conv =
      b.Op("Conv", {pair(b.Input({1, 2, 5, 5})),
                    b.Weight(DType::kInt8, {4, 2, 3, 3}, 0, false), bias});
  all.Add("symmetric without zero points", b.Finish({pair(conv)}));
  for (const DType dtype : {DType::kInt8, DType::kInt4}) {
    QdqBuilder c;
    const ValueId x = c.Pair(c.Input({1, 2, 5, 5}));
    Tensor real(DType::kFloat32, {4, 2, 3, 3});
    for (int64_t i = 0; i < real.size(); ++i) {
      real.mutable_data<float>()[i] = static_cast<float>(i % 17 - 8) * 0.011f;
    }
    const std::vector<ValueId> channels = {
        c.graph.AddConstant("s", QdqBuilder::Scales(4)),
        c.graph.AddConstant("z", Tensor(dtype, {4}))};
    const Attributes axis = {{"axis", int64_t{0}}};
    const ValueId q =
        c.Op("QuantizeLinear",
             {c.graph.AddConstant("w", real), channels[0], channels[1]}, axis);
    const ValueId w =
        c.Op("DequantizeLinear", {q, channels[0], channels[1]}, axis);
    all.Add(fmt::format("float weights behind Q, {}", DTypeName(dtype)),
            c.Finish({c.Pair(c.Op("Conv", {x, w}))}));
  }
}

}  // namespace

std::vector<QuantizedExample> QdqExamples() {
  Collector all;
  AddConvolutions(all);
  AddClamps(all);
  AddBranches(all);
  AddProducts(all);
  AddWeightOnly(all);
  AddTables(all);
  for (const auto& [what, body] : BodiesOfGraphs()) {
    for (const DType dtype : {DType::kUint8, DType::kInt8, DType::kUint16}) {
      for (const bool same : {true, false}) {
        all.Add(fmt::format("{}, {}, {} parameters", what, DTypeName(dtype),
                            same ? "equal" : "other"),
                BodyGraph(body, dtype, same));
      }
    }
  }
  AddClippedIntegers(all);
  AddOtherTools(all);
  return std::move(all.examples);
}

}  // namespace squint
