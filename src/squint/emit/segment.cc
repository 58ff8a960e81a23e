#include "squint/emit/segment.h"

#include <algorithm>
#include <optional>

namespace squint {
namespace {

class Finder {
 public:
  explicit Finder(const FixedNetwork& network)
      : network_(network),
        last_read_(static_cast<size_t>(network.program.graph.num_values()),
                   -1) {
    for (size_t s = 0; s < network.steps().size(); ++s) {
      for (const ValueId id : network.steps()[s].inputs) {
        if (id != kNoValue) LastRead(id) = static_cast<int64_t>(s);
      }
    }
    for (const Port& port : network.outputs) {
      LastRead(port.value) = static_cast<int64_t>(network.steps().size());
    }
  }

  // All that begin with step `first`.
  void FindFrom(size_t first, std::vector<Segment>& found) {
    const auto& steps = network_.steps();
    Segment segment{first, first, kNoValue, kNoValue, {}};
    if (!Begin(steps[first], segment)) return;
    for (size_t s = first; s < steps.size(); ++s) {
      if (!Add(steps[s], segment)) return;
      segment.last = s;
      const auto exit = ExitOf(segment);
      if (s == first || !exit) continue;
      found.push_back(segment);
      found.back().exit = *exit;
    }
  }

 private:
  int64_t& LastRead(ValueId id) { return last_read_[static_cast<size_t>(id)]; }

  static bool Begin(const FixedNode& node, Segment& segment) {
    const squint_window* window = node.step->window();
    const auto planes = node.step->planes();
    if (window == nullptr && !planes) return false;
    segment.entry = node.inputs[0];
    segment.images[segment.entry] =
        planes ? *planes
               : ImageSize{window->in_h, window->in_w, window->channels};
    return true;
  }

  // False where the step cannot be part of the segment.
  bool Add(const FixedNode& node, Segment& segment) const {
    if (node.step->is_view() || node.outputs.size() != 1) return false;
    const squint_window* window = node.step->window();
    const auto size = window != nullptr     ? Through(*window, node, segment)
                      : node.step->planes() ? OfPlanes(node, segment)
                                            : ByPixel(node, segment);
    if (!size || size->pixels() < 1) return false;
    segment.images[node.outputs[0]] = *size;
    return true;
  }

  // Of a value of the segment that is no planes.
  const ImageSize* PixelsOf(ValueId id, const Segment& segment) const {
    const auto found = segment.images.find(id);
    const bool planes =
        id == segment.entry && network_.steps()[segment.first].step->planes();
    return found == segment.images.end() || planes ? nullptr : &found->second;
  }

  // Planes that are whole: only the first step reads them, and it alone.
  std::optional<ImageSize> OfPlanes(const FixedNode& node,
                                    const Segment& segment) const {
    if (node.inputs[0] != segment.entry || segment.images.size() > 1) {
      return std::nullopt;
    }
    return node.step->planes();
  }

  std::optional<ImageSize> Through(const squint_window& w,
                                   const FixedNode& node,
                                   const Segment& segment) const {
    const ImageSize* in = PixelsOf(node.inputs[0], segment);
    const ImageSize seen = {w.in_h, w.in_w, w.channels};
    if (in == nullptr || w.images != 1 || *in != seen) return std::nullopt;
    const int64_t pixels = int64_t{w.out_h} * w.out_w;
    return ImageSize{w.out_h, w.out_w,
                     network_.BytesOf(node.outputs[0]) / pixels};
  }

  std::optional<ImageSize> ByPixel(const FixedNode& node,
                                   const Segment& segment) const {
    const ImageSize* size = nullptr;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || network_.IsConstant(id)) continue;
      const ImageSize* image = PixelsOf(id, segment);
      if (image == nullptr || (size != nullptr && *size != *image)) {
        return std::nullopt;
      }
      size = image;
    }
    if (size == nullptr ||
        !node.step->IsByPixel(size->pixels(), size->channels)) {
      return std::nullopt;
    }
    // A constant image would have to be cut like the others.
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && network_.IsConstant(id) && size->pixels() > 1 &&
          network_.BytesOf(id) == size->pixels() * size->channels) {
        return std::nullopt;
      }
    }
    return *size;
  }

  // The one value that is read behind the segment; all others must be read
  // within.
  std::optional<ValueId> ExitOf(const Segment& segment) const {
    std::optional<ValueId> exit;
    for (size_t s = segment.first; s <= segment.last; ++s) {
      const ValueId id = network_.steps()[s].outputs[0];
      const int64_t read = last_read_[static_cast<size_t>(id)];
      if (read >= 0 && read <= static_cast<int64_t>(segment.last)) continue;
      if (exit || read < 0) return std::nullopt;
      exit = id;
    }
    return exit;
  }

  const FixedNetwork& network_;
  std::vector<int64_t> last_read_;  // by value; -1: never
};

}  // namespace

std::vector<Segment> FindSegments(const FixedNetwork& network) {
  Finder finder(network);
  std::vector<Segment> found;
  for (size_t first = 0; first < network.steps().size(); ++first) {
    finder.FindFrom(first, found);
  }
  return found;
}

}  // namespace squint
