"""What a system is asked about its poles."""

from __future__ import annotations

import torch
from torch import nn

from flamo.core.recorded import Recorded
from flamo.core.state_space import StateSpace, state_space_of

MAX_ORDER = 1000
"""Largest number of states whose poles are computed unless asked otherwise: a dense eigenvalue problem of that size."""

STABLE = 1.0 - 1e-9  # magnitude below which a pole is inside the unit circle, in spite of rounding


class HasPoles(Recorded, nn.Module):
    """Base of processors and containers: their states, their poles, and whether they are stable."""

    @property
    def degree(self) -> int:
        """Number of states, at most: delays in samples, and two for each section."""
        return 0

    @property
    def resolution(self) -> float:
        """Number of points around the unit circle on which the phase of the response can be followed."""
        return 4.0 * self.degree

    def state_space(self) -> StateSpace:
        """The system in the time domain, with no regard to the anti-aliasing decay.

        Raises:
            NotImplementedError, TypeError, ValueError: it, or a part of it, has no such form.
        """
        raise NotImplementedError(f"{type(self).__name__} has no state-space form, so that its poles cannot be had")

    def poles(self, max_order: int = MAX_ORDER) -> torch.Tensor:
        """The poles, complex128, largest magnitude first.

        They are the eigenvalues of the state matrix that the parts make together: taps and whole delays are shift
        registers, sections have two states each. Every pole of the system is among them; so are those that a zero of
        another part cancels. The work grows with the cube of the order: 300 take under a second, 1000 half a minute.

        Raises:
            NotImplementedError, TypeError, ValueError: a part has no poles that can be had, such as a fractional
                delay, or there are more than ``max_order`` states.
        """
        if self.degree > max_order:
            raise ValueError(f"there are {self.degree} states, more than max_order={max_order}")
        return self._states().poles()

    def _states(self) -> StateSpace:
        return state_space_of(self, None)

    def is_stable(self) -> bool:
        """Whether all poles are inside the unit circle."""
        return bool((self.poles().abs() < STABLE).all())
