// Bytes to graph and back: what was read can be written, and reads the same.
#include <string>

#include "fuzz.h"
#include "model_bytes.h"
#include "squint/onnx/functions.h"
#include "squint/onnx/model_reader.h"

namespace squint {
namespace {

constexpr size_t kMemoryLimit = size_t{1} << 20;

Graph Read(std::string_view bytes, std::shared_ptr<const void> owner) {
  ExternalFiles external("/nowhere/model.onnx");
  TensorSource source{std::move(owner), external, kMemoryLimit};
  return ReadModel(bytes, source);
}

}  // namespace

void Fuzz_reader(FuzzBytes bytes) {
  const auto block = ExactCopy(bytes);
  const std::string_view text(reinterpret_cast<const char*>(block.get()),
                              bytes.size());
  Graph graph;
  if (!Survives([&] { graph = Read(text, block); })) return;
  PrintGraph(graph);
  Survives([&] { ReadFunctions(graph, "/nowhere/model.onnx"); });
  const auto once = std::make_shared<const std::string>(ModelBytes(graph));
  const bool readable = Survives([&] {
    const std::string twice = ModelBytes(Read(*once, once));
    if (twice != *once) FuzzFailed("writing and reading changes the graph");
  });
  if (!readable) FuzzFailed("what was written cannot be read");
}

}  // namespace squint
