// What this machine can do at most, measured: the yardstick of every kernel.
//
// Arithmetic: the register tiles of gemm.h and of qrows.h without all that is
// around them, on panels that stay in the L1 cache; so many products a second
// can the instructions in use compute, loads included. Memory: reading far
// more than any cache holds.
#ifndef SQUINT_KERNELS_PEAK_PEAK_H_
#define SQUINT_KERNELS_PEAK_PEAK_H_

#include <string>

namespace squint {

class ThreadPool;

struct Peaks {  // all a second, of all threads of the pool together
  double float_macs = 0;
  double integer_macs = 0;  // of 8-bit numbers
  double read_bytes = 0;
};

// Takes some tenths of a second and 128 MiB.
Peaks MeasurePeaks(ThreadPool& pool);

// The instruction set that kernels run with now: "AVX2", "AVX3 with VNNI".
std::string InstructionSet();

}  // namespace squint

#endif  // SQUINT_KERNELS_PEAK_PEAK_H_
