#include "conformance/accepted_types.h"

#include <string_view>

namespace squint {
namespace {

std::string OfDType(DType dtype) {
  switch (dtype) {
    case DType::kString:
      return "strings";
    case DType::kComplex64:
    case DType::kComplex128:
      return "complex";
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0:
      return "float8";
    default:
      return "";
  }
}

// TypeProto's first field: sequence_type is 4, optional_type 9, both messages
// (wire type 2).
std::string OfTypeProto(std::string_view bytes) {
  if (bytes.empty()) return "";
  switch (static_cast<unsigned char>(bytes[0])) {
    case (4 << 3) | 2:
      return "sequences";
    case (9 << 3) | 2:
      return "optionals";
    default:
      return "";
  }
}

std::string OfNode(const Node& node) {
  const std::string_view type = node.op_type;
  if (type.starts_with("Optional")) return "optionals";
  if (type.starts_with("Sequence") || type.ends_with("Sequence")) {
    return type == "ReverseSequence" ? "" : "sequences";
  }
  return OfDType(static_cast<DType>(node.Int("to", 0)));
}

}  // namespace

std::string AcceptedType(const Graph& graph) {
  std::string found;
  const auto note = [&](std::string reason) {
    if (found.empty()) found = std::move(reason);
  };
  ForEachGraph(graph, [&](const Graph& each) {
    for (ValueId id = 0; id < each.num_values(); ++id) {
      note(OfTypeProto(each.value(id).type_bytes));
      note(OfDType(each.value(id).dtype));
    }
    for (const NodeId id : each.order()) note(OfNode(each.node(id)));
  });
  return found;
}

}  // namespace squint
