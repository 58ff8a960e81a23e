#include "squint/kernels/pool/byte_mean.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

TEST(ImageMeans, RoundTheMeanOfEachPlane) {
  const uint8_t in[] = {1, 2, 4, 200, 201, 203};
  uint8_t out[2];
  ThreadPool pool(1);
  MeanOfBytes({1, 3, 2, {1.0f, 0, false}, ByteGrid{0.5f, 7, false}}, in, out,
              pool);
  EXPECT_EQ(out[0], 7 + 5);  // 7 / 3 is 4.67 halves
  EXPECT_EQ(out[1], 255);    // 201.3 is 403 halves: saturates
}

TEST(ImageMeans, AreRealWithoutAGrid) {
  const int8_t in[] = {1, 100, -2, 101, 4, 103};  // three pixels of two
  float out[2];
  ThreadPool pool(1);
  MeanOfBytesLast({1, 3, 2, {0.5f, -3, true}, {}}, in, out, pool);
  EXPECT_EQ(out[0], 12.0f * (0.5f / 3.0f));
  EXPECT_EQ(out[1], 313.0f * (0.5f / 3.0f));
}

// The formula, and both orders of the axes by it.
class Means {
 public:
  explicit Means(const ImageMeans& means) : m_(means) {
    std::mt19937 engine(static_cast<uint32_t>(m_.channels));
    first_.resize(static_cast<size_t>(m_.images * m_.channels * m_.pixels));
    for (uint8_t& b : first_) b = static_cast<uint8_t>(engine() >> 9);
    last_.resize(first_.size());
    for (int64_t n = 0; n < m_.images; ++n) {
      for (int64_t c = 0; c < m_.channels; ++c) {
        int64_t sum = 0;
        for (int64_t p = 0; p < m_.pixels; ++p) {
          const uint8_t byte =
              first_[At((n * m_.channels + c) * m_.pixels + p)];
          last_[At((n * m_.pixels + p) * m_.channels + c)] = byte;
          sum += m_.x.is_signed ? static_cast<int8_t>(byte) : byte;
        }
        Add(sum - m_.x.zero * m_.pixels);
      }
    }
  }

  void Check(int threads) const {
    ThreadPool pool(threads);
    std::vector<uint8_t> out(truth_.size(), 0xA5);
    MeanOfBytes(m_, first_.data(), out.data(), pool);
    EXPECT_EQ(out, truth_);
    std::fill(out.begin(), out.end(), uint8_t{0xA5});
    MeanOfBytesLast(m_, last_.data(), out.data(), pool);
    EXPECT_EQ(out, truth_) << "channels last";
  }

 private:
  static size_t At(int64_t i) { return static_cast<size_t>(i); }

  void Add(int64_t sum) {
    const auto pixels = static_cast<float>(m_.pixels);
    if (!m_.y) {
      const float mean = static_cast<float>(sum) * (m_.x.scale / pixels);
      const size_t at = truth_.size();
      truth_.resize(at + sizeof(mean));
      std::memcpy(truth_.data() + at, &mean, sizeof(mean));
      return;
    }
    const float steps =
        static_cast<float>(sum) * (m_.x.scale / (m_.y->scale * pixels));
    const float q = std::nearbyintf(steps) + static_cast<float>(m_.y->zero);
    truth_.push_back(static_cast<uint8_t>(
        static_cast<int>(std::clamp(q, static_cast<float>(m_.y->lowest()),
                                    static_cast<float>(m_.y->highest())))));
  }

  ImageMeans m_;
  std::vector<uint8_t> first_;
  std::vector<uint8_t> last_;
  std::vector<uint8_t> truth_;
};

TEST(ImageMeans, AreTheFormulaForAnyChannels) {
  const std::vector<std::optional<ByteGrid>> results = {
      std::nullopt, ByteGrid{0.011f, 100, false}, ByteGrid{0.013f, -5, true}};
  for (const auto& y : results) {
    for (const ByteGrid& x :
         {ByteGrid{0.03f, 121, false}, ByteGrid{0.017f, -5, true}}) {
      for (const int64_t channels : {1, 15, 63, 64, 65, 130, 1000}) {
        SCOPED_TRACE(channels);
        const Means means({2, 49, channels, x, y});
        ForEachTarget([&] {
          means.Check(1);
          means.Check(2);
        });
      }
    }
  }
}

// More pixels than a sum of 32 bits could hold.
TEST(ImageMeans, AreExactForLargeImages) {
  const Means means(
      {1, (int64_t{1} << 20) + 7, 3, ByteGrid{0.03f, 0, false}, std::nullopt});
  means.Check(1);
}

}  // namespace
}  // namespace squint
