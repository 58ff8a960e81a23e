#ifndef SQUINT_BASE_STOPWATCH_H_
#define SQUINT_BASE_STOPWATCH_H_

#include <chrono>

namespace squint {

// Seconds since it was made.
class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace squint

#endif  // SQUINT_BASE_STOPWATCH_H_
