#include "squint/ops/layout.h"

#include <cstring>

#include "squint/base/error.h"

namespace squint {
namespace {

// Copies elements of a fixed size; the last axis is the inner loop.
template <typename Element>
class Copier {
 public:
  Copier(const Tensor& in, const AxisMaps& maps, const std::byte* fill,
         std::byte* out)
      : in_(reinterpret_cast<const Element*>(in.raw())),
        maps_(maps),
        out_(reinterpret_cast<Element*>(out)) {
    std::memcpy(&fill_, fill, sizeof(Element));
  }

  void Run(size_t axis, int64_t offset, bool filled) {
    if (axis + 1 == maps_.size()) return RunLast(offset, filled);
    for (const int64_t step : maps_[axis]) {
      Run(axis + 1, offset + step, filled || step == kFill);
    }
  }

 private:
  void RunLast(int64_t offset, bool filled) {
    for (const int64_t step : maps_.back()) {
      *out_++ = filled || step == kFill ? fill_ : in_[offset + step];
    }
  }

  const Element* in_;
  const AxisMaps& maps_;
  Element fill_;
  Element* out_;
};

template <typename Element>
void CopyAll(const Tensor& in, const AxisMaps& maps, const std::byte* fill,
             Tensor& out) {
  Copier<Element>(in, maps, fill, out.mutable_raw()).Run(0, 0, false);
}

bool IsPacked(DType dtype) { return BitsOf(dtype) < 8; }

}  // namespace

size_t WholeBytes(DType dtype) {
  const int bits = BitsOf(dtype);
  if (bits == 0 || bits % 8 != 0) {
    Fail(ErrorCode::kUnsupported, "cannot move {} elements", DTypeName(dtype));
  }
  return static_cast<size_t>(bits) / 8;
}

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
  if (out.size() == 0) return out;
  const std::byte zero[8] = {};
  const std::byte* with = fill ? fill->raw() : zero;
  switch (BitsOf(in.dtype())) {
    case 8:
      CopyAll<uint8_t>(in, maps, with, out);
      break;
    case 16:
      CopyAll<uint16_t>(in, maps, with, out);
      break;
    case 32:
      CopyAll<uint32_t>(in, maps, with, out);
      break;
    case 64:
      CopyAll<uint64_t>(in, maps, with, out);
      break;
    default:
      Fail(ErrorCode::kUnsupported, "cannot move {} elements",
           DTypeName(in.dtype()));
  }
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
