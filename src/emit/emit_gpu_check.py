"""A check for a machine with a GPU: the modules that emit_test.cc wrote (DRTRITON_EMIT_KEEP=FOLDER), run on the device.

    python src/emit/emit_gpu_check.py FOLDER

Prints what a call costs the host and fails where a result, a stream, a capture or the graph mode is wrong.
"""

import sys
import time

sys.path.insert(0, sys.argv[1])
import torch

imported = time.perf_counter()
import affine
import affine_triton
import mixed
import mixed_triton


def loop_us(call, count=2000):
    for _ in range(50):
        call()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(count):
        call()
    spent = (time.perf_counter() - started) * 1e6 / count
    torch.cuda.synchronize()
    return spent


def accelerated(module, call):
    before = module.ModelNew.acceleration()["accelerated"]
    result = call()
    if module.ModelNew.acceleration()["accelerated"] != before + 1:
        raise SystemExit(f"not accelerated: {module.ModelNew.acceleration()['why']}")
    return result


@torch.no_grad()
def main():
    model = affine_triton.ModelNew(12).eval().cuda()
    x = torch.randn(4, 12, device="cuda")
    result = accelerated(affine_triton, lambda: model(x))
    torch.cuda.synchronize()
    print(f"first result {time.perf_counter() - imported:.2f} s after importing torch")
    torch.testing.assert_close(result, affine_triton.Model.forward(model, x))

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(10_000_000)
        late = accelerated(affine_triton, lambda: model(x.mul(3)))
    side.synchronize()
    torch.testing.assert_close(late, affine_triton.Model.forward(model, x * 3))

    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = accelerated(affine_triton, lambda: model(x))
    x.add_(1)
    graph.replay()
    torch.testing.assert_close(captured, affine_triton.Model.forward(model, x))

    eager = affine.Model(12).eval().cuda()
    print(f"one kernel: {loop_us(lambda: model(x)):.1f} us a call; eager (two operators) {loop_us(lambda: eager(x)):.1f} us")
    parts = affine_triton._drt_guard(model, (x,), {})
    print(f"  guard {loop_us(lambda: affine_triton._drt_guard(model, (x,), {})):.1f} us, run {loop_us(lambda: affine_triton._drt_run(*parts)):.1f} us")
    model.use_cuda_graph()
    for step in range(3):
        x.add_(1)
        torch.testing.assert_close(model(x), affine_triton.Model.forward(model, x))
    print(f"as a CUDA graph: {loop_us(lambda: model(x)):.1f} us a call")

    ours, theirs = mixed_triton.ModelNew().eval().cuda(), mixed.Model().eval().cuda()
    y = torch.randn(12, 4, device="cuda")
    a, b = y.clone(), y.clone()
    got, expected = accelerated(mixed_triton, lambda: ours(x=x, y=a, scale=1)), theirs(x=x, y=b, scale=1)
    torch.testing.assert_close(vars(got), vars(expected))
    torch.testing.assert_close(a, b)
    compiled = torch.compile(ours)
    torch.testing.assert_close(vars(compiled(x=x, y=a, scale=1)), vars(theirs(x=x, y=b, scale=1)))
    if torch.cuda.device_count() > 1:
        other = affine_triton.ModelNew(12).eval().to("cuda:1")
        there = x.to("cuda:1")
        torch.testing.assert_close(accelerated(affine_triton, lambda: other(there)), affine_triton.Model.forward(other, there))
    print("all right")


if __name__ == "__main__":
    main()
