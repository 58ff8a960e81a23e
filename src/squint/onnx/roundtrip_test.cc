#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "squint/onnx/onnx.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

TEST(RoundTrip, EveryModelOfTheSharedFolderSurvives) {
  const char* shared = std::getenv("SQUINT_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "SQUINT_SHARED is not set";
  // Where to leave the copies, to look at them with other tools.
  const char* keep = std::getenv("SQUINT_TEST_OUTPUT");
  const fs::path out = keep ? keep : ::testing::TempDir();
  for (const auto& entry :
       fs::directory_iterator(fs::path(shared) / "data" / "models")) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path().string());
    const ReadOnnxResult first = ReadOnnx(entry.path());
    const fs::path copy = out / entry.path().filename();
    const size_t bytes = WriteOnnx(first.graph, copy);
    const ReadOnnxResult second = ReadOnnx(copy);
    EXPECT_EQ(bytes, second.file_bytes);
    EXPECT_EQ(PrintGraph(first.graph), PrintGraph(second.graph));
    if (keep == nullptr) fs::remove(copy);
  }
}

}  // namespace
}  // namespace squint
