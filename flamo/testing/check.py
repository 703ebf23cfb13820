"""One check: a name, what it asks, and what to do where it fails."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from flamo.testing.case import Case

MOST = 400
"""Characters of what was found that a message has: some exceptions bring whole matrices."""


class CheckError(AssertionError):
    """A component does not pass; says what is wrong and what to do."""


class WrongError(Exception):
    """What a check has found, in a few words."""


@dataclass(frozen=True)
class Check:
    """A named question to a component.

    Args:
        run: a function of a :class:`Case` that raises :class:`WrongError`, or whatever the component raises. Its name
            is that of the check, the first line of its docstring says what is asked, the rest what to do.

    Calling it raises :class:`CheckError` where the component does not pass. Torch's generator is seeded for the call
    and restored after it; warnings are the component's own business.
    """

    run: Callable[[Case], None]

    @property
    def name(self) -> str:
        """As ``expected_failed_checks`` takes it."""
        return self.run.__name__

    @property
    def about(self) -> str:
        """What it asks, in one line."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    @property
    def advice(self) -> str:
        """What to do where it fails."""
        return " ".join((inspect.getdoc(self.run) or "").partition("\n")[2].split())

    def __call__(self, case: Case) -> None:
        try:
            with _on_its_own():
                self.run(case)
        except (Exception, SystemExit) as error:
            found = str(error) if isinstance(error, WrongError) else f"it raises {type(error).__name__}: {error}"
            text = " ".join(found.split())[:MOST]
            raise CheckError(f"{case.label}, {self.name}: {text}. {self.advice}") from error


@contextmanager
def _on_its_own() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield


def require(holds: bool, otherwise: str) -> None:
    """Raise :class:`WrongError` unless it holds."""
    if not holds:
        raise WrongError(otherwise)


def require_near(actual: torch.Tensor, expected: torch.Tensor, tolerance: float, otherwise: str) -> None:
    """Raise :class:`WrongError` unless two tensors agree, relative to the peak of the second.

    >>> require_near(torch.ones(2), torch.tensor([1.0, 4.0]), 0.1, "they differ")
    Traceback (most recent call last):
    ...
    flamo.testing.check.WrongError: they differ (by 0.75 of the peak, at most 0.1 is allowed)
    """
    require(actual.shape == expected.shape, f"{otherwise} (shapes {tuple(actual.shape)} and {tuple(expected.shape)})")
    if not actual.numel():
        return
    wide = torch.promote_types(torch.promote_types(actual.dtype, expected.dtype), torch.float64)
    actual, expected = actual.detach().to(wide), expected.detach().to(wide)
    require(bool(actual.isfinite().all()), f"{otherwise} (not finite)")
    error = float((actual - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
    require(error <= tolerance, f"{otherwise} (by {error:.2g} of the peak, at most {tolerance:g} is allowed)")
