// A quantized weight while its rounding is tuned: every number may be rounded
// down or up (AdaRound, arXiv:2004.10568), and a number tuned as it is.
#ifndef SQUINT_QUANTIZE_SOFT_WEIGHT_H_
#define SQUINT_QUANTIZE_SOFT_WEIGHT_H_

#include <memory>
#include <vector>

#include "squint/tensor/quant_params.h"

namespace squint {

class ThreadPool;

// How one step is taken; `step` counts from 1.
struct TuningStep {
  int step = 1;
  float rate = 0;
  float pull = 0;  // towards whole steps
  int power = 2;
};

class SoftWeight {
 public:
  // Integers of at most 8 bits, symmetric, per tensor, channel or group.
  static bool Suits(const Tensor& real, const QuantParams& params);
  // `integers`: what it is rounded to so far. The largest of them says how
  // many bits are used of the type.
  SoftWeight(const Tensor& real, const Tensor& integers,
             const QuantParams& params);

  // As the network computes with it now; changes with Step.
  Tensor weight() const;
  void Step(const Tensor& gradient, const TuningStep& step, ThreadPool& pool);
  // The integers it comes to: halves go up.
  Tensor Integers() const;
  int64_t size() const { return static_cast<int64_t>(v_.size()); }

 private:
  using Numbers = std::shared_ptr<std::vector<float>>;

  Dims dims_;
  QuantParams params_;
  float highest_;  // the grid is symmetric
  std::vector<float> floor_;
  std::vector<float> scale_;
  std::vector<float> v_;
  std::vector<float> first_;
  std::vector<float> second_;
  Numbers weight_;
};

// A float constant (a bias) that descent moves freely, by Adam.
class TunedConstant {
 public:
  // `unit`: what one step with rate 1 moves each number by.
  TunedConstant(const Tensor& start, float unit);
  Tensor value() const { return value_; }
  void Step(const Tensor& gradient, const TuningStep& step);

 private:
  Tensor value_;
  float unit_;
  std::vector<float> first_;
  std::vector<float> second_;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_SOFT_WEIGHT_H_
