#include "squint/ops/window.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squint {
namespace {

constexpr int64_t kLimit = int64_t{1} << 31;  // strides, dilations
// Windows and pads are walked: no network has one this wide.
constexpr int64_t kLimitOfWalk = int64_t{1} << 24;

AutoPad ReadAutoPad(const Node& node) {
  const std::string text = node.String("auto_pad", "NOTSET");
  if (text.empty() || text == "NOTSET") return AutoPad::kNotSet;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  Fail(ErrorCode::kInvalidModel,
       "auto_pad is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID",
       text);
}

void CheckList(const char* what, const Dims& values, size_t length,
               int64_t lowest, int64_t limit) {
  if (values.size() != length) {
    Fail(ErrorCode::kInvalidModel, "{} has {} entries, expected {}", what,
         values.size(), length);
  }
  for (const int64_t value : values) {
    if (value < lowest || value >= limit) {
      Fail(ErrorCode::kInvalidModel, "{} has the entry {}, expected {} to {}",
           what, value, lowest, limit - 1);
    }
  }
}

bool IsSame(AutoPad pad) {
  return pad == AutoPad::kSameUpper || pad == AutoPad::kSameLower;
}

int64_t ConcreteOutput(const Window& window, size_t axis, int64_t input) {
  const int64_t stride = window.strides[axis];
  if (IsSame(window.auto_pad)) return (input + stride - 1) / stride;
  const int64_t padded =
      input + window.pads_begin[axis] + window.pads_end[axis];
  const int64_t room = padded - window.extent(axis);
  if (room < 0) {
    Fail(ErrorCode::kInvalidModel,
         "a window of {} does not fit into the padded size {} of spatial "
         "axis {}",
         window.extent(axis), padded, axis);
  }
  int64_t output = room / stride + 1;
  if (window.ceil_mode && room % stride != 0) {
    // A window that would start in the padding at the end is dropped.
    const bool starts_inside =
        output * stride < input + window.pads_begin[axis];
    if (starts_inside) ++output;
  }
  return output;
}

// Output positions [first, last) along an axis for which tap `tap` reads
// inside the input: position * stride + offset in [0, input).
struct TapRange {
  int64_t tap = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t offset = 0;  // input position of output 0: tap * dilation - pad
};

TapRange RangeOfTap(const Window& window, size_t axis, int64_t tap,
                    int64_t input, int64_t output) {
  const int64_t stride = window.strides[axis];
  TapRange range{.tap = tap};
  range.offset = tap * window.dilations[axis] - window.pads_begin[axis];
  if (range.offset < 0) range.first = (-range.offset + stride - 1) / stride;
  const int64_t room = input - range.offset;  // positions before the end
  range.last = room <= 0 ? 0 : std::min(output, (room + stride - 1) / stride);
  range.last = std::max(range.first, range.last);
  return range;
}

// Of the taps that read inside the input at all.
std::vector<TapRange> RangesOfTaps(const Window& window, size_t axis,
                                   int64_t input, int64_t output) {
  std::vector<TapRange> ranges;
  for (int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
    const TapRange range = RangeOfTap(window, axis, tap, input, output);
    if (range.first < range.last) ranges.push_back(range);
  }
  return ranges;
}

}  // namespace

int64_t Window::taps() const { return ElementCount(kernel); }

Window ReadWindow(const Node& node, Dims kernel) {
  const size_t rank = kernel.size();
  Window window;
  window.kernel = std::move(kernel);
  window.strides = node.Ints("strides", Dims(rank, 1));
  window.dilations = node.Ints("dilations", Dims(rank, 1));
  window.auto_pad = ReadAutoPad(node);
  window.ceil_mode = node.Int("ceil_mode", 0) != 0;
  CheckList("kernel_shape", window.kernel, rank, 1, kLimitOfWalk);
  CheckList("strides", window.strides, rank, 1, kLimit);
  CheckList("dilations", window.dilations, rank, 1, kLimit);
  Dims pads(2 * rank, 0);
  if (window.auto_pad == AutoPad::kNotSet) pads = node.Ints("pads", pads);
  CheckList("pads", pads, 2 * rank, 0, kLimitOfWalk);
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  window.pads_begin.assign(pads.begin(), middle);
  window.pads_end.assign(middle, pads.end());
  return window;
}

Dim WindowOutput(const Window& window, size_t axis, const Dim& input) {
  if (const auto size = input.value()) {
    return ConcreteOutput(window, axis, *size);
  }
  const int64_t stride = window.strides[axis];
  if (IsSame(window.auto_pad)) {
    return FloorDiv(input + Dim(stride - 1), Dim(stride));
  }
  // With ceil_mode the last window depends on the size itself.
  if (window.ceil_mode && stride > 1) return Dim::Unknown();
  const int64_t shrink =
      window.extent(axis) - window.pads_begin[axis] - window.pads_end[axis];
  return FloorDiv(input - Dim(shrink), Dim(stride)) + Dim(1);
}

Window ResolvePads(Window window, std::span<const int64_t> input,
                   bool centred) {
  if (!IsSame(window.auto_pad)) return window;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t output = ConcreteOutput(window, axis, input[axis]);
    int64_t total =
        (output - 1) * window.strides[axis] + window.extent(axis) - input[axis];
    if (!centred) total = std::max<int64_t>(total, 0);
    const bool upper = window.auto_pad == AutoPad::kSameUpper;
    const int64_t half = (total - (total < 0 ? 1 : 0)) / 2;  // rounded down
    window.pads_begin[axis] = upper ? half : total - half;
    window.pads_end[axis] = total - window.pads_begin[axis];
  }
  window.auto_pad = AutoPad::kNotSet;
  window.ceil_mode = false;
  return window;
}

Dims WindowOutputs(const Window& window, std::span<const int64_t> input) {
  Dims output;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    output.push_back(ConcreteOutput(window, axis, input[axis]));
  }
  return output;
}

std::vector<TapRow> TapRowsOf(const Window& window, const Dims& input,
                              const Dims& output) {
  std::vector<TapRow> rows;
  if (ElementCount(output) == 0) return rows;
  const Dims in_strides = StridesOf(input);
  const Dims out_strides = StridesOf(output);
  const size_t last = window.rank() - 1;
  std::vector<std::vector<TapRange>> ranges;
  Dims counts;
  for (size_t axis = 0; axis <= last; ++axis) {
    ranges.push_back(RangesOfTaps(window, axis, input[axis], output[axis]));
    counts.push_back(static_cast<int64_t>(ranges.back().size()));
    if (ranges.back().empty()) return rows;  // nothing but padding
  }
  Dims which(window.rank(), 0);
  do {
    const auto range = [&](size_t axis) -> const TapRange& {
      return ranges[axis][static_cast<size_t>(which[axis])];
    };
    int64_t tap = 0;
    Dims outer;
    for (size_t axis = 0; axis <= last; ++axis) {
      tap = tap * window.kernel[axis] + range(axis).tap;
      if (axis < last) outer.push_back(range(axis).last - range(axis).first);
    }
    const TapRange& along = range(last);
    Dims position(last, 0);
    do {
      TapRow row{tap, along.first * window.strides[last] + along.offset,
                 along.first, along.last - along.first};
      for (size_t axis = 0; axis < last; ++axis) {
        const int64_t at = range(axis).first + position[axis];
        row.in_start +=
            (at * window.strides[axis] + range(axis).offset) * in_strides[axis];
        row.out_start += at * out_strides[axis];
      }
      rows.push_back(row);
    } while (NextIndex(position, outer));
  } while (NextIndex(which, counts));
  return rows;
}

bool NextIndex(Dims& index, std::span<const int64_t> dims) {
  for (size_t axis = dims.size(); axis-- > 0;) {
    if (++index[axis] < dims[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

}  // namespace squint
