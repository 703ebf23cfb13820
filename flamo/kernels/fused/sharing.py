"""Shares of a kernel's bins, taken by torch's threads as they come to them, without Python.

Written in the compiler's own language: a thread that had to ask Python for its work would wait for it as long as a
small kernel takes. numba's cache does not see a change of it: touch the kernels that use it as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.core.targetconfig import ConfigStack

INT, ADDRESS = ir.IntType(64), ir.IntType(8).as_pointer()
INT32 = ir.IntType(32)
WORK = ir.FunctionType(ir.VoidType(), [ADDRESS])
POOL = ir.FunctionType(ir.VoidType(), [WORK.as_pointer(), ADDRESS, INT32, INT32])

intrinsic: Any = extending.intrinsic  # what it makes takes an argument less: no type checker knows


def shared(kernel: Callable[..., None]) -> Callable[..., None]:
    """``kernel(start, stop, share, *arguments)`` over all bins, as a function for other compiled ones.

    Its arguments: the address of a pool of threads, as :func:`~flamo.kernels.backend.torch_pool` finds it, or 0 for
    this thread only; how many threads, bins and shares; an array that holds the next share to be taken, which several
    callers may have in common; and the kernel's arguments.
    """

    @intrinsic
    def share_out(
        typing: Any, pool: Any, threads: Any, bins: Any, shares: Any, todo: Any, arguments: Any
    ) -> tuple[Any, Callable[..., Any]]:
        signature = types.none(types.int64, types.int64, types.int64, *arguments.types)

        def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
            pool_at, threads_at, bins_at, shares_at, todo_at, passed = values
            counter = context.make_array(todo)(context, builder, todo_at).data
            held = [bins_at, shares_at, counter, passed]
            block = cgutils.alloca_once_value(builder, cgutils.make_anonymous_struct(builder, held))
            flags = ConfigStack().top().copy()  # the same fast arithmetic; else there would be none
            flags.release_gil = False
            compiled = context.compile_subroutine(builder, kernel, signature, flags=flags)
            work = _work(context, builder.module, block.type, compiled.fndesc, signature)
            address = builder.bitcast(block, ADDRESS)
            with builder.if_else(builder.icmp_signed("==", pool_at, INT(0))) as (alone, together):
                with alone:
                    builder.call(work, [address])
                with together:
                    start = builder.inttoptr(pool_at, POOL.as_pointer())
                    builder.call(start, [work, address, builder.trunc(threads_at, INT32), INT32(0)])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64, types.int64, todo, arguments), generate

    return share_out


def _work(context: Any, module: Any, block: Any, kernel: Any, signature: Any) -> Any:
    """What a thread does: take a share and work on it, until there is none."""
    function = ir.Function(module, WORK, module.get_unique_name("work"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    take, share_out, done = (function.append_basic_block(name) for name in ("take", "share", "done"))
    held = builder.load(builder.bitcast(function.args[0], block))
    bins, shares, counter, passed = (builder.extract_value(held, i) for i in range(4))
    arguments = [builder.extract_value(passed, i) for i in range(len(signature.args) - 3)]
    builder.branch(take)
    builder.position_at_end(take)
    share = builder.atomic_rmw("add", counter, INT(1), "monotonic")
    builder.cbranch(builder.icmp_signed("<", share, shares), share_out, done)
    builder.position_at_end(share_out)
    edges = [builder.sdiv(builder.mul(bins, s), shares) for s in (share, builder.add(share, INT(1)))]
    callee, passed = context.declare_function(module, kernel), [*edges, share, *arguments]
    once = ("noinline",)  # compiled
    context.call_conv.call_function(builder, callee, types.none, signature.args, passed, attrs=once)
    builder.branch(take)
    builder.position_at_end(done)
    builder.ret_void()
    return function
