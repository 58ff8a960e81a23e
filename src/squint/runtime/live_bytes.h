// How many bytes of values are alive at each node of a graph.
#ifndef SQUINT_RUNTIME_LIVE_BYTES_H_
#define SQUINT_RUNTIME_LIVE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace squint {

class LiveBytes {
 public:
  // Of so many nodes in order.
  explicit LiveBytes(size_t nodes) : changes_(nodes + 1, 0) {}

  // At nodes [begin, end], which may be empty; negative: no longer.
  void Add(int begin, int end, int64_t bytes);
  // The most at any node.
  int64_t Peak() const;

 private:
  std::vector<int64_t> changes_;  // against the node before
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_LIVE_BYTES_H_
