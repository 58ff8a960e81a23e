#include "squint/base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "squint/base/error.h"
#include "squint/base/threads.h"

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

TEST_F(OutputFileTest, RemovesWhatAKilledProcessLeftAndNothingElse) {
  for (const char* name : {"a.12.0.partial", "a.12.x.partial", "a.12.partial",
                           "b.12.0.partial", "a.1.2.0.partial"}) {
    WriteTextFile(folder_ / name, "left");
  }
  OutputFile busy(folder_ / "a");
  WriteTextFile(folder_ / "a", "new");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.12.0.partial"));
  EXPECT_EQ(Entries(), 4 + 1 + 1) << "others', the file, and what is written";
  busy.Write("newer");
  busy.Commit();
  EXPECT_EQ(ReadTextFile(folder_ / "a"), "newer");
}

TEST_F(OutputFileTest, CommitsUnderANameKnownLate) {
  OutputFile file(folder_ / "a");
  file.Write("text");
  file.CommitAs("a.hash");
  EXPECT_EQ(ReadTextFile(folder_ / "a.hash"), "text");
  EXPECT_EQ(Entries(), 1);
}

// A mapped file of some pages that is cut to one byte.
class CutFile : public OutputFileTest {
 protected:
  void SetUp() override {
    OutputFileTest::SetUp();
    WriteTextFile(folder_ / "cut", std::string(kSize, 'x'));
    file_ = MappedFile::Open(folder_ / "cut");
  }
  void Cut() { std::filesystem::resize_file(folder_ / "cut", 1); }
  ErrorCode CodeOfCheck() const {
    try {
      CheckMappedFiles();
    } catch (const Error& error) {
      EXPECT_NE(error.message().find("cut"), std::string::npos);
      return error.code();
    }
    return ErrorCode::kInternal;
  }
  static constexpr size_t kSize = size_t{3} << 20;
  std::shared_ptr<const MappedFile> file_;
};

TEST_F(CutFile, ReadsAsZerosAndIsAnErrorWhileItIsMapped) {
  EXPECT_EQ(file_->bytes()[kSize - 1], std::byte{'x'});
  CheckMappedFiles();
  Cut();
  EXPECT_EQ(file_->bytes()[0], std::byte{'x'});
  EXPECT_EQ(file_->bytes()[kSize - 1], std::byte{0});
  EXPECT_EQ(CodeOfCheck(), ErrorCode::kIo);
  const MappedFileWatch late;
  file_.reset();
  CheckMappedFiles();
  EXPECT_THROW(late.Check(), Error) << "it was mapped when the watch began";
  MappedFileWatch().Check();
}

TEST_F(CutFile, IsNotedWhicheverThreadReadsIt) {
  Cut();
  ThreadPool pool(4);
  std::atomic<int> sum = 0;
  pool.ParallelFor(kSize, 4096, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      sum += std::to_integer<int>(file_->bytes()[i]) / 'x';
    }
  });
  EXPECT_EQ(sum, 1);
  EXPECT_EQ(CodeOfCheck(), ErrorCode::kIo);
}

TEST_F(CutFile, NeverBecomesAnOutput) {
  WriteTextFile(folder_ / "out", "old");
  Cut();
  OutputFile out(folder_ / "out");
  out.Write(file_->bytes());  // by the system, which raises no signal
  EXPECT_THROW(out.Commit(), Error);
  EXPECT_EQ(ReadTextFile(folder_ / "out"), "old");
}

TEST(ReleasePages, LosesNothing) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("squint_release." + std::to_string(::getpid()));
  WriteTextFile(path, std::string(50000, 'x'));
  const auto file = MappedFile::Open(path);
  ReleasePages(file->bytes().subspan(5000, 20000));
  EXPECT_EQ(file->bytes()[10000], std::byte{'x'});
  const std::string own(50000, 'y');
  ReleasePages(std::as_bytes(std::span(own.data(), own.size())));
  EXPECT_EQ(own, std::string(50000, 'y'));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace squint
