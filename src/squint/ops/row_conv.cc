#include "squint/ops/row_conv.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/copy/byte_tile.h"
#include "squint/kernels/qconv/winograd_last.h"
#include "squint/kernels/qrows/qrows.h"
#include "squint/ops/row_operands.h"

namespace squint {
namespace {

// `count` places, `step` bytes apart: eight at a time, which do not wait for
// each other.
void PlaceApart(const uint8_t* at, int64_t step, int64_t count,
                const uint8_t** places) {
  constexpr int64_t kEight = 8;
  int64_t i = 0;
  for (; i + kEight <= count; i += kEight, at += kEight * step) {
#pragma GCC unroll 8
    for (int64_t j = 0; j < kEight; ++j) places[i + j] = at + j * step;
  }
  for (; i < count; ++i, at += step) places[i] = at;
}

// The window over channels-last images, one tap after the other.
class WindowRows final : public RowSource {
 public:
  // `border`: what taps outside the image read, whose pixels are `stride` bytes
  // apart.
  WindowRows(const PlaneWindow& window, const uint8_t* image, int64_t stride,
             const uint8_t* border)
      : window_(window),
        image_(image),
        stride_(stride),
        border_(border),
        is_plain_(window.pointwise()) {}

  void Find(int64_t begin, int64_t count,
            const uint8_t** places) const noexcept override {
    const PlaneWindow& w = window_;
    if (is_plain_) {
      PlaceApart(image_ + begin * stride_, stride_, count, places);
      return;
    }
    int64_t y = begin / w.out_w;  // of all images
    int64_t x = begin % w.out_w;
    for (int64_t i = 0; i < count; ++y, x = 0) {
      const int64_t pixels = std::min(w.out_w - x, count - i);
      const uint8_t* image = image_ + y / w.out_h * w.in_pixels() * stride_;
      const int64_t top = y % w.out_h * w.stride_h - w.pad_top;
      for (int64_t t = 0; t < w.taps(); ++t) {
        const int64_t row = top + t / w.kernel_w * w.dilation_h;
        const int64_t left = t % w.kernel_w * w.dilation_w - w.pad_left;
        const bool exists = row >= 0 && row < w.in_h;
        FindRow(exists ? image + row * w.in_w * stride_ : nullptr,
                left + x * w.stride_w, pixels, places + t * count + i);
      }
      i += pixels;
    }
  }

 private:
  // Every stride_w-th pixel of an image row, null for one outside, from
  // `column` on.
  void FindRow(const uint8_t* row, int64_t column, int64_t pixels,
               const uint8_t** places) const {
    if (row == nullptr) {
      std::fill_n(places, pixels, border_);
      return;
    }
    const int64_t step = window_.stride_w;
    const auto until = [&](int64_t limit) {  // pixels before that column
      return std::clamp<int64_t>((limit - column + step - 1) / step, 0, pixels);
    };
    const int64_t inside = column >= 0 ? 0 : until(0);
    const int64_t end = std::max(inside, until(window_.in_w));
    std::fill_n(places, inside, border_);
    const uint8_t* at = row + (column + inside * step) * stride_;
    PlaceApart(at, step * stride_, end - inside, places + inside);
    std::fill(places + end, places + pixels, border_);
  }

  PlaneWindow window_;
  const uint8_t* image_;
  int64_t stride_;
  const uint8_t* border_;
  bool is_plain_;  // pixel by pixel
};

// How a convolution's rows are read. Rows of whole quads are read where they
// lie, unless they are int8 or of few channels. Others are read from a copy
// with its border, which has room behind it; there the taps of a row of the
// window are one piece, unless they are apart.
struct RowPlan {
  // A copy that makes one piece of a window's row pays where finding the taps
  // one by one takes longer: it saves a tenth of ResNet-20, 1% of SqueezeNet.
  static constexpr int64_t kFewChannels = 32;
  static constexpr int64_t kFewBytes = 512 * 1024;  // of the copy

  bool copies = false;
  PlaneWindow window;       // over the copy, if any
  RowWeightsShape weights;  // of one group

  RowPlan(const ConvShape& s, bool is_signed) : window(s.window) {
    weights = {s.group_filters(), window.taps(), s.group_channels()};
    PlaneWindow copy = window;
    copy.in_h = (window.out_h - 1) * window.stride_h + window.span_h();
    copy.in_w = (window.out_w - 1) * window.stride_w + window.span_w();
    copy.pad_top = 0;
    copy.pad_left = 0;
    const bool joins = s.groups == 1 && window.dilation_w == 1;
    const int64_t most =  // pixels of an image
        kFewBytes / s.channels / std::max<int64_t>(1, s.batch);
    const bool pays = joins && window.kernel_w > 1 &&
                      s.channels <= kFewChannels && copy.in_h <= most &&
                      copy.in_w <= most / copy.in_h;
    copies = is_signed || s.group_channels() % kRowQuad != 0 || pays;
    if (!copies) return;
    window = copy;
    if (!joins) return;
    weights.taps = window.kernel_h;
    weights.depth = window.kernel_w * s.channels;
    window.kernel_w = 1;
  }

  int64_t copied_bytes(const ConvShape& s) const {
    constexpr int64_t kBehind = 64;
    return copies ? s.batch * window.in_pixels() * s.channels + kBehind : 0;
  }
};

// int8 as uint8, 128 higher, or bytes as they are.
void CopyFlipped(const uint8_t* from, int64_t count, bool flips, uint8_t* to) {
  if (count == 0) return;
  std::memcpy(to, from, static_cast<size_t>(count));
  if (!flips) return;
  constexpr auto kSignBits = uint64_t{0x0101010101010101} * kSignBit;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, to + i, sizeof(eight));
    eight ^= kSignBits;
    std::memcpy(to + i, &eight, sizeof(eight));
  }
  for (; i < count; ++i) to[i] ^= kSignBit;
}

// What becomes of sums from channel `first` of `channels` on, of a product that
// ByOutput made.
Requantization ResultFrom(int64_t first, const QLinearProduct& product,
                          const std::optional<AddedBytes>& added,
                          int64_t channels, const StepArgs& args) {
  Requantization r = RequantizationOf(product, false);
  r.bias += first;
  r.multiplier += first;
  if (!added) return r;
  r.addition =
      AdditionOf(*product.y, added->added, added->sum, added->conv_is_a);
  r.addition.added =
      static_cast<const uint8_t*>(args.inputs[added->input]) + first;
  r.addition.row_stride = channels;
  return r;
}

class RowConvStep : public Step {
 public:
  struct Weights {
    std::vector<RowWeights> groups;
    std::vector<int32_t> sums;
  };

  RowConvStep(const ConvShape& shape, QLinearProduct product,
              std::shared_ptr<const Weights> weights,
              const std::optional<AddedBytes>& added,
              const PixelStrides& strides, int threads)
      : shape_(shape),
        strides_(strides),
        plan_(shape, product.x.is_signed),
        product_(ByOutput(std::move(product), weights->sums)),
        weights_(std::move(weights)),
        added_(added),
        border_(static_cast<size_t>(shape.channels + kRowQuad),
                static_cast<uint8_t>(UnsignedZero(product_.x))),
        product_bytes_(RowProductScratch(rows(), plan_.weights, threads)) {}

  // Null where the weights are no int8.
  static std::shared_ptr<const Weights> Pack(const ConvShape& shape,
                                             const QLinearProduct& product,
                                             const Tensor& weight) {
    const auto weights =
        CentredWeights(weight, product.weight.zeros,
                       {shape.filters, shape.depth(), shape.depth()});
    if (!weights) return nullptr;
    const RowPlan plan(shape, product.x.is_signed);
    Weights packed;
    std::vector<int8_t> by_tap;
    const int8_t* ordered = weights->data();
    if (shape.window.taps() > 1) {
      by_tap = ByTap(shape, ordered);
      ordered = by_tap.data();
    }
    const int64_t size = shape.group_filters() * shape.depth();
    for (int64_t g = 0; g < shape.groups; ++g) {
      packed.groups.push_back(PackRowWeights(plan.weights, ordered + g * size));
      const std::vector<int32_t>& sums = packed.groups.back().sums;
      packed.sums.insert(packed.sums.end(), sums.begin(), sums.end());
    }
    return std::make_shared<const Weights>(std::move(packed));
  }

  void Run(const StepArgs& args) const override {
    const auto* image = static_cast<const uint8_t*>(args.inputs[0]);
    auto* scratch = static_cast<uint8_t*>(args.scratch);
    int64_t stride = strides_.x;
    if (plan_.copies) {
      uint8_t* copy = scratch + product_bytes_;
      CopyWithBorder(image, copy, args.pool);
      image = copy;
      stride = shape_.channels;
    }
    for (int64_t g = 0; g < shape_.groups; ++g) {
      const WindowRows source(plan_.window, image + g * shape_.group_channels(),
                              stride, border_.data());
      RowProduct(
          {.rows = rows(),
           .source = source,
           .weights = weights_->groups[static_cast<size_t>(g)],
           .requantization = ResultFrom(g * shape_.group_filters(), product_,
                                        added_, shape_.filters, args),
           .out = static_cast<uint8_t*>(args.outputs[0]) +
                  g * shape_.group_filters(),
           .out_stride = strides_.y,
           .scratch = scratch},
          args.pool);
    }
  }
  size_t scratch_bytes() const override {
    return product_bytes_ + static_cast<size_t>(plan_.copied_bytes(shape_));
  }

 private:
  int64_t rows() const { return shape_.batch * shape_.window.out_pixels(); }

  // [filter][channel][tap] as [filter][tap][channel].
  static std::vector<int8_t> ByTap(const ConvShape& s, const int8_t* weights) {
    const int64_t taps = s.window.taps();
    const int64_t channels = s.group_channels();
    std::vector<int8_t> ordered(static_cast<size_t>(s.filters * s.depth()));
    for (int64_t filter = 0; filter < s.filters; ++filter) {
      const int64_t first = filter * s.depth();
      TransposeByteMatrix(
          reinterpret_cast<const uint8_t*>(weights + first), taps, channels,
          taps, reinterpret_cast<uint8_t*>(ordered.data() + first), channels);
    }
    return ordered;
  }

  void CopyWithBorder(const uint8_t* image, uint8_t* copy,
                      ThreadPool& pool) const {
    const PlaneWindow& from = shape_.window;
    const PlaneWindow& to = plan_.window;
    const int64_t c = shape_.channels;
    const int64_t first = std::clamp<int64_t>(from.pad_left, 0, to.in_w);
    const int64_t skipped = std::max<int64_t>(-from.pad_left, 0);
    const int64_t count =
        std::clamp<int64_t>(from.in_w - skipped, 0, to.in_w - first);
    pool.ParallelFor(static_cast<size_t>(shape_.batch * to.in_h), 16,
                     [&](size_t begin, size_t end) {
                       for (auto i = static_cast<int64_t>(begin);
                            i < static_cast<int64_t>(end); ++i) {
                         uint8_t* out = copy + i * to.in_w * c;
                         const int64_t y = i % to.in_h - from.pad_top;
                         const bool exists = y >= 0 && y < from.in_h;
                         const int64_t left = (exists ? first : to.in_w) * c;
                         out = std::fill_n(out, left, border_[0]);
                         if (!exists) continue;
                         const int64_t row = i / to.in_h * from.in_h + y;
                         const uint8_t* in =
                             image + (row * from.in_w + skipped) * strides_.x;
                         CopyPixels(in, count, out);
                         std::fill_n(out + count * c,
                                     (to.in_w - first - count) * c, border_[0]);
                       }
                     });
  }

  // Neighbours, to where they lie without a gap.
  void CopyPixels(const uint8_t* in, int64_t count, uint8_t* out) const {
    const int64_t c = shape_.channels;
    const int64_t pieces = strides_.x == c ? 1 : count;
    const int64_t length = strides_.x == c ? count * c : c;
    for (int64_t i = 0; i < pieces; ++i, in += strides_.x, out += length) {
      CopyFlipped(in, length, product_.x.is_signed, out);
    }
  }

  ConvShape shape_;
  PixelStrides strides_;
  RowPlan plan_;
  QLinearProduct product_;
  std::shared_ptr<const Weights> weights_;
  std::optional<AddedBytes> added_;
  std::vector<uint8_t> border_;
  size_t product_bytes_;
};

// Windows of 3 x 3 by fewer products.
class ByteWinogradStep : public Step {
 public:
  ByteWinogradStep(const ConvShape& shape, QLinearProduct product,
                   std::shared_ptr<const ByteWinogradWeights> weights,
                   const std::optional<AddedBytes>& added,
                   const PixelStrides& strides, int threads)
      : shape_(shape),
        strides_(strides),
        product_(ByOutput(std::move(product), weights->sums)),
        weights_(std::move(weights)),
        added_(added),
        border_(static_cast<size_t>(shape.channels),
                static_cast<uint8_t>(product_.x.zero)),
        scratch_bytes_(ByteWinogradScratch(shape, threads)) {}

  // Null where the weights are no int8.
  static std::shared_ptr<const ByteWinogradWeights> Pack(
      const ConvShape& shape, const QLinearProduct& product,
      const Tensor& weight) {
    const auto weights =
        CentredWeights(weight, product.weight.zeros,
                       {shape.filters, shape.depth(), shape.depth()});
    if (!weights) return nullptr;
    return std::make_shared<const ByteWinogradWeights>(
        PackByteWinograd(shape, weights->data()));
  }

  void Run(const StepArgs& args) const override {
    ByteWinogradConv({.shape = shape_,
                      .weights = *weights_,
                      .input = args.inputs[0],
                      .input_stride = strides_.x,
                      .input_is_signed = product_.x.is_signed,
                      .border = border_.data(),
                      .requantization =
                          ResultFrom(0, product_, added_, shape_.filters, args),
                      .output = static_cast<uint8_t*>(args.outputs[0]),
                      .output_stride = strides_.y,
                      .scratch = args.scratch},
                     args.pool);
  }
  size_t scratch_bytes() const override { return scratch_bytes_; }

 private:
  ConvShape shape_;
  PixelStrides strides_;
  QLinearProduct product_;
  std::shared_ptr<const ByteWinogradWeights> weights_;
  std::optional<AddedBytes> added_;
  std::vector<uint8_t> border_;
  size_t scratch_bytes_;
};

}  // namespace

std::unique_ptr<Step> PrepareRowConv(const PrepareContext& context,
                                     const ConvShape& shape,
                                     QLinearProduct product,
                                     const Tensor& weight,
                                     const std::optional<AddedBytes>& added,
                                     PixelStrides strides) {
  if (strides.x == 0) strides.x = shape.channels;
  if (strides.y == 0) strides.y = shape.filters;
  if (product.y && ByteWinogradPays(shape)) {
    auto packed = context.packs.Get<ByteWinogradWeights>(
        context.pack_key + "/winograd",
        [&] { return ByteWinogradStep::Pack(shape, product, weight); });
    if (packed == nullptr) return nullptr;
    return std::make_unique<ByteWinogradStep>(shape, std::move(product),
                                              std::move(packed), added, strides,
                                              context.threads);
  }
  // Images of other sizes may be read otherwise.
  const bool joins =
      RowPlan(shape, product.x.is_signed).weights.taps != shape.window.taps();
  auto packed = context.packs.Get<RowConvStep::Weights>(
      context.pack_key + (joins ? "/joined rows" : "/rows"),
      [&] { return RowConvStep::Pack(shape, product, weight); });
  if (packed == nullptr) return nullptr;
  return std::make_unique<RowConvStep>(shape, std::move(product),
                                       std::move(packed), added, strides,
                                       context.threads);
}

}  // namespace squint
