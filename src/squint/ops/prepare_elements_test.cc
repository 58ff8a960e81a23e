// Prepared steps of operators that map, reduce, normalize and move elements.
#include <gtest/gtest.h>

#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

TEST(PrepareElements, UnaryFunctionsOverSeveralLengths) {
  for (const char* type :
       {"Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish",
        "LeakyRelu", "Neg", "Relu", "Round", "Sigmoid", "Softplus", "Tanh"}) {
    for (const int64_t length : {1, 15, 17, 20000}) {
      CheckPrepared(OpExample(type, "row").In(Ramp({length}, -4, 4)));
    }
  }
  for (const char* type : {"Log", "Sqrt", "Reciprocal"}) {
    CheckPrepared(OpExample(type, "positive").In(Ramp({3, 17}, 0.1f, 4)));
  }
  for (const char* approximate : {"none", "tanh"}) {
    CheckPrepared(OpExample("Gelu", approximate)
                      .In(Ramp({3, 17}, -4, 4))
                      .Set("approximate", std::string(approximate)));
  }
  CheckPrepared(
      OpExample("Swish", "row").In(Ramp({33}, -4, 4)).Set("alpha", 0.75f));
  CheckPrepared(OpExample("SiLU", "row", "squint").In(Ramp({33}, -4, 4)));
}

TEST(PrepareElements, ClipWithEitherLimit) {
  const Tensor low = Tensor::Scalar<float>(-0.5f);
  const Tensor high = Tensor::Scalar<float>(0.25f);
  const auto x = [] { return OpExample("Clip", "limits").In(Ramp({50})); };
  CheckPrepared(x());
  CheckPrepared(x().Const(low));
  CheckPrepared(x().Absent().In(high));
  CheckPrepared(x().In(low).Const(high));
}

TEST(PrepareElements, BinaryWithBroadcasts) {
  const std::vector<std::pair<Dims, Dims>> shapes = {
      {{}, {}},        {{33}, {33}},    {{2, 3, 4, 5}, {3, 1, 1}},
      {{4, 40}, {40}}, {{40}, {4, 40}}, {{2, 1, 5}, {3, 1}},
      {{20000}, {1}},
  };
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"}) {
    for (const auto& [a, b] : shapes) {
      CheckPrepared(OpExample(type, DimsToString(a) + DimsToString(b))
                        .In(Ramp(a, 0.5f, 2))
                        .In(Ramp(b, 0.5f, 2, 2)));
    }
  }
}

TEST(PrepareElements, WhereWithBroadcasts) {
  const auto choice = [](Dims dims) {
    Tensor tensor(DType::kBool, std::move(dims));
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.mutable_data<bool>()[i] = i * 7 % 3 == 1;
    }
    return tensor;
  };
  const std::vector<std::array<Dims, 3>> shapes = {
      {Dims{33}, Dims{33}, Dims{33}},
      {Dims{1, 1, 16, 16}, Dims{2, 3, 16, 16}, Dims{}},
      {Dims{}, Dims{40}, Dims{4, 40}},
      {Dims{4, 1}, Dims{4, 70}, Dims{70}},
      {Dims{2, 12, 40}, Dims{1}, Dims{2, 12, 40}},
      {Dims{20000}, Dims{1}, Dims{20000}},
      {Dims{3}, Dims{3}, Dims{}}};
  for (const auto& [c, a, b] : shapes) {
    CheckPrepared(
        OpExample("Where", DimsToString(c) + DimsToString(a) + DimsToString(b))
            .In(choice(c))
            .In(Ramp(a))
            .In(Ramp(b, -1, 1, 2)));
  }
}

TEST(PrepareElements, NormalizationsAndSoftmax) {
  for (const int64_t length : {1, 7, 384}) {
    CheckPrepared(OpExample("Softmax", "last").In(Ramp({2, 5, length}, -9, 9)));
    CheckPrepared(OpExample("Softmax", "first")
                      .In(Ramp({length, 1}, -9, 9))
                      .Set("axis", int64_t{0}));
    CheckPrepared(OpExample("LogSoftmax", "middle")
                      .In(Ramp({2, length, 20}, -9, 9))
                      .Set("axis", int64_t{1}));
    CheckPrepared(OpExample("LogSoftmax", "last").In(Ramp({5, length}, -9, 9)));
    CheckPrepared(OpExample("LayerNormalization", "last")
                      .In(Ramp({2, 5, length}, 1, 3))
                      .Const(Ramp({length}, -1, 1, 2))
                      .Const(Ramp({length}, -1, 1, 3)));
    CheckPrepared(OpExample("BatchNormalization", "image")
                      .In(Ramp({2, 3, length, 2}))
                      .Const(Ramp({3}, -1, 1, 2))
                      .Const(Ramp({3}, -1, 1, 3))
                      .Const(Ramp({3}, -1, 1, 4))
                      .Const(Ramp({3}, 0.5f, 2, 5)));
  }
  CheckPrepared(OpExample("LayerNormalization", "two axes, no shift")
                    .In(Ramp({4, 3, 5}))
                    .Const(Ramp({3, 5}, -1, 1, 2))
                    .Set("axis", int64_t{1}));
}

TEST(PrepareElements, PoolsWithEveryKindOfPadding) {
  for (const char* type : {"MaxPool", "AveragePool"}) {
    for (int bits = 0; bits < 16; ++bits) {
      const int64_t stride = (bits & 1) != 0 ? 2 : 1;
      OpExample example(type, "window");
      example = std::move(example)
                    .In(Ramp({2, 3, 12, 13}))
                    .Set("kernel_shape", std::vector<int64_t>{3, 2})
                    .Set("strides", std::vector<int64_t>{stride, stride})
                    .Set("ceil_mode", int64_t{(bits & 2) != 0});
      if ((bits & 4) != 0) {
        example =
            std::move(example).Set("pads", std::vector<int64_t>{1, 0, 2, 1});
      }
      if ((bits & 8) != 0 && std::string(type) == "AveragePool") {
        example = std::move(example).Set("count_include_pad", int64_t{1});
      }
      CheckPrepared(example);
    }
    CheckPrepared(OpExample(type, "1-D, dilated")
                      .In(Ramp({2, 3, 40}))
                      .Set("kernel_shape", std::vector<int64_t>{3})
                      .Set("dilations", std::vector<int64_t>{2}));
    CheckPrepared(OpExample(type, "global")
                      .In(Ramp({2, 3, 25, 5}))
                      .Set("kernel_shape", std::vector<int64_t>{25, 5}));
  }
  for (const char* type : {"GlobalAveragePool", "GlobalMaxPool"}) {
    CheckPrepared(OpExample(type, "image").In(Ramp({2, 3, 7, 7})));
    CheckPrepared(OpExample(type, "pixel").In(Ramp({2, 3, 1})));
  }
}

TEST(PrepareElements, MovesOfElements) {
  const std::vector<std::vector<int64_t>> perms = {{0, 1, 2, 3}, {3, 2, 1, 0},
                                                   {0, 2, 1, 3}, {0, 2, 3, 1},
                                                   {0, 3, 1, 2}, {1, 0, 3, 2}};
  for (const auto& perm : perms) {
    CheckPrepared(OpExample("Transpose", DimsToString(perm))
                      .In(Ramp({2, 17, 5, 33}))
                      .Set("perm", perm));
    CheckPrepared(OpExample("Transpose", "integers")
                      .In(Ints({2, 1, 3, 2}, std::vector<int64_t>(12, 7)))
                      .Set("perm", perm));
  }
  for (const int64_t axis : {0, 1, -1}) {
    Dims other = {2, 3, 4};
    other[static_cast<size_t>(axis < 0 ? 2 : axis)] = 5;
    CheckPrepared(OpExample("Concat", "axis")
                      .In(Ramp({2, 3, 4}))
                      .In(Ramp(other, -1, 1, 2))
                      .In(Ramp({2, 3, 4}, -1, 1, 3))
                      .Set("axis", axis));
  }
  CheckPrepared(OpExample("Split", "unequal")
                    .In(Ramp({2, 9, 4}))
                    .Const(Ints({3}, {2, 3, 4}))
                    .Set("axis", int64_t{1})
                    .Outputs(3));
}

TEST(PrepareElements, SlicesForwardsAndBackwards) {
  struct Case {
    int64_t start, end, step;
  };
  for (const auto& [start, end, step] :
       {Case{0, 9, 1}, Case{2, 7, 2}, Case{-3, INT64_MAX, 1}, Case{8, 1, -3},
        Case{-1, INT64_MIN, -1}, Case{100, INT64_MIN, -2}, Case{-100, 5, 1}}) {
    CheckPrepared(OpExample("Slice", std::to_string(start))
                      .In(Ramp({3, 9, 5}))
                      .Const(Ints({2}, {start, 1}))
                      .Const(Ints({2}, {end, 4}))
                      .Const(Ints({2}, {1, -1}))
                      .Const(Ints({2}, {step, 1})));
  }
}

TEST(PrepareElements, PadAndGather) {
  for (const std::vector<int64_t>& pads :
       {std::vector<int64_t>{0, 1, 2, 3}, {0, -1, 2, 0}, {-1, 0, 0, -2}}) {
    CheckPrepared(
        OpExample("Pad", "zeros").In(Ramp({4, 6})).Const(Ints({4}, pads)));
    CheckPrepared(OpExample("Pad", "value")
                      .In(Ramp({4, 6}))
                      .Const(Ints({4}, pads))
                      .Const(Tensor::Scalar<float>(2.5f)));
  }
  for (const int64_t axis : {0, 1, 2}) {
    CheckPrepared(OpExample("Gather", "axis")
                      .In(Ramp({3, 4, 5}))
                      .In(Ints({2, 2}, {0, -1, 2, 1}))
                      .Set("axis", axis));
  }
}

TEST(PrepareElements, ReductionsAlongNeighbouringAxes) {
  for (const char* type :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"}) {
    for (const std::vector<int64_t>& axes :
         {std::vector<int64_t>{-1}, {2, 3}, {1}, {0, 1}, {0, 1, 2, 3}}) {
      CheckPrepared(
          OpExample(type, DimsToString(axes))
              .In(Ramp({2, 3, 5, 17}))
              .Const(Ints({static_cast<int64_t>(axes.size())}, axes)));
    }
    CheckPrepared(OpExample(type, "all").In(Ramp({2, 33})));
  }
}

TEST(PrepareElements, ExpandAndDepthToSpace) {
  CheckPrepared(OpExample("Expand", "middle")
                    .In(Ramp({3, 1, 5}))
                    .Const(Ints({4}, {2, 3, 4, 1})));
  for (const char* mode : {"DCR", "CRD"}) {
    CheckPrepared(OpExample("DepthToSpace", mode)
                      .In(Ramp({2, 8, 3, 5}))
                      .Set("blocksize", int64_t{2})
                      .Set("mode", std::string(mode)));
  }
  CheckPrepared(OpExample("SpaceToDepth", "image")
                    .In(Ramp({2, 3, 4, 6}))
                    .Set("blocksize", int64_t{2}));
}

}  // namespace
}  // namespace squint
