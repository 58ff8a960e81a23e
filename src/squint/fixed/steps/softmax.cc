// Softmax by tables of 256 exponentials: one of 8-bit numbers, two of 16-bit
// ones.
#include <cmath>
#include <limits>

#include "squint/fixed/step_list.h"
#include "squint/kernels/fixed/softmax.h"
#include "squint/kernels/fixed/softmax_16.h"

namespace squint {
namespace {

class SoftmaxStep : public StepOf<SoftmaxStep> {
 public:
  // `fine`: of 16-bit numbers; else empty.
  SoftmaxStep(const squint_lines& lines, int32_t zero_y,
              std::vector<uint32_t> exponential, std::vector<uint32_t> fine)
      : lines_(lines),
        zero_y_(zero_y),
        exponential_(std::move(exponential)),
        fine_(std::move(fine)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    if (is_wide()) {
      m.Call(SQUINT_KERNEL("softmax_16", squint_softmax_16),
             m.Params("squint_lines", lines_), m.Number(zero_y_),
             m.Array("coarse", exponential_), m.Array("fine", fine_), m.In(0),
             m.Out(0));
      return;
    }
    m.Call(SQUINT_KERNEL("softmax", squint_softmax),
           m.Params("squint_lines", lines_), m.Number(zero_y_),
           m.Array("exponential", exponential_), m.In(0), m.Out(0));
  }
  // A line is only written when its sum is known, and each number when it has
  // been read. Lines that are interlaced end together.
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    const int64_t bytes = is_wide() ? 2 : 1;
    return lines_.inner == 1 ? 0 : bytes * lines_.count * lines_.inner;
  }

 private:
  bool is_wide() const { return !fine_.empty(); }

  squint_lines lines_;
  int32_t zero_y_;
  std::vector<uint32_t> exponential_;
  std::vector<uint32_t> fine_;
};

// Units of which `count` times one fit 32 bits.
double UnitsFor(int64_t count) {
  return static_cast<double>(int64_t{std::numeric_limits<uint32_t>::max()} /
                             count);
}

// exp(-d * scale) for d = 0 .. 255; `one`: what 1 is.
std::vector<uint32_t> Exponentials(double scale, double one) {
  std::vector<uint32_t> table;
  for (int d = 0; d < 256; ++d) {
    table.push_back(
        static_cast<uint32_t>(std::floor(std::exp(-d * scale) * one)));
  }
  return table;
}

}  // namespace

std::unique_ptr<FixedStep> MakeSoftmaxStep(const FixedOperation& operation) {
  constexpr double kShares = 1 << 24;              // of squint_softmax
  constexpr double kHalfRange = int64_t{1} << 31;  // of squint_exponential
  const Dims& dims = operation.inputs[0].dims;
  Require(!dims.empty(), "it has no axis");
  const auto axis = static_cast<size_t>(NormalizeAxis(
      operation.node.Int("axis", -1), static_cast<int>(dims.size())));
  const DType type = NumberType(operation);
  const FixedGrid x = GridOf(operation.inputs[0], type);
  const FixedGrid y = GridOf(operation.outputs[0], type);
  const FixedFactor factor = FactorOf(1 / (kShares * y.scale));
  squint_lines lines = {1, 1, 1, factor.multiplier, factor.shift};
  for (size_t i = 0; i < dims.size(); ++i) {
    (i < axis    ? lines.outer
     : i == axis ? lines.count
                 : lines.inner) *= Size(dims[i]);
  }
  const double one = UnitsFor(lines.count);
  if (type == DType::kInt16) {
    return std::make_unique<SoftmaxStep>(lines, y.zero,
                                         Exponentials(256 * x.scale, one),
                                         Exponentials(x.scale, kHalfRange));
  }
  return std::make_unique<SoftmaxStep>(
      lines, y.zero, Exponentials(x.scale, one), std::vector<uint32_t>());
}

}  // namespace squint
