"""What the response of a processor has to keep."""

from __future__ import annotations

from typing import Any

import torch

from flamo.core.grid import FrequencyGrid
from flamo.core.response import Response
from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import DECAY_DB, EXACT, NFFT, processor, spectrum


def response_is_the_transfer_function(case: Case) -> None:
    """The response on the grid is transfer at its points.

    Compare on_grid with transfer; the fastest way is to leave on_grid out."""
    made = processor(case, alias_decay_db=0.0)
    w = FrequencyGrid(NFFT).points()
    require_near(on_grid(made), full(made, made.transfer(w)), EXACT, "response and transfer differ")


def honours_alias_decay_db(case: Case) -> None:
    """With alias_decay_db, the response is transfer on the smaller circle.

    Pass alias_decay_db on to DSP.__init__, and take the points from self.grid, not from a grid of one's own."""
    made = processor(case, alias_decay_db=DECAY_DB)
    w = FrequencyGrid(NFFT, DECAY_DB).points()
    require_near(on_grid(made), full(made, made.transfer(w)), EXACT, "response and transfer inside the circle differ")


def forward_is_the_response(case: Case) -> None:
    """forward multiplies with the response, and does nothing else.

    Change what the processor is in transfer, not in forward: probes, loops and exports ask the response."""
    made = processor(case, alias_decay_db=DECAY_DB)
    x = spectrum(made.input_channels, torch.float64)
    require_near(made(x), made.response().apply(x), EXACT, "forward and response differ")


def is_linear(case: Case) -> None:
    """The sum of two inputs gives the sum of their outputs, and half of one gives half.

    Keep absolute values, powers and normalisations of the signal out of it."""
    made = processor(case)
    x, y = (spectrum(made.input_channels, torch.float64) for _ in range(2))
    require_near(made(0.5 * x + y), 0.5 * made(x) + made(y), EXACT, "it is not linear")


def has_a_real_impulse_response(case: Case) -> None:
    """At conjugate points, transfer has conjugate values.

    Look for an imaginary unit, or a power of w, that should not be there."""
    made = processor(case)
    w = torch.polar(torch.full((5,), 0.9, dtype=torch.float64), torch.linspace(0.1, 3.0, 5, dtype=torch.float64))
    require_near(made.transfer(w.conj()), made.transfer(w).conj(), EXACT, "its impulse response is not real")


def is_causal(case: Case) -> None:
    """transfer is finite at w = 0, which is z = ∞.

    Write it in powers of w = 1/z, none of them negative."""
    made = processor(case)
    value = made.transfer(torch.zeros(1, dtype=torch.complex128))
    require(bool(value.isfinite().all()), "transfer is not finite at w = 0: it answers before it is asked")


def state_space_is_the_transfer_function(case: Case) -> None:
    """D + w C (I - w A)⁻¹ B of state_space is transfer.

    Check signs and delays of both against the equation in the docstring."""
    made = processor(case)
    states = made.state_space()
    w = torch.polar(torch.full((5,), 0.4, dtype=torch.float64), torch.linspace(0.0, 3.0, 5, dtype=torch.float64))
    A, B, C, D = (t.to(torch.complex128) for t in (states.A, states.B, states.C, states.D))
    solved = torch.stack([torch.linalg.solve(torch.eye(len(A)).to(A) - point * A, B) for point in w])
    expected = D + w[:, None, None] * (C @ solved)
    require_near(full(made, made.transfer(w)), expected, 1e-9, "transfer and state_space differ")


def on_grid(made: Any) -> torch.Tensor:
    """The response (F, N_out, N_in)."""
    h = made.response().full()[0]
    return h.expand(made.nfft // 2 + 1, *h.shape[1:])


def full(made: Any, h: torch.Tensor) -> torch.Tensor:
    """What transfer has returned, as a full matrix."""
    return h if h.ndim == 3 else Response(h[None]).full()[0]
