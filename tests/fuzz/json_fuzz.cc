// The three kinds of JSON that people and other programs write for Squint: a
// dataset's description, a recipe, a calibration table. The first byte says
// which it is.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "fuzz.h"
#include "squint/calibrate/calibration.h"
#include "squint/data/dataset.h"
#include "squint/quantize/recipe.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

// A folder that holds what a dataset may name; gone with the process.
class DataFolder {
 public:
  DataFolder() {
    std::string name = (fs::temp_directory_path() / "squint_fuzz_XXXXXX");
    path_ = ::mkdtemp(name.data());
    Write("x.npy", Npy("<f4", "(2, 3)", 24));
    Write("y.npy", Npy("<i8", "(2,)", 16));
    Write("labels.txt", "a.png 1\nb.png 0\n");
    fs::create_directory(path_ / "empty");
  }
  ~DataFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  fs::path Write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  static std::string Npy(const std::string& descr, const std::string& shape,
                         size_t bytes) {
    std::string header = "{'descr': '" + descr +
                         "', 'fortran_order': False, 'shape': " + shape + "}";
    header.resize(117, ' ');
    header += '\n';
    return std::string("\x93NUMPY\x01\x00", 8) +
           static_cast<char>(header.size()) + '\0' + header +
           std::string(bytes, '\1');
  }

  fs::path path_;
};

void ReadDataset(std::string_view text) {
  static const DataFolder folder;
  const std::vector<InputSpec> specs = {{"x", DType::kFloat32, Dims{-1, 3}},
                                        {"ids", DType::kInt64, std::nullopt}};
  const fs::path path = folder.Write("set.json", text);
  for (const size_t count : {size_t{1}, specs.size()}) {
    Survives([&] {
      const auto dataset =
          OpenDataset(path.string(), {specs.begin(), specs.begin() + count});
      dataset->Get(0);
      if (dataset->size() > 1) dataset->Get(dataset->size() - 1);
    });
  }
}

// What is taken survives being written and read again.
void ReadRecipeText(std::string_view text) {
  Survives([&] {
    const std::string once = RecipeToText(RecipeFromText(text, "recipe"));
    if (RecipeToText(RecipeFromText(once, "recipe")) != once) {
      FuzzFailed("a recipe changes: " + once);
    }
  });
}

void ReadTable(FuzzBytes bytes) {
  const fs::path path = FuzzFile(bytes);
  Survives([&] {
    const Calibration table = ReadCalibration(path);
    for (const auto& [name, statistics] : table.values) {
      for (const ObserverDef* observer : AllObservers()) {
        Survives([&, &seen = statistics] { observer->choose(seen, {}); });
      }
    }
    Calibration merged = table;
    Survives([&] { merged.Merge(table); });
  });
}

}  // namespace

// "0", "1" and "2" in ASCII are kinds 0, 1 and 2 as well.
void Fuzz_json(FuzzBytes bytes) {
  if (bytes.empty()) return;
  const FuzzBytes rest = bytes.subspan(1);
  const std::string_view text(reinterpret_cast<const char*>(rest.data()),
                              rest.size());
  switch (bytes[0] % 3) {
    case 0:
      return ReadDataset(text);
    case 1:
      return ReadRecipeText(text);
    default:
      return ReadTable(rest);
  }
}

}  // namespace squint
