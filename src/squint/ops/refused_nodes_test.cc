// Nodes that no exporter writes: each is refused by an Error, and nothing is
// read or written beyond a tensor.
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

using List = std::vector<int64_t>;

std::vector<OpExample> RefusedNodes() {
  const Tensor scale = Tensor::Scalar<float>(0.5f);
  const Tensor zero = Tensor::Scalar<uint8_t>(3);
  const auto bytes = [](Dims dims) {
    return Ramp(std::move(dims), 0, 9).CastTo(DType::kUint8);
  };
  return {
      OpExample("Slice", "of a scalar")
          .In(Ramp({}))
          .Const(Ints({1}, {0}))
          .Const(Ints({1}, {1})),
      OpExample("Split", "of a scalar").In(Ramp({})).Outputs(2),
      OpExample("CumSum", "of a scalar").In(Ramp({})).Const(Ints({1}, {0})),
      OpExample("LayerNormalization", "of a scalar")
          .In(Ramp({}))
          .Const(Ramp({1})),
      OpExample("ConstantOfShape", "a negative dimension")
          .Const(Ints({1}, {-5}))
          .Set("value", Ints({1}, {1})),
      OpExample("ConstantOfShape", "sizes in bytes").Const(bytes({2})),
      OpExample("Expand", "to a matrix of sizes")
          .In(Ramp({1}))
          .Const(Ints({1, 2}, {9, 9})),
      OpExample("ConvTranspose", "output padding for three axes")
          .In(Ramp({1, 2, 3, 3}))
          .Const(Ramp({2, 2, 3, 3}))
          .Set("output_padding", List{0, 0, 0}),
      OpExample("BatchNormalization", "moments without training")
          .In(Ramp({1, 2, 3}))
          .Const(Ramp({2}))
          .Const(Ramp({2}))
          .Const(Ramp({2}))
          .Const(Ramp({2}, 1, 2))
          .Outputs(3),
      OpExample("QLinearGlobalAveragePool", "channels last in a scalar",
                "com.microsoft")
          .In(bytes({}))
          .Const(scale)
          .Const(zero)
          .Const(scale)
          .Const(zero)
          .Set("channels_last", int64_t{1}),
      OpExample("QLinearConcat", "of nothing", "com.microsoft")
          .Const(scale)
          .Const(zero),
      OpExample("QLinearConcat", "a zero point of another type",
                "com.microsoft")
          .Const(scale)
          .Const(zero)
          .In(bytes({2}))
          .Const(scale)
          .Const(Tensor::Scalar<int8_t>(3))
          .Set("axis", int64_t{0}),
      OpExample("DequantizeLinear", "a zero point of another type")
          .In(bytes({2}))
          .Const(scale)
          .Const(Tensor::Scalar<int8_t>(3)),
      OpExample("GatherBlockQuantized", "too few scales", "com.microsoft")
          .Const(bytes({4, 32}).CastTo(DType::kInt4))
          .In(Ints({2}, {0, 1}))
          .Const(Ramp({4, 1}))
          .Set("block_size", int64_t{16}),
      OpExample("GatherBlockQuantized", "no block", "com.microsoft")
          .Const(bytes({4, 32}).CastTo(DType::kInt4))
          .In(Ints({2}, {0, 1}))
          .Const(Ramp({4, 2}))
          .Set("block_size", int64_t{0}),
  };
}

TEST(RefusedNodes, AreErrorsOfInference) {
  for (const OpExample& example : RefusedNodes()) {
    SCOPED_TRACE(example.label());
    Graph graph = GraphOf(example);
    EXPECT_THROW(InferShapes(graph), Error);
  }
}

}  // namespace
}  // namespace squint
