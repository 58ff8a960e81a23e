#include "squint/base/version.h"

namespace squint {

std::string_view ToolVersion() { return SQUINT_VERSION; }

}  // namespace squint
