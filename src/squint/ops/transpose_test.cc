#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_transpose() {
  return {
      OpExample("Transpose", "reversed").In(Ramp({2, 3, 4})),
      OpExample("Transpose", "heads")
          .In(Ramp({2, 3, 4, 5}))
          .Set("perm", std::vector<int64_t>{0, 2, 1, 3}),
      OpExample("Transpose", "no elements").In(Ramp({2, 0})),
      OpExample("DepthToSpace", "DCR")
          .In(Ramp({2, 8, 2, 3}))
          .Set("blocksize", int64_t{2}),
      OpExample("SpaceToDepth", "")
          .In(Ramp({2, 2, 4, 6}))
          .Set("blocksize", int64_t{2}),
      OpExample("SpaceToDepth", "CRD")
          .In(Ramp({2, 2, 4, 6}))
          .Set("blocksize", int64_t{2})
          .Set("mode", std::string("CRD")),
  };
}

namespace {

using testing::ElementsAre;

Tensor Counting(Dims dims) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  std::iota(tensor.mutable_data<float>(),
            tensor.mutable_data<float>() + tensor.size(), 0.0f);
  return tensor;
}

TEST(Transpose, MovesElementsOfEveryWidth) {
  for (const DType dtype : {DType::kFloat32, DType::kInt64, DType::kUint8,
                            DType::kFloat16, DType::kBool, DType::kInt4}) {
    const Tensor x = Floats({2, 3}, {0, 1, 0, 1, 1, 0}).CastTo(dtype);
    const Tensor y = RunExample(OpExample("Transpose", "").In(x))[0];
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_THAT(y.ToFloats(), ElementsAre(0, 1, 1, 1, 0, 0))
        << DTypeName(dtype);
  }
}

TEST(Transpose, RefusesWhatIsNoPermutation) {
  for (const std::vector<int64_t>& perm :
       {std::vector<int64_t>{0, 0}, {0}, {0, 2}, {-1, 0}}) {
    Graph graph =
        GraphOf(OpExample("Transpose", "").In(Ramp({2, 3})).Set("perm", perm));
    EXPECT_THROW(InferShapes(graph), Error);
  }
}

TEST(DepthToSpace, ModesOrderChannelsDifferently) {
  const auto run = [](const char* mode) {
    return FloatsOf(OpExample("DepthToSpace", "")
                        .In(Counting({1, 8, 1, 1}))
                        .Set("blocksize", int64_t{2})
                        .Set("mode", std::string(mode)));
  };
  EXPECT_THAT(run("DCR"), ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
  EXPECT_THAT(run("CRD"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(DepthToSpace, UndoesSpaceToDepthOfTheSameMode) {
  const Tensor x = Counting({1, 3, 4, 6});
  const auto with_mode = [](const char* type, const Tensor& in,
                            const std::string& mode) {
    return OpExample(type, "")
        .In(in)
        .Set("blocksize", int64_t{2})
        .Set("mode", mode);
  };
  for (const char* mode : {"DCR", "CRD"}) {
    const Tensor deep = RunExample(with_mode("SpaceToDepth", x, mode))[0];
    EXPECT_EQ(deep.dims(), (Dims{1, 12, 2, 3}));
    EXPECT_EQ(FloatsOf(with_mode("DepthToSpace", deep, mode)), x.ToFloats())
        << mode;
  }
}

TEST(DepthToSpace, ChannelsMustDivide) {
  Graph graph = GraphOf(OpExample("DepthToSpace", "")
                            .In(Ramp({1, 6, 1, 1}))
                            .Set("blocksize", int64_t{2}));
  EXPECT_THROW(InferShapes(graph), Error);
}

}  // namespace
}  // namespace squint
