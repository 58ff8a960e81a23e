// Elements chosen along each axis by tables, as nearest Resize does.
#ifndef SQUINT_KERNELS_COPY_MAPPED_COPY_H_
#define SQUINT_KERNELS_COPY_MAPPED_COPY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace squint {

class ThreadPool;

// Result (i0, i1, ..., j) is `bytes` bytes at outer[0][i0] + outer[1][i1] + ...
// + last[j] of the input, in bytes.
struct MappedCopy {
  std::vector<std::vector<int64_t>> outer;
  std::vector<int64_t> last;
  size_t bytes = 1;
};

// Rows that repeat the one before are copied as a whole.
void CopyMapped(const MappedCopy& plan, const void* from, void* to,
                ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_COPY_MAPPED_COPY_H_
