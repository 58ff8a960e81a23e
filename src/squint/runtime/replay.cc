#include "squint/runtime/replay.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "squint/context.h"

namespace squint {

bool RunPlaces::AreApart() const {
  std::vector<const std::byte*> addresses(outputs.begin(), outputs.end());
  std::erase(addresses, nullptr);
  for (const Tensor& input : inputs) {
    const std::byte* at = input.buffer()->data();  // null: computed
    if (at == nullptr || InArena(at)) return false;
    addresses.push_back(at);
  }
  std::ranges::sort(addresses);
  return std::ranges::adjacent_find(addresses) == addresses.end();
}

bool Replay::Find(const void* address, const RunPlaces& places,
                  std::vector<Patch>& patches, size_t operand) {
  const auto* at = static_cast<const std::byte*>(address);
  if (at == nullptr || places.InArena(at)) return true;
  const auto input = std::ranges::find(places.inputs, at, &Tensor::raw);
  if (input != places.inputs.end()) {
    patches.push_back({Patch::Kind::kInput,
                       static_cast<size_t>(input - places.inputs.begin()),
                       operand});
    return true;
  }
  const auto output = std::ranges::find(places.outputs, at);
  if (output == places.outputs.end()) return false;
  patches.push_back({Patch::Kind::kOutput,
                     static_cast<size_t>(output - places.outputs.begin()),
                     operand});
  return true;
}

bool Replay::AddStep(std::shared_ptr<const PreparedNode> prepared, NodeId node,
                     std::span<const void* const> inputs,
                     const std::vector<bool>& is_constant,
                     std::span<void* const> outputs, void* scratch,
                     const RunPlaces& places) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool stays = i < is_constant.size() && is_constant[i];
    if (!stays && !Find(inputs[i], places, read_patches_, reads_.size())) {
      return false;
    }
    reads_.push_back(inputs[i]);
  }
  for (void* output : outputs) {
    if (!Find(output, places, write_patches_, writes_.size())) return false;
    writes_.push_back(output);
  }
  std::vector<Patch> none;
  if (!Find(scratch, places, none, 0) || !none.empty()) return false;
  const Step* step = prepared->step.get();
  commands_.push_back({step, node, std::move(prepared), inputs.size(),
                       outputs.size(), scratch});
  return true;
}

bool Replay::AddOutput(const Tensor& from, bool is_constant,
                       const RunPlaces& places) {
  const size_t number = outputs_.size();
  outputs_.push_back({from.dtype(), from.dims()});
  const bool made_there = from.raw() == places.outputs[number];
  copies_.push_back({from.raw(), made_there ? 0 : from.bytes()});
  return made_there || is_constant ||
         Find(from.raw(), places, copy_patches_, number);
}

void Replay::Abandon() {
  commands_ = {};
  reads_ = {};
  writes_ = {};
  read_patches_ = {};
  write_patches_ = {};
}

void Replay::Run(const RunPlaces& places, const Context& context,
                 ThreadPool& pool, NodeId& failed) {
  const auto address = [&](const Patch& patch) {
    return patch.kind == Patch::Kind::kInput ? places.inputs[patch.number].raw()
                                             : places.outputs[patch.number];
  };
  for (const Patch& patch : read_patches_) {
    reads_[patch.operand] = address(patch);
  }
  for (const Patch& patch : write_patches_) {
    writes_[patch.operand] = const_cast<std::byte*>(address(patch));
  }
  for (const Patch& patch : copy_patches_) {
    copies_[patch.operand].from = address(patch);
  }
  const void* const* read = reads_.data();
  void* const* write = writes_.data();
  for (const Command& command : commands_) {
    failed = kNoNode;
    context.ThrowIfCancelled();
    failed = command.node;
    command.step->Run({{read, command.num_inputs},
                       {write, command.num_outputs},
                       command.scratch,
                       pool});
    read += command.num_inputs;
    write += command.num_outputs;
  }
  failed = kNoNode;
  for (size_t i = 0; i < copies_.size(); ++i) {
    const Copy& copy = copies_[i];
    if (copy.bytes > 0) std::memcpy(places.outputs[i], copy.from, copy.bytes);
  }
}

}  // namespace squint
