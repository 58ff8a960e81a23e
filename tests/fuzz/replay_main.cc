// Feeds inputs to the targets without libFuzzer and clang.
// usage: fuzz_replay CORPUS
//          every file of CORPUS/<target>/, to that target
//        fuzz_replay --random SECONDS SEED TARGET [CORPUS]
//          made-up bytes, and damaged files of CORPUS/TARGET/
#include <fmt/format.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"
#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

FuzzTarget RequiredTarget(const std::string& name) {
  const FuzzTarget target = FindFuzzTarget(name);
  if (target == nullptr) FuzzFailed("no target '" + name + "'");
  return target;
}

std::vector<fs::path> Sorted(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) {
    entries.push_back(entry.path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

FuzzBytes BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

int ReplayAll(const fs::path& corpus) {
  int files = 0;
  for (const fs::path& folder : Sorted(corpus)) {
    const FuzzTarget target = RequiredTarget(folder.filename().string());
    for (const fs::path& file : Sorted(folder)) {
      fmt::print("{}\n", file.string());
      std::fflush(stdout);  // a crash must not take the name along
      const std::string bytes = ReadTextFile(file);
      target(BytesOf(bytes));
      ++files;
    }
  }
  fmt::print("{} files\n", files);
  return files > 0 ? 0 : 1;
}

// Random inputs from one seed.
class Source {
 public:
  Source(uint32_t seed, const fs::path& folder) : random_(seed) {
    if (folder.empty()) return;
    for (const fs::path& file : Sorted(folder)) {
      files_.push_back(ReadTextFile(file));
    }
  }

  std::string Next() {
    if (files_.empty() || random_() % 2 == 0) return Noise();
    std::string bytes = files_[random_() % files_.size()];
    const size_t changes = 1 + random_() % 4;
    for (size_t i = 0; i < changes && !bytes.empty(); ++i) Damage(bytes);
    return bytes;
  }

 private:
  std::string Noise() {
    std::string bytes(1 + random_() % 400, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  void Damage(std::string& bytes) {
    const size_t at = random_() % bytes.size();
    const size_t length =
        1 + random_() % std::min<size_t>(bytes.size() - at, 16);
    switch (random_() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_() % 8));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      default:
        bytes.insert(at, bytes, random_() % bytes.size(), length);
    }
  }

  std::mt19937 random_;
  std::vector<std::string> files_;
};

// The input at hand, kept when the target fails on it.
std::string at_hand;

void KeepInput(int signal) {
  const char name[] = "fuzz_failed_input";
  std::ofstream(name, std::ios::binary) << at_hand;
  fmt::print(stderr, "signal {}: the input is in {}\n", signal, name);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// SIGPROF after so many seconds of computing; a busy machine does not count.
// Zero: never.
void LimitComputing(int seconds) {
  const itimerval limit = {.it_interval = {}, .it_value = {seconds, 0}};
  ::setitimer(ITIMER_PROF, &limit, nullptr);
}

int Generate(int seconds, uint32_t seed, const std::string& name,
             const fs::path& corpus) {
  constexpr int kSlowest = 20;  // seconds that one input may take
  const FuzzTarget target = RequiredTarget(name);
  Source source(seed, corpus.empty() ? corpus : corpus / name);
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGPROF}) {
    std::signal(signal, KeepInput);
  }
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  int64_t inputs = 0;
  for (; Clock::now() < end; ++inputs) {
    at_hand = source.Next();
    LimitComputing(kSlowest);
    target(BytesOf(at_hand));
  }
  LimitComputing(0);
  fmt::print("{}: {} inputs from seed {}\n", name, inputs, seed);
  return 0;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1) return squint::ReplayAll(arguments[0]);
  if (arguments.size() >= 4 && arguments[0] == "--random") {
    return squint::Generate(std::stoi(arguments[1]),
                            static_cast<uint32_t>(std::stoul(arguments[2])),
                            arguments[3],
                            arguments.size() > 4 ? arguments[4] : "");
  }
  fmt::print(stderr,
             "usage: fuzz_replay CORPUS\n"
             "       fuzz_replay --random SECONDS SEED TARGET [CORPUS]\n");
  return 2;
}
