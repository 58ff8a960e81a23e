// A column gives one tensor for each sample: an input, a label, a target.
// Every kind of data file becomes columns, and a ColumnDataset joins them:
//
//   file -> Column -> (preprocessing: a Column around a Column) -> Dataset
//
// Columns are immutable and may be read from any thread.
#ifndef SQUINT_DATA_COLUMN_H_
#define SQUINT_DATA_COLUMN_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "squint/data/array.h"
#include "squint/tensor/tensor.h"

namespace squint {

class Column {
 public:
  virtual ~Column() = default;
  // Number of samples; kAny for a column that repeats one value.
  static constexpr int64_t kAny = -1;
  virtual int64_t size() const = 0;
  virtual Tensor Get(int64_t index) const = 0;
  // How messages call the sample: a file name, or "#12".
  virtual std::string IdOf(int64_t index) const;
  virtual std::string source() const = 0;  // file or folder, for messages
  // Whether reading every sample beforehand costs next to nothing.
  virtual bool in_memory() const { return true; }
};
using ColumnRef = std::shared_ptr<const Column>;

// The rows of the first axis. Error{kInvalidArgument} when it is a scalar.
ColumnRef MakeArrayColumn(Array array);
// One .npy for each sample.
ColumnRef MakeNpyFilesColumn(std::vector<std::filesystem::path> files,
                             std::string source);
// One .npz for each sample, the member `name`.
ColumnRef MakeNpzFilesColumn(std::vector<std::filesystem::path> files,
                             std::string name, std::string source);
// The same value for every sample.
ColumnRef MakeConstantColumn(Tensor value, std::string source);
// Integers, such as labels read from a text or a folder tree.
ColumnRef MakeLabelColumn(std::vector<int64_t> labels, std::string source);
// f applied to each of `inner`'s tensors.
ColumnRef MakeMappedColumn(ColumnRef inner,
                           std::function<Tensor(const Tensor&)> f);

}  // namespace squint

#endif  // SQUINT_DATA_COLUMN_H_
