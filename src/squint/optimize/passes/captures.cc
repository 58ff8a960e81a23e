// What nested graphs read from outside: a constant becomes theirs, so that
// every other pass sees it there, and what they no longer read is no longer
// passed, so that what makes it can go.
#include "squint/graph/captures.h"

#include "squint/optimize/pass.h"

namespace squint {
namespace {

int RunCaptures(Graph& graph, PassContext& pass) {
  const int owned = OwnCapturedConstants(graph);
  const int dropped = DropUnreadCaptures(graph);
  if (owned > 0) pass.Say("{} constants moved into nested graphs", owned);
  if (dropped > 0) pass.Say("{} captures that nothing reads", dropped);
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kCapturesPass = {
    .name = "captures",
    .summary =
        "nested graphs own the constants they read, and pass no more "
        "than they read",
    .run = RunCaptures,
};

}  // namespace squint
