// What a pass is given besides its graph, and where it says what it did.
#ifndef SQUINT_OPTIMIZE_PASS_H_
#define SQUINT_OPTIMIZE_PASS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "squint/ops/infer.h"
#include "squint/optimize/optimize.h"

namespace squint {

class PassContext {
 public:
  PassContext(const OptimizeOptions& options, const Context& context,
              const std::map<ValueId, DimTensor>& contents,
              std::vector<std::string>& lines)
      : options_(options),
        context_(context),
        contents_(contents),
        lines_(lines) {}

  const OptimizeOptions& options() const { return options_; }
  const Context& context() const { return context_; }
  // Contents of small integer tensors as inferred before the pass began.
  const std::map<ValueId, DimTensor>& contents() const { return contents_; }

  // Counts one change and keeps its line.
  template <typename... Args>
  void Say(fmt::format_string<Args...> format, Args&&... args) {
    ++changes_;
    lines_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  int changes() const { return changes_; }

 private:
  const OptimizeOptions& options_;
  const Context& context_;
  const std::map<ValueId, DimTensor>& contents_;
  std::vector<std::string>& lines_;
  int changes_ = 0;
};

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_PASS_H_
