// Rounding weights one after the other, each correcting what the ones before
// it did to the layer's result.
//
// A row w of weights meets inputs x with second moments H = E[x x^T]; integers
// q at scale s cost E[((w - s q) x)^2] = e^T H e with e = w - s q. With
// H = U^T U, U upper triangular,
//   e^T H e = sum over r of U[r][r]^2 (e[r] + sum over k > r of C[r][k] e[k])^2
//   C[r][k] = U[r][k] / U[r][r]
// so that, from the last weight to the first,
//   q[r] = round((w[r] + sum over k > r of C[r][k] e[k]) / s)
// makes each bracket at most s / 2. This is GPTQ (Frantar et al. 2022,
// arXiv:2210.17323) without its inverse: Chee et al. 2023, "QuIP",
// arXiv:2307.13304, theorem 6. Weights with the largest H[r][r] are rounded
// first ("activation order"), while there are others left to correct them.
#ifndef SQUINT_QUANTIZE_FEEDBACK_ROUNDING_H_
#define SQUINT_QUANTIZE_FEEDBACK_ROUNDING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace squint {

class ThreadPool;

class FeedbackRounding {
 public:
  // moments: n x n, symmetric. A hundredth of the mean of its diagonal is
  // added to that, so that it has a factor. `pool` may be null.
  FeedbackRounding(std::span<const float> moments, size_t n, ThreadPool* pool);

  // Of up to kLanes rows side by side: weights [n][kLanes], a scale each,
  // integers in [-largest, largest] as floats, [n][kLanes]. Adds
  // (w - s q)^T H (w - s q), H as damped, to errors.
  static constexpr size_t kLanes = 16;
  void Round(const float* weights, const float* scales, float largest,
             float* integers, double* errors) const;

 private:
  size_t n_;
  std::vector<size_t> order_;    // place -> index; the last place is first
  std::vector<float> feedback_;  // C, by place
  std::vector<double> pivots_;   // U[r][r]^2
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_FEEDBACK_ROUNDING_H_
