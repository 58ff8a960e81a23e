#include "squint/emit/cmsis_nn.h"

#include <map>
#include <string>

#include "squint/emit/cmsis_nn_step.h"

namespace squint {
namespace {

using Maker = std::shared_ptr<const FixedStep> (*)(
    const RecordedCall&, std::shared_ptr<const FixedStep>);

// By the kernel that a step calls.
const std::map<std::string, Maker>& Makers() {
  static const std::map<std::string, Maker> makers = {
      {"squint_conv", CmsisConv}, {"squint_depthwise", CmsisDepthwise},
      {"squint_rows", CmsisRows}, {"squint_add", CmsisAdd},
      {"squint_mul", CmsisMul},   {"squint_max_pool", CmsisMaxPool}};
  return makers;
}

}  // namespace

FixedNetwork WithCmsisNn(FixedNetwork network) {
  for (FixedNode& node : network.program.nodes) {
    const auto call = RecordCall(*node.step);
    if (!call) continue;
    const auto found = Makers().find(call->kernel);
    if (found == Makers().end()) continue;
    if (auto made = found->second(*call, node.step)) node.step = made;
  }
  return network;
}

std::shared_ptr<const FixedStep> OwnStep(
    const std::shared_ptr<const FixedStep>& step) {
  const auto* cmsis = dynamic_cast<const CmsisStep*>(step.get());
  return cmsis == nullptr ? step : cmsis->own();
}

}  // namespace squint
