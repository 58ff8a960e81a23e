#include "squint/emit/patches.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "squint/base/error.h"
#include "squint/emit/emit.h"
#include "squint/emit/plan.h"
#include "squint/emit/ram_limit.h"
#include "squint/emit/test_net.h"
#include "squint/fixed/lower.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

using Bytes = std::vector<int8_t>;

// What a network of one input and one output gives, its values in the places of
// the plan.
Bytes RunInPlaces(const FixedNetwork& network, const Bytes& input) {
  const MemoryPlan plan = PlanMemory(network);
  VerifyPlan(network, plan);
  Bytes arena(static_cast<size_t>(plan.arena_bytes), 99);
  Bytes output(static_cast<size_t>(network.outputs[0].bytes()));
  const auto at = [&](ValueId id) -> int8_t* {
    const Place& place = plan.places.at(id);
    if (place.kind == Place::Kind::kOutput) return output.data();
    if (place.kind != Place::Kind::kArena) return nullptr;
    return arena.data() + place.offset;
  };
  for (size_t t = 0; t < plan.order.size(); ++t) {
    const FixedNode& node = network.steps()[plan.order[t]];
    if (node.step->is_view()) continue;
    std::vector<const int8_t*> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == network.inputs[0].value ? input.data()
                       : id == kNoValue              ? nullptr
                                                     : at(id));
    }
    std::vector<int8_t*> outputs = {at(node.outputs[0])};
    const int64_t scratch = plan.scratch[t];
    StepRunner runner(inputs, outputs,
                      scratch < 0 ? nullptr : arena.data() + scratch, nullptr);
    node.step->Run(runner);
  }
  for (const auto& [id, port] : plan.copies) {
    std::copy_n(at(id), output.size(), output.data());
  }
  return output;
}

Bytes Noise(const FixedNetwork& network) {
  std::mt19937 random(5);
  Bytes bytes(static_cast<size_t>(network.inputs[0].bytes()));
  for (int8_t& byte : bytes) byte = static_cast<int8_t>(random());
  return bytes;
}

FixedNetwork MobileNet() {
  return Net({1, 3, 21, 18})
      .Conv(4, 3, 2)
      .Depthwise(1)
      .Conv(10, 1, 1)
      .Depthwise(2)
      .Conv(6, 1, 1)
      .Table()
      .Finish();
}

FixedNetwork ResNet() {
  return Net({1, 2, 13, 12}).Conv(5, 3, 1).Pool().Block().Block().Finish();
}

// Every segment, in grids of any kind.
void ExpectSameInPatches(const FixedNetwork& network) {
  const Bytes input = Noise(network);
  const Bytes expected = RunInPlaces(network, input);
  const std::vector<Segment> segments = FindSegments(network);
  ASSERT_FALSE(segments.empty());
  for (const Segment& segment : segments) {
    const ImageSize& image = segment.images.at(segment.exit);
    for (const PatchGrid& grid :
         {PatchGrid{1, 2}, PatchGrid{2, 1}, PatchGrid{2, 3}, PatchGrid{3, 2},
          PatchGrid{image.height, image.width}}) {
      if (grid.rows > image.height || grid.columns > image.width) continue;
      const FixedNetwork patched =
          WithPatches(network, segment, DraftPatches(network, segment, grid));
      EXPECT_EQ(RunInPlaces(patched, input), expected)
          << segment.first << " .. " << segment.last << " in " << grid.rows
          << " x " << grid.columns;
    }
  }
}

TEST(Patches, GiveTheBytesOfTheWholeOnDepthwiseLayers) {
  ExpectSameInPatches(MobileNet());
}

TEST(Patches, GiveTheBytesOfTheWholeOnResidualBlocks) {
  ExpectSameInPatches(ResNet());
}

TEST(Patches, ComputeOnlyOverlappingBordersTwice) {
  const FixedNetwork network =
      Net({1, 1, 8, 8}).Conv(2, 3, 1).Conv(3, 3, 1).Finish();
  const std::vector<Segment> segments = FindSegments(network);
  ASSERT_EQ(segments.size(), 1u);
  // The first layer makes 5 of 8 rows for each half; a pixel of it is 2 * 9
  // products.
  EXPECT_EQ(DraftPatches(network, segments[0], {2, 1}).extra_macs(),
            2 * 8 * 2 * 9);
  EXPECT_EQ(DraftPatches(network, segments[0], {1, 1}).extra_macs(), 0);
}

TEST(VerifyPatches, FindsABufferThatIsOverwritten) {
  const FixedNetwork network = ResNet();
  const std::vector<Segment> segments = FindSegments(network);
  PatchDraft draft = DraftPatches(network, segments.back(), {2, 2});
  const FixedNetwork patched =
      WithPatches(network, segments.back(), std::move(draft));
  const PatchStep& good = *PatchesOf(patched);
  EXPECT_NO_THROW(VerifyPatches(good));
  std::vector<PatchLayer> layers = good.layers();
  for (PatchLayer& layer : layers) {
    layer.output.offset = 0;
    for (PatchOperand& input : layer.inputs) input.offset = 0;
  }
  const PatchStep mixed(layers, static_cast<int64_t>(good.scratch_bytes()));
  EXPECT_THROW(VerifyPatches(mixed), Error);
  const PatchStep small(good.layers(),
                        static_cast<int64_t>(good.scratch_bytes()) - 4);
  EXPECT_THROW(VerifyPatches(small), Error);
}

TEST(Segments, EndWhereSomebodyElseReads) {
  Net net({1, 2, 9, 9});
  net.Conv(3, 3, 1);
  const ValueId shared = net.last;
  net.Conv(3, 3, 1).Conv(3, 3, 1);
  FixedNetwork network = net.Finish();
  const size_t before = FindSegments(network).size();
  // The first result is an output of the network, too.
  for (const FixedNode& node : network.steps()) {
    if (node.step->window() == nullptr) continue;
    network.outputs.push_back(
        {.value = node.outputs[0], .name = "also", .dims = {}});
    break;
  }
  EXPECT_NE(shared, kNoValue);
  EXPECT_LT(FindSegments(network).size(), before);
}

TEST(MeetRamLimit, TakesTheCheapestGridThatFits) {
  const FixedNetwork network = MobileNet();
  const MemoryPlan plan = PlanMemory(network);
  int64_t extra = 0;
  for (const int64_t percent : {90, 70, 55}) {
    const int64_t limit = plan.arena_bytes * percent / 100;
    const auto patched = MeetRamLimit(network, plan, limit);
    ASSERT_TRUE(patched.has_value());
    EXPECT_LE(PlanMemory(*patched).arena_bytes, limit);
    EXPECT_GE(PatchesOf(*patched)->extra_macs(), extra);
    extra = PatchesOf(*patched)->extra_macs();
  }
  EXPECT_GT(extra, 0);
}

TEST(MeetRamLimit, ChangesNothingWhereTheLimitIsMet) {
  const FixedNetwork network = MobileNet();
  const MemoryPlan plan = PlanMemory(network);
  EXPECT_FALSE(MeetRamLimit(network, plan, plan.arena_bytes).has_value());
}

TEST(MeetRamLimit, SaysByHowMuchALimitIsMissedAndWhere) {
  const FixedNetwork network = MobileNet();
  try {
    EmitC(network, {.name = "net", .source = "", .ram_limit = 16});
    FAIL() << "16 bytes were enough";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudgetNotMet);
    const std::string& text = error.message();
    EXPECT_NE(text.find("limit of 16 bytes"), std::string::npos) << text;
    EXPECT_NE(text.find("too many"), std::string::npos) << text;
    EXPECT_NE(text.find("in the way is layer '"), std::string::npos) << text;
  }
}

TEST(MeetRamLimit, ReachesTheLeastItNames) {
  const FixedNetwork network = MobileNet();
  const MemoryPlan plan = PlanMemory(network);
  try {
    MeetRamLimit(network, plan, 16);
    FAIL() << "16 bytes were enough";
  } catch (const Error& error) {
    const std::string_view before = "the least arena takes ";
    const size_t at = error.message().find(before);
    ASSERT_NE(at, std::string::npos);
    const int64_t least =
        std::stoll(error.message().substr(at + before.size()));
    EXPECT_LT(least, plan.arena_bytes);
    const auto patched = MeetRamLimit(network, plan, least);
    ASSERT_TRUE(patched.has_value());
    EXPECT_LE(PlanMemory(*patched).arena_bytes, least);
  }
}

TEST(FlashLimit, NamesTheLargestLayers) {
  const FixedNetwork network = MobileNet();
  try {
    EmitC(network, {.name = "net", .source = "", .flash_limit = 4000});
    FAIL() << "4000 bytes were enough";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudgetNotMet);
    EXPECT_NE(error.message().find("too many"), std::string::npos);
    EXPECT_NE(error.message().find("most are held by '"), std::string::npos);
  }
  EXPECT_NO_THROW(
      EmitC(network, {.name = "net", .source = "", .flash_limit = 1 << 20}));
}

}  // namespace
}  // namespace squint
