#include "squint/ops/fused_attention.h"

#include <gtest/gtest.h>

#include <string>

#include "squint/ops/byte_examples.h"
#include "squint/ops/macs.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

using At = FusedAttentionInputs;

// Puts inputs at their places; those between are absent.
class Inputs {
 public:
  explicit Inputs(const char* what)
      : example_("FusedAttention", what, "squint") {}

  Inputs& In(size_t place, Tensor value) {
    LeaveOut(place);
    example_ = std::move(example_).In(std::move(value));
    return *this;
  }
  Inputs& Const(size_t place, Tensor value) {
    LeaveOut(place);
    example_ = std::move(example_).Const(std::move(value));
    return *this;
  }
  template <typename T>
  Inputs& Grid(size_t place, float scale, T zero) {
    Const(place, Tensor::Scalar<float>(scale));
    return Const(place + 1, Tensor::Scalar<T>(zero));
  }
  Inputs& Set(std::string_view key, Attribute value) {
    example_ = std::move(example_).Set(key, std::move(value));
    return *this;
  }
  OpExample Done() {
    LeaveOut(At::kCount);
    return std::move(example_);
  }

 private:
  void LeaveOut(size_t place) {
    while (example_.inputs.size() < place) {
      example_ = std::move(example_).Absent();
    }
  }
  OpExample example_;
};

const std::vector<int64_t> kHeadsFirst = {0, 2, 1, 3};

// 2 samples, 3 heads, 5 rows, 11 keys of size 4; values of 6.
OpExample OfFloats() {
  return Inputs("floats, heads behind the rows")
      .In(At::kQ, Ramp({2, 5, 3, 4}))
      .In(At::kK, Ramp({2, 11, 3, 4}, -1, 1, 2))
      .In(At::kV, Ramp({2, 11, 3, 6}, -1, 1, 3))
      .In(At::kMask, Ramp({2, 1, 1, 11}, -2, 0, 4))
      .Const(At::kFactor, Tensor::Scalar<float>(3.0f))
      .Set("divides", int64_t{1})
      .Set("q_perm", kHeadsFirst)
      .Set("k_perm", std::vector<int64_t>{0, 2, 3, 1})
      .Set("v_perm", kHeadsFirst)
      .Set("y_perm", kHeadsFirst)
      .Done();
}

template <typename T>
OpExample OfBytes(const char* what) {
  return Inputs(what)
      .In(At::kQ, Bytes<T>({3, 5, 4}))
      .In(At::kK, Bytes<T>({3, 4, 11}, 2))
      .In(At::kV, Bytes<T>({3, 11, 6}, 3))
      .Grid(At::kQScale, 0.02f, T{9})
      .Grid(At::kKScale, 0.011f, T{3})
      .Grid(At::kProbabilityScale, 1.0f / 256, uint8_t{0})
      .Grid(At::kVScale, 0.03f, T{5})
      .Grid(At::kYScale, 0.04f, T{7})
      .Done();
}

OpExample OfByteScores() {
  Tensor halves(DType::kUint8, {256});
  for (int i = 0; i < 256; ++i) {
    halves.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(64 + i / 2);
  }
  return Inputs("scores of bytes, a mask of bytes")
      .In(At::kQ, Bytes<uint8_t>({3, 5, 4}))
      .In(At::kK, Bytes<uint8_t>({3, 4, 11}, 2))
      .In(At::kV, Bytes<uint8_t>({3, 11, 6}, 3))
      .Grid(At::kQScale, 0.02f, uint8_t{128})
      .Grid(At::kKScale, 0.011f, uint8_t{120})
      .Grid(At::kScoreScale, 0.09f, uint8_t{128})
      .Const(At::kTable, halves)
      .Grid(At::kTermScale, 0.09f, uint8_t{128})
      .In(At::kByteMask, Bytes<uint8_t>({5, 11}, 4))
      .Grid(At::kByteMaskScale, 0.02f, uint8_t{255})
      .Grid(At::kSumScale, 0.06f, uint8_t{170})
      .Grid(At::kProbabilityScale, 1.0f / 255, uint8_t{0})
      .Grid(At::kVScale, 0.03f, uint8_t{100})
      .Done();
}

}  // namespace

std::vector<OpExample> Examples_fused_attention() {
  return {OfFloats(), OfBytes<uint8_t>("uint8"), OfBytes<int8_t>("int8"),
          OfByteScores()};
}

namespace {

Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node all = TakeNode(graph);
  std::vector<ValueId> made;
  for (AttentionPart& part : PartsOfAttention(all)) {
    for (size_t i = 0; i < part.from.size(); ++i) {
      const int from = part.from[i];
      part.node.inputs[i] = from < 0 ? made[static_cast<size_t>(~from)]
                                     : all.input(static_cast<size_t>(from));
    }
    made.push_back(graph.AddValue("part"));
    part.node.outputs = {made.back()};
    graph.AddNode(std::move(part.node));
  }
  graph.SetOutputs({made.back()});
  return graph;
}

TEST(FusedAttention, IsItsOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_fused_attention()) {
    CheckParts(example, Apart(example));
  }
}

TEST(FusedAttention, CountsBothProducts) {
  const OpExample example = OfFloats();
  const Graph graph = GraphOf(example);
  std::vector<Dims> in;
  for (const auto& input : example.inputs) {
    in.push_back(input.value.empty() ? Dims{} : input.value.dims());
  }
  EXPECT_EQ(MacsOf(graph.node(graph.order().front()), in, {{2, 5, 3, 6}}),
            2 * 3 * 5 * 11 * (4 + 6));
}

}  // namespace
}  // namespace squint
