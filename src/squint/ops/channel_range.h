// Some of the channels of an image [N, spatial ..., C] in 8-bit integers, as
// nodes of lowered graphs read and write them where they lie.
#ifndef SQUINT_OPS_CHANNEL_RANGE_H_
#define SQUINT_OPS_CHANNEL_RANGE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "squint/ops/op.h"

namespace squint {

// Attributes, two integers each.
inline constexpr std::string_view kChannelsRead = "channels_read";
inline constexpr std::string_view kChannelsWritten = "channels_written";

// kChannelsRead: {first, count}, of input 0; absent: all.
struct ChannelsRead {
  int64_t first = 0;
  int64_t count = 0;
};
// kChannelsWritten: {first, total}. The result has `total` channels; those that
// the node does not write are the ones of the tensor it writes into, or
// undefined where there is none.
struct ChannelsWritten {
  int64_t first = 0;
  int64_t total = 0;
};

// Errors where the attribute is no such pair.
std::optional<ChannelsRead> ChannelsReadBy(const Node& node);
std::optional<ChannelsWritten> ChannelsWrittenBy(const Node& node);

// The shape of what is read of an image. Error{kInvalidModel} where it has
// fewer channels.
Shape ReadShape(const Shape& shape, const ChannelsRead& read);
// The wide result's shape, when a part of this shape is written.
Shape WrittenShape(const Shape& part, const ChannelsWritten& written);
// Error{kInvalidModel} unless input `into`, if there is one, may be the wide
// result.
void CheckInto(const InferContext& context, size_t into, const Shape& wide,
               DType dtype);
// Error{kInvalidModel} where this is known not to be 8-bit integers.
void RequireBytes(DType dtype);

// A copy of these channels.
Tensor TakeChannels(const Tensor& image, const ChannelsRead& read);
// `part` at its channels of a copy of `into`; null: of zeros.
Tensor PutChannels(const Tensor& part, const Tensor* into,
                   const ChannelsWritten& written);

}  // namespace squint

#endif  // SQUINT_OPS_CHANNEL_RANGE_H_
