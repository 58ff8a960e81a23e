// The small messages that several others contain: key-value entries, operator
// set imports, and the types and shapes of values.
#ifndef SQUINT_ONNX_ENTRIES_H_
#define SQUINT_ONNX_ENTRIES_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "squint/graph/graph.h"
#include "squint/onnx/rope.h"
#include "squint/onnx/wire.h"

namespace squint {

// "ai.onnx" is another spelling of "".
std::string NormalizedDomain(std::string domain);

void ReadEntry(WireReader message, std::map<std::string, std::string>& into);
// Error{kInvalidModel} when a domain comes with two versions.
void ReadOpset(WireReader message, std::map<std::string, int64_t>& into);

// Name, type and what else a ValueInfoProto says. Dimensions that are absent,
// negative or nameless are unknown.
Value ReadValueInfo(WireReader message);
Rope ValueInfoMessage(const Value& value, std::string_view name);

// The fields of a message (or of opaque_fields) whose numbers are listed.
std::string SelectFields(std::string_view bytes,
                         std::initializer_list<uint32_t> numbers);

}  // namespace squint

#endif  // SQUINT_ONNX_ENTRIES_H_
