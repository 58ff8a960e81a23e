// A piece of work in a process of its own, so that a crash or an endless loop
// in it is a result like any other.
#ifndef SQUINT_TESTS_CONFORMANCE_CHILD_H_
#define SQUINT_TESTS_CONFORMANCE_CHILD_H_

#include <functional>
#include <string>
#include <string_view>

namespace squint {

struct ChildResult {
  std::string text;    // what it reported before it ended
  std::string demise;  // empty: it ended by itself; else how it died
};

using Reporter = std::function<void(std::string_view line)>;

// Forks; the child calls `work`, whose reported lines the parent receives
// also when the child dies later. At most `seconds`. The caller must have no
// threads of its own.
ChildResult RunInChild(const std::function<void(const Reporter&)>& work,
                       unsigned seconds);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_CHILD_H_
