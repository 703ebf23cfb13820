"""What the kernels share: when the fused version pays, compiling it, and threads that share out the bins."""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

log = logging.getLogger("flamo")

PAYS = 1 << 15  # section-bins, or the like, below which a call is faster, or hardly slower, in plain torch
SHARE = 1 << 15  # work that is worth handing to another thread
SHARES = 8  # more than there are threads, so that one that is held up holds up nobody
SIDE = 32  # bins that the solve of a loop works on side by side
OPTIONS: dict[str, Any] = {  # numba's cache does not see a change of these: touch the fused kernels as well
    "nogil": True,
    "error_model": "numpy",  # the other one tests for every division, and keeps it from being vectorised
    "fastmath": {"contract", "reassoc", "arcp", "nsz"},  # nnan, ninf would blind checks for what is not finite
}

KINDS = (torch.Tensor, torch.nn.Parameter, type(None))  # other kinds of tensors want to see the arithmetic

Kernel = Callable[..., None]


class Fused:
    """The fused kernels of this process, compiled one by one when they are first needed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kernels: dict[tuple[Any, ...], Kernel | None] = {}
        self.compiled: list[Any] = []  # what is called by its address must not be collected
        self.given_up = False

    def get(self, name: str, arguments: tuple[Any, ...], shared: bool = False) -> Kernel | None:
        """The compiled kernel 'module.function' for arguments like these, None where there cannot be one.

        A ``shared`` one takes shares of the bins: it is called as ``fused.sharing.share``, without the first argument.
        """
        key = (name, *map(_kind, arguments))
        if key not in self.kernels:
            with self.lock:
                if key not in self.kernels:
                    self.kernels[key] = self._made(name, arguments, shared)
        return self.kernels[key]

    def _made(self, name: str, arguments: tuple[Any, ...], shared: bool) -> Kernel | None:
        _keep_freed_memory()
        if self.given_up:
            return None
        start = time.perf_counter()
        collecting = gc.isenabled()
        gc.disable()  # a compiler makes objects by the million, and lets go of few
        try:
            kernel = _compiled(name, (0, 0, 0, *arguments) if shared else arguments)
            self.compiled.append(kernel)
            made = _sharing(kernel, arguments) if shared else kernel
        except Exception as error:  # numba missing, too old, or at odds with this Python: there is the plain version
            self.given_up = True
            log.warning("no fused kernels, which are faster, without numba: %s: %s", type(error).__name__, error)
            return None
        finally:
            if collecting:
                gc.enable()
        if not kernel.stats.cache_hits:
            log.info("compiled the kernel %s in %.1f s", name, time.perf_counter() - start)
        return made


def _kind(argument: Any) -> Any:
    return tuple(map(_kind, argument)) if type(argument) is tuple else getattr(argument, "dtype", type(argument))


def _keep_freed_memory() -> None:
    """Have glibc keep what a training step frees, up to 64 MB, for the next one.

    It would give it back to the system, and get it again page by page, a quarter of the time of a step. To free a
    block teaches it that blocks up to this size, 32 MB at most, come and go; nothing is written into it.
    """
    torch.empty(31 << 20, dtype=torch.uint8, device="cpu")


def _compiled(name: str, arguments: tuple[Any, ...]) -> Any:
    import numba

    file, function = name.split(".")
    module = importlib.import_module(f"flamo.kernels.fused.{file}")
    python, exact = getattr(module, function), function in getattr(module, "EXACT", ())
    types, options = tuple(numba.typeof(a) for a in arguments), OPTIONS | ({"fastmath": False} if exact else {})
    try:
        kernel = numba.njit(cache=True, **options)(python)
        kernel.compile(types)
    except (RuntimeError, OSError) as error:  # no folder that can be written
        log.warning("compiling the kernel %s anew in every process: %s", name, error)
        kernel = numba.njit(**options)(python)
        kernel.compile(types)
    return kernel


def _sharing(kernel: Any, arguments: tuple[Any, ...]) -> Kernel:
    """Calls a kernel for all bins, in several threads."""
    (compiled,) = kernel.overloads.values()
    address = int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))
    return partial(_compiled("sharing.share", (address, 0, 1, 1, 1, np.zeros(1, np.int64), arguments)), address)


fused = Fused()


def _after_fork() -> None:
    fused.lock = threading.Lock()  # another thread of the parent may have held it
    _pool[:] = [0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def pays(work: int, *tensors: torch.Tensor) -> bool:
    """Whether the fused version is worth a try: enough work, on the CPU."""
    return work >= max(1, PAYS) and all(t.device.type == "cpu" for t in tensors)


def shares(work: int) -> int:
    """Into how many parts this much work is cut: the same for any number of threads, and so are sums over them."""
    return max(1, min(SHARES, work // SHARE))


def call(name: str, *arguments: Any) -> bool:
    """Call a kernel in this thread; False where there is no fused version."""
    kernel = fused.get(name, arguments)
    if kernel is not None:
        kernel(*arguments)
    return kernel is not None


def run(name: str, bins: int, shares: int, *arguments: Any) -> bool:
    """Run a shared kernel over all bins, in several threads; False where there is no fused version.

    These are torch's own, since they wait in a loop for some milliseconds after each of its operations, and others
    would have to share the cores with them.
    """
    threads = min(torch.get_num_threads(), shares)
    if not _pool:
        _pool.append(torch_pool())
    task = (_pool[0] if threads > 1 else 0, threads, bins, shares, np.zeros(1, np.int64), arguments)
    kernel = fused.get(name, arguments, shared=True)
    if kernel is None:
        return False
    others = [threading.Thread(target=kernel, args=task, daemon=True) for _ in range(0 if task[0] else threads - 1)]
    for thread in others:
        thread.start()
    kernel(*task)
    for thread in others:
        thread.join()
    return True


def torch_pool() -> int:
    """The address of GCC's entry to OpenMP in the library that torch brings: where torch has that, on Linux; else 0."""
    try:
        return ctypes.cast(ctypes.CDLL(torch._C.__file__).GOMP_parallel, ctypes.c_void_p).value or 0
    except (AttributeError, OSError):
        return 0


_pool: list[int] = []  # looked for once; 0 in a fork, which has lost the pool's threads


def transformed(*tensors: torch.Tensor | None) -> bool:
    """Whether torch looks into the arithmetic: vmap, forward-mode derivatives, compilation, tensors of other kinds."""
    return (
        torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch.compiler.is_compiling()
        or any(type(t) not in KINDS or (t is not None and _hollow(t)) for t in tensors)
    )


def _hollow(t: torch.Tensor) -> bool:
    """Whether there are no numbers in it: on the meta device, or where autograd is given many gradients at once."""
    return t.device.type == "meta" or torch._C._functorch.is_legacy_batchedtensor(t)


def gradients(
    composed: Callable[..., torch.Tensor], inputs: tuple[Any, ...], needed: tuple[bool, ...], grad: torch.Tensor
) -> tuple[torch.Tensor | None, ...]:
    """Autograd's own gradients, of the kernel composed of torch operations: they can be differentiated again."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():  # of copies of the inputs: one that depends on another must not count for both
        inputs = tuple(t.view_as(t) if isinstance(t, torch.Tensor) else t for t in inputs)
        y = composed(*inputs)
    wanted = [t for t, need in zip(inputs, needed, strict=True) if need]
    found = iter(torch.autograd.grad(y, wanted, grad, create_graph=again))
    return tuple(next(found) if need else None for need in needed)


def planar(x: torch.Tensor) -> torch.Tensor:
    """A complex spectrum (…, F) as real and imaginary parts in turn, (…, 2F), contiguous: a view where x is."""
    return torch.view_as_real(x.detach().resolve_conj().resolve_neg().contiguous()).flatten(-2)
