// squint, the command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 budget
// not met. Results go to stdout, everything else to stderr.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "commands.h"

namespace squint {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kBudgetNotMet = 3;

int Main(int argc, char** argv) {
  CLI::App app{
      "Squint turns float32 neural networks into integer networks and shows "
      "what it cost."};
  app.set_version_flag("--version", "squint " + Version());
  app.require_subcommand(1);
  CommonOptions common;
  AddQuantizeCommands(app, common);
  AddMeasureCommands(app, common);
  AddBenchCommand(app, common);
  AddConvertCommand(app, common);
  AddEmitCommand(app, common);
  try {
    const char* isa = std::getenv("SQUINT_ISA");
    if (isa != nullptr && *isa != '\0') UseInstructionSet(isa);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  } catch (const Error& error) {
    fmt::print(stderr, "squint: {}\n", error.message());
    if (error.code() == ErrorCode::kInternal) {
      fmt::print(stderr,
                 "squint: this is a defect of squint; please report "
                 "it with the model if you can\n");
    }
    return error.code() == ErrorCode::kBudgetNotMet ? kBudgetNotMet : kFailed;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "squint: out of memory\n");
    return kFailed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "squint: {}\n", error.what());
    return kFailed;
  }
  return std::fflush(stdout) == 0 ? 0 : kFailed;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) try {
  return squint::Main(argc, argv);
} catch (...) {  // what even reporting an error ran into
  return 1;
}
