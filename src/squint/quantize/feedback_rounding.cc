#include "squint/quantize/feedback_rounding.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "squint/base/threads.h"

namespace squint {
namespace {

constexpr double kDamping = 0.01;  // of the mean of the diagonal

// Rows of the factor that are subtracted from the rest at once, so that the
// rest is read and written once for all of them.
constexpr size_t kPanel = 32;

template <typename F>
void ForRows(size_t begin, size_t end, ThreadPool* pool, const F& row) {
  const auto range = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) row(begin + i);
  };
  if (pool == nullptr) {
    range(0, end - begin);
  } else {
    pool->ParallelFor(end - begin, 16, range);
  }
}

// a (n x n, upper half read) becomes U with a = U^T U.
void Factorize(std::vector<double>& a, size_t n, ThreadPool* pool) {
  const auto subtract = [&](size_t by, size_t row) {
    const double factor = a[by * n + row];
    for (size_t k = row; k < n; ++k) {
      a[row * n + k] -= factor * a[by * n + k];
    }
  };
  for (size_t begin = 0; begin < n; begin += kPanel) {
    const size_t end = std::min(n, begin + kPanel);
    for (size_t j = begin; j < end; ++j) {
      for (size_t by = begin; by < j; ++by) subtract(by, j);
      const double pivot = std::sqrt(a[j * n + j]);
      for (size_t k = j; k < n; ++k) a[j * n + k] /= pivot;
    }
    ForRows(end, n, pool, [&](size_t row) {
      for (size_t by = begin; by < end; ++by) subtract(by, row);
    });
  }
}

}  // namespace

FeedbackRounding::FeedbackRounding(std::span<const float> moments, size_t n,
                                   ThreadPool* pool)
    : n_(n), order_(n), feedback_(n * n), pivots_(n) {
  std::iota(order_.begin(), order_.end(), size_t{0});
  const auto diagonal = [&](size_t i) { return moments[i * n + i]; };
  std::ranges::stable_sort(
      order_, [&](size_t i, size_t k) { return diagonal(i) < diagonal(k); });
  double trace = 0;
  for (size_t i = 0; i < n; ++i) trace += static_cast<double>(diagonal(i));
  const double damping =
      trace > 0 ? kDamping * trace / static_cast<double>(n) : 1.0;
  std::vector<double> factor(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = i; k < n; ++k) {
      factor[i * n + k] =
          static_cast<double>(moments[order_[i] * n + order_[k]]);
    }
    factor[i * n + i] += damping;
  }
  Factorize(factor, n, pool);
  for (size_t i = 0; i < n; ++i) {
    const double pivot = factor[i * n + i];
    pivots_[i] = pivot * pivot;
    for (size_t k = i + 1; k < n; ++k) {
      feedback_[i * n + k] = static_cast<float>(factor[i * n + k] / pivot);
    }
  }
}

void FeedbackRounding::Round(const float* weights, const float* scales,
                             float largest, float* integers,
                             double* errors) const {
  std::vector<float> left(n_ * kLanes);  // w - s q, by place
  for (size_t r = n_; r-- > 0;) {
    float wanted[kLanes];
    const size_t at = order_[r] * kLanes;
    std::copy_n(weights + at, kLanes, wanted);
    for (size_t k = r + 1; k < n_; ++k) {
      const float c = feedback_[r * n_ + k];
      const float* e = left.data() + k * kLanes;
      for (size_t lane = 0; lane < kLanes; ++lane) wanted[lane] += c * e[lane];
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float q = std::clamp(std::nearbyintf(wanted[lane] / scales[lane]),
                                 -largest, largest);
      const double off =
          static_cast<double>(wanted[lane]) -
          static_cast<double>(q) * static_cast<double>(scales[lane]);
      errors[lane] += pivots_[r] * off * off;
      integers[at + lane] = q;
      left[r * kLanes + lane] = weights[at + lane] - q * scales[lane];
    }
  }
}

}  // namespace squint
