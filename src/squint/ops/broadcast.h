// Numpy broadcasting over concrete shapes: one walk that hands out rows, for
// any number of operands. Axes of size 1 in the result are dropped, so that a
// row is the longest run along the last axis that really has an extent.
#ifndef SQUINT_OPS_BROADCAST_H_
#define SQUINT_OPS_BROADCAST_H_

#include <array>
#include <cstdint>

#include "squint/tensor/tensor.h"

namespace squint {

// Error{kInvalidModel} when the shapes do not match.
Dims BroadcastDims(const Dims& a, const Dims& b);

// Strides of `dims` seen as `out`: 0 where it is repeated.
Dims BroadcastStrides(const Dims& dims, const Dims& out);

// Where one row of each of N operands starts and how it advances.
template <size_t N>
struct BroadcastRow {
  int64_t out = 0;  // offset of the row's first result
  int64_t length = 0;
  std::array<int64_t, N> offset{};
  std::array<int64_t, N> stride{};  // 0: the operand is one number
};

// A reference to what is called with each row.
template <size_t N>
class BroadcastBody {
 public:
  template <typename F>
  explicit BroadcastBody(F& f)
      : f_(&f), call_([](void* body, const BroadcastRow<N>& row) {
          (*static_cast<F*>(body))(row);
        }) {}
  void operator()(const BroadcastRow<N>& row) const { call_(f_, row); }

 private:
  void* f_;
  void (*call_)(void*, const BroadcastRow<N>&);
};

// For 1 to 3 operands.
template <size_t N>
void WalkBroadcastRows(const Dims& out_dims,
                       const std::array<const Dims*, N>& operands,
                       BroadcastBody<N> body);

// One walk for all bodies, of which operators have one for each type.
template <size_t N, typename F>
void ForEachBroadcastRow(const Dims& out_dims,
                         const std::array<const Dims*, N>& operands, F&& f) {
  WalkBroadcastRows<N>(out_dims, operands, BroadcastBody<N>(f));
}

}  // namespace squint

#endif  // SQUINT_OPS_BROADCAST_H_
