#include "squint/ops/conv_chain.h"

#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/macs.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

struct Link {
  Dims weight;  // [filters, channels of a group, height, width]
  int64_t stride = 1;
  int64_t group = 1;
  int64_t adds = 0;  // as the attribute
  Dims added = {};   // what is added
  Dims dilations = {1, 1};
  std::optional<std::vector<int64_t>> pads = {};
};

Tensor Scale(float value) { return Tensor::Scalar<float>(value); }

// A chain over an image [N, height, width, channels] of bytes.
template <typename T>
OpExample Chain(const char* what, const Dims& image,
                const std::vector<Link>& links) {
  const int lowest = std::is_signed_v<T> ? -128 : 0;
  const auto zero = [&](int value) {
    return Tensor::Scalar<T>(static_cast<T>(lowest + value));
  };
  OpExample example =
      OpExample("QLinearConvChain", what, "squint").In(Bytes<T>(image));
  std::map<std::string, std::vector<int64_t>> lists;
  uint32_t seed = 7;
  float in = 0.02f;
  int in_zero = 117;
  for (const Link& link : links) {
    if (&link != links.data()) example = std::move(example).Absent();
    const Dims& w = link.weight;
    const auto depth = static_cast<float>(w[1] * w[2] * w[3]);
    const float out = in * 0.9f;
    example = std::move(example)
                  .Const(Scale(in))
                  .Const(zero(in_zero))
                  .Const(Bytes<int8_t>(w, ++seed))
                  .Const(Scale(0.02f / std::sqrt(depth)))
                  .Const(Tensor::Scalar<int8_t>(0))
                  .Const(Scale(out))
                  .Const(zero(99));
    example = link.stride == 1
                  ? std::move(example).Absent()
                  : std::move(example).Const(Tensor::Of<int32_t>(
                        {w[0]},
                        std::vector<int32_t>(static_cast<size_t>(w[0]), 300)));
    in = out;
    in_zero = 99;
    if (link.adds != 0) {
      in = out * 1.5f;
      in_zero = 80;
      example = std::move(example)
                    .In(Bytes<T>(link.added, ++seed))
                    .Const(Scale(0.03f))
                    .Const(zero(60))
                    .Const(Scale(in))
                    .Const(zero(in_zero));
    }
    lists["adds"].push_back(link.adds);
    lists["group"].push_back(link.group);
    const int64_t half = (w[2] - 1) * link.dilations[0] / 2;
    const auto append = [&](const char* key, std::vector<int64_t> numbers) {
      lists[key].insert(lists[key].end(), numbers.begin(), numbers.end());
    };
    append("kernel_shape", {w[2], w[3]});
    append("strides", {link.stride, link.stride});
    append("dilations", {link.dilations[0], link.dilations[1]});
    append("pads", link.pads.value_or(std::vector<int64_t>(4, half)));
  }
  for (auto& [key, list] : lists) example = std::move(example).Set(key, list);
  return example;
}

std::vector<OpExample> SmallChains() {
  const std::vector<Link> bottleneck = {
      {{24, 8, 1, 1}}, {{24, 1, 3, 3}, 2, 24}, {{12, 24, 1, 1}}};
  return {
      Chain<uint8_t>("expand, depthwise, project", {2, 7, 6, 8}, bottleneck),
      Chain<int8_t>("int8", {1, 7, 6, 8}, bottleneck),
      Chain<uint8_t>("a sum at the end", {2, 5, 6, 16},
                     {{{8, 16, 1, 1}},
                      {{8, 8, 3, 3}},
                      {{16, 8, 1, 1}, 1, 1, 2, {2, 5, 6, 16}}}),
      Chain<uint8_t>("a sum in between, groups, a row skipped", {1, 9, 8, 8},
                     {{{8, 8, 3, 3}, 1, 1, 1, {1, 9, 8, 8}},
                      {{8, 4, 1, 1}, 2, 2},
                      {{4, 8, 5, 5}}}),
  };
}

}  // namespace

std::vector<OpExample> Examples_conv_chain() { return SmallChains(); }

namespace {

// The node as a graph of its links.
Graph Apart(const OpExample& example) {
  Graph graph = GraphOf(example);
  const Node chain = TakeNode(graph);
  ValueId image = chain.input(0);
  for (const ConvLink& link : LinksOf(chain)) {
    Node node = link.node;
    node.inputs[0] = image;
    image = graph.AddValue("link");
    node.outputs = {image};
    graph.AddNode(std::move(node));
  }
  graph.SetOutputs({image});
  return graph;
}

TEST(QLinearConvChain, IsItsLinksOneAfterTheOther) {
  for (const OpExample& example : SmallChains()) {
    CheckParts(example, Apart(example));
  }
}

// Larger than a core's cache, so that bands are taken: by one lane, by two of
// one image, by two of an image each. Eight threads have few rows each.
TEST(QLinearConvChain, GivesTheSameByBands) {
  const auto with_sum = [](int64_t n) {
    return Chain<uint8_t>("sum", {n, 61, 64, 32},
                          {{{128, 32, 1, 1}},
                           {{128, 1, 3, 3}, 1, 128},
                           {{32, 128, 1, 1}, 1, 1, 1, {n, 61, 64, 32}}});
  };
  for (const OpExample& example :
       {with_sum(1), with_sum(2),
        Chain<uint8_t>("windows of many sizes", {1, 94, 64, 32},
                       {{{64, 32, 1, 1}},
                        {{64, 1, 5, 5}, 1, 64},
                        {{64, 64, 1, 1}, 2},
                        {{96, 64, 3, 3}, 1, 1, 0, {}, {2, 2}},
                        {{96, 1, 3, 3}, 2, 96, 0, {}, {1, 1}, {{0, 0, 1, 1}}},
                        {{16, 96, 1, 1}}})}) {
    for (const int threads : {1, 2, 8}) {
      CheckParts(example, Apart(example), threads);
    }
  }
}

TEST(QLinearConvChain, CountsTheProductsOfItsLinks) {
  const OpExample example = SmallChains()[0];
  const Graph graph = GraphOf(example);
  std::vector<Dims> inputs;
  for (const auto& input : example.inputs) {
    inputs.push_back(input.value.empty() ? Dims{} : input.value.dims());
  }
  EXPECT_EQ(MacsOf(graph.node(graph.order().front()), inputs, {{2, 4, 3, 12}}),
            2 * (7 * 6 * 24 * 8 + 4 * 3 * 24 * 9 + 4 * 3 * 12 * 24));
}

TEST(QLinearConvChain, RefusesListsThatDoNotFit) {
  Graph graph = GraphOf(SmallChains()[0]);
  Node chain = graph.node(graph.order().front());
  chain.Set("strides", std::vector<int64_t>{1, 1, 1});
  EXPECT_THROW(LinksOf(chain), Error);
  chain = graph.node(graph.order().front());
  chain.inputs.pop_back();
  EXPECT_THROW(LinksOf(chain), Error);
}

}  // namespace
}  // namespace squint
