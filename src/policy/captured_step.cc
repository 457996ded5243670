#include "policy/captured_step.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace drtriton {
namespace {

constexpr int kWarmUps = 3;

}  // namespace

class CapturedStep::Impl {
 public:
  at::cuda::CUDAGraph graph;
};

CapturedStep::CapturedStep(const std::function<void()>& work) : impl_(std::make_unique<Impl>()) {
  const c10::cuda::CUDAStream before = c10::cuda::getCurrentCUDAStream();
  before.synchronize();
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();   // the default stream cannot be captured
  {
    const c10::StreamGuard guard(stream.unwrap());
    for (int i = 0; i < kWarmUps; ++i) work();
    stream.synchronize();
    impl_->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    work();
    impl_->graph.capture_end();
  }
  stream.synchronize();
}

CapturedStep::~CapturedStep() = default;

void CapturedStep::Replay() { impl_->graph.replay(); }

}  // namespace drtriton
