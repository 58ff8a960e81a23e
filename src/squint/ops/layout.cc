#include "squint/ops/layout.h"

#include <cstring>

#include "squint/base/error.h"

namespace squint {
namespace {

// Copies whole-byte elements; the last axis is the inner loop.
class ByteCopier {
 public:
  ByteCopier(const Tensor& in, const AxisMaps& maps, const std::byte* fill,
             std::byte* out)
      : in_(in.raw()),
        size_(static_cast<size_t>(BitsOf(in.dtype())) / 8),
        maps_(maps),
        fill_(fill),
        out_(out) {}

  void Run(size_t axis, int64_t offset, bool filled) {
    if (axis + 1 < maps_.size()) {
      for (const int64_t step : maps_[axis]) {
        Run(axis + 1, offset + step, filled || step == kFill);
      }
      return;
    }
    for (const int64_t step : maps_[axis]) {
      if (filled || step == kFill) {
        std::memcpy(out_, fill_, size_);
      } else {
        std::memcpy(out_, in_ + static_cast<size_t>(offset + step) * size_,
                    size_);
      }
      out_ += size_;
    }
  }

 private:
  const std::byte* in_;
  size_t size_;
  const AxisMaps& maps_;
  const std::byte* fill_;
  std::byte* out_;
};

bool IsPacked(DType dtype) { return BitsOf(dtype) < 8; }

}  // namespace

AxisMaps IdentityMaps(const Dims& in) {
  const Dims strides = StridesOf(in);
  AxisMaps maps(in.size());
  for (size_t axis = 0; axis < in.size(); ++axis) {
    for (int64_t i = 0; i < in[axis]; ++i) {
      maps[axis].push_back(i * strides[axis]);
    }
  }
  return maps;
}

Tensor CopyByMaps(const Tensor& in, const AxisMaps& maps, const Tensor* fill) {
  if (BitsOf(in.dtype()) == 0) {
    Fail(ErrorCode::kUnsupported, "cannot move {} elements",
         DTypeName(in.dtype()));
  }
  if (IsPacked(in.dtype())) {
    const DType wide = IsSigned(in.dtype()) ? DType::kInt8 : DType::kUint8;
    const Tensor wide_fill = fill ? fill->CastTo(wide) : Tensor();
    return CopyByMaps(in.CastTo(wide), maps, fill ? &wide_fill : nullptr)
        .CastTo(in.dtype());
  }
  if (maps.empty()) return in;
  Dims dims;
  for (const auto& map : maps) {
    dims.push_back(static_cast<int64_t>(map.size()));
  }
  Tensor out(in.dtype(), dims);
  const std::byte zero[16] = {};
  ByteCopier copier(in, maps, fill ? fill->raw() : zero, out.mutable_raw());
  if (out.size() > 0) copier.Run(0, 0, false);
  return out;
}

Tensor TransposeTensor(const Tensor& in, const std::vector<int64_t>& perm) {
  AxisMaps from = IdentityMaps(in.dims());
  AxisMaps maps;
  for (const int64_t axis : perm) {
    maps.push_back(std::move(from[static_cast<size_t>(axis)]));
  }
  return CopyByMaps(in, maps);
}

}  // namespace squint
