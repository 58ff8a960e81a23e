#include "squint/ops/broadcast.h"

#include <algorithm>

#include "squint/base/error.h"

namespace squint {

Dims BroadcastDims(const Dims& a, const Dims& b) {
  const size_t rank = std::max(a.size(), b.size());
  Dims out(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t da = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t db = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (da != db && da != 1 && db != 1) {
      Fail(ErrorCode::kInvalidModel, "shapes {} and {} do not broadcast",
           DimsToString(a), DimsToString(b));
    }
    out[i] = da == 1 ? db : da;
  }
  return out;
}

Dims BroadcastStrides(const Dims& dims, const Dims& out) {
  const Dims own = StridesOf(dims);
  const size_t missing = out.size() - dims.size();
  Dims strides(out.size(), 0);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) strides[i + missing] = own[i];
  }
  return strides;
}

}  // namespace squint
