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

from flamo.kernels.backend import SIDE

intrinsic: Any = extending.intrinsic  # what it makes takes an argument less: no type checker knows

BITS = 256  # of a vector
VECTORS = 4  # summed at once: as many as it takes to have always something to do

Complex = tuple[Any, Any]


def _written_by(write: Callable[..., None]) -> Callable[..., Any]:
    """How numba wants it: ``write(cells, *arguments)`` says what is to be done."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write(_Cells(context, builder, signature.args[0], values[0]), *values[1:])
        return context.get_dummy_value()

    return generate


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

    def write(cells: Any, target: Any, start: Any, *summed: Any) -> None:
        cells.of_cells(target, lambda at: cells.load(start, at), *summed)

    return types.void(cells, *[types.intp] * 8), _written_by(write)


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

    def write(cells: Any, target: Any, real: Any, imag: Any, left: Any, *summed: Any) -> None:
        start = cells.splat(real), cells.splat(imag)
        cells.of_cells(target, lambda at: start, left, left.type(1), *summed)

    return types.void(cells, types.intp, cells.dtype, cells.dtype, *[types.intp] * 5), _written_by(write)


@intrinsic
def with_numbers(
    context: Any, cells: Any, target: Any, start: Any, numbers: Any, first: Any, right: Any, count: Any
) -> tuple[Any, Callable[..., Any]]:
    """cells[target] = cells[start] - Σ_i z_i cells[right + i]; z from ``first``, real and imaginary parts in turn."""

    def write(cells: Any, target: Any, start: Any, array: Any, first: Any, right: Any, count: Any) -> None:
        b, data = cells.builder, cells.data_of(numbers, array)

        def product(i: Any, at: Any) -> tuple[Complex, Complex]:
            where = b.add(first, b.shl(i, i.type(1)))
            parts = (b.load(b.gep(data, [w])) for w in (where, b.add(where, i.type(1))))
            real, imag = (cells.splat(part) for part in parts)
            return (real, imag), cells.load(b.add(right, i), at)

        cells.sums(target, lambda at: cells.load(start, at), product, count, None)

    return types.void(cells, types.intp, types.intp, numbers, types.intp, types.intp, types.intp), _written_by(write)


class _Cells:
    """Writes what happens to cells."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self.context, self.builder = context, builder
        self.lanes = BITS // kind.dtype.bitwidth
        self.vector = ir.VectorType(context.get_data_type(kind.dtype), self.lanes)
        self.align = kind.dtype.bitwidth // 8
        self.data = self.data_of(kind, array)

    def data_of(self, kind: Any, array: Any) -> Any:
        return self.context.make_array(kind)(self.context, self.builder, array).data

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

    def of_cells(
        self, target: Any, start: Any, left: Any, left_step: Any, right: Any, right_step: Any, count: Any, factor: Any
    ) -> None:
        """:meth:`sums` of products of cells."""
        b = self.builder

        def product(i: Any, at: Any) -> tuple[Complex, ...]:
            rows = (left, left_step), (right, right_step)
            return tuple(self.load(b.add(cell, b.mul(i, step)), at) for cell, step in rows)

        self.sums(target, start, product, count, lambda at: self.load(factor, at))

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
