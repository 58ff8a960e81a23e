#include "squint/report/latency.h"

#include <gtest/gtest.h>

#include <cmath>

namespace squint {
namespace {

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoThere) {
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 2}), 2);
  EXPECT_EQ(Median({9, 1, 4, 2}), 3);
  EXPECT_EQ(Median({7, 7, 1, 7, 100, 0}), 7);
  EXPECT_TRUE(std::isnan(Median({})));
}

TEST(Turn, HasTheMedianAndTheBestOfItsRuns) {
  const Turn turn = TurnOf({3, 2, 9}, -0.01);
  EXPECT_EQ(turn.median, 3);
  EXPECT_EQ(turn.best, 2);
  EXPECT_EQ(turn.runs, 3);
  EXPECT_EQ(turn.others, 0);  // clock ticks are coarse
}

TEST(Latency, CountsCleanTurnsAloneWhenThereAreThree) {
  const Latency latency = LatencyOf(
      {{10, 9, 5, 0.0}, {99, 1, 5, 0.9}, {12, 8, 5, 0.1}, {11, 9, 5, 0.05}});
  EXPECT_EQ(latency.median, 11);
  EXPECT_EQ(latency.low, 10);
  EXPECT_EQ(latency.high, 12);
  EXPECT_EQ(latency.best, 8);
  EXPECT_EQ(latency.runs, 15);
  EXPECT_EQ(latency.turns, 3);
  EXPECT_TRUE(latency.clean);
}

TEST(Latency, CountsTheLeastDisturbedTurnsOnABusyMachine) {
  std::vector<Turn> turns;
  for (int i = 0; i < 12; ++i) turns.push_back({1.0 + i, 1.0 + i, 1, 0.5 + i});
  const Latency latency = LatencyOf(turns);
  EXPECT_EQ(latency.turns, 4);
  EXPECT_EQ(latency.high, 4);
  EXPECT_EQ(latency.others, 2);
  EXPECT_FALSE(latency.clean);
  EXPECT_EQ(LatencyOf({{2, 2, 1, 0}, {4, 4, 1, 9}}).median, 3);
  EXPECT_EQ(LatencyOf({}).turns, 0);
}

}  // namespace
}  // namespace squint
