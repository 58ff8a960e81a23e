#include "squint/data/column.h"

#include <utility>

#include "squint/data/npy.h"
#include "squint/data/npz.h"

namespace squint {
namespace {

using Paths = std::vector<std::filesystem::path>;

class ArrayColumn : public Column {
 public:
  explicit ArrayColumn(Array array) : array_(std::move(array)) {}
  int64_t size() const override { return array_.rows(); }
  Tensor Get(int64_t index) const override { return array_.Row(index); }
  std::string source() const override { return array_.file; }

 private:
  Array array_;
};

class FilesColumn : public Column {
 public:
  FilesColumn(Paths files, std::string source)
      : files_(std::move(files)), source_(std::move(source)) {}
  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  std::string IdOf(int64_t index) const override {
    return FileOf(index).filename().string();
  }
  std::string source() const override { return source_; }
  bool in_memory() const override { return false; }

 protected:
  const std::filesystem::path& FileOf(int64_t index) const {
    return files_[static_cast<size_t>(index)];
  }

 private:
  Paths files_;
  std::string source_;
};

class NpyFilesColumn : public FilesColumn {
 public:
  using FilesColumn::FilesColumn;
  Tensor Get(int64_t index) const override {
    return ReadNpy(FileOf(index)).Whole();
  }
};

class NpzFilesColumn : public FilesColumn {
 public:
  NpzFilesColumn(Paths files, std::string name, std::string source)
      : FilesColumn(std::move(files), std::move(source)),
        name_(std::move(name)) {}
  Tensor Get(int64_t index) const override {
    const auto arrays = ReadNpz(FileOf(index), {name_});
    const auto found = arrays.find(name_);
    if (found == arrays.end()) {
      Fail(ErrorCode::kInvalidArgument, "{}: holds no array '{}'",
           FileOf(index).string(), name_);
    }
    return found->second.Whole();
  }

 private:
  std::string name_;
};

class ConstantColumn : public Column {
 public:
  ConstantColumn(Tensor value, std::string source)
      : value_(std::move(value)), source_(std::move(source)) {}
  int64_t size() const override { return kAny; }
  Tensor Get(int64_t) const override { return value_; }
  std::string source() const override { return source_; }

 private:
  Tensor value_;
  std::string source_;
};

class LabelColumn : public Column {
 public:
  LabelColumn(std::vector<int64_t> labels, std::string source)
      : labels_(std::move(labels)), source_(std::move(source)) {}
  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  Tensor Get(int64_t index) const override {
    return Tensor::Scalar<int64_t>(labels_[static_cast<size_t>(index)]);
  }
  std::string source() const override { return source_; }

 private:
  std::vector<int64_t> labels_;
  std::string source_;
};

class MappedColumn : public Column {
 public:
  MappedColumn(ColumnRef inner, std::function<Tensor(const Tensor&)> f)
      : inner_(std::move(inner)), f_(std::move(f)) {}
  int64_t size() const override { return inner_->size(); }
  Tensor Get(int64_t index) const override { return f_(inner_->Get(index)); }
  std::string IdOf(int64_t index) const override { return inner_->IdOf(index); }
  std::string source() const override { return inner_->source(); }
  bool in_memory() const override { return inner_->in_memory(); }

 private:
  ColumnRef inner_;
  std::function<Tensor(const Tensor&)> f_;
};

}  // namespace

std::string Column::IdOf(int64_t index) const {
  return fmt::format("#{}", index);
}

ColumnRef MakeArrayColumn(Array array) {
  if (array.dims.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: holds a single number; the first axis must count samples",
         array.file);
  }
  return std::make_shared<ArrayColumn>(std::move(array));
}

ColumnRef MakeNpyFilesColumn(Paths files, std::string source) {
  return std::make_shared<NpyFilesColumn>(std::move(files), std::move(source));
}

ColumnRef MakeNpzFilesColumn(Paths files, std::string name,
                             std::string source) {
  return std::make_shared<NpzFilesColumn>(std::move(files), std::move(name),
                                          std::move(source));
}

ColumnRef MakeConstantColumn(Tensor value, std::string source) {
  return std::make_shared<ConstantColumn>(std::move(value), std::move(source));
}

ColumnRef MakeLabelColumn(std::vector<int64_t> labels, std::string source) {
  return std::make_shared<LabelColumn>(std::move(labels), std::move(source));
}

ColumnRef MakeMappedColumn(ColumnRef inner,
                           std::function<Tensor(const Tensor&)> f) {
  return std::make_shared<MappedColumn>(std::move(inner), std::move(f));
}

}  // namespace squint
