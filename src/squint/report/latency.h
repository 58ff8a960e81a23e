// What many timed runs of one network say, on a machine that others use too.
#ifndef SQUINT_REPORT_LATENCY_H_
#define SQUINT_REPORT_LATENCY_H_

#include <cstdint>
#include <vector>

namespace squint {

// The middle number, or the mean of the two in the middle; NaN of none.
double Median(std::vector<double> numbers);

// One turn of one network: it ran for a while, the others waited.
struct Turn {
  double median = 0;  // seconds per run
  double best = 0;
  int64_t runs = 0;
  double others = 0;  // CPUs that other processes kept busy meanwhile
};
Turn TurnOf(const std::vector<double>& seconds, double others);

// A turn is clean when others used less of the machine than this.
inline constexpr double kCleanOthers = 0.12;

struct Latency {
  // Seconds: the median, least and greatest of the turns' medians.
  double median = 0;
  double low = 0;
  double high = 0;
  double best = 0;  // the fastest single run
  int64_t runs = 0;
  int64_t turns = 0;
  bool clean = false;  // all the turns counted were
  double others = 0;   // median over the turns
};
// Of the clean turns when they are three or more; else of the third that was
// disturbed least, and at least three.
Latency LatencyOf(std::vector<Turn> turns);

}  // namespace squint

#endif  // SQUINT_REPORT_LATENCY_H_
