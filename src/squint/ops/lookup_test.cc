#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

// 255 - byte.
template <typename T>
Tensor Backwards() {
  Tensor table(DTypeOf<T>(), {256});
  for (int64_t i = 0; i < 256; ++i) {
    table.mutable_data<T>()[i] = static_cast<T>(255 - i);
  }
  return table;
}

// A quarter of the place, which is that of a signed number.
Tensor Quarters() {
  Tensor table(DType::kInt16, {1 << 16});
  for (int64_t i = 0; i < table.size(); ++i) {
    table.mutable_data<int16_t>()[i] = static_cast<int16_t>(i / 4);
  }
  return table;
}

// Two tables: the byte itself, and 255 - byte.
Tensor ForwardsAndBackwards() {
  Tensor tables(DType::kUint8, {2, 256});
  for (int64_t i = 0; i < 256; ++i) {
    tables.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i);
    tables.mutable_data<uint8_t>()[256 + i] = static_cast<uint8_t>(255 - i);
  }
  return tables;
}

}  // namespace

std::vector<OpExample> Examples_lookup() {
  return {OpExample("Lookup", "int8 to uint8", "squint")
              .In(Tensor::Of<int8_t>({2, 2}, {-128, -1, 0, 127}))
              .Const(Backwards<uint8_t>()),
          OpExample("Lookup", "uint8 to int8", "squint")
              .In(Tensor::Of<uint8_t>({3}, {0, 1, 255}))
              .Const(Backwards<int8_t>()),
          OpExample("Lookup", "by channel", "squint")
              .In(Tensor::Of<uint8_t>({2, 2, 2}, {0, 1, 0, 1, 9, 8, 9, 8}))
              .Const(ForwardsAndBackwards())
              .Set("axis", int64_t{1}),
          OpExample("Lookup", "by the last axis", "squint")
              .In(Tensor::Of<uint8_t>({2, 2}, {0, 1, 9, 8}))
              .Const(ForwardsAndBackwards())
              .Set("axis", int64_t{-1}),
          OpExample("Lookup", "some channels, by channel", "squint")
              .In(Tensor::Of<uint8_t>(
                  {2, 2, 4}, {9, 0, 1, 9, 9, 7, 8, 9, 9, 9, 2, 9, 9, 3, 4, 9}))
              .Const(ForwardsAndBackwards())
              .Set("axis", int64_t{2})
              .Set("channels_read", std::vector<int64_t>{1, 2}),
          OpExample("Lookup", "some channels", "squint")
              .In(Tensor::Of<uint8_t>({2, 3}, {9, 0, 1, 9, 9, 7}))
              .Const(Backwards<uint8_t>())
              .Set("channels_read", std::vector<int64_t>{1, 2}),
          OpExample("Lookup", "16 bits", "squint")
              .In(Tensor::Of<int16_t>({3}, {-32768, -1, 300}))
              .Const(Quarters())};
}

namespace {

using testing::ElementsAre;

TEST(Lookup, TakesTheByteForThePlace) {
  EXPECT_THAT(RunExample(Examples_lookup()[0])[0].ToInts(),
              ElementsAre(127, 0, 255, 128));
  EXPECT_THAT(RunExample(Examples_lookup()[1])[0].ToInts(),
              ElementsAre(-1, -2, 0));
  EXPECT_THAT(RunExample(Examples_lookup()[2])[0].ToInts(),
              ElementsAre(0, 1, 255, 254, 9, 8, 246, 247));
  EXPECT_THAT(RunExample(Examples_lookup()[3])[0].ToInts(),
              ElementsAre(0, 254, 9, 247));
  EXPECT_THAT(RunExample(Examples_lookup()[4])[0].ToInts(),
              ElementsAre(0, 254, 7, 247, 9, 253, 3, 251));
  EXPECT_THAT(RunExample(Examples_lookup()[5])[0].ToInts(),
              ElementsAre(255, 254, 246, 248));
  EXPECT_THAT(RunExample(Examples_lookup()[6])[0].ToInts(),
              ElementsAre(8192, 16383, 75));
}

TEST(Lookup, ItsKernelIsItsReference) {
  for (const OpExample& example : Examples_lookup()) {
    if (example.label() == Examples_lookup().back().label()) {
      EXPECT_FALSE(CheckExample(example)) << "of 16 bits there is none";
    } else {
      CheckPrepared(example);
    }
  }
}

TEST(Lookup, RefusesTablesOfOtherSizes) {
  Graph graph = GraphOf(OpExample("Lookup", "", "squint")
                            .In(Tensor::Of<uint8_t>({1}, {0}))
                            .Const(Tensor::Of<uint8_t>({2}, {0, 1})));
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(Lookup, RefusesChannelsThatXHasNot) {
  for (const std::vector<int64_t>& read : std::vector<std::vector<int64_t>>{
           {2, 2}, {-1, 1}, {0, 0}, {1}, {0, 1, 2}, {1, INT64_MAX}}) {
    Graph graph = GraphOf(OpExample("Lookup", "", "squint")
                              .In(Tensor::Of<uint8_t>({1, 3}, {0, 1, 2}))
                              .Const(Backwards<uint8_t>())
                              .Set("channels_read", read));
    EXPECT_THROW(InferShapes(graph), Error) << read.size();
  }
}

}  // namespace
}  // namespace squint
