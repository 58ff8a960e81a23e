#include "squint/ops/fourier_transform.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

Complex UnitRoot(double turns) {
  return std::polar(1.0, 2 * std::numbers::pi * turns);
}

void ReverseBits(std::vector<Complex>& line) {
  const size_t n = line.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(line[i], line[j]);
  }
}

// A power of two; `roots` are those of this length.
void TransformPowerOfTwo(std::vector<Complex>& line,
                         const std::vector<Complex>& roots) {
  const size_t n = line.size();
  ReverseBits(line);
  for (size_t half = 1; half < n; half *= 2) {
    const size_t step = n / (2 * half);
    for (size_t first = 0; first < n; first += 2 * half) {
      for (size_t j = 0; j < half; ++j) {
        Complex& a = line[first + j];
        Complex& b = line[first + j + half];
        const Complex turned = b * roots[j * step];
        b = a - turned;
        a += turned;
      }
    }
  }
}

void Conjugate(std::vector<Complex>& line) {
  for (Complex& x : line) x = std::conj(x);
}

}  // namespace

FourierTransform::FourierTransform(int64_t n) : n_(static_cast<size_t>(n)) {
  CheckInternal(n >= 1, "FourierTransform: an empty line");
  const bool direct = std::has_single_bit(n_);
  const size_t m = direct ? n_ : std::bit_ceil(2 * n_ - 1);
  roots_.resize(m / 2);
  for (size_t j = 0; j < roots_.size(); ++j) {
    roots_[j] = UnitRoot(-static_cast<double>(j) / static_cast<double>(m));
  }
  if (direct) return;
  chirp_.resize(n_);
  kernel_.resize(m);
  for (size_t j = 0; j < n_; ++j) {
    // j^2 modulo 2n, where the chirp repeats, keeps the angle exact.
    const auto square = static_cast<double>(j * j % (2 * n_));
    chirp_[j] = UnitRoot(-square / static_cast<double>(2 * n_));
    kernel_[j] = std::conj(chirp_[j]);
    if (j > 0) kernel_[m - j] = kernel_[j];
  }
  TransformPowerOfTwo(kernel_, roots_);
}

void FourierTransform::Forward(std::vector<Complex>& line) const {
  if (chirp_.empty()) return TransformPowerOfTwo(line, roots_);
  const size_t m = kernel_.size();
  std::vector<Complex> wide(m);
  for (size_t j = 0; j < n_; ++j) wide[j] = line[j] * chirp_[j];
  TransformPowerOfTwo(wide, roots_);
  // The inverse transform by conjugation, its last conjugate left to below.
  for (size_t j = 0; j < m; ++j) wide[j] = std::conj(wide[j] * kernel_[j]);
  TransformPowerOfTwo(wide, roots_);
  const double scale = 1 / static_cast<double>(m);
  for (size_t k = 0; k < n_; ++k) {
    line[k] = std::conj(wide[k]) * chirp_[k] * scale;
  }
}

void FourierTransform::Inverse(std::vector<Complex>& line) const {
  Conjugate(line);
  Forward(line);
  Conjugate(line);
  for (Complex& x : line) x /= static_cast<double>(n_);
}

}  // namespace squint
