#include "conformance/difference.h"

#include <cmath>
#include <cstring>

namespace squint {
namespace {

constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

bool IsNear(double got, double want) {
  if (std::isnan(want)) return std::isnan(got);
  if (got == want) return true;  // also infinities
  return std::fabs(got - want) <= kAbsolute + kRelative * std::fabs(want);
}

std::string DifferentFloats(const Tensor& got, const Tensor& want) {
  const Tensor a = got.CastTo(DType::kFloat64);
  const Tensor b = want.CastTo(DType::kFloat64);
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = a.data<double>()[i];
    const double y = b.data<double>()[i];
    if (!IsNear(x, y)) {
      return fmt::format("element {} of {} is {}, expected {}", i, a.size(), x,
                         y);
    }
  }
  return "";
}

std::string DifferentIntegers(const Tensor& got, const Tensor& want) {
  const std::vector<int64_t> a = got.ToInts();
  const std::vector<int64_t> b = want.ToInts();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) {
      return fmt::format("element {} of {} is {}, expected {}", i, a.size(),
                         a[i], b[i]);
    }
  }
  return "";
}

}  // namespace

std::string Difference(const Tensor& got, const Tensor& want) {
  if (got.dtype() != want.dtype() || got.dims() != want.dims()) {
    return fmt::format("is {}{}, expected {}{}", DTypeName(got.dtype()),
                       DimsToString(got.dims()), DTypeName(want.dtype()),
                       DimsToString(want.dims()));
  }
  if (IsFloat(want.dtype())) return DifferentFloats(got, want);
  if (IsInteger(want.dtype()) || want.dtype() == DType::kBool) {
    return DifferentIntegers(got, want);
  }
  const bool same = got.bytes() == want.bytes() &&
                    std::memcmp(got.raw(), want.raw(), want.bytes()) == 0;
  return same ? "" : "holds other bytes";
}

}  // namespace squint
