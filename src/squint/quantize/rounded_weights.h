// What weight-rounding made of layers and what it measured of their inputs, to
// be taken again: a search quantizes the same float network with the same
// samples many times, and a layer's rounding depends on nothing else but its
// own format.
#ifndef SQUINT_QUANTIZE_ROUNDED_WEIGHTS_H_
#define SQUINT_QUANTIZE_ROUNDED_WEIGHTS_H_

#include <cstddef>
#include <map>
#include <string>

#include "squint/graph/graph.h"
#include "squint/quantize/input_moments.h"
#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

// One set of samples; not for several threads at once.
class RoundedWeights {
 public:
  struct Rounded {
    Tensor integers;
    QuantParams params;
  };

  // Null where there is none.
  const Rounded* Find(const std::string& key) const;
  void Keep(const std::string& key, Rounded rounded);

  // The same of inputs. Moments that would not fit 256 MB with the others are
  // not kept.
  const InputMoments* FindMoments(const std::string& key) const;
  void KeepMoments(const std::string& key, const InputMoments& moments);

 private:
  std::map<std::string, Rounded> rounded_;
  std::map<std::string, InputMoments> moments_;
  size_t moment_bytes_ = 0;
};

// Tells float networks apart, by nodes and constants.
std::string DigestOf(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_ROUNDED_WEIGHTS_H_
