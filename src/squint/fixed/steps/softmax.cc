// Softmax by a table of 256 exponentials.
#include <cmath>
#include <limits>

#include "squint/fixed/step_list.h"
#include "squint/kernels/fixed/softmax.h"

namespace squint {
namespace {

class SoftmaxStep : public StepOf<SoftmaxStep> {
 public:
  SoftmaxStep(const squint_lines& lines, int32_t zero_y,
              std::vector<uint32_t> exponential)
      : lines_(lines), zero_y_(zero_y), exponential_(std::move(exponential)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("softmax", squint_softmax),
           m.Params("squint_lines", lines_), m.Number(zero_y_),
           m.Array("exponential", exponential_), m.In(0), m.Out(0));
  }
  // A line is only written when its sum is known, and each number when it has
  // been read. Lines that are interlaced end together.
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    return lines_.inner == 1 ? 0 : int64_t{lines_.count} * lines_.inner;
  }

 private:
  squint_lines lines_;
  int32_t zero_y_;
  std::vector<uint32_t> exponential_;
};

// exp(-d * scale) for d = 0 .. 255, in units that let `count` of them fit 32
// bits.
std::vector<uint32_t> Exponentials(double scale, int64_t count) {
  const auto one = static_cast<double>(
      int64_t{std::numeric_limits<uint32_t>::max()} / count);
  std::vector<uint32_t> table;
  for (int d = 0; d < 256; ++d) {
    table.push_back(
        static_cast<uint32_t>(std::floor(std::exp(-d * scale) * one)));
  }
  return table;
}

}  // namespace

std::unique_ptr<FixedStep> MakeSoftmaxStep(const FixedOperation& operation) {
  constexpr double kShares = 1 << 24;  // of squint_softmax
  const Dims& dims = operation.inputs[0].dims;
  Require(!dims.empty(), "it has no axis");
  const auto axis = static_cast<size_t>(NormalizeAxis(
      operation.node.Int("axis", -1), static_cast<int>(dims.size())));
  const FixedFactor factor =
      FactorOf(1 / (kShares * GridOf(operation.outputs[0]).scale));
  squint_lines lines = {1, 1, 1, factor.multiplier, factor.shift};
  for (size_t i = 0; i < dims.size(); ++i) {
    (i < axis    ? lines.outer
     : i == axis ? lines.count
                 : lines.inner) *= Size(dims[i]);
  }
  return std::make_unique<SoftmaxStep>(
      lines, GridOf(operation.outputs[0]).zero,
      Exponentials(GridOf(operation.inputs[0]).scale, lines.count));
}

}  // namespace squint
