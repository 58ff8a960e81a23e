#include "squint/base/child_process.h"

#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/base/machine.h"
#include "squint/base/stopwatch.h"

namespace squint {
namespace {

TEST(ChildProcess, AnswersLineByLine) {
  ChildProcess child({"sh", "-c", "while read x; do echo got $x; done"});
  EXPECT_TRUE(child.WriteLine("one"));
  EXPECT_EQ(child.ReadLine(), "got one");
  EXPECT_TRUE(child.WriteLine("two"));
  EXPECT_EQ(child.ReadLine(), "got two");
  EXPECT_EQ(child.Finish(), "");
  EXPECT_EQ(child.ReadLine(), std::nullopt);
}

TEST(ChildProcess, TellsHowItEndedAndWhatItComplainedAbout) {
  ChildProcess child({"sh", "-c", "echo no way >&2; exit 3"});
  EXPECT_EQ(child.ReadLine(), std::nullopt);
  EXPECT_EQ(child.Finish(), "exit code 3");
  EXPECT_EQ(child.ErrorText(), "no way");
  ChildProcess killed({"sh", "-c", "kill -9 $$"});
  EXPECT_EQ(killed.Finish(), "killed by signal 9 (Killed)");
}

TEST(ChildProcess, SaysWhichProgramCannotBeStarted) {
  try {
    ChildProcess child({"no-such-program-anywhere"});
    FAIL() << "it was started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_EQ(error.message(),
              "cannot start 'no-such-program-anywhere': No such file or "
              "directory");
  }
}

TEST(ChildProcess, WritingToOneThatEndedIsNoError) {
  ChildProcess child({"true"});
  EXPECT_EQ(child.ReadLine(), std::nullopt);
  EXPECT_FALSE(child.WriteLine("anybody there?") && child.WriteLine("or not?"));
}

TEST(ChildProcess, UsesNoCpuWhilePaused) {
  ChildProcess child({"sh", "-c", "echo up; while :; do :; done"});
  EXPECT_EQ(child.ReadLine(), "up");
  child.Pause();
  const double used = CpuSecondsOfProcess(child.id());
  const Stopwatch stopwatch;
  while (stopwatch.Seconds() < 0.1) {
  }
  EXPECT_EQ(CpuSecondsOfProcess(child.id()), used);
}

TEST(Machine, KnowsItsMemoryAndTime) {
  const ProcessMemory memory = MemoryOfThisProcess();
  EXPECT_GT(memory.resident, size_t{100'000});
  EXPECT_GE(memory.peak, memory.resident);
  EXPECT_GT(CpuSecondsOfMachine(), 0);
  EXPECT_EQ(DateAndTime().size(), 16u);
}

}  // namespace
}  // namespace squint
