// Prepared steps of the whole list, and of convolutions, products and
// recurrent networks on shapes around the kernels' tile borders.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

TEST(Prepare, EveryExampleEqualsItsReference) {
  std::set<std::string> prepared;
  for (const OpExample& example : AllExamples()) {
    if (CheckExample(example)) {
      prepared.insert(example.domain + "::" + example.op_type);
    }
  }
  for (const OpDef* op : AllOps()) {
    if (op->prepare == nullptr) continue;
    EXPECT_TRUE(prepared.contains(std::string(op->domain) +
                                  "::" + std::string(op->type)))
        << op->type << ": none of its examples gives a step";
  }
}

TEST(Prepare, ConvAroundTileBorders) {
  for (const int64_t size : {1, 7, 13, 16, 29}) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t kernel : {1, 3}) {
        CheckPrepared(OpExample("Conv", "dense")
                          .In(Ramp({2, 5, size, size + 1}))
                          .Const(Ramp({9, 5, kernel, kernel}, -1, 1, 2))
                          .Const(Ramp({9}, -1, 1, 3))
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("auto_pad", std::string("SAME_UPPER")));
        CheckPrepared(OpExample("Conv", "depthwise")
                          .In(Ramp({2, 6, size, size + 1}))
                          .Const(Ramp({6, 1, kernel, kernel}, -1, 1, 2))
                          .Set("group", int64_t{6})
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("auto_pad", std::string("SAME_LOWER")));
      }
    }
  }
}

TEST(Prepare, ConvWithOneSpatialAxis) {
  CheckPrepared(OpExample("Conv", "1-D")
                    .In(Ramp({2, 4, 50}))
                    .Const(Ramp({8, 2, 5}, -1, 1, 2))
                    .Set("group", int64_t{2})
                    .Set("strides", std::vector<int64_t>{3})
                    .Set("pads", std::vector<int64_t>{2, 4}));
}

TEST(Prepare, GemmWithEveryTransposeAndBias) {
  for (int bits = 0; bits < 8; ++bits) {
    const bool ta = (bits & 1) != 0;
    const bool tb = (bits & 2) != 0;
    const int64_t m = (bits & 4) != 0 ? 1 : 9;
    for (const Dims& bias :
         {Dims{}, Dims{1}, Dims{50}, Dims{1, 50}, Dims{m, 1}, Dims{m, 50}}) {
      const auto gemm = [&](float alpha, bool constant) {
        OpExample example("Gemm", "transposed or not");
        example = std::move(example).In(Ramp(ta ? Dims{13, m} : Dims{m, 13}));
        const Tensor b = Ramp(tb ? Dims{50, 13} : Dims{13, 50}, -1, 1, 2);
        example =
            constant ? std::move(example).Const(b) : std::move(example).In(b);
        return std::move(example)
            .Const(Ramp(bias, -1, 1, 3))
            .Set("transA", int64_t{ta})
            .Set("transB", int64_t{tb})
            .Set("alpha", alpha)
            .Set("beta", 1.5f);
      };
      CheckPrepared(gemm(1.0f, true));
      CheckPrepared(gemm(1.0f, false));
      CheckPrepared(gemm(0.5f, true));
    }
  }
}

TEST(Prepare, MatMulOfVectorsMatricesAndBatches) {
  const std::vector<std::pair<Dims, Dims>> shapes = {
      {{7}, {7}},
      {{7}, {7, 5}},
      {{5, 7}, {7}},
      {{3, 7}, {7, 50}},
      {{2, 3, 7}, {7, 50}},
      {{1, 400}, {400, 130}},
      {{2, 3, 7}, {2, 7, 5}},
      {{4, 1, 3, 7}, {2, 7, 5}},
      {{3, 7}, {2, 7, 5}},
      {{7}, {2, 7, 5}},
      {{2, 3, 7}, {1, 7, 5}},
  };
  for (const auto& [a, b] : shapes) {
    CheckPrepared(OpExample("MatMul", DimsToString(a) + DimsToString(b))
                      .In(Ramp(a))
                      .In(Ramp(b, -1, 1, 2)));
    CheckPrepared(OpExample("MatMul", DimsToString(a) + DimsToString(b))
                      .In(Ramp(a))
                      .Const(Ramp(b, -1, 1, 2)));
  }
}

TEST(Prepare, ConvTransposeWithStridesPadsAndGroups) {
  for (const int64_t stride : {1, 2, 3}) {
    for (const int64_t groups : {1, 2}) {
      for (const int64_t pad : {0, 1}) {
        CheckPrepared(OpExample("ConvTranspose", "image")
                          .In(Ramp({2, 6, 5, 7}))
                          .Const(Ramp({6, 3, 3, 2}, -1, 1, 2))
                          .Const(Ramp({3 * groups}, -1, 1, 3))
                          .Set("group", groups)
                          .Set("strides", std::vector<int64_t>{stride, stride})
                          .Set("pads", std::vector<int64_t>{pad, 0, 1, pad}));
      }
    }
  }
}

TEST(Prepare, RecurrentNetworksInBothDirections) {
  for (const char* type : {"LSTM", "GRU"}) {
    const int64_t gates = std::string(type) == "LSTM" ? 4 : 3;
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      const int64_t d = std::string(direction) == "bidirectional" ? 2 : 1;
      for (const int64_t batch : {1, 3}) {
        for (const int64_t hidden : {5, 40}) {
          const int64_t width = gates * hidden;
          const auto make = [&](int64_t linear, bool initial) {
            OpExample example(type, direction);
            example = std::move(example)
                          .In(Ramp({6, batch, 7}))
                          .Const(Ramp({d, width, 7}, -0.5f, 0.5f, 2))
                          .Const(Ramp({d, width, hidden}, -0.5f, 0.5f, 3))
                          .Const(Ramp({d, 2 * width}, -0.5f, 0.5f, 4));
            if (initial) {
              example = std::move(example).Absent().In(
                  Ramp({d, batch, hidden}, -1, 1, 5));
            }
            if (gates == 3) {
              example = std::move(example).Set("linear_before_reset", linear);
            }
            return std::move(example)
                .Set("hidden_size", hidden)
                .Set("direction", std::string(direction))
                .Outputs(gates == 4 ? 3 : 2);
          };
          CheckPrepared(make(0, false));
          CheckPrepared(make(1, true));
        }
      }
    }
  }
}

// uint8 around 128, [directions, terms, columns].
Tensor MiddleBytes(Dims dims, int64_t step) {
  Tensor bytes(DType::kUint8, std::move(dims));
  for (int64_t i = 0; i < bytes.size(); ++i) {
    bytes.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i * step % 255 + 1);
  }
  return bytes;
}

TEST(Prepare, LstmsThatRoundWhatTheyMultiply) {
  for (const char* direction : {"forward", "reverse", "bidirectional"}) {
    const int64_t d = std::string(direction) == "bidirectional" ? 2 : 1;
    for (const int64_t batch : {1, 4}) {
      for (const int64_t hidden : {5, 40}) {
        for (const bool per_unit : {false, true}) {
          const int64_t width = 4 * hidden;
          const Dims scales = per_unit ? Dims{d, width} : Dims{d};
          Tensor zeros(DType::kUint8, scales);
          std::fill_n(zeros.mutable_data<uint8_t>(), zeros.size(), 128);
          CheckPrepared(
              OpExample("DynamicQuantizeLSTM", direction, "com.microsoft")
                  .In(Ramp({6, batch, 7}))
                  .Const(MiddleBytes({d, 7, width}, 83))
                  .Const(MiddleBytes({d, hidden, width}, 101))
                  .Const(Ramp({d, 2 * width}, -0.5f, 0.5f, 4))
                  .Absent()
                  .In(Ramp({d, batch, hidden}, -1, 1, 5))
                  .Absent()
                  .Absent()
                  .Const(Ramp(scales, 0.001f, 0.002f, 6))
                  .Const(zeros)
                  .Const(Ramp(scales, 0.001f, 0.002f, 7))
                  .Const(zeros)
                  .Set("hidden_size", hidden)
                  .Set("direction", std::string(direction))
                  .Outputs(3));
        }
      }
    }
  }
}

TEST(Prepare, FusesAClampWhereTheRowSaysSo) {
  CheckClamped(OpExample("Conv", "dense")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({5, 3, 3, 3}, -1, 1, 2)));
  CheckClamped(OpExample("Conv", "depthwise")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({3, 1, 3, 3}, -1, 1, 2))
                   .Set("group", int64_t{3}));
  CheckClamped(OpExample("ConvTranspose", "image")
                   .In(Ramp({1, 3, 9, 9}))
                   .Const(Ramp({3, 5, 3, 3}, -1, 1, 2)));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const OpExample transposed = OpExample("ConvTranspose", "to one number")
                                   .In(Ramp({1, 1, 2, 2}))
                                   .Const(Ramp({1, 1, 2, 2}, -1, 1, 2));
  PreparedExample infinite(transposed, RunExample(transposed),
                           std::pair{kInfinity, kInfinity});
  for (const float y : infinite.Run(1)[0].ToFloats()) EXPECT_EQ(y, kInfinity);
  for (const int64_t rows : {1, 9}) {
    CheckClamped(OpExample("Gemm", "constant")
                     .In(Ramp({rows, 13}))
                     .Const(Ramp({13, 50}, -1, 1, 2)));
    CheckClamped(OpExample("MatMul", "batched")
                     .In(Ramp({2, rows, 13}))
                     .In(Ramp({2, 13, 50}, -1, 1, 2)));
  }
  CheckClamped(
      OpExample("Add", "broadcast").In(Ramp({4, 33})).In(Ramp({33}, -1, 1, 2)));
  CheckClamped(OpExample("BatchNormalization", "image")
                   .In(Ramp({2, 3, 5, 7}))
                   .Const(Ramp({3}, -1, 1, 2))
                   .Const(Ramp({3}, -1, 1, 3))
                   .Const(Ramp({3}, -1, 1, 4))
                   .Const(Ramp({3}, 0.5f, 2, 5)));
}

}  // namespace
}  // namespace squint
