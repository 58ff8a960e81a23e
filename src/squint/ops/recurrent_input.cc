#include "squint/ops/recurrent_input.h"

#include <algorithm>
#include <utility>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/scratch.h"

namespace squint {
namespace {

// Where things of InputWeights::Form::kRows lie in the scratch.
struct RowScratch {
  RowScratch(int64_t rows, const InputWeights& w, int threads)
      : x(Padded(RowProductScratch(rows, w.rows.shape, threads))),
        // Quads are read whole.
        bias(x + Padded(static_cast<size_t>(rows * w.inputs + kRowQuad))),
        multipliers(bias + Padded(w.scales.size() * sizeof(int32_t))),
        end(multipliers + Padded(w.scales.size() * sizeof(float))) {}

  size_t x;
  size_t bias;
  size_t multipliers;
  size_t end;
};

}  // namespace

InputWeights PackRealInput(int64_t inputs, int64_t width, MatrixView w) {
  InputWeights to{.inputs = inputs, .width = width, .bias = {}};
  to.real = PackRight(inputs, width, w);
  return to;
}

InputWeights PackRowInput(const CentredMatrix& w) {
  InputWeights to{.form = InputWeights::Form::kRows,
                  .inputs = w.terms,
                  .width = w.columns,
                  .bias = {}};
  to.rows = PackRowWeights({w.columns, 1, w.terms}, w.bytes.data());
  to.scales = w.scales;
  return to;
}

bool FitsInputGroups(const CentredMatrix& w) {
  return w.group == w.terms || w.group % kGroupUnit == 0;
}

InputWeights PackGroupInput(const CentredMatrix& w) {
  InputWeights to{.form = InputWeights::Form::kGroups,
                  .inputs = w.terms,
                  .width = w.columns,
                  .bias = {}};
  to.groups = PackGroups({.k = w.terms,
                          .n = w.columns,
                          .bits = 8,
                          .is_signed = true,
                          .data = w.bytes.data(),
                          .row_step = 1,
                          .column_step = w.terms,
                          .group = w.group == w.terms ? 0 : w.group,
                          .scales = w.scales.data(),
                          .scale_row = w.columns});
  return to;
}

int64_t FewInputRows(int64_t inputs, int64_t width) {
  // Beyond 2 MB of float32 the nearer caches do not hold them.
  return inputs * width > int64_t{1} << 19 ? 16 : 2;
}

size_t InputProduct::ScratchBytes(const InputWeights& w) const {
  switch (w.form) {
    case InputWeights::Form::kReal:
      return 0;
    case InputWeights::Form::kGroups:
      return static_cast<size_t>(GroupedGemvScratch(rows_, w.groups)) *
             sizeof(float);
    case InputWeights::Form::kRows:
      return RowScratch(rows_, w, threads_).end;
  }
  return 0;
}

void InputProduct::Run(const InputWeights& w, const float* x, float* to,
                       void* scratch, ThreadPool& pool) const {
  switch (w.form) {
    case InputWeights::Form::kReal:
      return RunReal(w, x, to, pool);
    case InputWeights::Form::kGroups:
      return RunGroups(w, x, to, scratch, pool);
    case InputWeights::Form::kRows:
      return RunRows(w, x, to, scratch, pool);
  }
}

void InputProduct::RunReal(const InputWeights& w, const float* x, float* to,
                           ThreadPool& pool) const {
  Gemm({.m = rows_,
        .n = w.width,
        .k = w.inputs,
        .a = {x, w.inputs, 1},
        .b = {},
        .packed_a = nullptr,
        .packed_b = &w.real,
        .c = to,
        .c_stride = w.width,
        .epilogue = {.bias = w.bias.data(), .bias_column = 1}},
       pool);
}

void InputProduct::RunGroups(const InputWeights& w, const float* x, float* to,
                             void* scratch, ThreadPool& pool) const {
  GroupedGemv({.m = rows_,
               .x = x,
               .x_stride = w.inputs,
               .weight = w.groups,
               .y = to,
               .y_stride = w.width,
               .epilogue = {.bias = w.bias.data(), .bias_column = 1},
               .scratch = static_cast<float*>(scratch)},
              pool);
}

// float(acc) * (scale of x * scale of w) + bias.
void InputProduct::RunRows(const InputWeights& w, const float* x, float* to,
                           void* scratch, ThreadPool& pool) const {
  const RowScratch at(rows_, w, threads_);
  auto* bytes = static_cast<std::byte*>(scratch);
  auto* zeros = reinterpret_cast<int32_t*>(bytes + at.bias);
  auto* multipliers = reinterpret_cast<float*>(bytes + at.multipliers);
  const int64_t count = rows_ * w.inputs;
  const RealRange range = RangeOfReals(x, count, pool);
  const ScaleZero grid = DynamicScaleZero(range.low, range.high);
  QuantizeToBytes(x, count, {grid.scale, grid.zero_point, false}, bytes + at.x,
                  pool);
  std::ranges::transform(w.rows.sums, zeros,
                         [&](int32_t sum) { return -grid.zero_point * sum; });
  std::ranges::transform(w.scales, multipliers,
                         [&](float scale) { return grid.scale * scale; });
  Requantization r;
  r.bias = zeros;
  r.bias_column = 1;
  r.multiplier = multipliers;
  r.multiplier_column = 1;
  r.is_real = true;
  r.added = w.bias.data();
  RowProduct({.rows = rows_,
              .source = PlainRows(bytes + at.x, w.inputs),
              .weights = w.rows,
              .requantization = r,
              .out = to,
              .out_stride = w.width * r.result_bytes(),
              .scratch = scratch},
             pool);
}

}  // namespace squint
