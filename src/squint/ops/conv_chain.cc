#include "squint/ops/conv_chain.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "squint/base/threads.h"
#include "squint/ops/conv_add.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/op.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/row_bands.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

constexpr size_t kConvInputs = ConvAddInputs::kBias + 1;
constexpr size_t kConvAddInputs = ConvAddInputs::kSumZero + 1;

// A list of attributes, and how many of its numbers are of one link.
struct ListOfLinks {
  const char* key;
  size_t numbers;
};
constexpr ListOfLinks kLists[] = {
    {"kernel_shape", 2}, {"strides", 2}, {"dilations", 2}, {"pads", 4}};

std::vector<int64_t> NumbersOf(const Node& chain, const char* key,
                               size_t count) {
  std::vector<int64_t> numbers = chain.Ints(key);
  if (numbers.size() != count) {
    Fail(ErrorCode::kInvalidModel, "{} has {} numbers, expected {}", key,
         numbers.size(), count);
  }
  return numbers;
}

// ---- shapes and reference

template <typename T>
std::vector<T> InputsOf(const ConvLink& link, std::span<const T> chain,
                        const T& image) {
  const auto from = chain.begin() + static_cast<int64_t>(link.first);
  std::vector<T> inputs(from,
                        from + static_cast<int64_t>(link.node.inputs.size()));
  inputs[0] = image;
  return inputs;
}

void InferConvChain(InferContext& context) {
  std::vector<InferContext::Result> types;
  for (size_t i = 0; i < context.node().inputs.size(); ++i) {
    types.push_back({context.dtype(i), context.shape(i), {}});
  }
  if (types.empty()) Fail(ErrorCode::kInvalidModel, "there is no image");
  InferContext::Result image = types[0];
  for (const ConvLink& link : LinksOf(context.node())) {
    image = InferPart(link.node,
                      InputsOf<InferContext::Result>(link, types, image));
  }
  context.SetOutput(0, image.dtype, image.shape);
}

void RunConvChain(RunContext& context) {
  Tensor image;
  const Tensor* in = context.inputs.empty() ? nullptr : context.inputs[0];
  for (const ConvLink& link : LinksOf(context.node)) {
    image =
        RunPart(link.node, InputsOf<const Tensor*>(link, context.inputs, in));
    in = &image;
  }
  context.outputs[0] = std::move(image);
}

// ---- steps

// What a run does, image by image; places are bytes from the beginning of the
// image that is read or made, or of scratch where that is between links.
struct Command {
  const Step* step = nullptr;  // null: `count` bytes move within scratch
  size_t link = 0;
  size_t in = 0;
  size_t out = 0;
  size_t added = 0;
  size_t count = 0;
};

struct LinkPlan {
  ConvLink link;
  std::vector<DType> dtypes;  // of its inputs
  std::vector<Dims> dims;
  std::vector<const Tensor*> constants;
  DType made = DType::kUndefined;  // of its result
  Dims made_dims;                  // [1, height, width, channels]
  RowWindow window{};
  size_t buffer = 0;  // of its result, in scratch

  size_t row_in() const { return RowOf(dims[0]); }
  size_t row_out() const { return RowOf(made_dims); }
  size_t bytes_in() const { return static_cast<size_t>(ElementCount(dims[0])); }
  size_t bytes_out() const {
    return static_cast<size_t>(ElementCount(made_dims));
  }

 private:
  static size_t RowOf(const Dims& dims) {
    return static_cast<size_t>(dims[2] * dims[3]);
  }
};

// How a chain is cut: into lanes that run at once, each by bands of `rows`
// results of the last link.
struct ChainCut {
  size_t lanes;
  int64_t rows;
};

// Rows of the last link's results of which at least seven eighths are new to
// every link: what the next band reads again is moved, and made twice where two
// lanes meet.
int64_t LeastRows(const std::vector<LinkPlan>& plans) {
  int64_t least = 8;
  int64_t stride = 1;  // of the links from this one on
  for (size_t i = plans.size(); i-- > 1;) {
    const RowWindow& w = plans[i].window;
    stride *= w.stride;
    const int64_t kept = std::max<int64_t>(0, w.span - w.stride);
    least = std::max(least, (8 * kept + stride - 1) / stride);
  }
  return least;
}

// Each thread takes rows, or images, of its own through all links, and waits
// for the others at the end alone; the links' images of a band stay in its
// core's cache, if that is enough for bands worth their name. Where few rows
// are left for each, the links run one after the other instead, on all threads.
ChainCut CutOf(const std::vector<LinkPlan>& plans, int threads) {
  constexpr size_t kCacheBytes = size_t{512} * 1024;
  const int64_t height = plans.back().made_dims[1];
  const int64_t least = LeastRows(plans);
  if (threads > 1 && height < least * threads) return {1, height};
  size_t bytes = plans[0].bytes_in();
  for (const LinkPlan& plan : plans) bytes += plan.bytes_out();
  const auto bands = static_cast<int64_t>(bytes / kCacheBytes) + 1;
  return {static_cast<size_t>(threads),
          std::max((height + bands - 1) / bands, least)};
}

class ConvChainStep : public Step {
 public:
  ConvChainStep(std::vector<LinkPlan> links, int64_t images, ChainCut cut,
                int threads)
      : links_(std::move(links)),
        images_(static_cast<size_t>(images)),
        cut_(cut),
        step_threads_(cut.lanes == 1 ? threads : 1) {}

  // False where a link has no step.
  bool Plan(const PrepareContext& context);

  void Run(const StepArgs& args) const override;
  size_t scratch_bytes() const override { return cut_.lanes * lane_bytes(); }

 private:
  // A link over a band, with what of its padding the band sees.
  using Form = std::tuple<size_t, int64_t, int64_t, int64_t>;
  const Step* StepOf(const PrepareContext& context, const BandPart& part);
  std::unique_ptr<Step> Prepare(const PrepareContext& context,
                                const BandPart& part) const;
  std::vector<Command> CommandsOf(std::span<const BandPart> parts,
                                  const PrepareContext& context);
  void LayOut(const std::vector<std::vector<BandPart>>& sections);
  void RunLane(const StepArgs& args, size_t lane) const;
  void RunSection(const StepArgs& args, size_t image,
                  const std::vector<Command>& commands,
                  std::byte* scratch) const;
  size_t lane_bytes() const { return Aligned(own_bytes_ + step_bytes_); }
  static size_t Aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

  std::vector<LinkPlan> links_;
  size_t images_;
  ChainCut cut_;
  int step_threads_;
  std::map<Form, std::unique_ptr<Step>> steps_;
  std::vector<std::vector<Command>> sections_;  // of an image
  size_t own_bytes_ = 0;                        // of what lies between links
  size_t step_bytes_ = 0;                       // scratch of one step
  mutable ThreadPool alone_{1};
};

bool ConvChainStep::Plan(const PrepareContext& context) {
  std::vector<RowWindow> windows;
  for (const LinkPlan& plan : links_) windows.push_back(plan.window);
  const size_t count = images_ % cut_.lanes == 0 ? 1 : cut_.lanes;
  const auto height = static_cast<size_t>(windows.back().out_h);
  std::vector<std::vector<BandPart>> sections;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = static_cast<int64_t>(i * height / count);
    const auto end = static_cast<int64_t>((i + 1) * height / count);
    sections.push_back(PlanBands(windows, begin, end, cut_.rows));
  }
  LayOut(sections);
  for (const auto& parts : sections) {
    sections_.push_back(CommandsOf(parts, context));
    if (sections_.back().empty() && !parts.empty()) return false;
  }
  return true;
}

void ConvChainStep::LayOut(const std::vector<std::vector<BandPart>>& sections) {
  std::vector<size_t> bytes(links_.size(), 0);
  for (const auto& parts : sections) {
    for (const BandPart& part : parts) {
      if (part.link + 1 == links_.size()) continue;
      const auto rows = static_cast<size_t>(part.end - part.base);
      bytes[part.link] = std::max(bytes[part.link],
                                  Aligned(rows * links_[part.link].row_out()));
    }
  }
  const bool is_one_band = cut_.rows >= links_.back().made_dims[1];
  for (size_t i = 0; i < links_.size(); ++i) {
    links_[i].buffer = own_bytes_;
    own_bytes_ += bytes[i];
  }
  if (!is_one_band) return;
  // Then a result dies once the next one is there.
  size_t sides[2] = {0, 0};
  for (size_t i = 0; i < links_.size(); ++i) {
    sides[i % 2] = std::max(sides[i % 2], bytes[i]);
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    links_[i].buffer = i % 2 == 0 ? 0 : sides[0];
  }
  own_bytes_ = sides[0] + sides[1];
}

const Step* ConvChainStep::StepOf(const PrepareContext& context,
                                  const BandPart& part) {
  const RowWindow& window = links_[part.link].window;
  const int64_t above = part.first - (part.begin * window.stride - window.pad);
  auto& step =
      steps_[{part.link, part.end - part.begin, part.last - part.first, above}];
  if (step == nullptr) step = Prepare(context, part);
  return step.get();
}

std::unique_ptr<Step> ConvChainStep::Prepare(const PrepareContext& context,
                                             const BandPart& part) const {
  const LinkPlan& plan = links_[part.link];
  const RowWindow& window = plan.window;
  const int64_t top = part.begin * window.stride - window.pad;
  const int64_t bottom =
      (part.end - 1) * window.stride - window.pad + window.span;
  Node node = plan.link.node;
  std::vector<int64_t> pads = node.Ints("pads");
  pads[0] = part.first - top;
  pads[2] = std::max<int64_t>(0, bottom - part.last);
  node.Set("pads", std::move(pads));
  PrepareContext inner{
      .node = node,
      .input_dtypes = plan.dtypes,
      .input_dims = plan.dims,
      .output_dtypes = {plan.made},
      .output_dims = {plan.made_dims},
      .constants = plan.constants,
      .packs = context.packs,
      .pack_key = fmt::format("{}/{}", context.pack_key, part.link),
      .threads = step_threads_,
      .clamp = {}};
  inner.input_dims[0][1] = part.last - part.first;
  inner.output_dims[0][1] = part.end - part.begin;
  if (plan.link.adds()) {
    inner.input_dims[ConvAddInputs::kAdded] = inner.output_dims[0];
  }
  return FindOp(node.op_type, node.domain)->prepare(inner);
}

// Empty where a link has no step.
std::vector<Command> ConvChainStep::CommandsOf(std::span<const BandPart> parts,
                                               const PrepareContext& context) {
  std::vector<Command> commands;
  std::vector<int64_t> bases(links_.size(), -1);
  for (const BandPart& part : parts) {
    const size_t i = part.link;
    const LinkPlan& plan = links_[i];
    const auto bytes = [](int64_t rows, size_t row) {
      return static_cast<size_t>(rows) * row;
    };
    const bool is_last = i + 1 == links_.size();
    if (!is_last && bases[i] >= 0 && part.base > bases[i] &&
        part.begin > part.base) {
      const int64_t gone = part.base - bases[i];
      commands.push_back(
          {.in = plan.buffer + bytes(gone, plan.row_out()),
           .out = plan.buffer,
           .count = bytes(part.begin - part.base, plan.row_out())});
    }
    bases[i] = part.base;
    Command command{.step = StepOf(context, part), .link = i};
    if (command.step == nullptr) return {};
    step_bytes_ = std::max(step_bytes_, command.step->scratch_bytes());
    command.in = i == 0 ? bytes(part.first, plan.row_in())
                        : links_[i - 1].buffer +
                              bytes(part.first - bases[i - 1], plan.row_in());
    command.out =
        is_last ? bytes(part.begin, plan.row_out())
                : plan.buffer + bytes(part.begin - part.base, plan.row_out());
    command.added = bytes(part.begin, plan.row_out());
    commands.push_back(command);
  }
  return commands;
}

void ConvChainStep::Run(const StepArgs& args) const {
  if (cut_.lanes == 1) return RunLane(args, 0);
  args.pool.ParallelFor(cut_.lanes, 1, [&](size_t begin, size_t end) {
    for (size_t lane = begin; lane < end; ++lane) RunLane(args, lane);
  });
}

void ConvChainStep::RunLane(const StepArgs& args, size_t lane) const {
  const size_t sections = sections_.size();
  const size_t all = images_ * sections;
  auto* scratch = static_cast<std::byte*>(args.scratch) + lane * lane_bytes();
  const size_t end = (lane + 1) * all / cut_.lanes;
  for (size_t i = lane * all / cut_.lanes; i < end; ++i) {
    RunSection(args, i / sections, sections_[i % sections], scratch);
  }
}

void ConvChainStep::RunSection(const StepArgs& args, size_t image,
                               const std::vector<Command>& commands,
                               std::byte* scratch) const {
  const LinkPlan& last = links_.back();
  const auto* in = static_cast<const std::byte*>(args.inputs[0]) +
                   image * links_[0].bytes_in();
  auto* out =
      static_cast<std::byte*>(args.outputs[0]) + image * last.bytes_out();
  for (const Command& command : commands) {
    if (command.step == nullptr) {
      std::memmove(scratch + command.out, scratch + command.in, command.count);
      continue;
    }
    const LinkPlan& plan = links_[command.link];
    const void* inputs[kConvAddInputs] = {};
    inputs[0] = (command.link == 0 ? in : scratch) + command.in;
    if (plan.link.adds()) {
      const size_t added = plan.link.first + ConvAddInputs::kAdded;
      inputs[ConvAddInputs::kAdded] =
          static_cast<const std::byte*>(args.inputs[added]) +
          image * plan.bytes_out() + command.added;
    }
    void* made = (&plan == &last ? out : scratch) + command.out;
    command.step->Run({{inputs, plan.link.node.inputs.size()},
                       {&made, 1},
                       scratch + own_bytes_,
                       cut_.lanes == 1 ? args.pool : alone_});
  }
}

// What the links of a node read and make, on one image.
std::vector<LinkPlan> PlansOf(const PrepareContext& context) {
  std::vector<LinkPlan> plans;
  DType dtype = context.input_dtypes[0];
  Dims image = context.input_dims[0];
  image[0] = 1;
  for (ConvLink& link : LinksOf(context.node)) {
    LinkPlan plan;
    plan.dtypes = InputsOf<DType>(link, context.input_dtypes, dtype);
    plan.dims = InputsOf<Dims>(link, context.input_dims, image);
    plan.constants = InputsOf<const Tensor*>(link, context.constants, nullptr);
    std::vector<InferContext::Result> types;
    for (size_t i = 0; i < plan.dims.size(); ++i) {
      types.push_back({plan.dtypes[i], Shape::Of(plan.dims[i]), {}});
    }
    if (link.adds()) types[ConvAddInputs::kAdded].shape = {};  // all images
    const InferContext::Result made = InferPart(link.node, types);
    const Window window =
        ReadWindow(link.node, Dims(link.node.Ints("kernel_shape")));
    plan.made = made.dtype;
    plan.made_dims = *made.shape.values();
    plan.window = {image[1], plan.made_dims[1], window.extent(0),
                   window.strides[0], window.pads_begin[0]};
    dtype = plan.made;
    image = plan.made_dims;
    plan.link = std::move(link);
    plans.push_back(std::move(plan));
  }
  return plans;
}

// A byte an element, and windows that meet their image.
bool FitsBands(const LinkPlan& plan) {
  const RowWindow& w = plan.window;
  return IsByte(plan.dtypes[0]) && IsByte(plan.made) && w.pad < w.span &&
         (w.out_h - 1) * w.stride - w.pad < w.in_h;
}

std::unique_ptr<Step> PrepareConvChain(const PrepareContext& context) {
  if (context.input_dims[0].size() != 4 ||
      ElementCount(context.output_dims[0]) == 0) {
    return nullptr;
  }
  std::vector<LinkPlan> plans = PlansOf(context);
  for (const LinkPlan& plan : plans) {
    if (!FitsBands(plan)) return nullptr;
  }
  const ChainCut cut = CutOf(plans, context.threads);
  auto step = std::make_unique<ConvChainStep>(
      std::move(plans), context.input_dims[0][0], cut, context.threads);
  if (!step->Plan(context)) return nullptr;
  return step;
}

}  // namespace

std::vector<ConvLink> LinksOf(const Node& chain) {
  const std::vector<int64_t> adds = chain.Ints("adds");
  const size_t count = adds.size();
  const std::vector<int64_t> groups = NumbersOf(chain, "group", count);
  std::map<std::string, std::vector<int64_t>> lists;
  for (const auto& [key, numbers] : kLists) {
    lists[key] = NumbersOf(chain, key, numbers * count);
  }
  std::vector<ConvLink> links(count);
  size_t first = 0;
  for (size_t i = 0; i < count; ++i) {
    Node& node = links[i].node;
    links[i].first = first;
    node.op_type = adds[i] == 0 ? "QLinearConv" : "QLinearConvAdd";
    node.domain = adds[i] == 0 ? "com.microsoft" : "squint";
    node.name = chain.name;
    node.Set("channels_last", int64_t{1});
    node.Set("group", groups[i]);
    if (adds[i] != 0) node.Set("conv_is_b", int64_t{adds[i] == 2});
    for (const auto& [key, numbers] : kLists) {
      const auto from = lists[key].begin() + static_cast<int64_t>(i * numbers);
      node.Set(key, std::vector<int64_t>(from,
                                         from + static_cast<int64_t>(numbers)));
    }
    const size_t inputs = adds[i] == 0 ? kConvInputs : kConvAddInputs;
    for (size_t j = first; j < first + inputs; ++j) {
      node.inputs.push_back(chain.input(j));
    }
    node.inputs[0] = chain.input(0);
    first += inputs;
  }
  if (count == 0 || first != chain.inputs.size()) {
    Fail(ErrorCode::kInvalidModel, "{} convolutions have {} inputs", count,
         chain.inputs.size());
  }
  return links;
}

Node ChainOf(const Graph& graph, const std::vector<NodeId>& links) {
  Node chain;
  chain.op_type = "QLinearConvChain";
  chain.domain = "squint";
  std::vector<int64_t> adds;
  std::vector<int64_t> groups;
  std::map<std::string, std::vector<int64_t>> lists;
  for (const NodeId id : links) {
    const Node& node = graph.node(id);
    const bool is_add = node.op_type == "QLinearConvAdd";
    adds.push_back(is_add ? 1 + node.Int("conv_is_b", 0) : 0);
    groups.push_back(node.Int("group", 1));
    const Tensor& weight = graph.value(node.input(3)).constant;
    const Window window = ReadConvWindow(node, SpatialOf(weight.dims()));
    const Dims* parts[] = {&window.kernel, &window.strides, &window.dilations,
                           &window.pads_begin};
    for (size_t i = 0; i < std::size(kLists); ++i) {
      auto& list = lists[kLists[i].key];
      list.insert(list.end(), parts[i]->begin(), parts[i]->end());
    }
    auto& pads = lists["pads"];
    pads.insert(pads.end(), window.pads_end.begin(), window.pads_end.end());
    const size_t first = chain.inputs.size();
    chain.inputs.insert(chain.inputs.end(), node.inputs.begin(),
                        node.inputs.end());
    chain.inputs.resize(first + (is_add ? kConvAddInputs : kConvInputs),
                        kNoValue);
    if (first > 0) chain.inputs[first] = kNoValue;
  }
  chain.Set("adds", std::move(adds));
  chain.Set("group", std::move(groups));
  for (auto& [key, numbers] : lists) chain.Set(key, std::move(numbers));
  return chain;
}

int64_t MacsOfChain(const Node& chain, const std::vector<Dims>& inputs) {
  Dims image = inputs.at(0);
  int64_t macs = 0;
  for (const ConvLink& link : LinksOf(chain)) {
    const Dims& weight = inputs[link.first + 3];
    const Window window =
        ReadWindow(link.node, Dims(link.node.Ints("kernel_shape")));
    const int64_t spatial[] = {image[1], image[2]};
    const Dims made = WindowOutputs(window, spatial);
    image = {image[0], made[0], made[1], weight[0]};
    macs += ElementCount(image) * ElementCount(weight) / weight[0];
  }
  return macs;
}

extern constinit const OpDef kQLinearConvChainOp = {
    .type = "QLinearConvChain",
    .domain = "squint",
    .infer = InferConvChain,
    .reference = RunConvChain,
    .quantize = StoredIntegersRule,
    .prepare = PrepareConvChain,
};

}  // namespace squint
