// What a file says about its values without data: a BatchNormalization gives
// each channel the mean beta and the deviation gamma, over the samples that it
// was trained on.
#ifndef SQUINT_QUANTIZE_NORMAL_STATISTICS_H_
#define SQUINT_QUANTIZE_NORMAL_STATISTICS_H_

#include <map>
#include <string>
#include <vector>

#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"

namespace squint {

struct ChannelNormals {
  std::vector<double> mean;
  std::vector<double> deviation;
};

// By the name of each BatchNormalization's result; its parameters must be
// constants. `graph` is as loaded: folding into other layers hides them, but
// leaves the names.
std::map<std::string, ChannelNormals> ReadNormalizations(const Graph& graph);

// The mean of a normal number behind a clamp to [low, high]. For [0, infinity]
//   deviation * phi(-mean / deviation) + mean * (1 - Phi(-mean / deviation))
// (arXiv:1906.04721, section 4.2.1).
double ClampedMean(double mean, double deviation, double low, double high);

// Statistics as if such numbers had been observed behind a clamp: means, and
// extremes six deviations from them (arXiv:1906.04721, section 5). No
// histogram, so that these are the range under any observer: real values have
// longer tails than normal ones, and what looks best for the latter cuts off
// what the former need.
ValueStatistics NormalStatistics(const ChannelNormals& normals, double low,
                                 double high);

// Replaces what `calibration` has of these values, and of what a Relu or a
// Clip makes of them. Returns how many.
int UseNormalizations(const Graph& graph,
                      const std::map<std::string, ChannelNormals>& normals,
                      Calibration& calibration);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_NORMAL_STATISTICS_H_
