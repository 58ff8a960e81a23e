// Conv, any number of spatial dimensions.
#include "squint/ops/op.h"

namespace squint {
extern constinit const OpDef kConvOp = {.type = "Conv", .since = 11};
}  // namespace squint
