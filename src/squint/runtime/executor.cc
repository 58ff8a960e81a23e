#include "squint/runtime/executor.h"

#include <mutex>
#include <utility>

#include "squint/runtime/execution.h"

namespace squint {

struct Executor::Impl {
  Impl(const std::shared_ptr<const Graph>& graph, const Context& context)
      : network(graph, context, FindOp),
        max_idle(static_cast<size_t>(UsableCpus())) {
    idle.reserve(max_idle);  // giving back must not fail
  }

  std::unique_ptr<Execution> Take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Execution>(network);
    std::unique_ptr<Execution> last = std::move(idle.back());
    idle.pop_back();
    return last;
  }

  void GiveBack(std::unique_ptr<Execution> execution) {
    execution->Clear();
    const std::lock_guard lock(mutex);
    if (idle.size() < max_idle) idle.push_back(std::move(execution));
  }

  Network network;
  // More than can run at the same time would hold memory for nothing.
  const size_t max_idle;
  std::mutex mutex;
  std::vector<std::unique_ptr<Execution>> idle;  // the last used last
};

Executor::Executor(std::shared_ptr<const Graph> graph, const Context& context)
    : impl_(std::make_unique<Impl>(graph, context)) {}

Executor::~Executor() = default;

std::vector<Tensor> Executor::Run(const std::vector<Tensor>& inputs,
                                  const RunOptions& options) {
  struct Borrowed {
    Impl& impl;
    std::unique_ptr<Execution> execution = impl.Take();
    ~Borrowed() { impl.GiveBack(std::move(execution)); }
  } borrowed{*impl_};
  return borrowed.execution->Run(inputs, options);
}

const Graph& Executor::graph() const { return impl_->network.graph(); }

ThreadPool& Executor::threads() { return impl_->network.threads(); }

}  // namespace squint
