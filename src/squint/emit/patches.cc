#include "squint/emit/patches.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "squint/emit/cmsis_nn.h"

namespace squint {
namespace {

// Pixels begin .. end - 1 along an axis.
struct Range {
  int64_t begin = std::numeric_limits<int64_t>::max();
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  void Cover(const Range& other) {
    begin = std::min(begin, other.begin);
    end = std::max(end, other.end);
  }
  friend bool operator==(const Range&, const Range&) = default;
};

// A window along one axis.
struct AxisWindow {
  int64_t in = 0;
  int64_t taps = 1;
  int64_t stride = 1;
  int64_t step = 1;
  int64_t pad = 0;

  // What the results in `out` see, at least one pixel.
  Range Seen(const Range& out) const {
    const int64_t begin = out.begin * stride - pad;
    const int64_t end = (out.end - 1) * stride - pad + (taps - 1) * step + 1;
    const int64_t first = std::clamp<int64_t>(begin, 0, in - 1);
    return {first, std::clamp<int64_t>(end, first + 1, in)};
  }
};

AxisWindow Vertical(const squint_window& w) {
  return {w.in_h, w.taps_h, w.stride_h, w.step_h, w.pad_top};
}
AxisWindow Horizontal(const squint_window& w) {
  return {w.in_w, w.taps_w, w.stride_w, w.step_w, w.pad_left};
}

// What a patch at each place of the grid has of every value, along one axis.
class AxisPlan {
 public:
  AxisPlan(const FixedNetwork& network, const Segment& segment, int64_t places,
           int64_t ImageSize::*size, AxisWindow (*window)(const squint_window&))
      : places_(places), window_(window) {
    const int64_t whole = segment.images.at(segment.exit).*size;
    for (int64_t p = 0; p < places; ++p) {
      of_value_[segment.exit].push_back(
          {p * whole / places, (p + 1) * whole / places});
    }
    for (size_t s = segment.last + 1; s-- > segment.first;) {
      const FixedNode& node = network.steps()[s];
      for (const ValueId id : node.inputs) {
        if (segment.images.contains(id)) Need(node, id);
      }
    }
    // The entry is there whole.
    of_value_[segment.entry].assign(
        static_cast<size_t>(places),
        {0, segment.images.at(segment.entry).*size});
  }

  const std::vector<Range>& of(ValueId id) const { return of_value_.at(id); }

  // How the results of `node` lie in what there is of an input.
  std::vector<squint_span> Spans(const FixedNode& node, ValueId input) const {
    const squint_window* window = node.step->window();
    return SpansBetween(window == nullptr ? AxisWindow() : window_(*window),
                        of(input), of(node.outputs[0]));
  }

  static std::vector<squint_span> SpansBetween(const AxisWindow& window,
                                               const std::vector<Range>& in,
                                               const std::vector<Range>& out) {
    std::vector<squint_span> spans;
    for (size_t p = 0; p < in.size(); ++p) {
      const int64_t pad =
          window.pad + in[p].begin - out[p].begin * window.stride;
      spans.push_back({static_cast<int32_t>(in[p].size()),
                       static_cast<int32_t>(out[p].size()),
                       static_cast<int32_t>(pad)});
    }
    return spans;
  }

 private:
  void Need(const FixedNode& node, ValueId input) {
    const std::vector<Range>& out = of_value_.at(node.outputs[0]);
    std::vector<Range>& in = of_value_[input];
    in.resize(static_cast<size_t>(places_));
    const squint_window* window = node.step->window();
    for (size_t p = 0; p < in.size(); ++p) {
      in[p].Cover(window == nullptr ? out[p] : window_(*window).Seen(out[p]));
    }
  }

  int64_t places_;
  AxisWindow (*window_)(const squint_window&);
  std::map<ValueId, std::vector<Range>> of_value_;
};

int64_t Largest(const std::vector<Range>& ranges) {
  int64_t most = 0;
  for (const Range& range : ranges) most = std::max(most, range.size());
  return most;
}

class Drafter {
 public:
  Drafter(const FixedNetwork& network, const Segment& segment,
          const PatchGrid& grid)
      : network_(network),
        segment_(segment),
        rows_(network, segment, grid.rows, &ImageSize::height, Vertical),
        columns_(network, segment, grid.columns, &ImageSize::width,
                 Horizontal) {}

  PatchDraft Run() {
    draft_.inputs = {segment_.entry};
    for (size_t s = segment_.first; s <= segment_.last; ++s) {
      AddStep(network_.steps()[s]);
    }
    AddPaste();
    for (size_t k = 0; k < draft_.layers.size(); ++k) {
      const size_t scratch = draft_.layers[k].step->scratch_bytes();
      draft_.scratch.push_back(-1);
      if (scratch == 0) continue;
      const auto t = static_cast<int64_t>(k);
      draft_.scratch[k] = static_cast<int64_t>(draft_.blocks.size());
      draft_.blocks.push_back({static_cast<int64_t>(scratch), t, t});
    }
    for (size_t k = 0; k < draft_.layers.size(); ++k) FindOverlaps(k);
    return std::move(draft_);
  }

 private:
  const ImageSize& Image(ValueId id) const { return segment_.images.at(id); }

  void AddStep(const FixedNode& node) {
    const ValueId y = node.outputs[0];
    if (node.step->planes()) return AddPlanes(node);
    const bool windowed = node.step->window() != nullptr;
    const ImageSize& image = Image(windowed ? node.inputs[0] : y);
    const bool by_pixel = node.step->IsByPixel(image.pixels(), image.channels);
    PatchLayer layer{.step = OwnStep(node.step), .node = node.id, .move = ""};
    // Weights are part of a windowed step.
    const size_t count = windowed ? 1 : node.inputs.size();
    for (size_t i = 0; i < count; ++i) {
      layer.inputs.push_back(by_pixel ? Exactly(node, node.inputs[i])
                                      : OperandOf(node.inputs[i]));
    }
    const ValueId x = by_pixel ? y : node.inputs[0];
    layer.rows = by_pixel ? Same(rows_.of(y)) : rows_.Spans(node, x);
    layer.columns = by_pixel ? Same(columns_.of(y)) : columns_.Spans(node, x);
    layer.image_pixels = Image(y).pixels();
    Append(std::move(layer), y);
  }

  void AddPlanes(const FixedNode& node) {
    const ValueId x = node.inputs[0];
    const ValueId y = node.outputs[0];
    PatchLayer layer{.step = MakeCropPlanesStep(*node.step->planes()),
                     .node = node.id,
                     .move = "crop"};
    layer.inputs = {OperandOf(x)};
    layer.rows = AxisPlan::SpansBetween({}, rows_.of(x), rows_.of(y));
    layer.columns = AxisPlan::SpansBetween({}, columns_.of(x), columns_.of(y));
    layer.image_pixels = Image(y).pixels();
    Append(std::move(layer), y);
  }

  static std::vector<squint_span> Same(const std::vector<Range>& ranges) {
    return AxisPlan::SpansBetween({}, ranges, ranges);
  }

  // Where the patch's part of a value lies.
  PatchOperand OperandOf(ValueId id) {
    if (id == kNoValue) return {};
    const auto found = buffer_of_.find(id);
    if (found != buffer_of_.end()) return {true, found->second, 0};
    auto& inputs = draft_.inputs;
    const auto known = std::ranges::find(inputs, id);
    const auto index = static_cast<size_t>(known - inputs.begin());
    if (known == inputs.end()) inputs.push_back(id);
    return {false, index, 0};
  }

  // The same, cut to the rectangle of the node's result.
  PatchOperand Exactly(const FixedNode& node, ValueId id) {
    const ValueId y = node.outputs[0];
    if (!segment_.images.contains(id) ||
        (buffer_of_.contains(id) && rows_.of(id) == rows_.of(y) &&
         columns_.of(id) == columns_.of(y))) {
      return OperandOf(id);
    }
    PatchLayer crop{.step = MakeCropStep(Image(id).channels),
                    .node = node.id,
                    .move = "crop"};
    crop.inputs = {OperandOf(id)};
    crop.rows = AxisPlan::SpansBetween({}, rows_.of(id), rows_.of(y));
    crop.columns = AxisPlan::SpansBetween({}, columns_.of(id), columns_.of(y));
    crop.image_pixels = Image(id).pixels();
    crop.channels = Image(id).channels;
    const size_t buffer = NewBuffer(y, crop.channels);
    crop.output = {true, buffer, 0};
    Append(std::move(crop));
    return {true, buffer, 0};
  }

  // Of the last result into the whole.
  void AddPaste() {
    const ValueId y = segment_.exit;
    const ImageSize& image = Image(y);
    PatchLayer paste{.step = MakePasteStep(image.channels),
                     .node = network_.steps()[segment_.last].id,
                     .move = "paste"};
    paste.inputs = {OperandOf(y)};
    const auto into = [](int64_t size, const std::vector<Range>& parts) {
      const std::vector<Range> whole(parts.size(), {0, size});
      return AxisPlan::SpansBetween({}, whole, parts);
    };
    paste.rows = into(image.height, rows_.of(y));
    paste.columns = into(image.width, columns_.of(y));
    paste.image_pixels = image.pixels();
    paste.channels = image.channels;
    Append(std::move(paste));
  }

  // A buffer for the patch's part of value `part`, or of another one with as
  // many pixels.
  size_t NewBuffer(ValueId part, int64_t channels) {
    const auto t = static_cast<int64_t>(draft_.layers.size());
    draft_.blocks.push_back(
        {Largest(rows_.of(part)) * Largest(columns_.of(part)) * channels, t,
         t});
    return draft_.blocks.size() - 1;
  }

  void Append(PatchLayer layer, ValueId made = kNoValue) {
    if (made != kNoValue) {
      layer.channels = Image(made).channels;
      buffer_of_[made] = NewBuffer(made, layer.channels);
      layer.output = {true, buffer_of_[made], 0};
    }
    for (const PatchOperand& input : layer.inputs) {
      if (!input.in_scratch) continue;
      draft_.blocks[input.index].last =
          static_cast<int64_t>(draft_.layers.size());
    }
    draft_.layers.push_back(std::move(layer));
  }

  // Which dying inputs the result of layer k may lie over.
  void FindOverlaps(size_t k) {
    const PatchLayer& layer = draft_.layers[k];
    if (!layer.output.in_scratch) return;
    std::map<size_t, std::optional<int64_t>> leads;
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      const PatchOperand& input = layer.inputs[i];
      if (!input.in_scratch ||
          draft_.blocks[input.index].last != static_cast<int64_t>(k)) {
        continue;
      }
      const auto lead = LeadOf(layer, i);
      const auto [known, is_new] = leads.try_emplace(input.index, lead);
      if (is_new) continue;
      known->second = lead && known->second
                          ? std::optional(std::max(*lead, *known->second))
                          : std::nullopt;
    }
    for (const auto& [buffer, lead] : leads) {
      if (lead) {
        draft_.overlaps.push_back({buffer, layer.output.index, *lead});
      }
    }
  }

  // The most of all patches, of which many are alike.
  static std::optional<int64_t> LeadOf(const PatchLayer& layer, size_t input) {
    std::optional<int64_t> most = 0;
    std::set<std::vector<int32_t>> seen;
    for (const squint_span& r : layer.rows) {
      for (const squint_span& c : layer.columns) {
        if (!seen.insert({r.in, r.out, r.pad, c.in, c.out, c.pad}).second) {
          continue;
        }
        const Patch patch = {r, c, layer.image_pixels};
        const auto lead = layer.step->Lead(input, &patch);
        if (!lead) return std::nullopt;
        most = std::max(*most, *lead);
      }
    }
    return most;
  }

  const FixedNetwork& network_;
  const Segment& segment_;
  AxisPlan rows_;
  AxisPlan columns_;
  PatchDraft draft_;
  std::map<ValueId, size_t> buffer_of_;
};

void SetOffsets(PatchDraft& draft) {
  for (size_t k = 0; k < draft.layers.size(); ++k) {
    PatchLayer& layer = draft.layers[k];
    const auto place = [&](PatchOperand& operand) {
      if (operand.in_scratch)
        operand.offset = draft.blocks[operand.index].offset;
    };
    for (PatchOperand& input : layer.inputs) place(input);
    place(layer.output);
    if (draft.scratch[k] >= 0) {
      layer.scratch =
          draft.blocks[static_cast<size_t>(draft.scratch[k])].offset;
    }
  }
}

}  // namespace

int64_t PatchDraft::extra_macs() const {
  return PatchStep(layers, 0).extra_macs();
}

PatchDraft DraftPatches(const FixedNetwork& network, const Segment& segment,
                        const PatchGrid& grid) {
  return Drafter(network, segment, grid).Run();
}

FixedNetwork WithPatches(const FixedNetwork& network, const Segment& segment,
                         PatchDraft draft) {
  const int64_t scratch = PlaceBlocks(draft.blocks, draft.overlaps);
  SetOffsets(draft);
  FixedNetwork made = network;
  auto& nodes = made.program.nodes;
  FixedNode& patched = nodes[segment.first];
  patched.id = kNoNode;
  patched.inputs = draft.inputs;
  patched.outputs = {segment.exit};
  patched.step = std::make_shared<PatchStep>(std::move(draft.layers), scratch);
  nodes.erase(nodes.begin() + static_cast<int64_t>(segment.first) + 1,
              nodes.begin() + static_cast<int64_t>(segment.last) + 1);
  return made;
}

const PatchStep* PatchesOf(const FixedNetwork& network) {
  for (const FixedNode& node : network.steps()) {
    if (node.id == kNoNode) {
      return static_cast<const PatchStep*>(node.step.get());
    }
  }
  return nullptr;
}

}  // namespace squint
