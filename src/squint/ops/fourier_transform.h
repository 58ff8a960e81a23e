// The discrete Fourier transform of one line of any length, in float64.
#ifndef SQUINT_OPS_FOURIER_TRANSFORM_H_
#define SQUINT_OPS_FOURIER_TRANSFORM_H_

#include <complex>
#include <cstdint>
#include <vector>

namespace squint {

using Complex = std::complex<double>;

// Prepared once for a length n, then run on many lines, from any thread:
//   y[k] = sum over j of x[j] exp(-2 pi i j k / n)
// Powers of two by halving (Cooley and Tukey 1965); every other n as a
// convolution with a chirp, itself done in a power of two m >= 2n - 1
// (Bluestein 1970): j k = (j^2 + k^2 - (k - j)^2) / 2. O(n log n).
class FourierTransform {
 public:
  explicit FourierTransform(int64_t n);  // n >= 1
  // In place; `line` has n elements.
  void Forward(std::vector<Complex>& line) const;
  // With +2 pi i, divided by n: undoes Forward.
  void Inverse(std::vector<Complex>& line) const;

 private:
  size_t n_;
  std::vector<Complex> roots_;   // exp(-2 pi i j / m), j < m / 2
  std::vector<Complex> chirp_;   // exp(-pi i j^2 / n); empty: n is 2^k
  std::vector<Complex> kernel_;  // transform of the chirp's conjugate
};

}  // namespace squint

#endif  // SQUINT_OPS_FOURIER_TRANSFORM_H_
