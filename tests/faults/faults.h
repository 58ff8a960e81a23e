// Makes one allocation or system call of this process fail, the n-th from
// now: operator new throws, calloc and aligned_alloc give null, open, mmap,
// write, fsync, close and rename report an error. Replaced when the program
// is linked (CMakeLists.txt), so that what is tested is the code that ships.
#ifndef SQUINT_TESTS_FAULTS_FAULTS_H_
#define SQUINT_TESTS_FAULTS_FAULTS_H_

#include <cstdint>

namespace squint {

class Faults {
 public:
  // Only allocations, only system calls (files), or both are counted.
  enum class Kind { kAllocations, kCalls };
  // Call number `n` of this kind fails, counted from 1; 0: none does.
  static void Arm(Kind kind, int64_t n);
  // How many there were of this kind since; nothing fails from here on.
  static int64_t Disarm();
  // Blocks of operator new that are not deleted yet.
  static int64_t LiveBlocks();
};

}  // namespace squint

#endif  // SQUINT_TESTS_FAULTS_FAULTS_H_
