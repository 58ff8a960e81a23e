// Integer products: widening, and cutting into tasks.
#include "squint/kernels/qgemm/qgemm.h"

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qgemm/qgemm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qgemm/qtile-inl.h"
#include "squint/kernels/qgemm/widen-inl.h"
#include "squint/kernels/qgemm/widen_panel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

int64_t RowsSize(int64_t m, int64_t k) { return m * 2 * PairsOf(k); }
int64_t PanelsSize(int64_t k, int64_t n) {
  return (n + kQNr - 1) / kQNr * kQNr * 2 * PairsOf(k);
}

template <typename T>
void WidenRow(int64_t k, const ByteView& a, int64_t row, int16_t* out) {
  const T* in = static_cast<const T*>(a.data) + row * a.row_stride;
  const int32_t zero = a.zeros[row * a.zero_step];
  if (a.column_stride == 1) {
    WidenBytes(in, k, static_cast<int16_t>(zero), out);
  } else {
    for (int64_t p = 0; p < k; ++p) {
      out[p] = static_cast<int16_t>(in[p * a.column_stride] - zero);
    }
  }
  if (k % 2 != 0) out[k] = 0;
}

void WidenRowRange(int64_t begin, int64_t end, int64_t k, const ByteView& a,
                   int16_t* out) {
  for (int64_t row = begin; row < end; ++row) {
    int16_t* target = out + row * 2 * PairsOf(k);
    if (a.is_signed) {
      WidenRow<int8_t>(k, a, row, target);
    } else {
      WidenRow<uint8_t>(k, a, row, target);
    }
  }
}

void WidenPanelRange(int64_t begin, int64_t end, int64_t k, int64_t n,
                     const ByteView& b, int16_t* out) {
  for (int64_t panel = begin; panel < end; ++panel) {
    WidenPanel(k, n, b, panel, out + panel * kQNr * 2 * PairsOf(k));
  }
}

int64_t PanelColumns() { return kQNr; }

void RunQuantizedGemm(const QuantizedGemmArgs& args, ThreadPool& pool) {
  const QTaskGrid grid(args.m, args.n, args.batch, pool.threads());
  const int64_t a_size = RowsSize(args.m, args.k);
  const int64_t b_size = PanelsSize(args.k, args.n);
  const auto count = static_cast<size_t>(args.batch * grid.tasks());
  pool.ParallelFor(count, 1, [&](size_t begin, size_t end) {
    for (auto i = static_cast<int64_t>(begin); i < static_cast<int64_t>(end);
         ++i) {
      const int64_t product = i / grid.tasks();
      const int64_t a_at = args.a_index ? args.a_index[product] : 0;
      const int64_t b_at = args.b_index ? args.b_index[product] : 0;
      ComputeQRectangle(args.a + a_at * a_size,
                        ReadyPanels{args.b + b_at * b_size, args.k}, args.k,
                        args.n, grid.Area(i % grid.tasks(), args.m, args.n),
                        static_cast<uint8_t*>(args.c) + product * args.c_step,
                        args.c_stride, args.requantization);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(RowsSize);
HWY_EXPORT(PanelsSize);
HWY_EXPORT(PanelColumns);
HWY_EXPORT(WidenRowRange);
HWY_EXPORT(WidenPanelRange);
HWY_EXPORT(RunQuantizedGemm);

WideMatrix Allocate(int64_t elements, int64_t count) {
  return {AllocateAligned<int16_t>(elements * count), elements,
          static_cast<size_t>(elements * count) * sizeof(int16_t)};
}

// Calls widen(view of matrix i, where it goes).
template <class Widen>
void ForEachMatrix(ByteView view, int64_t count, int64_t step,
                   int64_t zeros_step, const WideMatrix& wide, Widen&& widen) {
  for (int64_t i = 0; i < count; ++i) {
    widen(view, wide.data.get() + i * wide.matrix_elements);
    view.data = static_cast<const uint8_t*>(view.data) + step;
    view.zeros += zeros_step;
  }
}

constexpr size_t kGrain = 4;  // rows or panels of one task

}  // namespace

int64_t WideRowsSize(int64_t m, int64_t k) {
  return HWY_DYNAMIC_DISPATCH(RowsSize)(m, k);
}

int64_t WidePanelsSize(int64_t k, int64_t n) {
  return HWY_DYNAMIC_DISPATCH(PanelsSize)(k, n);
}

void WidenRows(int64_t m, int64_t k, const ByteView& a, int16_t* out,
               ThreadPool& pool) {
  pool.ParallelFor(
      static_cast<size_t>(m), kGrain, [&](size_t begin, size_t end) {
        HWY_DYNAMIC_DISPATCH(WidenRowRange)
        (static_cast<int64_t>(begin), static_cast<int64_t>(end), k, a, out);
      });
}

void WidenPanels(int64_t k, int64_t n, const ByteView& b, int16_t* out,
                 ThreadPool& pool) {
  const int64_t columns = HWY_DYNAMIC_DISPATCH(PanelColumns)();
  const int64_t panels = (n + columns - 1) / columns;
  pool.ParallelFor(
      static_cast<size_t>(panels), kGrain, [&](size_t begin, size_t end) {
        HWY_DYNAMIC_DISPATCH(WidenPanelRange)
        (static_cast<int64_t>(begin), static_cast<int64_t>(end), k, n, b, out);
      });
}

WideMatrix WideRows(int64_t m, int64_t k, ByteView a, int64_t count,
                    int64_t step, int64_t zeros_step) {
  WideMatrix wide = Allocate(WideRowsSize(m, k), count);
  ForEachMatrix(a, count, step, zeros_step, wide,
                [&](const ByteView& view, int16_t* out) {
                  HWY_DYNAMIC_DISPATCH(WidenRowRange)(0, m, k, view, out);
                });
  return wide;
}

WideMatrix WidePanels(int64_t k, int64_t n, ByteView b, int64_t count,
                      int64_t step, int64_t zeros_step) {
  WideMatrix wide = Allocate(WidePanelsSize(k, n), count);
  const int64_t columns = HWY_DYNAMIC_DISPATCH(PanelColumns)();
  const int64_t panels = (n + columns - 1) / columns;
  ForEachMatrix(b, count, step, zeros_step, wide,
                [&](const ByteView& view, int16_t* out) {
                  HWY_DYNAMIC_DISPATCH(WidenPanelRange)
                  (0, panels, k, n, view, out);
                });
  return wide;
}

void QuantizedGemm(const QuantizedGemmArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunQuantizedGemm)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
