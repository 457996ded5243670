# ---- Support: the same in every file that DRTriton writes -----------------------------------------------------------
#
# Launching.  Shapes are static, so of a launch only its pointers change from call to call.  The first call on a device
# compiles (Triton's own cache applies); later calls go straight to the compiled kernel's launcher in C, which takes
# pointers as integers.  Nothing that belongs to data is kept.
#
# Guarding.  A call is accelerated only where everything is as it was when the kernels were verified.  `_drt_guard` gives
# the tensors, or the reason why this call is computed by the original code.  What an accelerated call looked like is
# remembered, so that `_drt_quick` can let the next one pass by a few comparisons in C.


import itertools as _drt_itertools


class _DrtUnusable(Exception):
    """The kernels cannot run here; the original code can."""


class _DrtPointer:
    """What the compiler needs to know of a pointer: element type and alignment."""

    def __init__(self, address, dtype):
        self.address = address
        self.dtype = dtype

    def data_ptr(self):
        return self.address


def _drt_host_pointer(address, dtype):
    """The same for Triton's interpreter, which wants a tensor."""
    import ctypes

    memory = (ctypes.c_char * 16).from_address(address)
    return torch.frombuffer(memory, dtype=torch.uint8).view(dtype)


class _DrtKernel:
    """One launch with all but its pointers fixed.

    `pointers` gives the element type of each pointer parameter, `constants` the values that are compiled in,
    `descriptors` (dtype, shape, strides, block shape, padding) of each tensor descriptor.
    """

    def __init__(self, function, grid, pointers, constants, descriptors=None, **options):
        self.function = function
        self.grid = grid
        self.pointers = pointers
        self.constants = constants
        self.descriptors = descriptors or {}
        self.options = options

    def values(self, arguments, pointer):
        """The arguments of the @triton.jit function, from those of a launch, which leave out constants at the end."""
        values = []
        for name, given in zip(self.function.arg_names, arguments + self.rest(arguments)):
            if name in self.constants:
                given = self.constants[name]
            elif name in self.pointers:
                given = pointer(given, self.pointers[name])
            elif name in self.descriptors:
                given = self.descriptor(name, given, pointer)
            values.append(given)
        return values

    def rest(self, arguments):
        return (None,) * (len(self.function.arg_names) - len(arguments))

    def descriptor(self, name, address, pointer=_DrtPointer):
        from triton.tools.tensor_descriptor import TensorDescriptor

        dtype, shape, strides, block_shape, padding = self.descriptors[name]
        return TensorDescriptor(pointer(address, dtype), shape, strides, block_shape, padding)

    def interpreted(self):
        def start(stream, *arguments):
            self.function[self.grid](*self.values(arguments, _drt_host_pointer))

        return start

    def compiled(self, arguments):
        made = self.function.warmup(*self.values(arguments, _DrtPointer), grid=self.grid, **self.options)
        made = made.result() if hasattr(made, "result") else made
        run = made.run  # loads the kernel
        function, metadata = made.function, made.packed_metadata
        cooperative, dependent = run.launch_cooperative_grid, run.launch_pdl
        rest = self.rest(arguments)
        launch = run.launch
        if self.descriptors:
            launch = self.with_descriptors(launch, made.metadata)
        if not (run.global_scratch_size or run.profile_scratch_size):
            return _drt_starter(launch, self.grid, function, cooperative, dependent, metadata, len(arguments), len(rest))
        x, y, z = self.grid

        def start(stream, *arguments):
            scratch, profile = (
                torch.empty(size * x * y * z * run.num_ctas, dtype=torch.uint8, device="cuda") if size else None
                for size in (run.global_scratch_size, run.profile_scratch_size))
            launch(x, y, z, stream, function, cooperative, dependent, scratch, profile, metadata, None, None, None,
                   *arguments, *rest)

        return start

    def with_descriptors(self, launch, metadata):
        """The C launcher behind Triton's wrapper, with descriptors encoded once for each address."""
        from triton.backends.nvidia.driver import make_tensordesc_arg

        names = self.function.arg_names
        inner = dict(zip(launch.__code__.co_freevars, launch.__closure__))["launcher"].cell_contents
        described = [name for name in names if name in self.descriptors]
        metas = dict(zip(described, getattr(metadata, "tensordesc_meta", None) or [None] * len(described)))
        known = {}  # (parameter, address): a descriptor depends on nothing else

        def expanded(name, address):
            if (name, address) not in known:
                if len(known) > 1024:
                    known.clear()
                known[name, address] = make_tensordesc_arg(self.descriptor(name, address), metas[name])
            return known[name, address]

        def start(*arguments):
            final = list(arguments[:13])
            for name, given in zip(names, arguments[13:]):
                if name in metas:
                    final.extend(expanded(name, given))
                else:
                    final.append(given)
            inner(*final)

        return start


def _drt_starter(launch, grid, function, cooperative, dependent, metadata, count, rest):
    """`launch` with all but the stream and `count` arguments fixed, written out: nothing is packed or unpacked a call."""
    names = [f"a{i}" for i in range(count)]
    fixed = (function, bool(cooperative), bool(dependent))
    if any(type(value) not in (int, bool) for value in (*grid, *fixed)):
        raise TypeError("Triton's launcher takes other things than those known")
    given = [*map(str, grid), "stream", *map(str, fixed), "None, None, metadata, None, None, None", *names, *["None"] * rest]
    return eval(f"lambda {', '.join(['stream', *names])}: launch({', '.join(given)})", {"launch": launch, "metadata": metadata})


class _DrtDevice:
    """The launches of one device as attributes, each compiled when it is first needed."""

    def __init__(self, index):
        self.index = index
        self.why = self.unfit()
        self.torch = torch.device("cuda", index) if index >= 0 else torch.device("cpu")
        self.constants = {}
        if index < 0:
            self.stream = lambda: 0
            self.is_current, self.alone = (lambda: True), True
            self.empty = lambda shape, strides, dtype: torch.empty_strided(shape, strides, dtype=dtype)
        else:
            import functools

            self.stream = functools.partial(torch._C._cuda_getCurrentRawStream, index)
            self.is_current, self.alone = (lambda: torch._C._cuda_getDevice() == index), torch.cuda.device_count() == 1
            self.empty = torch._C._dynamo.guards._empty_strided_cuda  # on the current device
        for name in _DRT_KERNELS:
            setattr(self, name, self.first(name))

    def unfit(self):
        if ".".join(triton.__version__.split(".")[:2]) != _DRT_TRITON:
            return f"Triton is {triton.__version__}, the kernels were verified with {_DRT_TRITON}"
        if self.index < 0:
            return None if _DRT_INTERPRETED else "the tensors are not on a GPU"
        if _DRT_INTERPRETED:
            return "TRITON_INTERPRET is set"
        major, minor = torch.cuda.get_device_capability(self.index)
        if torch.version.cuda is None or 10 * major + minor != _DRT_CAPABILITY:
            return f"the device is of compute capability {major}.{minor}, the kernels were verified on another"
        return None

    def first(self, name):
        def start(stream, *arguments):
            kernel = _DRT_KERNELS[name]
            try:
                ready = kernel.interpreted() if self.index < 0 else kernel.compiled(arguments)
            except Exception as error:
                self.why = f"kernel {name} could not be compiled: {type(error).__name__}: {error}"
                import warnings

                warnings.warn(f"ModelNew: {self.why}; the original code is used", stacklevel=2)
                raise _DrtUnusable(self.why) from error
            setattr(self, name, ready)
            ready(stream, *arguments)

        return start


_drt_chain = _drt_itertools.chain.from_iterable
_DRT_INTERPRETED = bool(triton.knobs.runtime.interpret)
_DRT_CHECKS = getattr(torch._C._dynamo.guards, "TensorGuards", None) if torch.__version__.startswith("2.11.") else None
_DRT_MODULE_CALL = torch.nn.Module.__call__
_drt_is_compiling = torch.compiler.is_compiling
_drt_address = torch.Tensor.data_ptr
_DRT_DEVICES = {}  # device index -> _DrtDevice; -1 is the CPU under Triton's interpreter
_DRT_STATUS = {"accelerated": 0, "original": 0, "why": None}
_DRT_STANDARD = frozenset(vars(torch.nn.Module()))  # what every module holds


def _drt_device(index):
    if index not in _DRT_DEVICES:
        _DRT_DEVICES[index] = _DrtDevice(index)
    return _DRT_DEVICES[index]


def _drt_aligned(tensor, shape, strides):
    """`tensor` as the kernels were verified for: with these strides and its first element at a multiple of 16 bytes."""
    if tensor.stride() == strides and tensor.data_ptr() & 15 == 0:
        return tensor
    return torch.empty_strided(shape, strides, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def _drt_reinterpret(tensor, dtype, shape, strides, byte_offset):
    """A view of the memory behind `tensor`, `byte_offset` behind its first element."""
    start = tensor.storage_offset() * tensor.element_size() + byte_offset
    made = torch.empty(0, dtype=dtype, device=tensor.device)
    return made.set_(tensor.untyped_storage(), start // made.element_size(), shape, strides)


def _drt_describe(value, seen=()):
    """Text that is equal for equal configuration: numbers, names, containers, modules; tensors by type and shape."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size)):
        return repr(value)
    if isinstance(value, torch.Tensor):
        text = f"tensor({value.dtype}, {tuple(value.shape)})"
        return text if seen or value.numel() > 4096 else text + repr(value.tolist())
    if id(value) in seen or len(seen) > 8:
        return "..."
    seen = (*seen, id(value))
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}[" + ", ".join(_drt_describe(item, seen) for item in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(_drt_describe(item, seen) for item in value)) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_drt_describe(k, seen)}: {_drt_describe(v, seen)}" for k, v in value.items()) + "}"
    name = getattr(value, "__qualname__", None)
    if name is not None:
        return f"{getattr(value, '__module__', '')}.{name}"
    held = getattr(value, "__dict__", {})
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    skipped = _DRT_STANDARD if isinstance(value, torch.nn.Module) else ()
    parts = [f"{k}={_drt_describe(v, seen)}" for k, v in held.items() if k not in skipped and not k.startswith("_drt_")]
    return f"{kind}({', '.join(parts)})"


def _drt_fingerprint(model):
    """What decides about `model`'s computation beside its tensors.  Its tensors are looked at in every call."""
    import hashlib

    text = hashlib.sha256()
    for name, module in model.named_modules(remove_duplicate=False):
        hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()] if name else []
        mode = module.training if _DRT_TRAINING else False
        kind = "" if module is model else type(module).__qualname__
        text.update(f"{name}: {kind} {mode} {_drt_describe(module)} {_drt_describe(hooks)}\n".encode())
    return text.hexdigest()


def _drt_is_verified_construction(args, kwargs):
    """Whether a constructor's arguments are those of get_init_inputs(), for which the kernels were verified."""
    import inspect

    given = globals().get("get_init_inputs")
    with torch.random.fork_rng(devices=[]):
        made = given() if callable(given) else []
    made = ((), made) if isinstance(made, dict) else (tuple(made), {})
    try:
        bind = inspect.signature(Model).bind
        calls = [bind(*a, **k) for a, k in ((args, kwargs), made)]
    except (TypeError, ValueError):
        return False
    for call in calls:
        call.apply_defaults()
    return _drt_describe(list(calls[0].arguments.items())) == _drt_describe(list(calls[1].arguments.items()))


class _DrtWatch:
    """Notices when anything but the values of tensors changed in an instance's modules.

    What the modules hold (attributes, submodules, hooks) is compared object by object, with copies and by views of their
    dictionaries: some hundred nanoseconds a module.  A copied or unpickled instance starts without one.

    `check` compares tensors with those of an accelerated call in C: Python type, dtype, device, sizes, strides,
    requires_grad and dispatch keys, to which autocast, function transforms and tracing add theirs.
    """

    _MOST_MEMORIES = 64  # a module that is called in turn in ways of several kinds is not worth one more

    def __init__(self, model):
        self.owner = model.__dict__
        self.owner["_drt_watch"] = self
        self.why = self.unfit(model)
        self.graphs = {}  # addresses of all tensors -> (replay, result, graph)
        self.device = self.check = None  # of the last call that was not like the one before
        self.memories = 0
        # With hooks around the whole module its calls take PyTorch's way.
        self.hooks = (model._forward_hooks, model._forward_pre_hooks, model._backward_hooks, model._backward_pre_hooks,
                      _drt_hooks._global_forward_hooks, _drt_hooks._global_forward_pre_hooks,
                      _drt_hooks._global_backward_hooks, _drt_hooks._global_backward_pre_hooks)
        self.modules = [*model.modules()]
        self.tables = [*map(vars, self.modules)]
        self.copies = [*map(dict, self.tables)]
        self.views = []  # of what has an order: live, they show what the dictionaries hold now
        self.empty = []  # such dictionaries that hold nothing
        self.containers = []  # lists and the like, which change in place
        for module in self.modules:
            held = vars(module)
            own = () if module is model else (held["_forward_hooks"], held["_forward_pre_hooks"])
            for table in (held["_modules"], *own):
                if table:
                    self.views.append(table.values())
                else:
                    self.empty.append(table)
            self.containers += [(value, type(value)(value)) for name, value in held.items()
                                if name not in _DRT_STANDARD and type(value) in (list, dict, set)]
        self.held = [*map(type, self.modules), *_drt_chain(self.views)]

    def __reduce__(self):
        return type(None), ()

    def changed(self, model):
        try:
            if (self.owner is not model.__dict__ or self.tables != self.copies or any(self.empty)
                    or [*map(type, self.modules), *_drt_chain(self.views)] != self.held):
                return True
            return bool(self.containers) and any(container != copy for container, copy in self.containers)
        except Exception:  # tensors that are not the same object do not compare
            return True

    def remember(self, found):
        """`found`, which the guard let pass; the next call like it passes `_drt_quick`."""
        device, *tensors = found
        if _DRT_CHECKS is None or self.memories == self._MOST_MEMORIES or (self.check is not None and self.check(*tensors)):
            return found
        self.memories += 1
        self.device = self.check = None
        try:
            check = _DRT_CHECKS(*tensors, dynamic_dims_sizes=None, dynamic_dims_strides=None).check
            if check(*tensors) is True:  # not where two are the same object
                self.free = not any(tensor.requires_grad for tensor in tensors)
                self.device, self.check = device, check
        except Exception:  # another interface: the guard goes on as it did
            pass
        return found

    def unfit(self, model):
        built = model.__dict__.get("_drt_built")
        if built is None:
            return "the module was constructed with other arguments than those of get_init_inputs()"
        if not _DRT_TRAINING and any(module.training for module in model.modules()):
            return "a submodule is in training mode"
        if built != _drt_fingerprint(model):
            return "attributes, submodules, hooks or modes were changed after the constructor ran"
        return None


def _drt_state():
    """Why the state of PyTorch forbids the fast path, or None."""
    if torch._C._is_any_autocast_enabled():
        return "autocast is on"
    if torch._C._get_cublas_allow_tf32() is not _DRT_MATMUL_TF32 or torch._C._get_cudnn_allow_tf32() is not _DRT_CUDNN_TF32:
        return "TF32 is set otherwise than when the kernels were verified"
    if torch.are_deterministic_algorithms_enabled():
        return "deterministic algorithms are asked for"
    if torch._C._len_torch_dispatch_stack() or torch._C._functorch.peek_interpreter_stack() is not None:
        return "a tracing, counting or function transform is active"
    if torch._C._get_tracing_state() is not None:
        return "the module is being traced"
    if _drt_hooks._global_forward_hooks or _drt_hooks._global_forward_pre_hooks:
        return "global module hooks are set"
    return None


def _drt_is_state_other(watch, autocast=torch._C._is_any_autocast_enabled, matmul=torch._C._get_cublas_allow_tf32,
                        cudnn=torch._C._get_cudnn_allow_tf32, deterministic=torch._C._get_deterministic_algorithms,
                        modes=torch._C._len_torch_dispatch_stack, gradients=torch.is_grad_enabled):
    """What of `_drt_state`, of gradients and of hooks around the module the check of the tensors does not show."""
    return (gradients() and not watch.free or autocast() or matmul() is not _DRT_MATMUL_TF32
            or cudnn() is not _DRT_CUDNN_TF32 or deterministic() or modes() or any(watch.hooks)
            or _drt_hooks.Module.__call__ is not _DRT_MODULE_CALL)


def _drt_gradients():
    if "warned" not in _DRT_STATUS:
        import warnings

        _DRT_STATUS["warned"] = True
        warnings.warn("ModelNew: gradients are asked for, so the original code is used; call it under torch.no_grad() or "
                      "torch.inference_mode() to run the kernels", stacklevel=4)
    return "gradients are asked for"


def _drt_arguments(model, args, kwargs, names=None):
    """The arguments in the order of `names` (else of the signature), however they were passed; None for others."""
    import inspect

    signature = inspect.signature(super(ModelNew, model).forward)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return None
    if names is None:
        names = tuple(signature.parameters)[:len(given)]
    return tuple(given[name] for name in names) if set(given) == set(names) else None


def _drt_constant(model, path, device):
    """A tensor that the module holds without registering it, else the one embedded in this file."""
    for name in path.split("."):
        model = getattr(model, name, None)
    if not isinstance(model, torch.Tensor):
        if path not in device.constants:
            import base64

            dtype, shape, data = _DRT_CONSTANTS[path]
            flat = torch.frombuffer(bytearray(base64.b64decode(data)), dtype=torch.uint8) if data else torch.empty(0)
            device.constants[path] = flat.view(dtype).reshape(shape).to(device.torch)
        return device.constants[path]
    return model if model.device == device.torch else model.to(device.torch)


def _drt_run_otherwise(model, found):
    """The fast path on a device that is not the current one, or as a CUDA graph."""
    device = found[0]
    if device.is_current():
        return _drt_graph_call(model, *found) if device.index >= 0 else _drt_run(*found)
    with torch.cuda.device(device.index):
        return _drt_graph_call(model, *found) if model._drt_use_graph else _drt_run(*found)


def _drt_graph_call(model, device, *tensors):
    """`_drt_run` as a CUDA graph, one for each set of addresses."""
    graphs = model.__dict__["_drt_watch"].graphs
    key = tuple(map(_drt_address, tensors))  # no two devices share an address
    found = graphs.get(key)
    if found is None:
        result = _drt_run(device, *tensors)  # compiles, and warms the libraries
        if len(graphs) < 8 and not torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                kept = _drt_run(device, *tensors)
            graphs[key] = (super(torch.cuda.CUDAGraph, graph).replay, kept, graph)
        return result
    found[0]()
    return found[1]
