#include "squint/emit/code_bound.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "squint/base/error.h"
#include "squint/emit/cmsis_nn.h"
#include "squint/emit/kernel_text.h"

namespace squint {
namespace {

struct CodeSize {
  std::string_view header;
  int64_t m4 = 0;
  int64_t m55 = 0;
};
constexpr CodeSize kCodeSizes[] = {
#define SQUINT_CODE_SIZE(header, m4, m55) {#header, m4, m55},
#include "squint/emit/code_size_list.inc"
#undef SQUINT_CODE_SIZE
};

constexpr int64_t kFrame = 96;  // of model_run: what it saves, its loops
// Of a call: the jump; an argument: its address or value, from beside the code
// or built, and its place on the stack.
constexpr int64_t kCall = 8;
constexpr int64_t kArgument = 8;
// Kernels up to this size may be copied to each place that calls them.
constexpr int64_t kInlined = 300;
constexpr int64_t kMargin = 16;  // a sixteenth more

CodeSize SizeOf(std::string_view header) {
  if (header.starts_with(kCmsisKernel) || header == kLibraryCalls) return {};
  const auto* const found =
      std::ranges::find(kCodeSizes, header, &CodeSize::header);
  CheckInternal(found != std::end(kCodeSizes),
                "a kernel header without a row in code_size_list.inc");
  return *found;
}

}  // namespace

int64_t CodeBound(const std::set<std::string, std::less<>>& headers,
                  const std::map<std::string, CallCount, std::less<>>& calls) {
  int64_t m4 = kFrame;
  int64_t m55 = kFrame;
  for (const std::string& header : WithIncluded(headers)) {
    m4 += SizeOf(header).m4;
    m55 += SizeOf(header).m55;
  }
  for (const auto& [header, count] : calls) {
    const int64_t here = count.calls * kCall + count.arguments * kArgument;
    const auto copies = [&](int64_t size) {
      return size <= kInlined ? (count.calls - 1) * size : 0;
    };
    m4 += here + copies(SizeOf(header).m4);
    m55 += here + copies(SizeOf(header).m55);
  }
  const int64_t most = std::max(m4, m55);
  return most + most / kMargin;
}

}  // namespace squint
