// Session: checks the caller's buffers and lends them to an executor.
#include "squint/session.h"

#include <algorithm>
#include <cstdlib>

#include "squint/api/jobs.h"
#include "squint/api/session_buffers.h"
#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/integer_graph.h"

namespace squint {
namespace {

constexpr size_t kAlignment = 64;

std::shared_ptr<std::byte> NewResultBytes(size_t bytes) {
  const size_t rounded = (bytes / kAlignment + 1) * kAlignment;
  auto* block =
      static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
  if (block == nullptr) {
    Fail(ErrorCode::kOutOfMemory, "cannot allocate {} bytes", bytes);
  }
  return {block, std::free};
}

std::vector<TensorInfo> InfosOf(const Graph& graph,
                                const std::vector<ValueId>& ids) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : ids) infos.push_back(TensorInfoOf(graph.value(id)));
  return infos;
}

}  // namespace

std::string_view ElementTypeName(ElementType type) {
  return DTypeName(static_cast<DType>(type));
}

void Result::ThrowWrongType(ElementType wanted) const {
  Fail(ErrorCode::kInvalidArgument, "the result is {}, not {}",
       ElementTypeName(type_), ElementTypeName(wanted));
}

class Session::Impl {
 public:
  Impl(const std::string& model, const Context& context,
       const SessionOptions& options)
      : model_(model), memory_limit_(context.memory_limit) {
    const Prepared prepared = PrepareToRun(model, Execution::kIntegers,
                                           options.float_format, context);
    executor_ = std::make_unique<Executor>(
        std::make_shared<const Graph>(LowerToIntegers(*prepared.graph)),
        context);
    const Graph& graph = executor_->graph();
    inputs_ = InfosOf(graph, graph.inputs());
    outputs_ = InfosOf(graph, graph.outputs());
    lendable_ = LendableInputs(graph);
    if (const auto shapes = FixedShapes()) executor_->Prepare(*shapes);
  }

  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }

  std::vector<Result> Run(std::span<const InputBuffer> inputs) const {
    CheckInputBuffers(inputs_, inputs);
    std::vector<Result> results(outputs_.size());
    RunInto(inputs, [&](size_t index, DType dtype, const Dims& dims) {
      CheckResultSize(dtype, dims, memory_limit_);
      const size_t bytes = BytesOf(dtype, ElementCount(dims));
      std::shared_ptr<std::byte> data = NewResultBytes(bytes);
      results[index] = {static_cast<ElementType>(dtype), dims, data, bytes};
      return data.get();
    });
    return results;
  }

  void Run(std::span<const InputBuffer> inputs,
           std::span<const OutputBuffer> outputs) const {
    CheckInputBuffers(inputs_, inputs);
    CheckOutputs(outputs_, outputs);
    CheckOverlap(inputs_, inputs, outputs_, outputs);
    RunInto(inputs, [&](size_t index, DType dtype, const Dims& dims) {
      CheckMade(outputs_[index], outputs[index], dtype, dims);
      return static_cast<std::byte*>(outputs[index].data);
    });
  }

  void Prepare(const std::vector<TensorShape>& shapes) const {
    CheckCount("shapes of inputs", shapes.size(), inputs_.size());
    for (size_t i = 0; i < shapes.size(); ++i) {
      CheckShape("input", inputs_[i], shapes[i]);
    }
    executor_->Prepare(shapes);
  }

  const std::string& model() const { return model_; }

 private:
  // Of the inputs, when none may differ from run to run.
  std::optional<std::vector<TensorShape>> FixedShapes() const {
    std::vector<TensorShape> shapes;
    for (const TensorInfo& input : inputs_) {
      if (!input.shape || std::ranges::count(*input.shape, -1) > 0) {
        return std::nullopt;
      }
      shapes.push_back(*input.shape);
    }
    return shapes;
  }

  template <typename Place>
  void RunInto(std::span<const InputBuffer> inputs, Place&& place) const {
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < inputs.size(); ++i) {
      tensors.push_back(TensorOf(inputs[i], lendable_[i]));
    }
    RunOptions options;
    options.place = place;
    executor_->Run(tensors, options);
  }

  std::string model_;
  size_t memory_limit_;
  std::unique_ptr<Executor> executor_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<bool> lendable_;  // by input
};

Session::Session(const std::string& model, const Context& context,
                 const SessionOptions& options)
    : impl_(RunOnFiles(model, [&] {
        return std::make_shared<const Impl>(model, context, options);
      })) {}

Session::~Session() = default;
Session::Session(const Session&) = default;
Session& Session::operator=(const Session&) = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const std::vector<TensorInfo>& Session::inputs() const {
  return impl_->inputs();
}
const std::vector<TensorInfo>& Session::outputs() const {
  return impl_->outputs();
}

void Session::Prepare(const std::vector<TensorShape>& shapes) const {
  RunOnFiles(impl_->model(), [&] {
    impl_->Prepare(shapes);
    return true;
  });
}

std::vector<Result> Session::Run(std::span<const InputBuffer> inputs) const {
  return RunOnFiles(impl_->model(), [&] { return impl_->Run(inputs); });
}

void Session::Run(std::span<const InputBuffer> inputs,
                  std::span<const OutputBuffer> outputs) const {
  RunOnFiles(impl_->model(), [&] {
    impl_->Run(inputs, outputs);
    return true;
  });
}

}  // namespace squint
