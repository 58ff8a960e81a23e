#include "squint/kernels/scale_search/scale_search.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/kernels/each_target_test.h"
#include "squint/kernels/scale_search/scale_search_ref.h"

namespace squint {
namespace {

std::vector<float> RandomTile(size_t rows, float spread) {
  std::mt19937 engine(static_cast<unsigned>(rows));
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> tile(rows * kSearchLanes);
  for (float& v : tile) v = normal(engine);
  return tile;
}

void ExpectTheReference(const std::vector<float>& tile, size_t rows,
                        int32_t qmax) {
  std::vector<float> scales(kSearchLanes);
  SearchScales(tile.data(), rows, qmax, scales.data());
  for (size_t lane = 0; lane < kSearchLanes; ++lane) {
    std::vector<float> group;
    for (size_t row = 0; row < rows; ++row) {
      group.push_back(tile[row * kSearchLanes + lane]);
    }
    ASSERT_EQ(scales[lane], SearchScaleReference(group, qmax))
        << rows << " rows, lane " << lane;
  }
}

TEST(SearchScales, EqualsTheReferenceBitForBit) {
  ForEachTarget([] {
    for (const size_t rows : {1, 2, 7, 8, 9, 31, 32, 33, 100}) {
      for (const float spread : {1e-3f, 1.0f, 1e20f}) {
        for (const int32_t qmax : {1, 7}) {
          ExpectTheReference(RandomTile(rows, spread), rows, qmax);
        }
      }
    }
  });
}

TEST(SearchScales, GroupsOfZerosAndOfDenormalsHaveScaleOne) {
  ForEachTarget([] {
    std::vector<float> tile = RandomTile(32, 1.0f);
    for (size_t row = 0; row < 32; ++row) {
      tile[row * kSearchLanes + 3] = 0.0f;
      tile[row * kSearchLanes + 9] = 1e-42f;
    }
    ExpectTheReference(tile, 32, 7);
    std::vector<float> scales(kSearchLanes);
    SearchScales(tile.data(), 32, 7, scales.data());
    EXPECT_EQ(scales[3], 1.0f);
    EXPECT_EQ(scales[9], 1.0f);
  });
}

TEST(SearchScales, ZerosThatFillAGroupUpChangeNothing) {
  const std::vector<float> tile = RandomTile(20, 1.0f);
  std::vector<float> longer = tile;
  longer.resize(32 * kSearchLanes, 0.0f);
  std::vector<float> a(kSearchLanes);
  std::vector<float> b(kSearchLanes);
  SearchScales(tile.data(), 20, 7, a.data());
  SearchScales(longer.data(), 32, 7, b.data());
  EXPECT_EQ(a, b);
}

TEST(SearchScales, ClipsAnOutlierWhereThatPays) {
  std::vector<float> tile = RandomTile(64, 0.1f);
  tile[0] = 1.0f;
  std::vector<float> scales(kSearchLanes);
  SearchScales(tile.data(), 64, 7, scales.data());
  EXPECT_LT(scales[0], 1.0f / 7);
}

}  // namespace
}  // namespace squint
