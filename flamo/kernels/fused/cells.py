"""Sums of products of complex numbers, many side by side, for kernels whose own loops would be too short to be fast.

A cell holds the real parts of SIDE numbers, then their imaginary parts; an array is a row of cells. What is here is
written in the compiler's own language, on vectors that stay in registers. numba's cache does not see a change of it:
touch the kernels that use it as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

intrinsic: Any = extending.intrinsic  # what it makes takes an argument less: no type checker knows

SIDE = 32
BITS = 256  # of a vector
VECTORS = 4  # summed at once: as many as it takes to have always something to do

Complex = tuple[Any, Any]


@intrinsic
def from_cell(
    context: Any,
    cells: Any,
    target: Any,
    start: Any,
    left: Any,
    left_step: Any,
    right: Any,
    right_step: Any,
    count: Any,
    factor: Any,
) -> tuple[Any, Callable[..., Any]]:
    """cells[target] = (cells[start] - Σ_i cells[left + i left_step] cells[right + i right_step]) cells[factor]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cell = _Cells(context, builder, signature.args[0], values[0])
        target, start, left, left_step, right, right_step, count, factor = values[1:]

        def product(i: Any, at: Any) -> tuple[Complex, Complex]:
            return cell.load(cell.after(left, i, left_step), at), cell.load(cell.after(right, i, right_step), at)

        cell.sums(target, lambda at: cell.load(start, at), product, count, lambda at: cell.load(factor, at))
        return context.get_dummy_value()

    return types.void(cells, *[types.intp] * 8), generate


@intrinsic
def from_number(
    context: Any,
    cells: Any,
    target: Any,
    real: Any,
    imag: Any,
    left: Any,
    right: Any,
    right_step: Any,
    count: Any,
    factor: Any,
) -> tuple[Any, Callable[..., Any]]:
    """cells[target] = (real + j imag - Σ_i cells[left + i] cells[right + i right_step]) cells[factor]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cell = _Cells(context, builder, signature.args[0], values[0])
        target, real, imag, left, right, right_step, count, factor = values[1:]
        start = cell.splat(real), cell.splat(imag)

        def product(i: Any, at: Any) -> tuple[Complex, Complex]:
            return cell.load(builder.add(left, i), at), cell.load(cell.after(right, i, right_step), at)

        cell.sums(target, lambda at: start, product, count, lambda at: cell.load(factor, at))
        return context.get_dummy_value()

    return types.void(cells, types.intp, cells.dtype, cells.dtype, *[types.intp] * 5), generate


@intrinsic
def with_numbers(
    context: Any, cells: Any, target: Any, start: Any, numbers: Any, first: Any, right: Any, count: Any
) -> tuple[Any, Callable[..., Any]]:
    """cells[target] = cells[start] - Σ_i z_i cells[right + i]; z from ``first``, real and imaginary parts in turn."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cell = _Cells(context, builder, signature.args[0], values[0])
        target, start, numbers, first, right, count = values[1:]
        data = context.make_array(signature.args[3])(context, builder, numbers).data

        def product(i: Any, at: Any) -> tuple[Complex, Complex]:
            where = builder.add(first, builder.shl(i, i.type(1)))
            parts = (builder.load(builder.gep(data, [w])) for w in (where, builder.add(where, i.type(1))))
            real, imag = (cell.splat(part) for part in parts)
            return (real, imag), cell.load(builder.add(right, i), at)

        cell.sums(target, lambda at: cell.load(start, at), product, count, None)
        return context.get_dummy_value()

    return types.void(cells, types.intp, types.intp, numbers, types.intp, types.intp, types.intp), generate


class _Cells:
    """Writes what happens to cells."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self.builder = builder
        self.lanes = BITS // kind.dtype.bitwidth
        self.vector = ir.VectorType(context.get_data_type(kind.dtype), self.lanes)
        self.align = kind.dtype.bitwidth // 8
        self.data = context.make_array(kind)(context, builder, array).data

    def after(self, cell: Any, i: Any, step: Any) -> Any:
        return self.builder.add(cell, self.builder.mul(i, step))

    def splat(self, number: Any) -> Any:
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), number, ir.IntType(32)(0))
        return self.builder.shuffle_vector(
            first, ir.Constant(self.vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        )

    def pointers(self, cell: Any, at: Any) -> Complex:
        """To a vector of real parts from number ``at`` of a cell, and to its imaginary parts."""
        real = self.builder.add(self.builder.mul(cell, cell.type(2 * SIDE)), at)
        imag = self.builder.add(real, cell.type(SIDE))
        return tuple(
            self.builder.bitcast(self.builder.gep(self.data, [p]), self.vector.as_pointer()) for p in (real, imag)
        )

    def load(self, cell: Any, at: Any) -> Complex:
        return tuple(self.builder.load(p, align=self.align) for p in self.pointers(cell, at))

    def minus(self, total: Complex, x: Complex, y: Complex) -> Complex:
        """total - x y."""
        b, flags = self.builder, ("contract",)
        (tr, ti), (xr, xi), (yr, yi) = total, x, y
        tr = b.fadd(b.fsub(tr, b.fmul(xr, yr, flags), flags), b.fmul(xi, yi, flags), flags)
        return tr, b.fsub(b.fsub(ti, b.fmul(xr, yi, flags), flags), b.fmul(xi, yr, flags), flags)

    def sums(self, target: Any, start: Any, product: Any, count: Any, factor: Any) -> None:
        """cells[target] = (start - Σ_i x_i y_i) factor with (x_i, y_i) = product(i)."""
        b, size = self.builder, target.type
        step = VECTORS * self.lanes
        with cgutils.for_range_slice(b, size(0), size(SIDE), size(step), size) as (lane, _):
            places = [b.add(lane, size(i * self.lanes)) for i in range(VECTORS)]
            totals = [tuple(cgutils.alloca_once(b, self.vector) for _ in range(2)) for _ in places]
            for at, total in zip(places, totals, strict=True):
                self.keep(start(at), total)
            with cgutils.for_range(b, count) as loop:
                for at, total in zip(places, totals, strict=True):
                    x, y = product(loop.index, at)
                    self.keep(self.minus(tuple(b.load(p) for p in total), x, y), total)
            for at, total in zip(places, totals, strict=True):
                value = tuple(b.load(p) for p in total)
                if factor is not None:
                    zero = ir.Constant(self.vector, None)
                    value = self.minus((zero, zero), tuple(b.fneg(v) for v in value), factor(at))
                self.keep(value, self.pointers(target, at))

    def keep(self, value: Complex, pointers: Complex) -> None:
        for v, p in zip(value, pointers, strict=True):
            self.builder.store(v, p, align=self.align)
