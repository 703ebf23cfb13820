"""Components at work: one of a kind, and what to call it with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from flamo import registry
from flamo.core.recursion import Recursion
from flamo.core.series import Series
from flamo.testing.case import Case
from flamo.testing.check import WrongError, require

NFFT, BINS = 64, 33
FEW = 8  # points of the grid for finite differences
DECAY_DB = 30.0
EXACT = 1e-11  # relative to the peak, in float64
Example = tuple[Any, tuple[torch.Tensor, ...]]


def example(case: Case, dtype: torch.dtype = torch.float64, **wanted: Any) -> Example:
    """A component and arguments that it takes, the same ones in each precision."""
    return _EXAMPLES[case.kind](case, dtype, wanted)


def called(made: Any, arguments: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Its result, whatever is random in it drawn from one seed."""
    torch.manual_seed(1)
    result = made(*arguments)
    require(isinstance(result, torch.Tensor), f"it returns a {type(result).__name__}, not a tensor")
    return result


def spectrum(channels: int, dtype: torch.dtype, batch: int = 2, bins: int = BINS) -> torch.Tensor:
    """Noise (batch, bins, channels) with values that float32 has too."""
    return torch.complex(noise((batch, bins, channels), dtype), noise((batch, bins, channels), dtype))


def noise(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Normal numbers that float32 has too."""
    return torch.randn(*shape, dtype=torch.float32).to(dtype)


def processor(case: Case, dtype: torch.dtype = torch.float64, **wanted: Any) -> Any:
    """A processor with several channels where it takes them, and a parameter that float32 has too."""
    made = _built(case, {"nfft": NFFT, "dtype": dtype, **wanted})
    with torch.no_grad():
        made.param.copy_(made.param.float())
    return made


def _built(case: Case, arguments: dict[str, Any]) -> Any:
    """With a size of several channels, else of as many in as out, else its own."""
    default = case.parameters["size"].default if "size" in case.parameters else None
    if not isinstance(default, tuple):
        return case.build(**arguments)
    channels = ((2,),) if getattr(case.target, "diagonal", False) else ((2, 3), (4, 4))
    for last in channels:
        try:
            return case.build(size=(*default[: -len(last)], *last), **arguments)
        except (TypeError, ValueError):
            continue
    return case.build(**arguments)


def _processor(case: Case, dtype: torch.dtype, wanted: dict[str, Any]) -> Example:
    made = processor(case, dtype, **wanted)
    return made, (spectrum(made.input_channels, dtype),)


def _transform(case: Case, dtype: torch.dtype, wanted: dict[str, Any]) -> Example:
    made = case.build(**{"nfft": NFFT, "dtype": dtype, **wanted})
    return made, _accepted(made, ((noise((2, NFFT, 2), dtype),), (spectrum(2, dtype),)))


def _container(case: Case, dtype: torch.dtype, wanted: dict[str, Any]) -> Example:
    made = case.build(**wanted).to(dtype)
    channels = getattr(made, "input_channels", None) or 1
    return made, _accepted(made, ((spectrum(channels, dtype),), (noise((2, NFFT, channels), dtype),)))


def _loss(case: Case, dtype: torch.dtype, wanted: dict[str, Any]) -> Example:
    made = case.build(**wanted)
    if getattr(made, "requires_model", False):
        return WithModel(made, dtype), tuple(pair(600, dtype))
    return made, _accepted(made, _pairs(dtype))


def pair(length: int, dtype: torch.dtype, channels: int = 2) -> Iterator[torch.Tensor]:
    """Two signals of decaying noise, (2, length, channels)."""
    decay = torch.exp(-4 * torch.arange(length, dtype=torch.float64) / length).float().to(dtype)
    return (noise((2, length, channels), dtype) * decay[:, None] for _ in range(2))


def _pairs(dtype: torch.dtype) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Predictions and targets of the forms that losses take: signals, long ones, spectra, spectra of one target."""
    for length in (600, 2400, 17000):  # the first that is taken: most losses need no long one
        first, second = pair(length, dtype)
        yield first, second
    first, second = (torch.fft.rfft(x, dim=1) for x in pair(600, dtype))
    yield first, second
    yield first, second[..., :1]


def _accepted(made: Callable[..., Any], candidates: Iterable[tuple[torch.Tensor, ...]]) -> tuple[torch.Tensor, ...]:
    """The first arguments that it takes."""
    reasons = []
    for arguments in candidates:
        try:
            made(*(x.clone() for x in arguments))
            return arguments
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            reasons.append(f"{tuple(arguments[0].shape)} {arguments[0].dtype}: {error}")
    raise WrongError(
        f"it takes neither signals (batch, time, channels) nor spectra of {BINS} bins: {'; '.join(reasons)}"
    )


class WithModel(nn.Module):
    """A loss that also asks the model, with a small feedback network to ask."""

    def __init__(self, loss: Any, dtype: torch.dtype) -> None:
        super().__init__()
        matrix = registry.get("processor", "gains/matrix")
        loop = Recursion(*(matrix((4, 4), nfft=NFFT, requires_grad=True, dtype=dtype) for _ in range(2)))
        self.loss, self.model = loss, Series(OrderedDict(feedback_loop=loop))

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.loss(prediction, target, self.model)


_EXAMPLES = {"processor": _processor, "transform": _transform, "container": _container, "loss": _loss}
