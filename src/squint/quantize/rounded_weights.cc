#include "squint/quantize/rounded_weights.h"

#include <cstddef>
#include <span>
#include <utility>

#include "squint/base/hash.h"

namespace squint {

const RoundedWeights::Rounded* RoundedWeights::Find(
    const std::string& key) const {
  const auto it = rounded_.find(key);
  return it == rounded_.end() ? nullptr : &it->second;
}

void RoundedWeights::Keep(const std::string& key, Rounded rounded) {
  rounded_.insert_or_assign(key, std::move(rounded));
}

const InputMoments* RoundedWeights::FindMoments(const std::string& key) const {
  const auto it = moments_.find(key);
  return it == moments_.end() ? nullptr : &it->second;
}

void RoundedWeights::KeepMoments(const std::string& key,
                                 const InputMoments& moments) {
  constexpr size_t kMost = size_t{256} << 20;
  const size_t bytes = moments.sums.size() * sizeof(double) +
                       moments.products.size() * sizeof(float);
  if (moment_bytes_ + bytes > kMost) return;
  if (moments_.emplace(key, moments).second) moment_bytes_ += bytes;
}

std::string DigestOf(const Graph& graph) {
  ContentHasher hasher;
  const std::string text = PrintGraph(graph);
  hasher.Add(std::as_bytes(std::span(text.data(), text.size())));
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (!graph.value(id).is_constant()) continue;
    const Tensor constant = graph.value(id).constant.Materialize();
    hasher.Add(std::span(constant.raw(), constant.bytes()));
  }
  return hasher.Digest();
}

}  // namespace squint
