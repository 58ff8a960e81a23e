#include "squint/runtime/live_bytes.h"

#include <algorithm>

namespace squint {

void LiveBytes::Add(int begin, int end, int64_t bytes) {
  const int last = static_cast<int>(changes_.size()) - 2;
  begin = std::max(begin, 0);
  end = std::min(end, last);
  if (begin > end) return;
  changes_[static_cast<size_t>(begin)] += bytes;
  changes_[static_cast<size_t>(end) + 1] -= bytes;
}

int64_t LiveBytes::Peak() const {
  int64_t now = 0;
  int64_t most = 0;
  for (const int64_t change : changes_) {
    now += change;
    most = std::max(most, now);
  }
  return most;
}

}  // namespace squint
