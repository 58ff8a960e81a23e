// Memory for the results of one executor. A block serves one tensor after
// another: it comes back when the last Tensor that shares its bytes dies,
// wherever that happens (a slot of the run, a view, a copy that a tap kept).
// Free blocks are bounded, so varying shapes do not pile up memory.
#ifndef SQUINT_RUNTIME_BUFFER_POOL_H_
#define SQUINT_RUNTIME_BUFFER_POOL_H_

#include <cstddef>
#include <memory>

#include "squint/tensor/tensor.h"

namespace squint {

class BufferPool {
 public:
  // A single block may have at most `limit` bytes. With `poison`, blocks are
  // filled with 0xFF (NaN as floats) when they are handed out and when they
  // come back, so that a test sees every read of dead memory.
  explicit BufferPool(size_t limit, bool poison = false);

  // A tensor with undefined content. Error{kOutOfMemory} beyond the limit.
  Tensor Take(DType dtype, const Dims& dims);
  // `bytes` of 64-aligned memory, at least 64.
  BufferRef TakeBytes(size_t bytes);
  // Gives the free blocks back to the system.
  void DropFree();

  // The bytes of a tensor that Take() made and nobody else reads.
  static std::byte* Writable(const Tensor& tensor) {
    return const_cast<std::byte*>(tensor.raw());
  }

  size_t bytes_in_use() const;
  size_t bytes_free() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // kept alive by every block handed out
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_BUFFER_POOL_H_
