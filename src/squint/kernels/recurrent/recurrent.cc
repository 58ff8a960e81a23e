#include "squint/kernels/recurrent/recurrent.h"

#include <algorithm>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/recurrent/recurrent.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/elementwise/math-inl.h"
#include "squint/kernels/recurrent/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Multiplications in one step below which a thread is not worth waking: as
// many as take about 5 us.
int64_t SerialProducts(StateForm form) {
  return int64_t{1} << (form == StateForm::kIntegers ? 18 : 17);
}

// Up to one vector; the rest is zero.
HWY_INLINE V LoadPart(const float* p, int64_t count) {
  const D d;
  if (count >= kCellLanes) return hn::LoadU(d, p);
  HWY_ALIGN float part[kCellLanes] = {};
  std::memcpy(part, p, static_cast<size_t>(count) * sizeof(float));
  return hn::Load(d, part);
}

HWY_INLINE void StorePart(V v, float* p, int64_t count) {
  const D d;
  if (count >= kCellLanes) return hn::StoreU(v, d, p);
  HWY_ALIGN float part[kCellLanes];
  hn::Store(v, d, part);
  std::memcpy(p, part, static_cast<size_t>(count) * sizeof(float));
}

// The units of one panel for `rows` samples from `sample` on.
template <int kGates, class F>
HWY_INLINE void RunPanel(const StateWeights& r, const CellStep& step,
                         int64_t block, int64_t sample, int64_t rows,
                         const F& finish) {
  HWY_ALIGN float sums[kMaxCellRows * kPanelColumns];
  PanelSums(r, step, block, sample, rows, sums);
  const float* row = sums;
  for (int64_t i = 0; i < rows; ++i, row += kPanelColumns) {
    for (int v = 0; v < UnitVectors(kGates); ++v) {
      const int64_t unit = block * UnitsOf(kGates) + v * kCellLanes;
      if (unit >= r.hidden) break;
      V gates[kGates];
      for (int g = 0; g < kGates; ++g) {
        gates[g] =
            hn::Load(D(), row + (g * UnitVectors(kGates) + v) * kCellLanes);
      }
      finish(sample + i, unit, std::min(kCellLanes, r.hidden - unit), gates);
    }
  }
}

// Calls finish(sample, unit, count, gates) for every vector of units; gates
// are the sums of the product, one vector for each gate.
template <int kGates, class F>
void ForEachUnitVector(const StateWeights& r, const CellStep& step,
                       ThreadPool& pool, const F& finish) {
  const auto blocks = static_cast<size_t>(BlocksOf(r.hidden, kGates));
  const int64_t products = step.samples * r.hidden * r.hidden * kGates;
  const size_t grain = products < SerialProducts(r.form) ? blocks : 1;
  pool.ParallelFor(blocks, grain, [&](size_t begin, size_t end) HWY_ATTR {
    for (auto block = static_cast<int64_t>(begin);
         block < static_cast<int64_t>(end); ++block) {
      int64_t rows = 0;
      for (int64_t sample = 0; sample < step.samples; sample += rows) {
        rows = std::min<int64_t>(kMaxCellRows, step.samples - sample);
        RunPanel<kGates>(r, step, block, sample, rows, finish);
      }
    }
  });
}

void RunLstmStep(const StateWeights& r, const CellStep& step, float* c,
                 ThreadPool& pool) {
  const D d;
  ForEachUnitVector<4>(
      r, step, pool,
      [&](int64_t sample, int64_t unit, int64_t count, const V(&sums)[4])
          HWY_ATTR {
            const float* input = step.input + sample * step.input_stride + unit;
            const auto gate = [&](int64_t g) HWY_ATTR {
              return hn::Add(sums[g], LoadPart(input + g * r.hidden, count));
            };
            float* cell = c + sample * r.hidden + unit;
            const V fresh = hn::Mul(Logistic(d, gate(0)), Tanh(d, gate(3)));
            const V kept = hn::Mul(Logistic(d, gate(2)), LoadPart(cell, count));
            const V sum = hn::Add(kept, fresh);
            StorePart(sum, cell, count);
            StorePart(hn::Mul(Logistic(d, gate(1)), Tanh(d, sum)),
                      step.next + sample * r.hidden + unit, count);
          });
}

void RunGruGates(const StateWeights& r, const CellStep& step, float* update,
                 float* reset, ThreadPool& pool) {
  const D d;
  ForEachUnitVector<2>(
      r, step, pool,
      [&](int64_t sample, int64_t unit, int64_t count,
          const V(&sums)[2]) HWY_ATTR {
        const float* input = step.input + sample * step.input_stride + unit;
        float* const results[] = {update, reset};
        for (int g = 0; g < 2; ++g) {
          const V sum = hn::Add(sums[g], LoadPart(input + g * r.hidden, count));
          StorePart(Logistic(d, sum), results[g] + sample * r.hidden + unit,
                    count);
        }
      });
}

void RunGruState(const StateWeights& r, const CellStep& step,
                 const float* update, const float* reset,
                 const float* late_bias, ThreadPool& pool) {
  const D d;
  ForEachUnitVector<1>(
      r, step, pool,
      [&](int64_t sample, int64_t unit, int64_t count,
          const V(&sums)[1]) HWY_ATTR {
        const int64_t at = sample * r.hidden + unit;
        V sum = sums[0];
        if (reset != nullptr) {
          sum = hn::Mul(LoadPart(reset + at, count),
                        hn::Add(sum, LoadPart(late_bias + unit, count)));
        }
        const float* input = step.input + sample * step.input_stride + unit;
        const V fresh =
            Tanh(d, hn::Add(LoadPart(input + 2 * r.hidden, count), sum));
        const V change = hn::Sub(LoadPart(step.h + at, count), fresh);
        StorePart(hn::Add(fresh, hn::Mul(LoadPart(update + at, count), change)),
                  step.next + at, count);
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(RunLstmStep);
HWY_EXPORT(RunGruGates);
HWY_EXPORT(RunGruState);
}  // namespace

void LstmStep(const StateWeights& r, const CellStep& step, float* c,
              ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunLstmStep)(r, step, c, pool);
}

void GruGates(const StateWeights& r, const CellStep& step, float* update,
              float* reset, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGruGates)(r, step, update, reset, pool);
}

void GruState(const StateWeights& r, const CellStep& step, const float* update,
              const float* reset, const float* late_bias, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunGruState)
  (r, step, update, reset, late_bias, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
