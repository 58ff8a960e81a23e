// Attention in one node against the same operators one after the other, both
// by the engine's kernels: equal bits.
#include "squint/runtime/fuse_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "squint/ops/infer.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/fuse_to_bytes.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

struct Sizes {
  int64_t batch = 2;
  int64_t heads = 3;
  int64_t kv_heads = 3;  // 1: all heads share keys and values
  int64_t rows = 5;
  int64_t keys = 7;
  int64_t size = 8;
  int64_t value_size = 6;
};

enum class Kind {
  kFloats,
  kBytes,       // products of bytes, real scores, bytes as a result
  kRealResult,  // the same, a real result
  kByteScores,  // the scores are bytes, with a table and a mask of bytes
  kMixed,       // scores of bytes, float values
};

struct Form {
  Kind kind = Kind::kFloats;
  DType dtype = DType::kUint8;
  Dims mask = {};  // empty: none
  bool mask_first = false;
  bool divides = true;
  float factor = 3.0f;  // 0: none
  bool moves = true;    // heads lie behind rows in memory
  bool knows_sizes = true;
};

// Builds the operators that an attention is lowered to.
class Written {
 public:
  Written(const Sizes& sizes, const Form& form) : s_(sizes), f_(form) {
    graph.opset[""] = 25;
    const ValueId q = Stack("q", s_.heads, s_.rows, s_.size, {0, 2, 1, 3});
    const ValueId k = Stack("k", s_.kv_heads, s_.keys, s_.size, {0, 2, 3, 1});
    const ValueId v =
        Stack("v", s_.kv_heads, s_.keys, s_.value_size, {0, 2, 1, 3});
    scores = Product(q, k, 0.02f, f_.kind == Kind::kByteScores);
    ValueId x =
        f_.kind == Kind::kByteScores ? ByteScores(scores) : RealScores(scores);
    x = Op("Softmax", {x}, {{"axis", int64_t{-1}}});
    ValueId y = Values(x, v);
    if (f_.moves) {
      y = Op("Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
    }
    graph.AddOutput(y);
    InferShapes(graph);
  }

  Graph graph;
  ValueId scores = kNoValue;
  std::vector<Tensor> inputs;

 private:
  bool bytes() const { return f_.kind != Kind::kFloats; }
  bool byte_values() const { return bytes() && f_.kind != Kind::kMixed; }

  ValueId Op(std::string_view type, std::vector<ValueId> in,
             Attributes attributes = {}, std::string_view domain = "") {
    return graph.Emit(type, std::move(in), std::string(type) + "_out",
                      std::move(attributes), domain);
  }

  static Tensor Values(DType dtype, Dims dims, float step) {
    Tensor reals(DType::kFloat32, std::move(dims));
    for (int64_t i = 0; i < reals.size(); ++i) {
      reals.mutable_data<float>()[i] =
          std::sin(step * static_cast<float>(i % 100003));
    }
    if (dtype == DType::kFloat32) return reals;
    QuantParams grid;
    grid.dtype = dtype;
    grid.scale = Tensor::Scalar<float>(1.0f / 127);
    grid.zero_point = Zero(dtype);
    return QuantizeTensor(reals, grid);
  }
  static Tensor Zero(DType dtype) {
    return dtype == DType::kUint8 ? Tensor::Scalar<uint8_t>(117)
                                  : Tensor::Scalar<int8_t>(-4);
  }

  ValueId Input(const char* name, DType dtype, Dims dims) {
    const float step = 0.3f + 0.1f * static_cast<float>(inputs.size());
    inputs.push_back(Values(dtype, dims, step));
    Shape shape = Shape::Of(dims);
    if (!f_.knows_sizes) {
      DimList unknown;
      for (size_t i = 0; i < dims.size(); ++i) {
        unknown.push_back(Dim::Symbol(fmt::format("{}{}", name, i)));
      }
      shape = Shape(std::move(unknown));
    }
    return graph.AddInput(name, dtype, shape);
  }

  ValueId Stack(const char* name, int64_t heads, int64_t rows, int64_t size,
                std::vector<int64_t> perm) {
    const bool floats =
        !bytes() || (f_.kind == Kind::kMixed && std::string(name) == "v");
    const DType dtype = floats ? DType::kFloat32 : f_.dtype;
    const Dims stored = {s_.batch, rows, heads, size};
    if (f_.moves) {
      return Op("Transpose", {Input(name, dtype, stored)}, {{"perm", perm}});
    }
    Dims dims;
    for (const int64_t axis : perm)
      dims.push_back(stored[static_cast<size_t>(axis)]);
    return Input(name, dtype, dims);
  }

  std::vector<ValueId> Grid(float scale, const Tensor& zero) {
    return {graph.AddConstant("scale", Tensor::Scalar<float>(scale)),
            graph.AddConstant("zero", zero)};
  }

  ValueId Product(ValueId a, ValueId b, float scale, bool to_bytes) {
    if (!bytes()) return Op("MatMul", {a, b});
    return ByteProduct(a, Grid(scale, Zero(f_.dtype)), b, to_bytes);
  }
  ValueId ByteProduct(ValueId a, const std::vector<ValueId>& from, ValueId b,
                      bool to_bytes) {
    const auto right = Grid(0.03f, Zero(f_.dtype));
    if (!to_bytes) {
      return Op("MatMulIntegerToFloat",
                {a, b, from[0], right[0], from[1], right[1]}, {},
                "com.microsoft");
    }
    const auto to = Grid(0.05f, Zero(f_.dtype));
    return Op("QLinearMatMul",
              {a, from[0], from[1], b, right[0], right[1], to[0], to[1]});
  }

  ValueId RealScores(ValueId x) {
    if (f_.factor != 0) {
      const ValueId number =
          graph.AddConstant("factor", Tensor::Scalar<float>(f_.factor));
      x = Op(f_.divides ? "Div" : "Mul", {x, number});
    }
    if (f_.mask.empty()) return x;
    const ValueId mask = Input("mask", DType::kFloat32, f_.mask);
    return f_.mask_first ? Op("Add", {mask, x}) : Op("Add", {x, mask});
  }

  ValueId ByteScores(ValueId x) {
    const Tensor zero = Zero(f_.dtype);
    x = Op("Lookup", {x, graph.AddConstant("table", Halves())}, {}, "squint");
    const auto sum = Grid(0.06f, zero);
    if (!f_.mask.empty()) {
      std::vector<ValueId> a = {x};
      std::vector<ValueId> b = {Input("mask", f_.dtype, f_.mask)};
      for (std::vector<ValueId>* operand : {&a, &b}) {
        const auto grid = Grid(operand == &a ? 0.045f : 0.02f, zero);
        operand->insert(operand->end(), grid.begin(), grid.end());
      }
      if (f_.mask_first) std::swap(a, b);
      a.insert(a.end(), b.begin(), b.end());
      a.insert(a.end(), sum.begin(), sum.end());
      x = Op("QLinearAdd", std::move(a), {}, "com.microsoft");
    }
    return Op("DequantizeLinear", {x, sum[0], sum[1]});
  }

  // Byte b, as a number of the type, halved.
  Tensor Halves() const {
    Tensor table(f_.dtype, {256});
    auto* entries = reinterpret_cast<uint8_t*>(table.mutable_raw());
    for (int b = 0; b < 256; ++b) {
      const int number = f_.dtype == DType::kInt8 && b > 127 ? b - 256 : b;
      entries[b] = static_cast<uint8_t>(
          static_cast<int>(std::floor(static_cast<float>(number) / 2)));
    }
    return table;
  }

  ValueId Values(ValueId p, ValueId v) {
    if (!byte_values()) return Op("MatMul", {p, v});
    const auto grid = Grid(1.0f / 255, Tensor::Scalar<uint8_t>(0));
    const ValueId stored = Op("QuantizeLinear", {p, grid[0], grid[1]});
    return ByteProduct(stored, Grid(1.0f / 255, Tensor::Scalar<uint8_t>(0)), v,
                       f_.kind != Kind::kRealResult);
  }

  Sizes s_;
  Form f_;
};

Graph Fused(Graph graph) {
  FuseToBytes(graph);
  FuseAttention(graph);
  VerifyGraph(graph);
  return graph;
}

Tensor RunOn(const Graph& graph, const std::vector<Tensor>& inputs,
             int threads) {
  Context context;
  context.threads = threads;
  return Executor(std::make_shared<const Graph>(graph), context).Run(inputs)[0];
}

void ExpectSameBits(const Sizes& sizes, const Form& form) {
  const Written written(sizes, form);
  const Graph fused = Fused(written.graph);
  ASSERT_EQ(fused.order().size(), 1U) << PrintGraph(fused);
  ASSERT_EQ(CountOf(fused, "FusedAttention"), 1);
  const Tensor expected = RunOn(written.graph, written.inputs, 1);
  for (const int threads : {1, 2}) {
    const Tensor got = RunOn(fused, written.inputs, threads);
    ASSERT_EQ(got.dtype(), expected.dtype());
    ASSERT_EQ(got.dims(), expected.dims());
    EXPECT_EQ(std::memcmp(got.raw(), expected.raw(), expected.bytes()), 0)
        << threads << " threads";
  }
}

constexpr Kind kKinds[] = {Kind::kFloats, Kind::kBytes, Kind::kRealResult,
                           Kind::kByteScores, Kind::kMixed};

TEST(FuseAttention, GivesTheOperatorsBitsWhateverTheSizes) {
  for (const Kind kind : kKinds) {
    for (const int64_t rows : {1, 9, 24, 53}) {
      for (const int64_t keys : {1, 7, 16, 33, 400}) {
        SCOPED_TRACE(fmt::format("kind {}, {} rows, {} keys",
                                 static_cast<int>(kind), rows, keys));
        ExpectSameBits({.rows = rows, .keys = keys, .size = 13},
                       {.kind = kind, .mask = {keys}});
      }
    }
  }
}

TEST(FuseAttention, GivesTheOperatorsBitsWhateverTheMask) {
  for (const Kind kind : kKinds) {
    for (const Dims& mask :
         {Dims{}, Dims{2, 1, 1, 7}, Dims{3, 5, 7}, Dims{5, 1}, Dims{2, 3, 1, 1},
          Dims{1}, Dims{2, 1, 5, 7}}) {
      for (const bool first : {false, true}) {
        SCOPED_TRACE(fmt::format("kind {}, mask {}", static_cast<int>(kind),
                                 DimsToString(mask)));
        ExpectSameBits({}, {.kind = kind, .mask = mask, .mask_first = first});
      }
    }
  }
}

TEST(FuseAttention, GivesTheOperatorsBitsWhateverElseTheFormIs) {
  for (const Kind kind : kKinds) {
    for (const float factor : {0.0f, 0.3f, 8.0f}) {
      for (const bool flag : {false, true}) {
        SCOPED_TRACE(
            fmt::format("kind {}, factor {}", static_cast<int>(kind), factor));
        ExpectSameBits({}, {.kind = kind,
                            .dtype = DType::kInt8,
                            .divides = flag,
                            .factor = factor,
                            .moves = !flag});
        ExpectSameBits({.heads = 4, .kv_heads = 1},
                       {.kind = kind, .factor = factor, .moves = flag});
      }
    }
  }
}

TEST(FuseAttention, GivesTheOperatorsBitsWhereSizesComeLate) {
  for (const Kind kind : kKinds) {
    for (const bool first : {false, true}) {
      SCOPED_TRACE(fmt::format("kind {}", static_cast<int>(kind)));
      ExpectSameBits({}, {.kind = kind,
                          .mask = {2, 1, 5, 7},
                          .mask_first = first,
                          .knows_sizes = false});
    }
  }
}

TEST(FuseAttention, LeavesWhatSomebodyElseSees) {
  for (const Kind kind : {Kind::kFloats, Kind::kBytes, Kind::kByteScores}) {
    Written shown({}, {.kind = kind});
    shown.graph.AddOutput(shown.scores);
    EXPECT_EQ(CountOf(Fused(shown.graph), "FusedAttention"), 0);

    Written read({}, {.kind = kind});
    read.graph.AddOutput(read.graph.Emit("Identity", {read.scores}, "copy"));
    InferShapes(read.graph);
    EXPECT_EQ(CountOf(Fused(read.graph), "FusedAttention"), 0);
  }
  Written simulated({}, {});
  QuantParams grid;
  grid.dtype = DType::kInt16;
  grid.scale = Tensor::Scalar<float>(1e-4f);
  simulated.graph.value(simulated.scores).quant = grid;
  EXPECT_EQ(CountOf(Fused(simulated.graph), "FusedAttention"), 0);
}

TEST(FuseAttention, LeavesASoftmaxOverAnotherAxis) {
  Written written({}, {});
  for (const NodeId id : written.graph.order()) {
    Node& node = written.graph.node(id);
    if (node.Is("Softmax")) node.Set("axis", int64_t{2});
  }
  EXPECT_EQ(CountOf(Fused(written.graph), "FusedAttention"), 0);
}

}  // namespace
}  // namespace squint
