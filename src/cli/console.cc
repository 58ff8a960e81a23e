#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "commands.h"

namespace squint {
namespace {

std::atomic<bool> interrupted = false;

void OnInterrupt(int) {
  interrupted.store(true);
  // A second Ctrl-C ends the process at once.
  std::signal(SIGINT, SIG_DFL);
}

constexpr auto kBetweenUpdates = std::chrono::milliseconds(100);
constexpr int kBarWidth = 24;

std::string Duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{:.0f} min {:02.0f} s", std::floor(seconds / 60),
                     std::fmod(seconds, 60));
}

}  // namespace

std::string HumanBytes(size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} KB", value / 1e3);
  return fmt::format("{:.2f} MB", value / 1e6);
}

Context Console::MakeContext(const CommonOptions& common) {
  verbose_ = common.verbose;
  std::signal(SIGINT, OnInterrupt);
  Context context;
  context.threads = common.threads;
  context.seed = common.seed;
  context.loop_limit = common.loop_limit;
  context.cancel = &interrupted;
  context.progress = [this](const Progress& p) { Show(p); };
  context.log = [this](LogLevel level, std::string_view text) {
    Say(level, text);
  };
  return context;
}

Console::~Console() { ClearLine(); }

void Console::ClearLine() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void Console::Say(LogLevel level, std::string_view text) {
  if (level == LogLevel::kDetail && !verbose_) return;
  ClearLine();
  fmt::print(stderr, "{}{}\n", level == LogLevel::kWarning ? "warning: " : "",
             text);
}

// A bar on a terminal; elsewhere one plain line when a stage ends.
void Console::Show(const Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (progress.stage != stage_) {
    stage_ = progress.stage;
    stage_start_ = now;
    last_shown_ = {};
  }
  const bool last = progress.total > 0 && progress.done >= progress.total;
  const double seconds =
      std::chrono::duration<double>(now - stage_start_).count();
  if (isatty(STDERR_FILENO) == 0) {
    if (last) {
      fmt::print(stderr, "{}: {} samples\n", stage_, progress.done);
      stage_.clear();
    }
    return;
  }
  if (!last && now - last_shown_ < kBetweenUpdates) return;
  last_shown_ = now;
  const double share = progress.total > 0
                           ? static_cast<double>(progress.done) /
                                 static_cast<double>(progress.total)
                           : 0;
  const int filled = static_cast<int>(share * kBarWidth);
  const double rate =
      seconds > 0 ? static_cast<double>(progress.done) / seconds : 0;
  const double left =
      rate > 0 ? static_cast<double>(progress.total - progress.done) / rate : 0;
  fmt::print(stderr, "\r\033[K{:10} [{:-<{}}] {}/{}  {:.1f}/s  {} left",
             stage_, std::string(static_cast<size_t>(filled), '#'), kBarWidth,
             progress.done, progress.total, rate, Duration(left));
  std::fflush(stderr);
  line_open_ = true;
  if (last) ClearLine();
}

}  // namespace squint
