// Packing: columns in the order of panels, zeros where a block has no unit.
#include "squint/kernels/recurrent/state_weights.h"

#include <algorithm>
#include <vector>

#include "squint/kernels/aligned.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/recurrent/state_weights.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/recurrent/panel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

int64_t CellColumns() { return kPanelColumns; }
int64_t CountCellBlocks(int64_t hidden, int64_t gates) {
  return BlocksOf(hidden, gates);
}

// The matrix's column at each of a panel's; -1: none.
void ColumnsOfCells(int64_t hidden, int64_t gates, int64_t block,
                    int64_t* columns) {
  const int64_t first = block * UnitsOf(gates);
  for (int64_t g = 0; g < gates; ++g) {
    for (int64_t unit = first; unit < first + UnitsOf(gates); ++unit) {
      *columns++ = unit < hidden ? g * hidden + unit : -1;
    }
  }
  // Gates that do not fill the panel.
  std::fill_n(columns, kPanelColumns - gates * UnitsOf(gates), -1);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(CellColumns);
HWY_EXPORT(CountCellBlocks);
HWY_EXPORT(ColumnsOfCells);

// Columns of all panels one after the other.
class PanelOrder {
 public:
  PanelOrder(int64_t hidden, int64_t gates)
      : width_(HWY_DYNAMIC_DISPATCH(CellColumns)()),
        blocks_(HWY_DYNAMIC_DISPATCH(CountCellBlocks)(hidden, gates)),
        columns_(static_cast<size_t>(blocks_ * width_)) {
    for (int64_t block = 0; block < blocks_; ++block) {
      HWY_DYNAMIC_DISPATCH(ColumnsOfCells)
      (hidden, gates, block, columns_.data() + block * width_);
    }
  }

  int64_t width() const { return width_; }
  int64_t blocks() const { return blocks_; }
  int64_t count() const { return blocks_ * width_; }

  // Calls make(column) for each column of a panel; T() where there is none.
  template <typename T, class F>
  void Fill(int64_t block, T* out, int64_t step, const F& make) const {
    const int64_t* columns = columns_.data() + block * width_;
    for (int64_t j = 0; j < width_; ++j) {
      out[j * step] = columns[j] < 0 ? T() : make(columns[j]);
    }
  }

 private:
  int64_t width_;
  int64_t blocks_;
  std::vector<int64_t> columns_;
};

template <typename T>
T* Allocate(int64_t count, StateWeights& to) {
  to.bytes = static_cast<size_t>(count) * sizeof(T);
  to.data = AllocateAligned<std::byte>(static_cast<int64_t>(to.bytes));
  return reinterpret_cast<T*>(to.data.get());
}

// [panel][state][column] of element(k, column).
template <typename T, class F>
void FillStates(const PanelOrder& order, int64_t hidden, const F& element,
                T* out) {
  for (int64_t block = 0; block < order.blocks(); ++block) {
    for (int64_t k = 0; k < hidden; ++k, out += order.width()) {
      order.Fill(block, out, 1, [&](int64_t j) { return element(k, j); });
    }
  }
}

// [panel][quad][column][4].
template <class F>
void FillQuads(const PanelOrder& order, int64_t hidden, const F& element,
               int8_t* out) {
  for (int64_t block = 0; block < order.blocks(); ++block) {
    for (int64_t k = 0; k < StateStride(hidden); ++k) {
      order.Fill(block, out + k % 4, 4, [&](int64_t j) {
        return k < hidden ? element(k, j) : int8_t{0};
      });
      if (k % 4 == 3) out += 4 * order.width();
    }
  }
}

void PackScales(const PanelOrder& order, int64_t hidden, const StoredStates& r,
                StateWeights& to) {
  to.group = r.group;
  const int64_t groups = (hidden + r.group - 1) / r.group;
  to.scales = AllocateAligned<float>(groups * order.count());
  float* out = to.scales.get();
  for (int64_t block = 0; block < order.blocks(); ++block) {
    for (int64_t g = 0; g < groups; ++g, out += order.width()) {
      order.Fill(block, out, 1,
                 [&](int64_t j) { return r.scales[g * r.scale_stride + j]; });
    }
  }
}

}  // namespace

StateWeights PackStateWeights(int64_t hidden, int64_t gates, MatrixView r) {
  const PanelOrder order(hidden, gates);
  StateWeights to{.hidden = hidden, .gates = gates, .group = hidden};
  FillStates(
      order, hidden,
      [&](int64_t k, int64_t j) {
        return r.data[k * r.row_stride + j * r.column_stride];
      },
      Allocate<float>(hidden * order.count(), to));
  return to;
}

StateWeights PackStoredStates(int64_t hidden, int64_t gates,
                              const StoredStates& r) {
  const PanelOrder order(hidden, gates);
  StateWeights to{.hidden = hidden, .gates = gates, .form = StateForm::kStored};
  FillStates(
      order, hidden,
      [&](int64_t k, int64_t j) {
        return r.data[k * r.row_stride + j * r.column_stride];
      },
      Allocate<int8_t>(hidden * order.count(), to));
  PackScales(order, hidden, r, to);
  return to;
}

StateWeights PackIntegerStates(int64_t hidden, int64_t gates,
                               const StoredStates& r) {
  const PanelOrder order(hidden, gates);
  StateWeights to{
      .hidden = hidden, .gates = gates, .form = StateForm::kIntegers};
  const auto element = [&](int64_t k, int64_t j) {
    return r.data[k * r.row_stride + j * r.column_stride];
  };
  auto* data = Allocate<int8_t>(StateStride(hidden) * order.count(), to);
  FillQuads(order, hidden, element, data);
  to.is_symmetric =
      std::all_of(data, data + to.bytes, [](int8_t w) { return w > -128; });
  PackScales(order, hidden, r, to);
  to.sums = AllocateAligned<int32_t>(order.count());
  for (int64_t block = 0; block < order.blocks(); ++block) {
    order.Fill(block, to.sums.get() + block * order.width(), 1, [&](int64_t j) {
      int32_t sum = 0;
      for (int64_t k = 0; k < hidden; ++k) sum += element(k, j);
      return sum;
    });
  }
  return to;
}

}  // namespace squint
#endif  // HWY_ONCE
