// The list of observers, and how to find one.
#include <array>

#include "squint/calibrate/calibration.h"

namespace squint {

namespace {

constexpr std::array kObservers = {
#define SQUINT_OBSERVER(name) &k##name##Observer,
#include "squint/calibrate/observer_list.inc"
#undef SQUINT_OBSERVER
};

}  // namespace

const ObserverDef* FindObserver(std::string_view name) {
  for (const ObserverDef* observer : kObservers) {
    if (observer->name == name) return observer;
  }
  return nullptr;
}

std::span<const ObserverDef* const> AllObservers() { return kObservers; }

}  // namespace squint
