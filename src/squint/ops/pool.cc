// MaxPool, AveragePool and LpPool over sliding windows, GlobalMaxPool,
// GlobalAveragePool and GlobalLpPool over the whole image, any number of
// spatial dimensions. Taking a maximum copies integers; averages and norms are
// computed anew.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "squint/ops/conv_node.h"
#include "squint/ops/element_types.h"
#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

Window PoolWindow(const Node& node) {
  Dims kernel = node.Ints("kernel_shape");
  if (kernel.empty()) {
    Fail(ErrorCode::kInvalidModel, "kernel_shape is missing");
  }
  return ReadWindow(node, std::move(kernel));
}

void InferPool(InferContext& context) {
  const Window window = PoolWindow(context.node());
  const Shape& x = context.shape(0);
  Shape out;
  if (x.has_rank()) {
    if (x.rank() != static_cast<int>(window.rank()) + 2) {
      Fail(ErrorCode::kInvalidModel, "kernel_shape {} does not suit input {}",
           DimsToString(window.kernel), x.ToString());
    }
    DimList dims = {x[0], x[1]};
    for (size_t axis = 0; axis < window.rank(); ++axis) {
      dims.push_back(WindowOutput(window, axis, x.dims()[axis + 2]));
    }
    out = Shape(std::move(dims));
  }
  context.SetOutput(0, context.dtype(0), out);
  context.SetOutput(1, DType::kInt64, out);  // MaxPool's indices
}

// One node's geometry and the runs that all its planes share.
struct Pool {
  Window window;
  Dims in;
  Dims out;
  Dims out_dims;
  int64_t planes = 0;
  std::vector<TapRow> rows;
};

Pool PoolOf(const Node& node, const Tensor& x) {
  Pool pool;
  pool.in = SpatialOf(x.dims());
  pool.window = PoolWindow(node);
  if (pool.window.rank() != pool.in.size()) {
    Fail(ErrorCode::kInvalidModel, "kernel_shape {} does not suit input {}",
         DimsToString(pool.window.kernel), DimsToString(x.dims()));
  }
  pool.out = WindowOutputs(pool.window, pool.in);
  pool.window = ResolvePads(std::move(pool.window), pool.in, true);
  pool.out_dims = {x.dim(0), x.dim(1)};
  pool.out_dims.insert(pool.out_dims.end(), pool.out.begin(), pool.out.end());
  pool.planes = x.dim(0) * x.dim(1);
  pool.rows = TapRowsOf(pool.window, pool.in, pool.out);
  return pool;
}

// Calls f(input index, output index) for every tap of one plane that lies
// inside the input, taps in row-major order.
template <typename F>
void ForEachTap(const Pool& pool, F&& f) {
  const int64_t stride = pool.window.strides.back();
  for (const TapRow& row : pool.rows) {
    for (int64_t i = 0; i < row.count; ++i) {
      f(row.in_start + i * stride, row.out_start + i);
    }
  }
}

// The winner's index as MaxPool reports it: in the whole tensor, the plane
// row-major or (storage_order 1) column-major.
int64_t ReportedIndex(int64_t plane, int64_t at, const Dims& in,
                      bool column_major) {
  const int64_t size = ElementCount(in);
  if (!column_major) return plane * size + at;
  const Dims strides = StridesOf(in);
  int64_t index = 0;
  int64_t step = 1;
  for (size_t axis = 0; axis < in.size(); ++axis) {
    index += at / strides[axis] % in[axis] * step;
    step *= in[axis];
  }
  return plane * size + index;
}

template <typename T>
void MaxPoolOf(RunContext& context) {
  const Tensor& x = context.in(0);
  const Pool pool = PoolOf(context.node, x);
  const int64_t in_size = ElementCount(pool.in);
  const int64_t out_size = ElementCount(pool.out);
  const bool column_major = context.node.Int("storage_order", 0) != 0;
  Tensor y(x.dtype(), pool.out_dims);
  Tensor indices(DType::kInt64, pool.out_dims);
  std::vector<int64_t> winner(static_cast<size_t>(out_size));
  for (int64_t plane = 0; plane < pool.planes; ++plane) {
    const T* in = x.data<T>() + plane * in_size;
    T* out = y.mutable_data<T>() + plane * out_size;
    std::fill_n(out, out_size, std::numeric_limits<T>::lowest());
    std::fill(winner.begin(), winner.end(), -1);
    ForEachTap(pool, [&](int64_t from, int64_t to) {
      int64_t& best = winner[static_cast<size_t>(to)];
      if (best >= 0 && !(in[from] > out[to])) return;
      out[to] = in[from];
      best = from;
    });
    int64_t* reported = indices.mutable_data<int64_t>() + plane * out_size;
    for (int64_t i = 0; i < out_size; ++i) {
      reported[i] = ReportedIndex(plane, winner[static_cast<size_t>(i)],
                                  pool.in, column_major);
    }
  }
  context.outputs[0] = std::move(y);
  if (context.outputs.size() > 1) context.outputs[1] = std::move(indices);
}

void RunMaxPool(RunContext& context) {
  WithArithmeticType(context.in(0).dtype(),
                     [&](auto type) { MaxPoolOf<decltype(type)>(context); });
}

// Taps per output that divide the sum: those inside the input, or inside the
// padded input. Only where ceil_mode makes a window reach beyond the padding
// do the two ever exclude the same taps.
std::vector<double> Divisors(const Pool& pool, bool include_pads) {
  std::vector<double> counts(static_cast<size_t>(ElementCount(pool.out)), 0);
  Pool counted = pool;
  if (include_pads) {
    for (size_t axis = 0; axis < pool.window.rank(); ++axis) {
      counted.in[axis] +=
          pool.window.pads_begin[axis] + pool.window.pads_end[axis];
      counted.window.pads_begin[axis] = counted.window.pads_end[axis] = 0;
    }
    counted.rows = TapRowsOf(counted.window, counted.in, counted.out);
  }
  ForEachTap(counted, [&](int64_t, int64_t to) {
    counts[static_cast<size_t>(to)] += 1;
  });
  return counts;
}

// The sum of the taps inside the input, for each output of each plane.
std::vector<double> PlaneSums(const Pool& pool, const float* x) {
  const int64_t in_size = ElementCount(pool.in);
  const int64_t out_size = ElementCount(pool.out);
  std::vector<double> sums(static_cast<size_t>(pool.planes * out_size));
  for (int64_t plane = 0; plane < pool.planes; ++plane) {
    const float* in = x + plane * in_size;
    double* out = sums.data() + plane * out_size;
    ForEachTap(pool, [&](int64_t from, int64_t to) { out[to] += in[from]; });
  }
  return sums;
}

void RunAveragePool(RunContext& context) {
  const Tensor& x = context.in(0);
  const Pool pool = PoolOf(context.node, x);
  const std::vector<double> divisors =
      Divisors(pool, context.node.Int("count_include_pad", 0) != 0);
  const std::vector<double> sums = PlaneSums(pool, x.data<float>());
  Tensor y(DType::kFloat32, pool.out_dims);
  float* out = y.mutable_data<float>();
  for (size_t i = 0; i < sums.size(); ++i) {
    const double divisor = divisors[i % divisors.size()];
    out[i] = static_cast<float>(divisor > 0 ? sums[i] / divisor : 0.0);
  }
  context.outputs[0] = std::move(y);
}

// QLinearAveragePool: (sum of q - taps * zx) * sx / (sy * divisor), rounded
// once.
void RunAveragePoolInteger(RunContext& context) {
  if (!CanSumIntegers(context, 0, 0, -1) || !context.output_quant[0]) {
    return RunDequantized(context, RunAveragePool);
  }
  const QuantParams& x = *context.input_quant[0];
  const QuantParams& y = *context.output_quant[0];
  const Tensor centred = Centered(context.in(0), x);
  const Pool pool = PoolOf(context.node, centred);
  std::vector<float> multipliers;
  for (const double divisor :
       Divisors(pool, context.node.Int("count_include_pad", 0) != 0)) {
    multipliers.push_back(
        x.scale_at() /
        (y.scale_at() * static_cast<float>(std::max(divisor, 1.0))));
  }
  const Dims flat = {pool.planes, static_cast<int64_t>(multipliers.size())};
  const std::vector<double> sums = PlaneSums(pool, centred.data<float>());
  context.outputs[0] =
      Requantize(sums, flat, 1, multipliers, &y).Reshaped(pool.out_dims);
}

// The order of the norm of LpPool and GlobalLpPool.
double NormOrder(const Node& node) {
  const int64_t p = node.Int("p", 2);
  if (p < 1) Fail(ErrorCode::kInvalidModel, "p is {}, expected 1 or more", p);
  return static_cast<double>(p);
}

// (sum of |x|^p over the taps inside the input)^(1/p)
void RunLpPool(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  const Pool pool = PoolOf(context.node, x);
  const double p = NormOrder(context.node);
  const int64_t in_size = ElementCount(pool.in);
  const int64_t out_size = ElementCount(pool.out);
  Tensor y(DType::kFloat64, pool.out_dims);
  for (int64_t plane = 0; plane < pool.planes; ++plane) {
    const double* in = x.data<double>() + plane * in_size;
    double* out = y.mutable_data<double>() + plane * out_size;
    ForEachTap(pool, [&](int64_t from, int64_t to) {
      out[to] += std::pow(std::fabs(in[from]), p);
    });
    for (int64_t i = 0; i < out_size; ++i) out[i] = std::pow(out[i], 1 / p);
  }
  context.outputs[0] = y.CastTo(context.in(0).dtype());
}

void InferLpPool(InferContext& context) {
  NormOrder(context.node());
  InferPool(context);
}

void InferGlobalPool(InferContext& context) {
  const Shape& x = context.shape(0);
  if (!x.has_rank()) return context.SetOutput(0, context.dtype(0), Shape());
  if (x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} has no batch and channel axes",
         x.ToString());
  }
  DimList dims(static_cast<size_t>(x.rank()), Dim(1));
  dims[0] = x[0];
  dims[1] = x[1];
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

struct GlobalPool {
  Dims out_dims;
  int64_t planes = 0;
  int64_t positions = 1;
};

GlobalPool GlobalPoolOf(const Tensor& x) {
  if (x.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "input {} has no batch and channel axes",
         DimsToString(x.dims()));
  }
  GlobalPool pool;
  pool.out_dims.assign(x.dims().size(), 1);
  pool.out_dims[0] = x.dim(0);
  pool.out_dims[1] = x.dim(1);
  pool.planes = x.dim(0) * x.dim(1);
  for (int axis = 2; axis < x.rank(); ++axis) pool.positions *= x.dim(axis);
  return pool;
}

std::vector<double> GlobalSums(const Tensor& x, const GlobalPool& pool) {
  std::vector<double> sums(static_cast<size_t>(pool.planes), 0.0);
  const float* in = x.data<float>();
  for (double& sum : sums) {
    for (int64_t i = 0; i < pool.positions; ++i) sum += *in++;
  }
  return sums;
}

void RunGlobalAveragePool(RunContext& context) {
  const GlobalPool pool = GlobalPoolOf(context.in(0));
  const std::vector<double> sums = GlobalSums(context.in(0), pool);
  Tensor y(DType::kFloat32, pool.out_dims);
  std::transform(
      sums.begin(), sums.end(), y.mutable_data<float>(), [&](double sum) {
        return static_cast<float>(sum / static_cast<double>(pool.positions));
      });
  context.outputs[0] = std::move(y);
}

void InferGlobalLpPool(InferContext& context) {
  NormOrder(context.node());
  InferGlobalPool(context);
}

void RunGlobalLpPool(RunContext& context) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  const GlobalPool pool = GlobalPoolOf(x);
  const double p = NormOrder(context.node);
  Tensor y(DType::kFloat64, pool.out_dims);
  const double* in = x.data<double>();
  for (int64_t plane = 0; plane < pool.planes; ++plane) {
    double sum = 0;
    for (int64_t i = 0; i < pool.positions; ++i) {
      sum += std::pow(std::fabs(*in++), p);
    }
    y.mutable_data<double>()[plane] = std::pow(sum, 1 / p);
  }
  context.outputs[0] = y.CastTo(context.in(0).dtype());
}

// QLinearGlobalAveragePool: (sum of q - positions * zx) * sx / (sy *
// positions), rounded once. GlobalAveragePoolToFloat, where the result is not
// quantized: the same with sy = 1, in float32.
void RunGlobalAveragePoolInteger(RunContext& context) {
  if (!CanSumIntegers(context, 0, 0, -1)) {
    return RunDequantized(context, RunGlobalAveragePool);
  }
  const QuantParams& x = *context.input_quant[0];
  const QuantParams* y = context.output_quant[0];
  const GlobalPool pool = GlobalPoolOf(context.in(0));
  const std::vector<double> sums = GlobalSums(Centered(context.in(0), x), pool);
  const float multiplier =
      x.scale_at() / ((y == nullptr ? 1.0f : y->scale_at()) *
                      static_cast<float>(pool.positions));
  context.outputs[0] =
      Requantize(sums, pool.out_dims, -1, std::span(&multiplier, 1), y);
}

template <typename T>
void GlobalMaxPoolOf(RunContext& context) {
  const Tensor& x = context.in(0);
  const GlobalPool pool = GlobalPoolOf(x);
  Tensor y(x.dtype(), pool.out_dims);
  const T* in = x.data<T>();
  T* out = y.mutable_data<T>();
  for (int64_t plane = 0; plane < pool.planes; ++plane) {
    out[plane] = pool.positions == 0
                     ? std::numeric_limits<T>::lowest()
                     : *std::max_element(in, in + pool.positions);
    in += pool.positions;
  }
  context.outputs[0] = std::move(y);
}

void RunGlobalMaxPool(RunContext& context) {
  WithArithmeticType(context.in(0).dtype(), [&](auto type) {
    GlobalMaxPoolOf<decltype(type)>(context);
  });
}

QuantSpec AverageRule(const QuantizeQuery&) {
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation}};
  return spec;
}

}  // namespace

extern constinit const OpDef kAveragePoolOp = {
    .type = "AveragePool",
    .since = 19,
    .infer = InferPool,
    .reference = InFloat32<RunAveragePool>,
    .integer_reference = RunAveragePoolInteger,
    .quantize = AverageRule,
    .prepare = PrepareAveragePool,
};
extern constinit const OpDef kGlobalAveragePoolOp = {
    .type = "GlobalAveragePool",
    .infer = InferGlobalPool,
    .reference = InFloat32<RunGlobalAveragePool>,
    .integer_reference = RunGlobalAveragePoolInteger,
    .quantize = AverageRule,
    .prepare = PrepareGlobalAveragePool,
};
extern constinit const OpDef kGlobalLpPoolOp = {
    .type = "GlobalLpPool",
    .since = 2,
    .infer = InferGlobalLpPool,
    .reference = RunGlobalLpPool,
    .integer_reference = DequantizedReference<RunGlobalLpPool>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kGlobalMaxPoolOp = {
    .type = "GlobalMaxPool",
    .infer = InferGlobalPool,
    .reference = WideningNarrowFloats<RunGlobalMaxPool>,
    .integer_reference = IntegerSelection<RunGlobalMaxPool>,
    .quantize = SelectionRule,
    .prepare = PrepareGlobalMaxPool,
};
extern constinit const OpDef kLpPoolOp = {
    .type = "LpPool",
    .since = 18,
    .infer = InferLpPool,
    .reference = RunLpPool,
    .integer_reference = DequantizedReference<RunLpPool>,
    .quantize = ActivationRule,
};
extern constinit const OpDef kMaxPoolOp = {
    .type = "MaxPool",
    .since = 12,
    .infer = InferPool,
    .reference = WideningNarrowFloats<RunMaxPool>,
    .integer_reference = IntegerSelection<RunMaxPool>,
    .quantize = SelectionRule,
    .prepare = PrepareMaxPool,
};

}  // namespace squint
