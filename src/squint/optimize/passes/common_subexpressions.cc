// Nodes that compute the same thing from the same inputs are computed once.
// Small constants count as the same when their content is, so that chains
// that exporters repeat (each with its own axes and indices) meet too; the
// constants themselves stay separate, with their own names.
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

constexpr size_t kSmallConstant = 1024;  // bytes compared by content

bool IsRepeatable(const Node& node) {
  constexpr std::array<std::string_view, 6> kRandom = {
      "RandomNormal",      "RandomNormalLike", "RandomUniform",
      "RandomUniformLike", "Bernoulli",        "Multinomial"};
  for (const std::string_view type : kRandom) {
    if (node.Is(type)) return false;
  }
  return !node.has_graphs() && !node.inputs.empty();
}

void Append(std::string& key, std::string_view text) {
  key += fmt::format("{}:", text.size());
  key += text;
}

void AppendTensor(std::string& key, const Tensor& tensor) {
  key += fmt::format("{}{}", DTypeName(tensor.dtype()),
                     DimsToString(tensor.dims()));
  const Tensor plain = tensor.Materialize();
  Append(key, {reinterpret_cast<const char*>(plain.raw()), plain.bytes()});
}

template <typename T>
void AppendBytes(std::string& key, const std::vector<T>& values) {
  Append(key, {reinterpret_cast<const char*>(values.data()),
               values.size() * sizeof(T)});
}

// False for attributes that are not compared (graphs, large tensors).
bool AppendAttribute(std::string& key, const Attribute& attribute) {
  key += static_cast<char>('a' + attribute.index());
  if (const auto* i = std::get_if<int64_t>(&attribute)) {
    key += std::to_string(*i);
  } else if (const auto* f = std::get_if<float>(&attribute)) {
    AppendBytes(key, std::vector<float>{*f});
  } else if (const auto* s = std::get_if<std::string>(&attribute)) {
    Append(key, *s);
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(&attribute)) {
    AppendBytes(key, *is);
  } else if (const auto* fs = std::get_if<std::vector<float>>(&attribute)) {
    AppendBytes(key, *fs);
  } else if (const auto* t = std::get_if<Tensor>(&attribute);
             t != nullptr && t->bytes() <= kSmallConstant &&
             t->dtype() != DType::kString) {
    AppendTensor(key, *t);
  } else {
    return false;
  }
  return true;
}

void AppendInput(std::string& key, const Editor& editor, ValueId id) {
  const Tensor* constant = editor.Constant(id);
  if (constant != nullptr && constant->bytes() <= kSmallConstant &&
      BitsOf(constant->dtype()) > 0) {
    key += "|c";
    AppendTensor(key, *constant);
  } else {
    key += fmt::format("|{}", id);
  }
}

// What the node computes, as bytes; empty when it is not compared.
std::string KeyOf(const Editor& editor, const Node& node) {
  if (!IsRepeatable(node) || editor.IsQuantized(node)) return "";
  std::string key;
  Append(key, node.domain);
  Append(key, node.op_type);
  for (const auto& [name, attribute] : node.attributes) {
    Append(key, name);
    if (!AppendAttribute(key, attribute)) return "";
  }
  for (const ValueId id : node.inputs) AppendInput(key, editor, id);
  return key;
}

// Every output that `gone` has, `kept` has too, and no graph output goes.
bool CanReplace(const Graph& graph, const Node& gone, const Node& kept) {
  for (size_t i = 0; i < gone.outputs.size(); ++i) {
    if (gone.outputs[i] == kNoValue) continue;
    if (kept.output(i) == kNoValue || graph.IsOutput(gone.outputs[i])) {
      return false;
    }
  }
  return true;
}

int RunCommonSubexpressions(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  std::map<std::string, NodeId> first;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const std::string key = KeyOf(editor, node);
    if (key.empty()) continue;
    const auto [it, is_new] = first.emplace(key, id);
    if (is_new || !CanReplace(graph, node, graph.node(it->second))) continue;
    pass.Say("{} is {}", editor.Name(id), editor.Name(it->second));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      graph.ReplaceUses(node.outputs[i], graph.node(it->second).outputs[i]);
    }
    editor.MergeNames(it->second, id);
    editor.Remove(id);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kCommonSubexpressionsPass = {
    .name = "common-subexpressions",
    .summary = "what is computed twice from the same inputs is computed once",
    .run = RunCommonSubexpressions,
};

}  // namespace squint
