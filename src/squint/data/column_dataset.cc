#include "squint/data/column_dataset.h"

#include <algorithm>
#include <utility>

#include "squint/base/hash.h"
#include "squint/data/conform.h"

namespace squint {
namespace {

class ColumnDataset : public Dataset {
 public:
  ColumnDataset(std::vector<InputSpec> specs, DatasetParts parts)
      : specs_(std::move(specs)), parts_(std::move(parts)) {
    stored_ = StoredSize();
    CheckSplit();
    CheckLabels();
  }

  int64_t size() const override {
    return parts_.split ? static_cast<int64_t>(parts_.split->size()) : stored_;
  }
  bool has_labels() const override { return parts_.labels != nullptr; }
  bool has_targets() const override {
    return parts_.target != nullptr || parts_.target_input >= 0;
  }
  bool has_pairs() const override { return !parts_.second_inputs.empty(); }
  int64_t num_classes() const override { return parts_.num_classes; }
  std::string metric() const override { return parts_.metric; }
  std::string reduction() const override { return parts_.reduction; }
  int output() const override { return parts_.output; }
  std::string description() const override {
    return fmt::format("{} ({} samples{})", parts_.description, size(),
                       has_labels() ? ", labelled" : "");
  }

  Sample Get(int64_t index) const override {
    if (index < 0 || index >= size()) {
      Fail(ErrorCode::kInvalidArgument, "{}: no sample {}; there are {}",
           parts_.name, index, size());
    }
    const int64_t at =
        parts_.split ? (*parts_.split)[static_cast<size_t>(index)] : index;
    Sample sample;
    sample.index = index;
    sample.id = parts_.inputs[0]->IdOf(at);
    try {
      Fill(at, &sample);
    } catch (const Error& error) {
      throw error.In(fmt::format("{}: sample {}", parts_.name, sample.id));
    }
    return sample;
  }

 private:
  // All columns must agree; those that repeat one value fit any length.
  int64_t StoredSize() const {
    const Column* counted = nullptr;
    for (const ColumnRef& column : AllColumns()) {
      if (column->size() == Column::kAny) continue;
      if (counted != nullptr && counted->size() != column->size()) {
        Fail(ErrorCode::kInvalidArgument, "{}: {} has {} samples but {} has {}",
             parts_.name, counted->source(), counted->size(), column->source(),
             column->size());
      }
      counted = column.get();
    }
    if (counted == nullptr || counted->size() == 0) {
      Fail(ErrorCode::kInvalidArgument, "{}: the dataset holds no samples",
           parts_.name);
    }
    return counted->size();
  }

  std::vector<ColumnRef> AllColumns() const {
    std::vector<ColumnRef> all = parts_.inputs;
    all.insert(all.end(), parts_.second_inputs.begin(),
               parts_.second_inputs.end());
    if (parts_.labels) all.push_back(parts_.labels);
    if (parts_.target) all.push_back(parts_.target);
    return all;
  }

  void CheckSplit() const {
    if (!parts_.split) return;
    if (parts_.split->empty()) {
      Fail(ErrorCode::kInvalidArgument, "{}: the split holds no samples",
           parts_.name);
    }
    for (const int64_t index : *parts_.split) {
      if (index < 0 || index >= stored_) {
        Fail(ErrorCode::kInvalidArgument,
             "{}: the split names sample {}, there are {}", parts_.name, index,
             stored_);
      }
    }
  }

  // Labels in memory are all checked before any work is done.
  void CheckLabels() const {
    if (!parts_.labels || !parts_.labels->in_memory()) return;
    for (int64_t i = 0; i < size(); ++i) {
      const int64_t at =
          parts_.split ? (*parts_.split)[static_cast<size_t>(i)] : i;
      try {
        Label(at);
      } catch (const Error& error) {
        throw error.In(fmt::format("{}: label of sample {}", parts_.name,
                                   parts_.inputs[0]->IdOf(at)));
      }
    }
  }

  int64_t Label(int64_t at) const {
    const int64_t label = LabelOf(parts_.labels->Get(at)) + parts_.label_offset;
    if (label < 0) {
      Fail(ErrorCode::kInvalidArgument, "label {} is negative", label);
    }
    if (parts_.num_classes > 0 && label >= parts_.num_classes) {
      Fail(ErrorCode::kInvalidArgument, "label {} but only {} classes", label,
           parts_.num_classes);
    }
    return label;
  }

  std::vector<Tensor> Inputs(const std::vector<ColumnRef>& columns, int64_t at,
                             ContentHasher* hasher) const {
    std::vector<Tensor> result;
    for (size_t i = 0; i < columns.size(); ++i) {
      result.push_back(ConformToInput(columns[i]->Get(at), specs_[i]));
      hasher->Add({result.back().raw(), result.back().bytes()});
    }
    return result;
  }

  void Fill(int64_t at, Sample* sample) const {
    ContentHasher hasher;
    sample->inputs = Inputs(parts_.inputs, at, &hasher);
    sample->second_inputs = Inputs(parts_.second_inputs, at, &hasher);
    sample->hash = hasher.Digest();
    if (parts_.labels) sample->label = Label(at);
    if (parts_.target_input >= 0) {
      sample->target = sample->inputs[static_cast<size_t>(parts_.target_input)];
    } else if (parts_.target) {
      sample->target = parts_.target->Get(at);
      CheckFinite(sample->target);
    }
  }

  std::vector<InputSpec> specs_;
  DatasetParts parts_;
  int64_t stored_ = 0;  // samples before the split
};

}  // namespace

std::shared_ptr<const Dataset> MakeColumnDataset(std::vector<InputSpec> inputs,
                                                 DatasetParts parts) {
  CheckInternal(inputs.size() == parts.inputs.size(),
                "MakeColumnDataset: one column for each input");
  if (inputs.empty()) {
    Fail(ErrorCode::kInvalidArgument, "{}: the model has no inputs to feed",
         parts.name);
  }
  return std::make_shared<ColumnDataset>(std::move(inputs), std::move(parts));
}

}  // namespace squint
