// The one Dataset behind every source but `random`: columns joined by index.
#ifndef SQUINT_DATA_COLUMN_DATASET_H_
#define SQUINT_DATA_COLUMN_DATASET_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "squint/data/column.h"
#include "squint/data/dataset.h"

namespace squint {

struct DatasetParts {
  std::string name;                      // file or folder, for messages
  std::vector<ColumnRef> inputs;         // as the InputSpecs
  std::vector<ColumnRef> second_inputs;  // a pair's other half, or empty
  ColumnRef labels;                      // may be null
  ColumnRef target;                      // may be null
  // The target is this input itself (its index); -1: it is not.
  int target_input = -1;
  // The samples taken, in order; nullopt: all.
  std::optional<std::vector<int64_t>> split;
  int64_t label_offset = 0;  // added to every label
  int64_t num_classes = 0;
  std::string metric;
  std::string reduction;
  int output = 0;
  std::string description;  // what was read and how it was preprocessed
};

// Error{kInvalidArgument} when there are no samples, when columns differ in
// length or when the split names a sample that is not there.
std::shared_ptr<const Dataset> MakeColumnDataset(std::vector<InputSpec> inputs,
                                                 DatasetParts parts);

}  // namespace squint

#endif  // SQUINT_DATA_COLUMN_DATASET_H_
