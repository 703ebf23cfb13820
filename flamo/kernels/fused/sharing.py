"""Shares of a kernel's bins, taken by torch's threads as they come to them, without Python.

Written in the compiler's own language: a thread that had to ask Python for its work would wait for it as long as a
small kernel takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

INT, ADDRESS = ir.IntType(64), ir.IntType(8).as_pointer()
INT32 = ir.IntType(32)
WORK = ir.FunctionType(ir.VoidType(), [ADDRESS])
POOL = ir.FunctionType(ir.VoidType(), [WORK.as_pointer(), ADDRESS, INT32, INT32])

intrinsic: Any = extending.intrinsic  # what it makes takes an argument less: no type checker knows


def share(kernel: int, pool: int, threads: int, bins: int, shares: int, todo: Any, arguments: Any) -> None:
    """Call ``kernel(start, stop, share, *arguments)`` for all bins.

    Args:
        kernel: the address of a compiled function.
        pool: of a pool of threads, as :func:`~flamo.kernels.backend.torch_pool` finds it, or 0 for this thread only.
        threads, bins, shares: how many.
        todo: an array that holds the next share to be taken, which several callers may have in common.
        arguments: a tuple.
    """
    _share(kernel, pool, threads, bins, shares, todo, arguments)


@intrinsic
def _share(
    typing: Any, kernel: Any, pool: Any, threads: Any, bins: Any, shares: Any, todo: Any, arguments: Any
) -> tuple[Any, Callable[..., Any]]:
    signature = types.none(types.int64, types.int64, types.int64, *arguments.types)

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        kernel_at, pool_at, threads_at, bins_at, shares_at, todo_at, passed = values
        counter = context.make_array(todo)(context, builder, todo_at).data
        held = [kernel_at, bins_at, shares_at, counter, passed]
        block = cgutils.alloca_once_value(builder, cgutils.make_anonymous_struct(builder, held))
        work = _work(context, builder.module, block.type, signature)
        address = builder.bitcast(block, ADDRESS)
        with builder.if_else(builder.icmp_signed("==", pool_at, INT(0))) as (alone, together):
            with alone:
                builder.call(work, [address])
            with together:
                start = builder.inttoptr(pool_at, POOL.as_pointer())
                builder.call(start, [work, address, builder.trunc(threads_at, INT32), INT32(0)])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5, todo, arguments), generate


def _work(context: Any, module: Any, block: Any, signature: Any) -> Any:
    """What a thread does: take a share and work on it, until there is none."""
    function = ir.Function(module, WORK, module.get_unique_name("work"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    take, share_out, done = (function.append_basic_block(name) for name in ("take", "share", "done"))
    held = builder.load(builder.bitcast(function.args[0], block))
    kernel, bins, shares, counter, passed = (builder.extract_value(held, i) for i in range(5))
    arguments = [builder.extract_value(passed, i) for i in range(len(signature.args) - 3)]
    builder.branch(take)
    builder.position_at_end(take)
    number = builder.atomic_rmw("add", counter, INT(1), "monotonic")
    builder.cbranch(builder.icmp_signed("<", number, shares), share_out, done)
    builder.position_at_end(share_out)
    edges = [builder.sdiv(builder.mul(bins, s), shares) for s in (number, builder.add(number, INT(1)))]
    convention = context.call_conv
    callee = builder.inttoptr(kernel, convention.get_function_type(types.none, signature.args).as_pointer())
    convention.call_function(builder, callee, types.none, signature.args, [*edges, number, *arguments])
    builder.branch(take)
    builder.position_at_end(done)
    builder.ret_void()
    return function
