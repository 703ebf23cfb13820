"""What each kind of component must offer. Light: torch is imported for type checkers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import nn

    from flamo.core.response import Response
    from flamo.curves import Curve
    from flamo.design import Design
    from flamo.equalizer import Equalizer


@runtime_checkable
class Processor(Protocol):
    """A linear time-invariant system on a frequency grid; derive from :class:`flamo.core.dsp.DSP` to get it all."""

    param: nn.Parameter
    nfft: int
    input_channels: int
    output_channels: int

    def transfer(self, w: torch.Tensor, param: torch.Tensor | None = None) -> torch.Tensor:
        """The transfer function at any complex points w = 1/z."""

    def response(self, ext_param: torch.Tensor | None = None) -> Response:
        """The response on the grid."""

    def forward(self, x: torch.Tensor, ext_param: torch.Tensor | None = None) -> torch.Tensor:
        """Filter a spectrum (B, F, N_in, …)."""


@runtime_checkable
class Transform(Protocol):
    """A function of a signal at the ends of a system: a ``torch.nn.Module`` with one argument."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The transformed signal."""


@runtime_checkable
class Container(Protocol):
    """A system made of others: a ``torch.nn.Module`` that passes external parameters on by name."""

    def forward(self, x: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        """Run the parts."""


@runtime_checkable
class Loss(Protocol):
    """A criterion of a prediction and a target: any ``torch.nn.Module`` or function."""

    def __call__(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """A scalar to be made small."""


@runtime_checkable
class Trainer(Protocol):
    """What moves the parameters of a system until its criteria are small."""

    def register_criterion(self, criterion: Loss, alpha: float = 1, requires_model: bool = False) -> None:
        """Add a weighted criterion."""

    def train(self, train_dataset: Any, valid_dataset: Any) -> None:
        """Train on pairs of input and target."""


@runtime_checkable
class Stepper(Protocol):
    """A trainer that leads a run from a configuration: ``optimizer: {name: {options}}``.

    It is made of the system and an objective, ``(net, objective, *, stateful={}, **options)``. The objective returns
    weighted losses by name, or, as its method ``residuals``, numbers whose squares sum up to them.
    """

    step_number: int
    best_loss: float
    best_step: int

    def step(self) -> Any:
        """One step; returns what was measured before it: ``number``, ``loss``, ``losses`` by name, and ``lr``."""

    def load_best(self) -> None:
        """Put the system into its best state."""

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that is needed to go on exactly, ``stateful`` included, as tensors by name and JSON data."""

    def restore(self, tensors: Mapping[str, torch.Tensor], data: Mapping[str, Any]) -> None:
        """Go on from there."""


@runtime_checkable
class Recipe(Protocol):
    """What makes a configuration of a target curve; its constructor takes options, all with defaults."""

    def config(self, target: Mapping[str, Any], curve: Curve, fs: int, seed: int) -> Mapping[str, Any]:
        """The configuration that fits a curve.

        Args:
            target: its section ``target``.
            curve: what that stands for.
            fs: sampling frequency in Hz.
            seed: of the random numbers.
        """


@runtime_checkable
class Command(Protocol):
    """What ``flamo NAME …`` runs: a ``typer.Typer``, or a function whose parameters are annotated as typer's are."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it. Raises InputError for what cannot be used: the message on a line, exit code 2."""


@runtime_checkable
class Reader(Protocol):
    """What makes a curve or an equaliser of the bytes of a file; its constructor takes options, all with defaults."""

    suffixes: ClassVar[tuple[str, ...]]
    """Of the files that may be of this format, lower case, with the dot."""

    def recognizes(self, data: bytes) -> bool:
        """Whether the bytes look like this format, judged quickly; False where another reader should have them."""

    def read(self, data: bytes, name: str) -> Curve | Equalizer:
        """The content. Raises InputError, ``line N: what is wrong; what to do``."""


@runtime_checkable
class Exporter(Protocol):
    """What writes a system as files of other programs; its constructor takes options, all with defaults."""

    suffix: ClassVar[str]
    """Of its main file, with the dot."""

    def export(self, design: Design) -> Mapping[str, bytes]:
        """Files by name, the main one first. Raises InputError, what is lacking, for a design that it cannot hold."""
