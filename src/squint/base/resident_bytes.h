// For tests of memory: what this process holds in RAM at the moment.
#ifndef SQUINT_BASE_RESIDENT_BYTES_H_
#define SQUINT_BASE_RESIDENT_BYTES_H_

#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace squint {

inline size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace squint

#endif  // SQUINT_BASE_RESIDENT_BYTES_H_
