#include "squint/base/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "squint/base/error.h"

namespace squint {
namespace {

constexpr long kErrorTextShown = 2000;

[[noreturn]] void FailStart(const std::string& program, int error) {
  Fail(ErrorCode::kIo, "cannot start '{}': {}", program, std::strerror(error));
}

// In the child, where only async-signal-safe functions may be called: becomes
// the program, or writes errno to `report` and ends.
[[noreturn]] void Become(char* const* arguments, int socket, int errors,
                         int report) {
  // Even a child that is paused then ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool placed = dup2(socket, STDIN_FILENO) >= 0 &&
                      dup2(socket, STDOUT_FILENO) >= 0 &&
                      dup2(errors, STDERR_FILENO) >= 0;
  if (placed) execvp(arguments[0], arguments);
  const int error = errno;
  const ssize_t written = write(report, &error, sizeof(error));
  _exit(written == sizeof(error) ? 127 : 126);
}

// Waits till the child has become the program; the errno when it could not.
int StartError(int report) {
  int error = 0;
  ssize_t size = 0;
  do {
    size = read(report, &error, sizeof(error));
  } while (size < 0 && errno == EINTR);
  return size == sizeof(error) ? error : 0;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : fmt::format("exit code {}", code);
}

std::string WaitFor(int process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return HowItEnded(status);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command)
    : errors_(std::tmpfile(), std::fclose) {
  if (!errors_) FailStart(command.at(0), errno);
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  std::array<int, 2> sockets{};
  std::array<int, 2> report{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    FailStart(command[0], errno);
  }
  socket_ = sockets[0];
  if (pipe2(report.data(), O_CLOEXEC) != 0) {
    close(sockets[0]);
    close(sockets[1]);
    FailStart(command[0], errno);
  }
  process_ = fork();
  if (process_ == 0) {
    Become(arguments.data(), sockets[1], fileno(errors_.get()), report[1]);
  }
  const int fork_error = process_ < 0 ? errno : 0;
  close(sockets[1]);
  close(report[1]);
  const int error = process_ < 0 ? fork_error : StartError(report[0]);
  close(report[0]);
  if (error == 0) return;
  if (process_ > 0) WaitFor(process_);
  close(socket_);
  FailStart(command[0], error);
}

ChildProcess::~ChildProcess() {
  if (socket_ >= 0) close(socket_);
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  WaitFor(process_);
}

bool ChildProcess::WriteLine(std::string_view line) {
  std::string text(line);
  text += '\n';
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t size =
        send(socket_, &text[sent], text.size() - sent, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

std::optional<std::string> ChildProcess::ReadLine() {
  for (;;) {
    const size_t end = read_.find('\n');
    if (end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> part;
    const ssize_t size = read(socket_, part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    read_.append(part.data(), static_cast<size_t>(size));
  }
}

void ChildProcess::Pause() {
  if (process_ > 0) kill(process_, SIGSTOP);
}

void ChildProcess::Continue() {
  if (process_ > 0) kill(process_, SIGCONT);
}

std::string ChildProcess::Finish() {
  if (process_ < 0) return "";
  shutdown(socket_, SHUT_WR);
  Continue();
  const std::string how = WaitFor(process_);
  process_ = -1;
  return how;
}

std::string ChildProcess::ErrorText() const {
  std::FILE* file = errors_.get();
  std::fseek(file, 0, SEEK_END);
  const long size = std::ftell(file);
  const long begin = std::max(0L, size - kErrorTextShown);
  std::fseek(file, begin, SEEK_SET);
  std::string text(static_cast<size_t>(std::max(0L, size - begin)), ' ');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace squint
