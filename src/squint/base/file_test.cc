#include "squint/base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "squint/base/error.h"

namespace squint {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("squint_file_test." + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  int Entries() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      count += entry.exists() ? 1 : 0;
    }
    return count;
  }
  std::filesystem::path folder_;
};

TEST_F(OutputFileTest, AppearsWholeOrNotAtAll) {
  const auto path = folder_ / "a";
  WriteTextFile(path, "old");
  {
    OutputFile file(path);
    file.Write(std::string(3 << 20, 'x'));
    EXPECT_EQ(ReadTextFile(path), "old");
  }
  EXPECT_EQ(ReadTextFile(path), "old");
  EXPECT_EQ(Entries(), 1);
  WriteTextFile(path, "new");
  EXPECT_EQ(ReadTextFile(path), "new");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(OutputFileTest, WritesThroughLinksAndNeverReplacesADevice) {
  WriteTextFile(folder_ / "target", "old");
  std::filesystem::create_symlink(folder_ / "target", folder_ / "link");
  WriteTextFile(folder_ / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(ReadTextFile(folder_ / "target"), "new");
  std::filesystem::create_symlink("/dev/null", folder_ / "null");
  WriteTextFile(folder_ / "null", "gone");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, ReportsADiskThatIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  std::filesystem::create_symlink("/dev/full", folder_ / "full");
  EXPECT_THROW(WriteTextFile(folder_ / "full", "x"), Error);
}

TEST_F(OutputFileTest, RefusesFoldersAndMissingOnes) {
  EXPECT_THROW(OutputFile{folder_}, Error);
  EXPECT_THROW(OutputFile{folder_ / "no" / "file"}, Error);
  EXPECT_THROW(MappedFile::Open(folder_), Error);
  EXPECT_THROW(MappedFile::Open(folder_ / "none"), Error);
}

}  // namespace
}  // namespace squint
