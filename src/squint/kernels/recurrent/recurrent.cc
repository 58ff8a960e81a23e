#include "squint/kernels/recurrent/recurrent.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/recurrent/recurrent.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/elementwise/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kCellLanes = HWY_LANES(float);
// Sums in flight: enough to hide the latency of multiply-add, few enough for
// 16 registers.
constexpr int kCellVectors = 8;
// Multiplications in one step below which a thread is not worth waking.
constexpr int64_t kSerialProducts = int64_t{1} << 17;

// Vectors of units in a panel of this many gates.
constexpr int UnitVectors(int64_t gates) {
  return static_cast<int>(kCellVectors / gates);
}
constexpr int64_t UnitsOf(int64_t gates) {
  return UnitVectors(gates) * kCellLanes;
}
int64_t BlocksOf(int64_t hidden, int64_t gates) {
  return (hidden + UnitsOf(gates) - 1) / UnitsOf(gates);
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

// Rows of states times kPart vectors of units of one panel, from unit vector
// `from` on: kGates * kPart sums for each row, gate by gate.
template <int kGates, int kRows, int kPart>
struct PanelSums {
  static constexpr int kSums = kGates * kPart;
  V sums[kRows][kSums];

  HWY_INLINE PanelSums(int64_t k, const float* x, const float* panel,
                       int from) {
    const D d;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < kSums; ++j) sums[r][j] = hn::Zero(d);
    }
    const float* weights = panel + from * kCellLanes;
    for (int64_t p = 0; p < k; ++p, weights += kCellVectors * kCellLanes) {
#pragma GCC unroll 8
      for (int j = 0; j < kSums; ++j) {
        const int vector = j / kPart * UnitVectors(kGates) + j % kPart;
        const V weight = hn::Load(d, weights + vector * kCellLanes);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          sums[r][j] = hn::MulAdd(hn::Set(d, x[r * k + p]), weight, sums[r][j]);
        }
      }
    }
  }
};

// The units of one panel for kRows samples from `sample` on. Fewer vectors
// for more rows, so that all sums stay in registers.
template <int kGates, int kRows, class F>
HWY_INLINE void RunPanel(const StateWeights& r, const CellStep& step,
                         int64_t block, int64_t sample, const F& finish) {
  constexpr int kPart =
      kRows == 1 ? UnitVectors(kGates) : UnitVectors(kGates) / 2;
  const int64_t hidden = r.hidden;
  const float* panel =
      r.data.get() + block * hidden * kCellVectors * kCellLanes;
  for (int from = 0; from < UnitVectors(kGates); from += kPart) {
    const PanelSums<kGates, kRows, kPart> made(
        hidden, step.product + sample * hidden, panel, from);
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kPart; ++v) {
        const int64_t unit = block * UnitsOf(kGates) + (from + v) * kCellLanes;
        if (unit >= hidden) break;
        V gates[kGates];
        for (int g = 0; g < kGates; ++g) {
          gates[g] = made.sums[row][g * kPart + v];
        }
        finish(sample + row, unit, std::min(kCellLanes, hidden - unit), gates);
      }
    }
  }
}

// Calls finish(sample, unit, count, gates) for every vector of units; gates
// are the sums of the product, one vector for each gate.
template <int kGates, class F>
void ForEachUnitVector(const StateWeights& r, const CellStep& step,
                       ThreadPool& pool, const F& finish) {
  constexpr int kRows = 3;
  const auto blocks = static_cast<size_t>(BlocksOf(r.hidden, kGates));
  const int64_t products = step.samples * r.hidden * r.hidden * kGates;
  const size_t grain = products < kSerialProducts ? blocks : 1;
  pool.ParallelFor(blocks, grain, [&](size_t begin, size_t end) HWY_ATTR {
    for (auto block = static_cast<int64_t>(begin);
         block < static_cast<int64_t>(end); ++block) {
      int64_t sample = 0;
      for (; sample + kRows <= step.samples; sample += kRows) {
        RunPanel<kGates, kRows>(r, step, block, sample, finish);
      }
      for (; sample < step.samples; ++sample) {
        RunPanel<kGates, 1>(r, step, block, sample, finish);
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

int64_t StateWeightFloats(int64_t hidden, int64_t gates) {
  return BlocksOf(hidden, gates) * hidden * kCellVectors * kCellLanes;
}

void PackStateWeightsInto(int64_t hidden, int64_t gates, const MatrixView& r,
                          float* out) {
  const int64_t units = UnitsOf(gates);
  for (int64_t first = 0; first < hidden; first += units) {
    for (int64_t k = 0; k < hidden; ++k) {
      for (int64_t g = 0; g < gates; ++g) {
        for (int64_t unit = first; unit < first + units; ++unit) {
          const int64_t column = g * hidden + unit;
          *out++ = unit < hidden
                       ? r.data[k * r.row_stride + column * r.column_stride]
                       : 0.0f;
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(StateWeightFloats);
HWY_EXPORT(PackStateWeightsInto);
HWY_EXPORT(RunLstmStep);
HWY_EXPORT(RunGruGates);
HWY_EXPORT(RunGruState);
}  // namespace

StateWeights PackStateWeights(int64_t hidden, int64_t gates, MatrixView r) {
  constexpr std::align_val_t kAlignment{64};
  const auto floats = static_cast<size_t>(
      HWY_DYNAMIC_DISPATCH(StateWeightFloats)(hidden, gates));
  auto* data =
      static_cast<float*>(::operator new(floats * sizeof(float), kAlignment));
  const StateWeights packed = {
      std::shared_ptr<float[]>(
          data, [](float* p) { ::operator delete(p, kAlignment); }),
      hidden, gates};
  HWY_DYNAMIC_DISPATCH(PackStateWeightsInto)(hidden, gates, r, data);
  return packed;
}

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
