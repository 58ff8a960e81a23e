// Another program at work, spoken to in lines.
#ifndef SQUINT_BASE_CHILD_PROCESS_H_
#define SQUINT_BASE_CHILD_PROCESS_H_

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squint {

// Its standard input and output are this side's lines; what it writes to
// standard error is kept. It ends with this object, and with the thread that
// made it.
class ChildProcess {
 public:
  // `command`: the program, found on PATH, and its arguments. Error{kIo} when
  // it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int id() const { return process_; }
  // False when nobody reads any more.
  bool WriteLine(std::string_view line);
  // Waits for the next line, without its end; nullopt when there is none,
  // because the program ended or closed its output.
  std::optional<std::string> ReadLine();
  // Keeps it from running till Continue().
  void Pause();
  void Continue();
  // Closes its input and waits. How it ended: "" if well, else "exit code 1"
  // or "killed by signal 9".
  std::string Finish();
  // The end of what it has written to standard error so far.
  std::string ErrorText() const;

 private:
  int process_ = -1;  // -1: it has been waited for
  int socket_ = -1;
  std::string read_;  // and not yet returned
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> errors_;
};

}  // namespace squint

#endif  // SQUINT_BASE_CHILD_PROCESS_H_
