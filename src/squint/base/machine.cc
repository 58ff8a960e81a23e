#include "squint/base/machine.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <fstream>
#include <limits>
#include <sstream>

namespace squint {
namespace {

// What stands behind the first line of `path` that begins with `key` and a
// colon.
std::string FieldOf(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t colon = line.find(':', key.size());
    if (colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

size_t BytesOf(const std::string& kilobytes) {
  size_t number = 0;
  std::istringstream(kilobytes) >> number;
  return number * 1024;
}

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

std::string CpuModel() { return FieldOf("/proc/cpuinfo", "model name"); }

ProcessMemory MemoryOfThisProcess() {
  return {BytesOf(FieldOf("/proc/self/status", "VmRSS")),
          BytesOf(FieldOf("/proc/self/status", "VmHWM"))};
}

double CpuSecondsOfProcess(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  // The name in parentheses may have blanks and parentheses of its own.
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(text.substr(name_end + 1));
  // Fields 3 to 13 (proc(5)) stand before utime and stime.
  std::string skipped;
  for (int i = 3; i < 14; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / TicksPerSecond();
}

double CpuSecondsOfMachine() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  // user, nice, system, idle, iowait, irq, softirq, steal
  std::array<double, 8> ticks{};
  file >> cpu;
  for (double& tick : ticks) file >> tick;
  const double idle = ticks[3] + ticks[4];
  double all = 0;
  for (const double tick : ticks) all += tick;
  return (all - idle) / TicksPerSecond();
}

std::string DateAndTime() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const size_t size =
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts);
  return {text.data(), size};
}

}  // namespace squint
