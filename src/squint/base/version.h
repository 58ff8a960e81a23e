// The version that files and reports name: the project's, from CMake.
#ifndef SQUINT_BASE_VERSION_H_
#define SQUINT_BASE_VERSION_H_

#include <string_view>

namespace squint {

std::string_view ToolVersion();  // "0.1.0"

}  // namespace squint

#endif  // SQUINT_BASE_VERSION_H_
