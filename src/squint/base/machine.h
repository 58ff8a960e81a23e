// What Linux tells about the machine and about processes on it, for whoever
// measures. Where /proc does not say, numbers are 0 and names "".
#ifndef SQUINT_BASE_MACHINE_H_
#define SQUINT_BASE_MACHINE_H_

#include <cstddef>
#include <string>

namespace squint {

std::string CpuModel();  // "AMD EPYC 7B13"

// Bytes of this process.
struct ProcessMemory {
  size_t resident = 0;
  size_t peak = 0;  // the most that was ever resident
};
ProcessMemory MemoryOfThisProcess();

// Seconds of CPU since they started, all threads or CPUs together; to 10 ms.
// That of the machine counts what a hypervisor took away as used.
double CpuSecondsOfProcess(int process);
double CpuSecondsOfMachine();

// "2026-03-31 18:05" in UTC.
std::string DateAndTime();

}  // namespace squint

#endif  // SQUINT_BASE_MACHINE_H_
