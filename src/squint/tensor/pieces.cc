#include "squint/tensor/pieces.h"

#include <algorithm>
#include <cstring>

#include "squint/base/file.h"
#include "squint/tensor/quantize_slice.h"

namespace squint {
namespace {

// Bytes of a buffer in [offset, offset + size): where they are, or computed
// into scratch.
std::span<const std::byte> BytesAt(const Buffer& buffer, size_t offset,
                                   size_t size,
                                   std::vector<std::byte>& scratch) {
  if (!buffer.is_computed()) return {buffer.data() + offset, size};
  scratch.resize(size);
  buffer.Read(offset, scratch);
  return scratch;
}

// Copies columns [begin, end) of one row of the source into the result's
// elements [first, first + count), which lie `rows` apart.
struct TransposedSlice {
  int64_t rows;
  int64_t first;
  int64_t count;
  size_t width;
  std::byte* out;

  void Put(int64_t row, int64_t begin, int64_t end,
           const std::byte* values) const {
    for (int64_t column = begin; column < end; ++column, values += width) {
      const int64_t at = column * rows + row - first;
      if (at < 0 || at >= count) continue;
      std::memcpy(out + static_cast<size_t>(at) * width, values, width);
    }
  }
};

// A read of `out` needs a few columns, which touches every row: rows are let
// go in bands, or the whole matrix would be resident.
class Transposer {
 public:
  explicit Transposer(const Tensor& matrix)
      : source_(matrix.buffer()),
        rows_(matrix.dim(0)),
        columns_(matrix.dim(1)),
        width_(static_cast<size_t>(BitsOf(matrix.dtype())) / 8) {}

  void Read(size_t offset, std::span<std::byte> out) const {
    if (offset % width_ != 0 || out.size() % width_ != 0) {
      return ReadUnaligned(offset, out);
    }
    const auto first = static_cast<int64_t>(offset / width_);
    const auto count = static_cast<int64_t>(out.size() / width_);
    const int64_t begin = first / rows_;
    const int64_t end = (first + count - 1) / rows_ + 1;
    const TransposedSlice slice{rows_, first, count, width_, out.data()};
    std::vector<std::byte> scratch;
    const auto row_bytes = static_cast<size_t>(columns_) * width_;
    const auto part = static_cast<size_t>(end - begin) * width_;
    const auto band = std::max<int64_t>(
        1, static_cast<int64_t>(kBandBytes / std::max<size_t>(row_bytes, 1)));
    for (int64_t row = 0; row < rows_; ++row) {
      const size_t at = static_cast<size_t>(row) * row_bytes +
                        static_cast<size_t>(begin) * width_;
      slice.Put(row, begin, end, BytesAt(*source_, at, part, scratch).data());
      if (row % band == band - 1 || row == rows_ - 1) ReleaseBand(row, band);
    }
  }

 private:
  static constexpr size_t kBandBytes = size_t{16} << 20;

  void ReadUnaligned(size_t offset, std::span<std::byte> out) const {
    const size_t begin = offset / width_ * width_;
    const size_t end = (offset + out.size() + width_ - 1) / width_ * width_;
    std::vector<std::byte> whole(end - begin);
    Read(begin, whole);
    std::memcpy(out.data(), whole.data() + (offset - begin), out.size());
  }

  void ReleaseBand(int64_t last_row, int64_t band) const {
    if (source_->is_computed()) return;
    const auto row_bytes = static_cast<size_t>(columns_) * width_;
    const auto begin = static_cast<size_t>(last_row / band * band) * row_bytes;
    const auto end = static_cast<size_t>(last_row + 1) * row_bytes;
    ReleasePages({source_->data() + begin, end - begin});
  }

  BufferRef source_;
  int64_t rows_;
  int64_t columns_;
  size_t width_;
};

}  // namespace

void ForEachPiece(
    const Buffer& buffer, size_t piece,
    const std::function<void(std::span<const std::byte>)>& visit) {
  std::vector<std::byte> scratch;
  for (size_t offset = 0; offset < buffer.size(); offset += piece) {
    const size_t size = std::min(piece, buffer.size() - offset);
    const auto bytes = BytesAt(buffer, offset, size, scratch);
    visit(bytes);
    ReleasePages(bytes);
  }
}

bool SameBytes(const Buffer& a, const Buffer& b) {
  constexpr size_t kPiece = size_t{1} << 20;
  if (a.size() != b.size()) return false;
  std::vector<std::byte> a_scratch;
  std::vector<std::byte> b_scratch;
  bool same = true;
  for (size_t offset = 0; same && offset < a.size(); offset += kPiece) {
    const size_t size = std::min(kPiece, a.size() - offset);
    const auto x = BytesAt(a, offset, size, a_scratch);
    const auto y = BytesAt(b, offset, size, b_scratch);
    same = std::memcmp(x.data(), y.data(), size) == 0;
    ReleasePages(x);
    ReleasePages(y);
  }
  return same;
}

FloatReader::FloatReader(const Tensor& tensor) : tensor_(tensor) {
  CheckInternal(tensor.dtype() == DType::kFloat32, "FloatReader: wrong type");
}

std::span<const float> FloatReader::Read(int64_t first, int64_t count) {
  Release();
  const Buffer& buffer = *tensor_.buffer();
  if (buffer.is_computed()) {
    scratch_.resize(static_cast<size_t>(count));
    buffer.Read(static_cast<size_t>(first) * sizeof(float),
                std::as_writable_bytes(std::span(scratch_)));
    return scratch_;
  }
  return current_ = {tensor_.data<float>() + first, static_cast<size_t>(count)};
}

void FloatReader::Release() { ReleasePages(std::as_bytes(current_)); }

Tensor QuantizeLazily(const Tensor& real, const QuantParams& params) {
  CheckInternal(real.dtype() == DType::kFloat32, "QuantizeLazily: wrong type");
  const auto slicer =
      std::make_shared<const SliceQuantizer>(real.dims(), params);
  const auto bits = static_cast<int64_t>(BitsOf(params.dtype));
  const auto compute = [real, slicer, bits](size_t offset,
                                            std::span<std::byte> out) {
    FloatReader reader(real);
    const int64_t begin = static_cast<int64_t>(offset) * 8 / bits;
    const int64_t end = std::min(
        real.size(),
        (static_cast<int64_t>(offset + out.size()) * 8 + bits - 1) / bits);
    const auto values = reader.Read(begin, end - begin);
    if (begin * bits == static_cast<int64_t>(offset) * 8 &&
        BytesOf(slicer->dtype(), end - begin) == out.size()) {
      return slicer->Run(begin, values, out.data());
    }
    // A read that begins or ends inside an element of several bytes.
    std::vector<std::byte> whole(BytesOf(slicer->dtype(), end - begin));
    slicer->Run(begin, values, whole.data());
    const size_t skip = offset - static_cast<size_t>(begin * bits / 8);
    std::memcpy(out.data(), whole.data() + skip, out.size());
  };
  return {params.dtype, real.dims(),
          Buffer::Computed(BytesOf(params.dtype, real.size()), compute)};
}

Tensor TransposeLazily(const Tensor& matrix) {
  CheckInternal(matrix.rank() == 2 && BitsOf(matrix.dtype()) >= 8,
                "TransposeLazily: not a matrix of whole bytes");
  const Transposer transposer(matrix);
  return {matrix.dtype(),
          {matrix.dim(1), matrix.dim(0)},
          Buffer::Computed(matrix.bytes(), [transposer](auto offset, auto out) {
            transposer.Read(offset, out);
          })};
}

}  // namespace squint
