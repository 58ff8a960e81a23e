// Large constants with the same content become one. Layers that share their
// weights come as copies (PyTorch's exporter puts an Identity before each),
// and passes that scale such weights alike make more: quantized one by one,
// they would make the file larger than it was.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "squint/base/file.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"
#include "squint/tensor/pieces.h"

namespace squint {
namespace {

constexpr size_t kLarge = 1024;  // bytes; smaller ones are not worth the time
constexpr size_t kProbe = 64;    // bytes at the beginning, middle and end

// What equal constants have in common, read without reading all of them.
std::string KeyOf(const Tensor& tensor) {
  std::string key = fmt::format("{}{}", DTypeName(tensor.dtype()),
                                DimsToString(tensor.dims()));
  const auto* bytes = reinterpret_cast<const char*>(tensor.raw());
  const size_t last = tensor.bytes() - kProbe;
  for (const size_t at : std::array{size_t{0}, last / 2, last}) {
    key.append(bytes + at, kProbe);
  }
  // A fault can map a megabyte around it.
  ReleasePages({tensor.raw(), tensor.bytes()});
  return key;
}

bool SameContent(const Tensor& a, const Tensor& b) {
  return a.raw() == b.raw() || SameBytes(*a.buffer(), *b.buffer());
}

// Those computed when read are not compared: they would have to be held.
const Tensor* Candidate(const Editor& editor, ValueId id) {
  const Tensor* constant = editor.Constant(id);
  const bool plain = constant != nullptr && constant->bytes() >= kLarge &&
                     BitsOf(constant->dtype()) > 0 &&
                     !constant->buffer()->is_computed();
  return plain && !editor.graph().IsOutput(id) ? constant : nullptr;
}

int RunEqualConstants(Graph& graph, PassContext& pass) {
  const Editor editor(graph);
  const UseMap uses(graph);
  std::map<std::string, std::vector<ValueId>> seen;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const Tensor* constant = Candidate(editor, id);
    if (constant == nullptr || uses.of(id).empty()) continue;
    std::vector<ValueId>& alike = seen[KeyOf(*constant)];
    const auto same =
        std::find_if(alike.begin(), alike.end(), [&](ValueId other) {
          return SameContent(*constant, *editor.Constant(other));
        });
    if (same == alike.end()) {
      alike.push_back(id);
      continue;
    }
    pass.Say("{} is {}", graph.value(id).name, graph.value(*same).name);
    graph.ReplaceUses(id, *same);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kEqualConstantsPass = {
    .name = "equal-constants",
    .summary = "large constants with the same content become one",
    .run = RunEqualConstants,
};

}  // namespace squint
