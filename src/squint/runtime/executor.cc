#include "squint/runtime/executor.h"

#include <utility>

#include "squint/runtime/execution.h"

namespace squint {

struct Executor::Impl {
  Execution execution;
};

Executor::Executor(std::shared_ptr<const Graph> graph, const Context& context)
    : impl_(new Impl{Execution(std::move(graph), context, FindOp)}) {}

Executor::~Executor() = default;

std::vector<Tensor> Executor::Run(const std::vector<Tensor>& inputs,
                                  const RunOptions& options) {
  return impl_->execution.Run(inputs, options);
}

const Graph& Executor::graph() const { return impl_->execution.graph(); }

ThreadPool& Executor::threads() { return impl_->execution.threads(); }

}  // namespace squint
