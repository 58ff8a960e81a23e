#include "squint/ops/centred_matrix.h"

#include <algorithm>
#include <cmath>

#include "squint/tensor/quantize_slice.h"

namespace squint {
namespace {

bool IsReadable(const Tensor& stored, const QuantParams& params) {
  if (params.kind != QuantKind::kStatic || params.scale.empty() ||
      params.real_dtype != DType::kFloat32 || stored.size() == 0 ||
      !IsInteger(stored.dtype()) || BitsOf(stored.dtype()) > 8) {
    return false;
  }
  const std::vector<float> scales = params.scale.ToFloats();
  return std::ranges::all_of(scales,
                             [](float scale) { return std::isfinite(scale); });
}

// Terms with the same scales; 0 where each has its own.
int64_t GroupOf(const QuantParams& params, const StoredMatrix& matrix) {
  if (params.per_tensor() || params.axis != matrix.term_axis) {
    return matrix.terms;
  }
  return std::min(params.block, matrix.terms);
}

class Reader {
 public:
  Reader(const Tensor& stored, const QuantParams& params,
         const StoredMatrix& matrix)
      : stored_(stored.Materialize()),
        matrix_(matrix),
        granularity_(stored.dims(), params),
        scales_(params.scale.ToFloats()),
        zeros_(scales_.size(), 0) {
    if (params.zero_point.empty()) return;
    const std::vector<int64_t> zeros = params.zero_point.ToInts();
    zeros_.assign(zeros.begin(), zeros.end());
  }

  // A group of a column; false where a number is no int8.
  bool Read(int64_t column, int64_t begin, int64_t end, int8_t* out) const {
    const int64_t first = Element(begin, column);
    const auto zero = static_cast<int>(zeros_[ParameterAt(first)]);
    switch (stored_.dtype()) {
      case DType::kInt8:
        return Centre(stored_.data<int8_t>() + first, end - begin, zero, out);
      case DType::kUint8:
        return Centre(stored_.data<uint8_t>() + first, end - begin, zero, out);
      default:  // fewer bits
        break;
    }
    for (int64_t term = begin; term < end; ++term) {
      const int q =
          ReadPacked(stored_.raw(), stored_.dtype(), Element(term, column));
      *out++ = static_cast<int8_t>(q - zero);
    }
    return true;
  }

  float ScaleAt(int64_t term, int64_t column) const {
    return scales_[ParameterAt(Element(term, column))];
  }

 private:
  template <typename T>
  bool Centre(const T* from, int64_t count, int zero, int8_t* out) const {
    bool fits = true;
    for (int64_t i = 0; i < count; ++i) {
      const int q = from[i * matrix_.term_stride] - zero;
      out[i] = static_cast<int8_t>(q);
      fits = fits && out[i] == q;
    }
    return fits;
  }

  int64_t Element(int64_t term, int64_t column) const {
    return matrix_.first + term * matrix_.term_stride +
           column * matrix_.column_stride;
  }
  size_t ParameterAt(int64_t element) const {
    const Granularity& g = granularity_;
    const int64_t plane = element / g.inner;
    return static_cast<size_t>(g.ScaleIndex(
        plane / g.channels, plane % g.channels, element % g.inner));
  }

  Tensor stored_;
  const StoredMatrix& matrix_;
  Granularity granularity_;
  std::vector<float> scales_;
  std::vector<int64_t> zeros_;
};

}  // namespace

std::optional<CentredMatrix> CentredMatrixOf(const Tensor& stored,
                                             const QuantParams& params,
                                             const StoredMatrix& matrix) {
  if (!IsReadable(stored, params)) return std::nullopt;
  const int64_t group = GroupOf(params, matrix);
  if (group == 0) return std::nullopt;
  const Reader reader(stored, params, matrix);
  CentredMatrix result{.bytes = std::vector<int8_t>(
                           static_cast<size_t>(matrix.terms * matrix.columns)),
                       .terms = matrix.terms,
                       .columns = matrix.columns,
                       .group = group,
                       .scales = {}};
  for (int64_t begin = 0; begin < matrix.terms; begin += group) {
    const int64_t end = std::min(matrix.terms, begin + group);
    for (int64_t j = 0; j < matrix.columns; ++j) {
      result.scales.push_back(reader.ScaleAt(begin, j));
      int8_t* out = result.bytes.data() + j * matrix.terms + begin;
      if (!reader.Read(j, begin, end, out)) return std::nullopt;
    }
  }
  return result;
}

}  // namespace squint
