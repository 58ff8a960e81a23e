// Operators that an opset does not have yet, in those that it has.
#ifndef SQUINT_INTERCHANGE_OLDER_FORMS_H_
#define SQUINT_INTERCHANGE_OLDER_FORMS_H_

#include <cstdint>

#include "squint/graph/graph.h"

namespace squint {

// Gelu before opset 20, Mish before 18, LayerNormalization before 17 and
// HardSwish before 14 become the small operators that they stand for, in the
// form that exporters wrote then and that runtimes fuse. Results can differ
// in their last bits. Returns whether `id` was one.
bool WriteInOlderForm(Graph& graph, NodeId id, int64_t opset);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_OLDER_FORMS_H_
