#include "squint/runtime/executor.h"

#include <atomic>
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
    last_use = execution->memory().arena_use();
    if (idle.size() < max_idle) idle.push_back(std::move(execution));
  }

  Network network;
  // More than can run at the same time would hold memory for nothing.
  const size_t max_idle;
  std::atomic<bool> prepared = false;
  std::mutex mutex;
  std::vector<std::unique_ptr<Execution>> idle;  // the last used last
  ArenaUse last_use;
};

Executor::Executor(std::shared_ptr<const Graph> graph, const Context& context)
    : impl_(std::make_unique<Impl>(graph, context)) {}

Executor::~Executor() = default;

std::vector<Tensor> Executor::Run(const std::vector<Tensor>& inputs,
                                  const RunOptions& options) {
  // Taps and chosen values change what is fused, and so what is prepared.
  const bool plain = options.taps.empty() && options.simulate.empty();
  if (plain && threads().threads() > 1 && !impl_->prepared) {
    std::vector<Dims> dims;
    for (const Tensor& input : inputs) dims.push_back(input.dims());
    Prepare(dims);
  }
  struct Borrowed {
    Impl& impl;
    std::unique_ptr<Execution> execution = impl.Take();
    ~Borrowed() { impl.GiveBack(std::move(execution)); }
  } borrowed{*impl_};
  return borrowed.execution->Run(inputs, options);
}

void Executor::Prepare(const std::vector<Dims>& inputs) {
  impl_->network.PrepareFor(inputs);
  impl_->prepared = true;
}

ArenaUse Executor::arena_use() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->last_use;
}

const Graph& Executor::graph() const { return impl_->network.graph(); }

ThreadPool& Executor::threads() { return impl_->network.threads(); }

}  // namespace squint
