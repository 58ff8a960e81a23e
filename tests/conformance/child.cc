#include "conformance/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

#include "squint/base/error.h"

namespace squint {
namespace {

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written <= 0) _exit(3);
    text.remove_prefix(static_cast<size_t>(written));
  }
}

[[noreturn]] void Work(const std::function<void(const Reporter&)>& work, int fd,
                       unsigned seconds) {
  alarm(seconds);
  try {
    work([fd](std::string_view line) {
      WriteAll(fd, std::string(line) + "\n");
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(2);
  }
  _exit(0);
}

std::string DemiseOf(int status, unsigned seconds) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return signal == SIGALRM ? fmt::format("took more than {} s", seconds)
                             : fmt::format("killed by signal {}", signal);
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : fmt::format("ended with code {}", code);
}

}  // namespace

ChildResult RunInChild(const std::function<void(const Reporter&)>& work,
                       unsigned seconds) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) Fail(ErrorCode::kIo, "cannot make a pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) Fail(ErrorCode::kIo, "cannot fork");
  if (child == 0) {
    close(ends[0]);
    Work(work, ends[1], seconds);
  }
  close(ends[1]);
  ChildResult result;
  std::array<char, 4096> part{};
  ssize_t count = 0;
  while ((count = read(ends[0], part.data(), part.size())) > 0) {
    result.text.append(part.data(), static_cast<size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.demise = DemiseOf(status, seconds);
  return result;
}

}  // namespace squint
