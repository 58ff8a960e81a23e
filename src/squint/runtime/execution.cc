#include "squint/runtime/execution.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "squint/base/stopwatch.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/qlinear_form.h"
#include "squint/runtime/fake_quantize.h"
#include "squint/runtime/input_check.h"

namespace squint {
namespace {

bool IsHalf(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

// Whether bytes may be written over is asked of the buffer itself: one slot
// holds it, and no caller, tap, view or constant does.
bool IsSoleOwner(const Tensor& tensor) {
  return tensor.buffer().use_count() == 1;
}

}  // namespace

// What the operator of one node runs its nested graphs by.
class Execution::NodeBodies final : public Bodies {
 public:
  NodeBodies(Execution& outer, size_t position, const Node& node)
      : outer_(outer), node_(node), bodies_(outer.network_.bodies(position)) {}

  std::vector<Tensor> Run(std::string_view key,
                          const std::vector<Tensor>& inputs) override {
    const auto body = std::ranges::find(bodies_, key, &Network::Body::key);
    CheckInternal(body != bodies_.end(), "Executor: no such nested graph");
    return outer_.RunBody(static_cast<size_t>(body - bodies_.begin()), node_,
                          inputs);
  }
  const Context& context() const override { return outer_.network_.context(); }

 private:
  Execution& outer_;
  const Node& node_;
  const std::vector<Network::Body>& bodies_;
};

Execution::Execution(Network& network, bool poison)
    : Execution(network, std::make_shared<Shared>(Shared{RunMemory(
                             network.context().memory_limit, poison)})) {}

Execution::Execution(Network& network, std::shared_ptr<Shared> shared)
    : network_(network),
      graph_(network.graph()),
      shared_(std::move(shared)),
      bodies_(network.nodes().size()) {
  for (size_t i = 0; i < bodies_.size(); ++i) {
    for (const Network::Body& body : network.bodies(i)) {
      bodies_[i].push_back(
          std::unique_ptr<Execution>(new Execution(*body.network, shared_)));
    }
  }
}

std::vector<Tensor> Execution::Run(const std::vector<Tensor>& inputs,
                                   const RunOptions& options) {
  CheckInputs(graph_, inputs);
  for (const ValueId id : options.taps) {
    CheckInternal(id >= 0 && id < network_.num_values(),
                  "Executor: tap of a value that does not exist");
  }
  shared_->body_runs = 0;
  shared_->depth = 0;
  options_ = &options;
  BeginMemory(inputs, options);
  places_.assign(options.place ? graph_.outputs().size() : 0, nullptr);
  if (auto outputs = RunAgain(inputs)) return *std::move(outputs);
  Configure(options);
  Begin();
  BeginRecording(inputs);  // inputs may be simulated
  SetInputs(inputs);
  std::vector<Tensor> outputs = RunNodes();
  EndRecording();
  shared_->memory.EndRun();
  return outputs;
}

RunPlaces Execution::PlacesOf(std::span<const Tensor> inputs) const {
  RunPlaces places{inputs, places_, {}};
  if (const auto arena = shared_->memory.arena()) {
    const ArenaMemory& memory = arena->memory();
    places.arena = {memory.At(0), memory.size()};
  }
  return places;
}

std::shared_ptr<Arena> Execution::ArenaToReplay() const {
  return options_->place && !options_->on_step ? shared_->memory.arena()
                                               : nullptr;
}

Replay* Execution::ReplayOf(const std::shared_ptr<Arena>& arena) {
  const auto found = std::ranges::find_if(
      replays_, [&](const Replay& r) { return r.IsOf(arena); });
  return found == replays_.end() ? nullptr : &*found;
}

std::optional<std::vector<Tensor>> Execution::RunAgain(
    const std::vector<Tensor>& inputs) {
  const std::shared_ptr<Arena> arena = ArenaToReplay();
  Replay* replay = ReplayOf(arena);
  // What a caller keeps of an earlier run must not be written over.
  if (replay == nullptr || !replay->is_complete() ||
      !arena->memory().IsIdle() ||
      std::ranges::any_of(inputs, [](const Tensor& input) {
        return input.buffer()->is_computed();
      })) {
    return {};
  }
  for (size_t i = 0; i < replay->outputs().size(); ++i) {
    const Replay::Output& output = replay->outputs()[i];
    PlaceOfOutput(i, output.dtype, output.dims);
  }
  NodeId node = kNoNode;
  try {
    replay->Run(PlacesOf(inputs), network_.context(), threads(), node);
  } catch (const Error& error) {
    if (node == kNoNode) throw;
    throw error.In(NodeLabel(graph_, graph_.node(node)));
  }
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < replay->outputs().size(); ++i) {
    const auto& [dtype, dims] = replay->outputs()[i];
    const size_t bytes = BytesOf(dtype, ElementCount(dims));
    outputs.emplace_back(dtype, dims,
                         Buffer::Borrow({places_[i], bytes}, nullptr));
  }
  return outputs;
}

void Execution::DropRecording() {
  if (recording_ == nullptr) return;
  std::erase_if(replays_, [&](const Replay& r) { return &r == recording_; });
  recording_ = nullptr;
}

void Execution::BeginRecording(const std::vector<Tensor>& inputs) {
  DropRecording();
  const std::shared_ptr<Arena> arena = ArenaToReplay();
  if (arena == nullptr) return;
  std::erase_if(replays_, [](const Replay& r) { return r.IsGone(); });
  if (ReplayOf(arena) != nullptr) return;  // tried
  recorded_inputs_ = inputs;
  if (!PlacesOf(inputs).AreApart()) return;
  recording_ = &replays_.emplace_front(arena);
}

void Execution::RecordStep(const Node& node,
                           const std::shared_ptr<const PreparedNode>& prepared,
                           const BufferRef& scratch) {
  if (recording_ == nullptr) return;
  constant_inputs_.clear();
  for (const ValueId id : node.inputs) {
    constant_inputs_.push_back(id != kNoValue &&
                               graph_.value(id).is_constant());
  }
  void* bytes = scratch ? const_cast<std::byte*>(scratch->data()) : nullptr;
  const NodeId id = network_.nodes()[position_].id;
  if (prepared->by_content ||
      !recording_->AddStep(prepared, id, step_inputs_, constant_inputs_,
                           step_outputs_, bytes, PlacesOf(recorded_inputs_))) {
    StopRecording();
  }
}

void Execution::EndRecording() {
  if (recording_ == nullptr) return;
  if (shared_->memory.arena() != nullptr &&
      PlacesOf(recorded_inputs_).AreApart()) {
    recording_->Complete();
    recording_ = nullptr;
  } else {
    StopRecording();
  }
}

void Execution::StopRecording() {
  if (recording_ != nullptr) recording_->Abandon();
  recording_ = nullptr;
}

void Execution::BeginMemory(const std::vector<Tensor>& inputs,
                            const RunOptions& options) {
  memory_key_.clear();
  if (options.taps.empty() && options.simulate.empty()) {
    memory_key_.push_back(options.place ? 1 : 0);
    for (const Tensor& input : inputs) {
      memory_key_.push_back(static_cast<int64_t>(input.dtype()));
      memory_key_.push_back(input.rank());
      memory_key_.insert(memory_key_.end(), input.dims().begin(),
                         input.dims().end());
    }
  }
  shared_->memory.BeginRun(memory_key_);
}

void Execution::Clear() {
  slots_.clear();
  made_.clear();
  places_.clear();
  recorded_inputs_ = {};
  DropRecording();
  options_ = nullptr;
  for (auto& bodies : bodies_) {
    for (auto& body : bodies) body->Clear();
  }
}

std::vector<Tensor> Execution::RunNodes() {
  for (size_t i = 0; i < network_.nodes().size(); ++i) {
    network_.context().ThrowIfCancelled();
    const ProgramNode& step = network_.nodes()[i];
    try {
      if (!fused_away_[i]) options_->on_step ? RunTimed(i) : RunNode(i);
    } catch (const Error& error) {
      throw error.In(NodeLabel(graph_, graph_.node(step.id)));
    }
    Release(step);
  }
  return TakeOutputs();
}

std::vector<Tensor> Execution::TakeOutputs() {
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    const DType declared = graph_.value(id).dtype;
    const Tensor& made = Read(id);
    outputs.push_back(IsHalf(declared) ? made.CastTo(declared) : made);
    if (places_.empty()) continue;
    Tensor& output = outputs.back();
    std::byte* place = PlaceOfOutput(i, output.dtype(), output.dims());
    const bool stays =
        graph_.value(id).is_constant() && output.buffer() == made.buffer();
    if (recording_ != nullptr &&
        !recording_->AddOutput(output, stays, PlacesOf(recorded_inputs_))) {
      StopRecording();
    }
    if (place == output.raw() || output.bytes() == 0) continue;
    std::memcpy(place, output.raw(), output.bytes());
    output = Tensor(output.dtype(), output.dims(),
                    Buffer::Borrow({place, output.bytes()}, nullptr));
  }
  slots_.clear();
  return outputs;
}

std::vector<Tensor> Execution::RunBody(size_t index, const Node& node,
                                       const std::vector<Tensor>& inputs) {
  const Network::Body& body = network_.bodies(position_)[index];
  Execution& inner = *bodies_[position_][index];
  const Graph& graph = inner.graph_;
  CountBodyRun(shared_->body_runs, network_.context());
  CheckNestedInputs(graph, inputs);
  inner.Begin();
  for (size_t i = 0; i < graph.captures().size(); ++i) {
    const ValueId id = graph.captures()[i];
    inner.slot(id).tensor = Read(node.captures[body.first_capture + i]);
    inner.Finish(id);
  }
  inner.SetInputs(inputs);
  ++shared_->depth;
  std::vector<Tensor> outputs = inner.RunNodes();
  --shared_->depth;
  return outputs;
}

void Execution::Configure(const RunOptions& options) {
  const auto values = static_cast<size_t>(graph_.num_values());
  options_ = &options;
  tapped_.assign(values, false);
  simulated_.assign(values, false);
  for (const ValueId number : options.taps) {
    const ValueId id = number - network_.first_value();
    if (id < 0 || id >= graph_.num_values()) continue;  // of another graph
    tapped_[static_cast<size_t>(id)] = static_cast<bool>(options.tap);
  }
  for (size_t i = 0; i < values; ++i) {
    const Value& value = graph_.value(static_cast<ValueId>(i));
    const size_t number = static_cast<size_t>(network_.first_value()) + i;
    simulated_[i] =
        value.quant && !value.is_constant() &&
        (options.simulate.empty() ||
         (number < options.simulate.size() && options.simulate[number]));
  }
  for (auto& bodies : bodies_) {
    for (auto& body : bodies) body->Configure(options);
  }
}

void Execution::Begin() {
  slots_.assign(static_cast<size_t>(graph_.num_values()), {});
  fused_away_.assign(network_.nodes().size(), false);
}

void Execution::SetInputs(const std::vector<Tensor>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = graph_.inputs()[i];
    slot(id).tensor = WidenedTensor(inputs[i].Materialize());
    Finish(id);
  }
}

void Execution::RunNode(size_t position) {
  const ProgramNode& step = network_.nodes()[position];
  const Node& node = graph_.node(step.id);
  position_ = position;
  if (RunStored(position)) return;
  std::vector<const Tensor*>& inputs = inputs_;
  inputs.clear();
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : &Read(id));
  }
  if (step.op == nullptr || step.op->reference == nullptr) {
    throw CannotRun(node);
  }
  if (RunFused(step, inputs, false) || RunView(position, inputs)) return;
  // Infers also where the reference runs: it trusts shapes and sizes.
  const auto prepared = network_.Prepared(position, {}, inputs);
  if (prepared->step != nullptr) {
    RunStep(node, prepared, inputs, node.output(0));
    return;
  }
  for (size_t i = 0; prepared->shapes_known && i < node.outputs.size(); ++i) {
    CheckResultSize(prepared->output_dtypes[i], prepared->output_dims[i],
                    network_.context().memory_limit);
  }
  RunReference(step, inputs);
}

void Execution::RunTimed(size_t position) {
  const ProgramNode& step = network_.nodes()[position];
  const Node& node = graph_.node(step.id);
  StepEvent event{.graph = graph_, .node = step.id, .depth = shared_->depth};
  for (const ValueId id : node.inputs) {
    // Makes constants real before the clock runs, but for those that may
    // stay as they are stored.
    if (id != kNoValue && !MayStayStored(step, id)) Read(id);
    event.inputs.push_back(OperandOf(id));
  }
  const Stopwatch stopwatch;
  RunNode(position);
  event.seconds = stopwatch.Seconds();
  std::vector<ValueId> outputs = node.outputs;
  const auto clamp = static_cast<size_t>(step.clamp_node);
  if (step.clamp_node >= 0 && fused_away_[clamp]) {
    event.clamp = network_.nodes()[clamp].id;
    outputs[0] = graph_.node(event.clamp).output(0);
  }
  for (const ValueId id : outputs) event.outputs.push_back(OperandOf(id));
  options_->on_step(event);
}

StepEvent::Operand Execution::OperandOf(ValueId id) const {
  if (id == kNoValue) return {};
  const Tensor& made = slot(id).tensor;
  const Tensor& tensor = made.empty() ? network_.ConstantAtHand(id) : made;
  return {tensor.dtype(), tensor.dims()};
}

bool Execution::MayStayStored(const ProgramNode& step, ValueId id) const {
  const Value& value = graph_.value(id);
  return step.op != nullptr && step.op->prepare_stored != nullptr &&
         value.is_constant() && value.quant;
}

bool Execution::RunStored(size_t position) {
  const ProgramNode& step = network_.nodes()[position];
  if (step.op == nullptr || step.op->prepare_stored == nullptr) return false;
  const Node& node = graph_.node(step.id);
  std::vector<const Tensor*>& inputs = inputs_;
  inputs.clear();
  bool any = false;
  for (const ValueId id : node.inputs) {
    const bool stored = id != kNoValue && MayStayStored(step, id);
    any = any || stored;
    inputs.push_back(id == kNoValue ? nullptr
                     : stored       ? &graph_.value(id).constant
                                    : &Read(id));
  }
  if (!any) return false;
  if (RunFused(step, inputs, true)) return true;
  const auto prepared = network_.Prepared(position, {.stored = true}, inputs);
  if (prepared->step == nullptr) return false;
  RunStep(node, prepared, inputs, node.output(0));
  return true;
}

// Applies the clamp that follows in the same step, unless the value between
// them is shown or simulated.
bool Execution::RunFused(const ProgramNode& step,
                         const std::vector<const Tensor*>& inputs,
                         bool stored) {
  if (step.clamp_node < 0 || step.op->prepare == nullptr) return false;
  const Node& node = graph_.node(step.id);
  const auto between = static_cast<size_t>(node.output(0));
  if (tapped_[between] || simulated_[between]) return false;
  const auto prepared =
      network_.Prepared(position_, {.fused = true, .stored = stored}, inputs);
  if (prepared->step == nullptr) return false;
  const auto clamp = static_cast<size_t>(step.clamp_node);
  fused_away_[clamp] = true;
  RunStep(node, prepared, inputs,
          graph_.node(network_.nodes()[clamp].id).output(0));
  return true;
}

bool Execution::RunView(size_t position,
                        const std::vector<const Tensor*>& inputs) {
  const ProgramNode& step = network_.nodes()[position];
  if (!step.is_view || inputs.empty() || inputs[0] == nullptr) return false;
  const auto prepared = network_.Prepared(position, {}, inputs);
  if (!prepared->shapes_known ||
      ElementCount(prepared->output_dims[0]) != inputs[0]->size()) {
    return false;  // the reference says what is wrong
  }
  if (prepared->by_content) StopRecording();
  const Node& node = graph_.node(step.id);
  const ValueId to = node.output(0);
  const Slot& from = slot(node.input(0));
  const auto& quant = graph_.value(to).quant;
  Slot view{
      Tensor(inputs[0]->dtype(), prepared->output_dims[0], inputs[0]->buffer()),
      from.pooled, false};
  view.simulated = from.simulated && quant && quant->per_tensor() &&
                   quant->kind == QuantKind::kStatic &&
                   *quant == *graph_.value(node.input(0)).quant;
  slot(to) = std::move(view);
  Finish(to);
  return true;
}

void Execution::RunStep(const Node& node,
                        const std::shared_ptr<const PreparedNode>& prepared,
                        const std::vector<const Tensor*>& inputs,
                        ValueId first) {
  FindOperands(node, *prepared, inputs, first);
  const auto& in = step_inputs_;
  const auto& out = step_outputs_;
  const size_t scratch_bytes = prepared->step->scratch_bytes();
  BufferRef scratch;
  if (scratch_bytes > 0) scratch = shared_->memory.TakeBytes(scratch_bytes);
  RecordStep(node, prepared, scratch);
  prepared->step->Run(
      {in, out, scratch ? const_cast<std::byte*>(scratch->data()) : nullptr,
       threads()});
  scratch.reset();
  const size_t over = prepared->step->in_place_input();
  if (out.size() > 0 && out[0] != nullptr && over < in.size() &&
      in[over] == out[0]) {
    slot(node.inputs[over]) = {};  // its bytes are the output's now
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const ValueId id = i == 0 ? first : node.outputs[i];
    slot(id) = std::move(made_[i]);
    Finish(id);
  }
}

void Execution::FindOperands(const Node& node, const PreparedNode& prepared,
                             const std::vector<const Tensor*>& inputs,
                             ValueId first) {
  step_inputs_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    // A constant as it is stored is no input of the step, and its bytes may
    // be computed.
    const bool given = inputs[i] != nullptr &&
                       inputs[i] != &graph_.value(node.inputs[i]).constant;
    step_inputs_.push_back(given ? inputs[i]->raw() : nullptr);
  }
  step_outputs_.clear();
  made_.clear();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId id = i == 0 ? first : node.outputs[i];
    const bool absent = node.outputs[i] == kNoValue;
    made_.push_back(absent ? Slot{} : PlaceFor(node, prepared, i, id, inputs));
    step_outputs_.push_back(absent ? nullptr
                                   : BufferPool::Writable(made_.back().tensor));
  }
}

Execution::Slot Execution::PlaceFor(const Node& node,
                                    const PreparedNode& prepared, size_t output,
                                    ValueId id,
                                    const std::vector<const Tensor*>& inputs) {
  const DType dtype = prepared.output_dtypes[output];
  const Dims& dims = prepared.output_dims[output];
  const size_t bytes = BytesOf(dtype, ElementCount(dims));
  if (std::byte* place = PlaceOutside(id, dtype, dims)) {
    return {Tensor(dtype, dims, Buffer::Borrow({place, bytes}, nullptr))};
  }
  const size_t over = prepared.step->in_place_input();
  if (output == 0 && prepared.step->can_run_in_place() &&
      CanOverwrite(node, over, inputs) && inputs[over]->bytes() == bytes) {
    return {Tensor(dtype, dims, inputs[over]->buffer()), true, false};
  }
  return {shared_->memory.Take(dtype, dims), true, false};
}

std::byte* Execution::PlaceOutside(ValueId id, DType dtype, const Dims& dims) {
  // Simulation would take another buffer, half precision other bytes.
  if (places_.empty() || simulated_[static_cast<size_t>(id)] ||
      IsHalf(graph_.value(id).dtype)) {
    return nullptr;
  }
  const auto& outputs = graph_.outputs();
  const auto found = std::ranges::find(outputs, id);
  if (found == outputs.end()) return nullptr;
  return PlaceOfOutput(static_cast<size_t>(found - outputs.begin()), dtype,
                       dims);
}

std::byte* Execution::PlaceOfOutput(size_t index, DType dtype,
                                    const Dims& dims) {
  if (places_[index] == nullptr) {
    places_[index] = options_->place(index, dtype, dims);
  }
  return places_[index];
}

// The input dies in this node, owns its bytes alone and is no other input.
bool Execution::CanOverwrite(const Node& node, size_t input,
                             const std::vector<const Tensor*>& inputs) const {
  const ValueId id = node.input(input);
  if (id == kNoValue || graph_.value(id).is_constant()) return false;
  const auto& dying = network_.nodes()[position_].dying;
  return slot(id).pooled && IsSoleOwner(slot(id).tensor) &&
         std::ranges::find(dying, id) != dying.end() &&
         std::ranges::count(inputs, inputs[input]) == 1;
}

void Execution::RunReference(const ProgramNode& step,
                             const std::vector<const Tensor*>& inputs) {
  StopRecording();
  const Node& node = graph_.node(step.id);
  NodeBodies bodies(*this, position_, node);
  RunContext run{node, inputs, {}, {}, {}};
  if (node.has_graphs()) run.bodies = &bodies;
  run.outputs.resize(node.outputs.size());
  // Operators on stored integers have a formula of their own.
  const bool integer =
      step.op->integer_reference != nullptr && QLinearFormOf(node);
  if (integer) {
    run.input_quant.resize(inputs.size());
    run.output_quant.resize(node.outputs.size());
  }
  (integer ? step.op->integer_reference : step.op->reference)(run);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId id = node.outputs[i];
    if (id == kNoValue || run.outputs[i].empty()) continue;
    slot(id) = {WidenedTensor(run.outputs[i]), false, false};
    Finish(id);
  }
}

void Execution::Finish(ValueId id) {
  Slot& made = slot(id);
  const auto index = static_cast<size_t>(id);
  if (simulated_[index] && !made.simulated) Simulate(id, made);
  if (tapped_[index]) options_->tap(network_.first_value() + id, made.tensor);
}

void Execution::Simulate(ValueId id, Slot& made) {
  const QuantParams& quant = *graph_.value(id).quant;
  CheckInternal(made.tensor.dtype() == DType::kFloat32,
                "Executor: only float values can be simulated");
  StopRecording();
  const Tensor real = made.tensor;
  made.tensor = Tensor();
  // The slot and `real` were the only two to hold the bytes.
  const bool over = made.pooled && IsSoleOwner(real);
  Tensor result = over ? real : shared_->memory.Take(real.dtype(), real.dims());
  FakeQuantize(real.data<float>(),
               reinterpret_cast<float*>(BufferPool::Writable(result)),
               real.dims(), quant, threads());
  made = {std::move(result), true, true};
}

void Execution::Release(const ProgramNode& step) {
  for (const ValueId id : step.dying) slot(id) = {};
}

const Tensor& Execution::Read(ValueId id) {
  const Tensor& made = slot(id).tensor;
  if (!made.empty()) return made;
  if (!graph_.value(id).is_constant()) {
    Fail(ErrorCode::kInvalidModel, "tensor '{}' is made by no operator",
         graph_.value(id).name);
  }
  return network_.Constant(id);
}

}  // namespace squint
