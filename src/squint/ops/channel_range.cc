#include "squint/ops/channel_range.h"

#include <cstring>
#include <utility>
#include <vector>

#include "squint/ops/qlinear_operands.h"

namespace squint {
namespace {

std::optional<std::pair<int64_t, int64_t>> PairOf(const Node& node,
                                                  std::string_view key) {
  if (node.FindAttribute(key) == nullptr) return std::nullopt;
  const std::vector<int64_t> numbers = node.Ints(key);
  if (numbers.size() != 2 || numbers[0] < 0 || numbers[1] <= 0) {
    Fail(ErrorCode::kInvalidModel, "{} is no pair of a channel and a count",
         key);
  }
  return std::pair{numbers[0], numbers[1]};
}

void RequireChannels(const Shape& shape, int64_t first, int64_t count) {
  if (shape.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "{} is no image", shape.ToString());
  }
  const auto channels = shape[shape.rank() - 1].value();
  if (channels && (first > *channels || count > *channels - first)) {
    Fail(ErrorCode::kInvalidModel, "{} has no {} channels from {} on",
         shape.ToString(), count, first);
  }
}

Shape WithChannels(const Shape& shape, int64_t channels) {
  DimList dims = shape.dims();
  dims.back() = Dim(channels);
  return Shape(std::move(dims));
}

// Rows of `bytes` from one image to another.
void CopyRows(int64_t rows, size_t bytes, const std::byte* from,
              int64_t from_stride, std::byte* to, int64_t to_stride) {
  for (int64_t i = 0; i < rows; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, bytes);
  }
}

int64_t PixelsOf(const Tensor& image) {
  return image.size() == 0 ? 0 : image.size() / image.dims().back();
}

}  // namespace

std::optional<ChannelsRead> ChannelsReadBy(const Node& node) {
  const auto numbers = PairOf(node, kChannelsRead);
  if (!numbers) return std::nullopt;
  return ChannelsRead{numbers->first, numbers->second};
}

std::optional<ChannelsWritten> ChannelsWrittenBy(const Node& node) {
  const auto numbers = PairOf(node, kChannelsWritten);
  if (!numbers) return std::nullopt;
  return ChannelsWritten{numbers->first, numbers->second};
}

Shape ReadShape(const Shape& shape, const ChannelsRead& read) {
  if (!shape.has_rank()) return shape;
  RequireChannels(shape, read.first, read.count);
  return WithChannels(shape, read.count);
}

Shape WrittenShape(const Shape& part, const ChannelsWritten& written) {
  if (!part.has_rank()) return part;
  RequireChannels(part, 0, 0);
  const Shape wide = WithChannels(part, written.total);
  const auto count = part[part.rank() - 1].value();
  RequireChannels(wide, written.first, count.value_or(0));
  return wide;
}

void CheckInto(const InferContext& context, size_t into, const Shape& wide,
               DType dtype) {
  if (!context.has_input(into)) return;
  const DType own = context.dtype(into);
  const auto a = context.shape(into).values();
  const auto b = wide.values();
  if ((a && b && *a != *b) || (own != dtype && own != DType::kUndefined &&
                               dtype != DType::kUndefined)) {
    Fail(ErrorCode::kInvalidModel, "writes {} {} into {} {}", DTypeName(dtype),
         wide.ToString(), DTypeName(own), context.shape(into).ToString());
  }
}

void RequireBytes(DType dtype) {
  if (dtype == DType::kUndefined || IsByte(dtype)) return;
  Fail(ErrorCode::kInvalidModel, "takes 8-bit integers, not {}",
       DTypeName(dtype));
}

Tensor TakeChannels(const Tensor& image, const ChannelsRead& read) {
  Dims dims = image.dims();
  const int64_t all = dims.back();
  dims.back() = read.count;
  Tensor part(image.dtype(), dims);
  CopyRows(PixelsOf(image), static_cast<size_t>(read.count),
           image.raw() + read.first, all, part.mutable_raw(), read.count);
  return part;
}

Tensor PutChannels(const Tensor& part, const Tensor* into,
                   const ChannelsWritten& written) {
  Dims dims = part.dims();
  const int64_t count = dims.back();
  dims.back() = written.total;
  Tensor wide(part.dtype(), dims);
  if (into != nullptr) wide = into->Clone();
  CopyRows(PixelsOf(part), static_cast<size_t>(count), part.raw(), count,
           wide.mutable_raw() + written.first, written.total);
  return wide;
}

}  // namespace squint
