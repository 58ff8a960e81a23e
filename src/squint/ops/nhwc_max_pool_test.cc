#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/layout.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

OpExample Pool(const char* what, Tensor x, std::vector<int64_t> kernel) {
  return OpExample("NhwcMaxPool", what, "com.microsoft")
      .In(std::move(x))
      .Set("kernel_shape", std::move(kernel));
}

}  // namespace

std::vector<OpExample> Examples_nhwc_max_pool() {
  return {Pool("uint8", Bytes<uint8_t>({2, 7, 6, 5}), {3, 2})
              .Set("strides", std::vector<int64_t>{2, 1})
              .Set("pads", std::vector<int64_t>{1, 0, 1, 1}),
          Pool("int8", Bytes<int8_t>({1, 9, 9, 3}), {3, 3})
              .Set("dilations", std::vector<int64_t>{2, 3})
              .Set("strides", std::vector<int64_t>{1, 2}),
          Pool("one axis", Bytes<int8_t>({2, 8, 33}), {2})};
}

namespace {

TEST(NhwcMaxPool, TakesSomeOfTheChannels) {
  for (const int64_t count : {3, 8, 17, 70}) {
    const Tensor x = Bytes<int8_t>({2, 7, 6, 80});
    const OpExample part =
        Pool("part", x, {3, 3})
            .Set("channels_read", std::vector<int64_t>{5, count});
    CheckPrepared(part);
    ExpectSame(RunExample(part)[0],
               RunExample(Pool("", TakeChannels(x, {5, count}), {3, 3}))[0]);
  }
}

TEST(NhwcMaxPool, IsMaxPoolWithTheChannelsMoved) {
  for (const OpExample& example : Examples_nhwc_max_pool()) {
    CheckPrepared(example);
    const Tensor& x = example.inputs[0].value;
    OpExample first = OpExample("MaxPool", "")
                          .In(TransposeTensor(x, ChannelsFirst(x.rank())));
    first.attributes = example.attributes;
    ExpectSame(RunExample(example)[0],
               TransposeTensor(RunExample(first)[0], ChannelsLast(x.rank())));
  }
}

}  // namespace
}  // namespace squint
