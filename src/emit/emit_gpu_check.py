"""A check for a machine with a GPU: the modules that emit_test.cc wrote (DRTRITON_EMIT_KEEP=FOLDER), run on the device.

    python src/emit/emit_gpu_check.py FOLDER

Prints what a call costs the host, with the targets beside it, and fails where a result, a stream, a capture or the graph
mode is wrong.  With --first it only prints the seconds from importing torch to the first result.
"""

import subprocess
import sys
import time

sys.path.insert(0, sys.argv[1])
import torch

imported = time.perf_counter()
import affine_triton


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


def first_result():
    model = affine_triton.ModelNew(12).eval().cuda()
    x = torch.randn(4, 12, device="cuda")
    torch.cuda.synchronize()
    ready = time.perf_counter() - imported
    result = accelerated(affine_triton, lambda: model(x))
    torch.cuda.synchronize()
    return model, x, result, f"{time.perf_counter() - imported:.2f} s (of it {ready:.2f} s until the module is on the GPU)"


def parts_of_a_call(model, x):
    device, *tensors = affine_triton._drt_guard(model, (x,), {})
    stream = device.stream()
    for name, call, target in (
            ("one kernel", lambda: model(x), "16"),
            ("  quick guard", lambda: affine_triton._drt_quick(model, (x,), {}), ""),
            ("  full guard, when a call is unlike the last one", lambda: affine_triton._drt_guard(model, (x,), {}), ""),
            ("  run", lambda: affine_triton._drt_run(device, *tensors), ""),
            ("    allocation", lambda: device.empty((4, 12), (12, 1), torch.float32), ""),
            ("a further kernel", lambda: affine_triton._drt_f00_mul_add(device, stream, *tensors), "9")):
        print(f"{name}: {loop_us(call):.1f} us" + (f" (target {target})" if target else ""))
    if affine_triton._drt_quick(model, (x,), {}) is None:
        raise SystemExit("the quick guard lets nothing pass")


@torch.no_grad()
def main():
    import affine
    import mixed
    import mixed_triton

    model, x, result, seconds = first_result()
    print(f"first result after importing torch, caches as they were: {seconds}")
    again = subprocess.run([sys.executable, __file__, sys.argv[1], "--first"], capture_output=True, text=True, check=True)
    print(f"first result in a new process, caches warm: {again.stdout.strip()} (target 1 s)")
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
    print(f"eager (two operators): {loop_us(lambda: eager(x)):.1f} us")
    parts_of_a_call(model, x)
    model.use_cuda_graph()
    for step in range(3):
        x.add_(1)
        torch.testing.assert_close(model(x), affine_triton.Model.forward(model, x))
    print(f"as a CUDA graph: {loop_us(lambda: model(x)):.1f} us (target 10)")
    replay = next(iter(model.__dict__["_drt_watch"].graphs.values()))[0]
    print(f"  replay {loop_us(replay):.1f} us")

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
    if "--first" in sys.argv:
        with torch.no_grad():
            print(first_result()[3])
    else:
        main()
