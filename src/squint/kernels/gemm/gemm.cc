// Matrix products: packing, cutting into tasks, and the one-row product.
#include "squint/kernels/gemm/gemm.h"

#include <new>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/gemm/gemm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/gemm/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

int64_t LeftFloats(int64_t m, int64_t k) { return CeilDiv(m, kMr) * kMr * k; }
int64_t RightFloats(int64_t k, int64_t n) { return CeilDiv(n, kNr) * kNr * k; }

void PackLeftInto(int64_t m, int64_t k, const MatrixView& a, float* out) {
  for (int64_t i = 0; i < m; i += kMr) {
    PackLeftPanel(a.data + i * a.row_stride, a.row_stride, a.column_stride,
                  std::min<int64_t>(kMr, m - i), k, out + i * k);
  }
}

void PackRightInto(int64_t k, int64_t n, const MatrixView& b, float* out) {
  for (int64_t j = 0; j < n; j += kNr) {
    PackRightPanel(b.data + j * b.column_stride, b.row_stride, b.column_stride,
                   k, std::min<int64_t>(kNr, n - j), out + j * k);
  }
}

template <class Left>
void WithLeft(const GemmArgs& args, const Left& left, int64_t index,
              const Rectangle& area) {
  const int64_t b_offset = args.b_offsets ? args.b_offsets[index] : 0;
  float* c = args.c + index * args.c_step;
  if (args.packed_b != nullptr) {
    const PackedRight right{
        args.packed_b->data.get() + b_offset * args.packed_b->matrix_floats,
        args.k};
    ComputeRectangle(left, right, args.k, area, c, args.c_stride,
                     args.epilogue);
    return;
  }
  MatrixView view = args.b;
  view.data += b_offset;
  const ViewRight right{view, args.m <= 2 * kMr};
  ComputeRectangle(left, right, args.k, area, c, args.c_stride, args.epilogue);
}

void GemmTask(const GemmArgs& args, int64_t index, const Rectangle& area) {
  const int64_t a_offset = args.a_offsets ? args.a_offsets[index] : 0;
  if (args.packed_a != nullptr) {
    WithLeft(args,
             PackedLeft{args.packed_a->data.get() +
                            a_offset * args.packed_a->matrix_floats,
                        args.k},
             index, area);
    return;
  }
  MatrixView view = args.a;
  view.data += a_offset;
  if (view.column_stride == 1) {
    WithLeft(args, RowsLeft{view}, index, area);
  } else {
    WithLeft(args, ViewLeft{view}, index, area);
  }
}

void RunGemm(const GemmArgs& args, ThreadPool& pool) {
  const TaskGrid grid(args.m, args.n, args.batch, pool.threads(),
                      args.packed_a != nullptr || args.a.column_stride == 1
                          ? int64_t{1} << 40
                          : kMaxLeftRows);
  const auto count = static_cast<size_t>(args.batch * grid.tasks());
  pool.ParallelFor(count, 1, [&](size_t begin, size_t end) {
    for (auto i = static_cast<int64_t>(begin); i < static_cast<int64_t>(end);
         ++i) {
      GemmTask(args, i / grid.tasks(),
               grid.Area(i % grid.tasks(), args.m, args.n));
    }
  });
}

constexpr int kGemvVectors = 8;  // enough sums in flight to hide the latency
constexpr int64_t kGemvColumns = kGemvVectors * kLanes;

void FinishGemv(const float* sums, int64_t j_begin, int64_t count, float* y,
                const Epilogue& e) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t j = j_begin + i;
    float x = sums[i];
    if (e.bias != nullptr) x += e.bias[j * e.bias_column];
    y[j] = ClampScalarKeepNaN(x, e.low, e.high);
  }
}

// kVectors * kLanes columns where rows of B are contiguous.
template <int kVectors>
HWY_INLINE void GemvVectors(int64_t k, const float* x, const float* b,
                            int64_t stride, float* sums) {
  const FloatTag d;
  FloatVector sum[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  for (int64_t p = 0; p < k; ++p, b += stride) {
    const auto weight = hn::Set(d, x[p]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(weight, hn::LoadU(d, b + v * kLanes), sum[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    hn::StoreU(sum[v], d, sums + v * kLanes);
  }
}

// Up to kGemvColumns columns; each is summed in the order of k, however it is
// grouped with others, so that the last vector may overlap the one before.
void GemvByRows(int64_t k, int64_t columns, const float* x, const float* b,
                int64_t stride, float* sums) {
  if (columns == kGemvColumns) {
    return GemvVectors<kGemvVectors>(k, x, b, stride, sums);
  }
  int64_t j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes) {
    GemvVectors<2>(k, x, b + j, stride, sums + j);
  }
  for (; j + kLanes <= columns; j += kLanes) {
    GemvVectors<1>(k, x, b + j, stride, sums + j);
  }
  if (j == columns) return;
  if (columns >= kLanes) {
    j = columns - kLanes;
    return GemvVectors<1>(k, x, b + j, stride, sums + j);
  }
  for (; j < columns; ++j) {
    float sum = 0.0f;
    for (int64_t p = 0; p < k; ++p) sum += x[p] * b[p * stride + j];
    sums[j] = sum;
  }
}

// Sum over contiguous K.
float Dot(int64_t k, const float* x, const float* b) {
  const FloatTag d;
  FloatVector sum[4];
  for (auto& s : sum) s = hn::Zero(d);
  int64_t p = 0;
  for (; p + 4 * kLanes <= k; p += 4 * kLanes) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      sum[v] = hn::MulAdd(hn::LoadU(d, x + p + v * kLanes),
                          hn::LoadU(d, b + p + v * kLanes), sum[v]);
    }
  }
  for (; p + kLanes <= k; p += kLanes) {
    sum[0] = hn::MulAdd(hn::LoadU(d, x + p), hn::LoadU(d, b + p), sum[0]);
  }
  float total = hn::GetLane(hn::SumOfLanes(
      d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]))));
  for (; p < k; ++p) total += x[p] * b[p];
  return total;
}

void GemvColumns(int64_t k, const float* x, const MatrixView& b, int64_t begin,
                 int64_t end, float* y, const Epilogue& epilogue) {
  HWY_ALIGN float sums[kGemvColumns];
  for (int64_t j = begin; j < end; j += kGemvColumns) {
    const int64_t count = std::min(kGemvColumns, end - j);
    const float* column = b.data + j * b.column_stride;
    if (b.row_stride == 1) {
      for (int64_t i = 0; i < count; ++i) {
        sums[i] = Dot(k, x, column + i * b.column_stride);
      }
    } else {
      GemvByRows(k, count, x, column, b.row_stride, sums);
    }
    FinishGemv(sums, j, count, y, epilogue);
  }
}

void RunGemv(int64_t k, int64_t n, const float* x, const MatrixView& b,
             float* y, const Epilogue& epilogue, ThreadPool& pool) {
  const int64_t tasks = CeilDiv(n, kGemvColumns);
  pool.ParallelFor(
      static_cast<size_t>(tasks), 1, [&](size_t begin, size_t end) {
        GemvColumns(k, x, b, static_cast<int64_t>(begin) * kGemvColumns,
                    std::min(n, static_cast<int64_t>(end) * kGemvColumns), y,
                    epilogue);
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

PackedMatrix Allocate(int64_t floats, int64_t count) {
  constexpr std::align_val_t kAlignment{64};
  const size_t bytes = static_cast<size_t>(floats * count) * sizeof(float);
  auto* data = static_cast<float*>(::operator new(bytes, kAlignment));
  return {std::shared_ptr<float[]>(
              data, [](float* p) { ::operator delete(p, kAlignment); }),
          floats, bytes};
}

}  // namespace

PackedMatrix PackLeft(int64_t m, int64_t k, MatrixView a, int64_t count,
                      int64_t step) {
  PackedMatrix packed = Allocate(HWY_DYNAMIC_DISPATCH(LeftFloats)(m, k), count);
  for (int64_t i = 0; i < count; ++i, a.data += step) {
    HWY_DYNAMIC_DISPATCH(PackLeftInto)
    (m, k, a, packed.data.get() + i * packed.matrix_floats);
  }
  return packed;
}

PackedMatrix PackRight(int64_t k, int64_t n, MatrixView b, int64_t count,
                       int64_t step) {
  PackedMatrix packed =
      Allocate(HWY_DYNAMIC_DISPATCH(RightFloats)(k, n), count);
  for (int64_t i = 0; i < count; ++i, b.data += step) {
    HWY_DYNAMIC_DISPATCH(PackRightInto)
    (k, n, b, packed.data.get() + i * packed.matrix_floats);
  }
  return packed;
}

void Gemm(const GemmArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGemm)(args, pool);
}

void Gemv(int64_t k, int64_t n, const float* x, MatrixView b, float* y,
          const Epilogue& epilogue, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGemv)(k, n, x, b, y, epilogue, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
