// The headers of kernels/fixed, and those of emit/cmsis_nn, as text to paste.
#ifndef SQUINT_EMIT_KERNEL_TEXT_H_
#define SQUINT_EMIT_KERNEL_TEXT_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace squint {

// Name without .h -> content, as in the repository.
const std::map<std::string, std::string, std::less<>>& KernelFiles();

// The kernels of these headers and of those they include, each once and before
// its first use, without guards and includes.
std::string KernelText(const std::set<std::string, std::less<>>& headers);

// These headers and those they include.
std::set<std::string> WithIncluded(
    const std::set<std::string, std::less<>>& headers);

// The fields of `typedef struct <type> {...} <type>;` in their order.
std::vector<std::string> FieldsOf(std::string_view type);

}  // namespace squint

#endif  // SQUINT_EMIT_KERNEL_TEXT_H_
