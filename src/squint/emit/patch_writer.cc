// The loops of steps that run in patches, and what changes from one patch to
// the next.
#include "squint/emit/c_text.h"
#include "squint/emit/model_writer.h"

namespace squint {

std::string InArena(int64_t offset) {
  return offset == 0 ? "memory" : fmt::format("memory + {}", offset);
}

void ModelWriter::OpenLoops(int32_t rows, int32_t columns) {
  calls_ += fmt::format(
      "\n  /* In patches: {0} by {1} rectangles of the last of these results. "
      "*/\n"
      "  for (int32_t row = 0; row < {0}; ++row) {{\n"
      "    for (int32_t column = 0; column < {1}; ++column) {{\n",
      rows, columns);
  indent_ = "      ";
  locals_.clear();
  loop_begin_ = calls_.size();
}

// One variable of a kind serves all layers: the stack holds it once.
void ModelWriter::CloseLoops() {
  std::string declarations;
  for (const std::string& kind : locals_) {
    declarations += fmt::format("{0}squint_{1} {1};\n", indent_, kind);
  }
  calls_.insert(loop_begin_, declarations);
  calls_ += "    }\n  }\n";
  indent_ = "  ";
}

void ModelWriter::RunLayer(const PatchLayer& layer) {
  layer_ = &layer;
  Begin(*layer.step, layer.node);
  layer.step->Write(*this);
  layer_ = nullptr;
}

std::string ModelWriter::ScratchAt(int64_t offset) const {
  return InArena(plan_.scratch[position_] + offset);
}

std::string ModelWriter::Operand(const PatchOperand& operand,
                                 const std::vector<ValueId>& whole) {
  return operand.in_scratch ? ScratchAt(operand.offset)
                            : argument_(whole[operand.index]);
}

std::string ModelWriter::Spans(const std::vector<squint_span>& spans,
                               std::string_view role, std::string_view index) {
  kernels_.insert("span");
  std::vector<std::string> items;
  for (const squint_span& span : spans) {
    items.push_back(fmt::format("{{.in = {}, .out = {}, .pad = {}}}", span.in,
                                span.out, span.pad));
  }
  const auto count = static_cast<int64_t>(spans.size());
  const std::string name =
      Define("squint_span", fmt::format("{}_{}", costs_.back().name, role),
             items, count * static_cast<int64_t>(sizeof(squint_span)),
             fmt::format("[{}]", count));
  return fmt::format("&{}[{}]", name, index);
}

std::string ModelWriter::Rows() { return Spans(layer_->rows, "down", "row"); }
std::string ModelWriter::Columns() {
  return Spans(layer_->columns, "across", "column");
}

std::string ModelWriter::Count(int32_t whole) {
  if (layer_ == nullptr) return Number(whole);
  const std::string rows = Rows().substr(1);
  const std::string columns = Columns().substr(1);
  const int64_t each = whole / layer_->image_pixels;
  return fmt::format("{}{}.out * {}.out",
                     each == 1 ? "" : fmt::format("{} * ", each), rows,
                     columns);
}

std::string ModelWriter::Local(std::string_view kind,
                               const std::string& whole) {
  constexpr size_t kFields = 15;  // of a result, at most
  locals_.insert(std::string(kind));
  CountCall(fmt::format("patch_{}", kind), 3 + kFields);
  calls_ += Wrapped(fmt::format("{0}{1} = squint_patch_{1}(", indent_, kind),
                    {whole, Rows(), Columns()}, ");\n", indent_.size() + 4);
  return fmt::format("&{}", kind);
}

std::string ModelWriter::Window(const squint_window& whole) {
  const std::string params = Params("squint_window", whole);
  return layer_ == nullptr ? params : Local("window", params);
}

std::string ModelWriter::Pair(const squint_pair& whole) {
  if (layer_ == nullptr) return Params("squint_pair", whole);
  return Local("pair",
               Params("squint_pair", ByPixel(whole, layer_->image_pixels)));
}

}  // namespace squint
