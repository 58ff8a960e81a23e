// Matrix products: packing, cutting into tasks, and the one-row product.
#include "squint/kernels/gemm/gemm.h"

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/gemm/gemm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/gemm/gemm-inl.h"
#include "squint/kernels/gemm/pairs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// What K is counted in.
int64_t StepsOf(int64_t k, Products products) {
  return products == Products::kBf16 ? PairsOf(k) : k;
}

int64_t LeftFloats(int64_t m, int64_t k, Products products) {
  const int64_t rows = products == Products::kBf16 ? m : CeilDiv(m, kMr) * kMr;
  return rows * StepsOf(k, products);
}
int64_t RightFloats(int64_t k, int64_t n, Products products) {
  return CeilDiv(n, kNr) * kNr * StepsOf(k, products);
}

void PackLeftInto(int64_t m, int64_t k, const MatrixView& a, Products products,
                  float* out) {
  if (products == Products::kBf16) {
    for (int64_t i = 0; i < m; ++i) {
      PairRow(a.data + i * a.row_stride, a.column_stride, k,
              out + i * PairsOf(k));
    }
    return;
  }
  for (int64_t i = 0; i < m; i += kMr) {
    PackLeftPanel(a.data + i * a.row_stride, a.row_stride, a.column_stride,
                  std::min<int64_t>(kMr, m - i), k, out + i * k);
  }
}

void PackRightInto(int64_t k, int64_t n, const MatrixView& b, Products products,
                   float* out) {
  for (int64_t j = 0; j < n; j += kNr) {
    const float* column = b.data + j * b.column_stride;
    if (products == Products::kBf16) {
      PairPanel({column, b.row_stride, b.column_stride}, k, n - j,
                out + j * PairsOf(k));
    } else {
      PackRightPanel(column, b.row_stride, b.column_stride, k,
                     std::min<int64_t>(kNr, n - j), out + j * k);
    }
  }
}

// Product `index` of the batch, over `steps` of K. `view`: the source of B's
// panels where these are not packed.
template <class Left, class View>
void Compute(const GemmArgs& args, const Left& left, const View& view,
             int64_t steps, int64_t index, const Rectangle& area) {
  float* c = args.c + index * args.c_step;
  if (args.packed_b == nullptr) {
    ComputeRectangle(left, view, steps, area, c, args.c_stride, args.epilogue);
    return;
  }
  const int64_t b_offset = args.b_offsets ? args.b_offsets[index] : 0;
  const PackedRight right{
      args.packed_b->data.get() + b_offset * args.packed_b->matrix_floats,
      steps};
  ComputeRectangle(left, right, steps, area, c, args.c_stride, args.epilogue);
}

// Operands of product `index`.
MatrixView ViewOfA(const GemmArgs& args, int64_t index) {
  MatrixView a = args.a;
  if (args.a_offsets != nullptr) a.data += args.a_offsets[index];
  return a;
}
MatrixView ViewOfB(const GemmArgs& args, int64_t index) {
  MatrixView b = args.b;
  if (args.b_offsets != nullptr) b.data += args.b_offsets[index];
  return b;
}
const float* PackedA(const GemmArgs& args, int64_t index) {
  const int64_t offset = args.a_offsets ? args.a_offsets[index] : 0;
  return args.packed_a->data.get() + offset * args.packed_a->matrix_floats;
}

void PairsTask(const GemmArgs& args, int64_t index, const Rectangle& area) {
  const int64_t pairs = PairsOf(args.k);
  const PairedColumns view{ViewOfB(args, index), args.k};
  if (args.packed_a != nullptr) {
    Compute(args, PairRows{PackedA(args, index), pairs}, view, pairs, index,
            area);
  } else {
    Compute(args, PairedRows{ViewOfA(args, index), args.k}, view, pairs, index,
            area);
  }
}

void GemmTask(const GemmArgs& args, int64_t index, const Rectangle& area) {
  if (args.products == Products::kBf16) return PairsTask(args, index, area);
  const ViewRight view{ViewOfB(args, index), args.m <= 2 * kMr};
  if (args.packed_a != nullptr) {
    Compute(args, PackedLeft{PackedA(args, index), args.k}, view, args.k, index,
            area);
  } else if (args.a.column_stride == 1) {
    Compute(args, RowsLeft{ViewOfA(args, index)}, view, args.k, index, area);
  } else {
    Compute(args, ViewLeft{ViewOfA(args, index)}, view, args.k, index, area);
  }
}

void RunGemm(const GemmArgs& args, ThreadPool& pool) {
  const bool ready =
      args.packed_a != nullptr ||
      (args.products == Products::kFloat32 && args.a.column_stride == 1);
  const TaskGrid grid(args.m, args.n, args.batch, pool.threads(),
                      ready ? int64_t{1} << 40 : kMaxLeftRows);
  const auto count = static_cast<size_t>(args.batch * grid.tasks());
  pool.ParallelFor(count, 1, [&](size_t begin, size_t end) {
    for (auto i = static_cast<int64_t>(begin); i < static_cast<int64_t>(end);
         ++i) {
      GemmTask(args, i / grid.tasks(),
               grid.Area(i % grid.tasks(), args.m, args.n));
    }
  });
}

// One row reads every number of B once, so that its time is that of reading
// them. Whole rows of B, or long pieces, are read side by side: blocks of 64
// columns down all of K touch a page for every 256 bytes, and memory gives half
// of what it could. The sums wait in the L1 cache.
constexpr int kGemvRows = 8;
constexpr int64_t kGemvColumns = 2048;  // of one task, at most
constexpr int64_t kLeastGemvColumns = 64;
static_assert(kGemvColumns % kLanes == 0);

void FinishGemv(const float* sums, int64_t j_begin, int64_t count, float* y,
                const Epilogue& e) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t j = j_begin + i;
    float x = sums[i];
    if (e.bias != nullptr) x += e.bias[j * e.bias_column];
    if (e.added != nullptr) x += e.added[j];
    y[j] = ClampScalarKeepNaN(x, e.low, e.high);
  }
}

// sums += x b over kRows steps of k, one after the other.
template <int kRows>
HWY_INLINE void AddGemvRows(const float* x, const float* b, int64_t stride,
                            int64_t columns, float* sums) {
  const FloatTag d;
  FloatVector factor[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) factor[r] = hn::Set(d, x[r]);
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    auto sum = hn::Load(d, sums + j);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      sum = hn::MulAdd(factor[r], hn::LoadU(d, b + r * stride + j), sum);
    }
    hn::Store(sum, d, sums + j);
  }
  if (j == columns) return;
  auto sum = hn::Load(d, sums + j);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    HWY_ALIGN float rest[kLanes] = {};
    for (int64_t i = j; i < columns; ++i) rest[i - j] = b[r * stride + i];
    sum = hn::MulAdd(factor[r], hn::Load(d, rest), sum);
  }
  hn::Store(sum, d, sums + j);
}

// Up to kGemvColumns columns. Sums are made block by block of K, as the tile
// makes them, so that a row's result is the same whether other rows stand
// beside it or not.
void GemvColumns(int64_t k, int64_t columns, const float* x, const float* b,
                 int64_t stride, float* totals) {
  HWY_ALIGN float part[kGemvColumns];
  const int64_t whole = CeilDiv(columns, kLanes) * kLanes;
  std::fill_n(totals, whole, 0.0f);
  const int64_t block = KBlock(k);
  for (int64_t begin = 0; begin < k; begin += block) {
    const int64_t end = std::min(k, begin + block);
    float* sums = begin == 0 ? totals : part;
    if (begin > 0) std::fill_n(part, whole, 0.0f);
    int64_t p = begin;
    for (; p + kGemvRows <= end; p += kGemvRows) {
      AddGemvRows<kGemvRows>(x + p, b + p * stride, stride, columns, sums);
    }
    for (; p < end; ++p) {
      AddGemvRows<1>(x + p, b + p * stride, stride, columns, sums);
    }
    if (begin == 0) continue;
    for (int64_t j = 0; j < columns; ++j) totals[j] += sums[j];
  }
}

void RunGemv(int64_t k, int64_t n, const float* x, const float* b,
             int64_t b_stride, float* y, const Epilogue& epilogue,
             ThreadPool& pool) {
  const int64_t wanted = pool.threads() == 1 ? 1 : 4 * pool.threads();
  const int64_t columns =
      std::clamp(CeilDiv(CeilDiv(n, wanted), kLanes) * kLanes,
                 kLeastGemvColumns, kGemvColumns);
  pool.ParallelFor(static_cast<size_t>(CeilDiv(n, columns)), 1,
                   [&](size_t begin, size_t end) {
                     HWY_ALIGN float sums[kGemvColumns];
                     for (auto task = static_cast<int64_t>(begin);
                          task < static_cast<int64_t>(end); ++task) {
                       const int64_t j = task * columns;
                       const int64_t count = std::min(columns, n - j);
                       GemvColumns(k, count, x, b + j, b_stride, sums);
                       FinishGemv(sums, j, count, y, epilogue);
                     }
                   });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(LeftFloats);
HWY_EXPORT(RightFloats);
HWY_EXPORT(PackLeftInto);
HWY_EXPORT(PackRightInto);
HWY_EXPORT(RunGemm);
HWY_EXPORT(RunGemv);

PackedMatrix Allocate(int64_t floats, int64_t count, Products products) {
  return {AllocateAligned<float>(floats * count), floats,
          static_cast<size_t>(floats * count) * sizeof(float), products};
}

}  // namespace

PackedMatrix PackLeft(int64_t m, int64_t k, MatrixView a, int64_t count,
                      int64_t step, Products products) {
  PackedMatrix packed = Allocate(
      HWY_DYNAMIC_DISPATCH(LeftFloats)(m, k, products), count, products);
  for (int64_t i = 0; i < count; ++i, a.data += step) {
    HWY_DYNAMIC_DISPATCH(PackLeftInto)
    (m, k, a, products, packed.data.get() + i * packed.matrix_floats);
  }
  return packed;
}

PackedMatrix PackRight(int64_t k, int64_t n, MatrixView b, int64_t count,
                       int64_t step, Products products) {
  PackedMatrix packed = Allocate(
      HWY_DYNAMIC_DISPATCH(RightFloats)(k, n, products), count, products);
  for (int64_t i = 0; i < count; ++i, b.data += step) {
    HWY_DYNAMIC_DISPATCH(PackRightInto)
    (k, n, b, products, packed.data.get() + i * packed.matrix_floats);
  }
  return packed;
}

void Gemm(const GemmArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGemm)(args, pool);
}

void Gemv(int64_t k, int64_t n, const float* x, const float* b,
          int64_t b_stride, float* y, const Epilogue& epilogue,
          ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGemv)(k, n, x, b, b_stride, y, epilogue, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
