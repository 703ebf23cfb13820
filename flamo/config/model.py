"""What a configuration may say: the sections of one training run, checked all at once."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from flamo import registry
from flamo.errors import ComponentLoadError, InputError

EXPORTS = ("wav", "csv", "filters")
"""The exports that are no component."""

DEFAULTS = ("nfft", "alias_decay_db", "fs", "dtype")
"""What components take from the top where they do not say it themselves."""

OUTPUTS = {"spectrum": "identity", "time": "ifft_antialias", "curve": "decibels"}
"""The outputs that go by another name than their component."""

Node = Any
"""A system as data, checked by :mod:`flamo.config.build`."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Section(BaseModel):
    """A part of a configuration: every key is known, nothing is converted from another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CurveTarget(Section):
    """Magnitude in dB over frequency, from a file that a reader knows; or what equalises a measurement to it."""

    curve: Annotated[str, Field(min_length=1)]
    low: Annotated[Positive, Field(description="Lowest frequency that counts, in Hz.")] | None = None
    high: Annotated[Positive, Field(description="Highest frequency that counts, in Hz.")] | None = None
    channel: Annotated[int, Field(ge=0, description="Of several in the file, from 0; of the measurement.")] | None = (
        None
    )
    measurement: Annotated[str, Field(min_length=1, description="What is to become the curve.")] | None = None
    smoothing: Annotated[Positive, Field(description="Of a measurement: parts of an octave, 12 for 1/12.")] | None = (
        None
    )
    max_boost_db: Annotated[Finite, Field(ge=0, description="Of a measurement: largest gain.")] | None = None
    max_slope: Annotated[Positive, Field(description="Of a measurement: dB an octave.")] | None = None

    @model_validator(mode="after")
    def _check_measurement(self) -> Self:
        lost = [name for name in ("smoothing", "max_boost_db", "max_slope") if getattr(self, name) is not None]
        if lost and self.measurement is None:
            raise ValueError(f"{' and '.join(lost)} is for a measurement: say measurement, too")
        return self


class SoundTarget(Section):
    """An audio file: the impulse response, or with a signal as input the recorded output.

    ``align`` moves the onset to the first sample: of an impulse response unless it is false.
    """

    wav: Annotated[str, Field(min_length=1)]
    channel: Annotated[int, Field(ge=0)] | None = None
    align: bool | None = None


class SystemTarget(Section):
    """What a saved system answers."""

    system: Annotated[str, Field(min_length=1)]


class SignalInput(Section):
    """A signal from an audio file, into every input."""

    wav: Annotated[str, Field(min_length=1)]
    channel: Annotated[int, Field(ge=0)] | None = None


def _kind(section: Any) -> str | None:
    """What a target or an input is, by the key that names its file."""
    if isinstance(section, str):
        return "word"
    keys = section if isinstance(section, dict) else vars(section) if isinstance(section, Section) else ()
    return next((kind for kind in ("curve", "wav", "system") if kind in keys), None)


Grid = Positive | Annotated[list[Positive], Field(min_length=1)]


class Rounding(Section):
    """The numbers that gear takes for the filters of an equaliser: multiples of a step, or the values of a list."""

    frequency: Annotated[Grid, Field(description="In Hz.")] = 0.01
    gain_db: Annotated[Positive, Field(description="In dB.")] = 0.01
    q: Annotated[Grid, Field(description="Of the quality factors.")] = 0.001


class Stop(Section):
    """When a run ends."""

    steps: Annotated[int, Field(ge=1, le=100_000_000, description="Steps at most.")] = 1000
    patience: Annotated[int, Field(ge=1, description="Steps in a row without improvement before it ends.")] | None = (
        None
    )
    improvement: Annotated[
        float, Field(ge=0, lt=1, description="The share of the best loss that counts as an improvement.")
    ] = 0.0


class Checkpoints(Section):
    """How often the state of a run is written."""

    every: Annotated[int, Field(ge=1, description="Steps between two checkpoints.")] = 100
    keep: Annotated[int, Field(ge=2, le=1000, description="How many of them stay.")] = 2


class RunConfig(Section):
    """One training run: a system, what it is compared with and how, and what moves its parameters."""

    flamo: Annotated[Literal[1], Field(description="Version of this format.")]
    fs: Annotated[int, Field(ge=1, le=10_000_000, description="Sampling frequency in Hz.")] = 48000
    nfft: Annotated[int, Field(ge=2, le=2**26, description="Points of the FFT.")] = 96000
    alias_decay_db: Annotated[Finite, Field(ge=0, le=1000, description="Time anti-aliasing: decay over nfft.")] = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    seed: Annotated[int, Field(ge=0, lt=2**63, description="Of every random number.")] = 0
    system: Annotated[Node, Field(description="What is trained.")]
    input: Annotated[
        Annotated[Literal["impulse"], Tag("word")] | Annotated[SignalInput, Tag("wav")],
        Discriminator(_kind),
        Field(description="What goes into every input: impulse, or {wav: FILE}."),
    ] = "impulse"
    output: Annotated[
        Node,
        Field(description="What is compared: magnitude, spectrum, time, curve, or a transform."),
    ] = "magnitude"
    target: Annotated[
        Annotated[Literal["flat"], Tag("word")]
        | Annotated[CurveTarget, Tag("curve")]
        | Annotated[SoundTarget, Tag("wav")]
        | Annotated[SystemTarget, Tag("system")],
        Discriminator(_kind),
        Field(description="What the output is to be: flat, a file, or {curve: FILE}, {wav: FILE}, {system: FILE}."),
    ]
    losses: Annotated[list[Node], Field(min_length=1, description="Components of kind loss, each with a weight.")]
    optimizer: Annotated[
        Node, Field(description="adam, adamw, sgd, lbfgs or lm, or another trainer, with its options.")
    ] = {"adam": {}}
    groups: Annotated[
        dict[str, dict[str, Any]], Field(description="Options for parameters whose names match a pattern.")
    ] = {}
    schedule: Annotated[Node, Field(description="How the learning rate changes.")] = None
    clip: Annotated[Positive | None, Field(description="Largest norm of the gradient.")] = None
    stop: Stop = Stop()
    checkpoints: Checkpoints = Checkpoints()
    rounding: Rounding = Rounding()
    exports: Annotated[
        list[Node],
        Field(description="wav: impulse response; csv: response in dB; filters: of an equaliser; or exporters."),
    ] = ["wav"]

    def defaults(self) -> dict[str, Any]:
        """The values of ``DEFAULTS``."""
        return {name: getattr(self, name) for name in DEFAULTS}

    def resolved(self) -> dict[str, Any]:
        """Everything that was decided, defaults included, as a configuration says it."""
        return self.model_dump(mode="json")


def one_key(node: Any) -> tuple[str, dict[str, Any]]:
    """Name and arguments of ``name`` or ``{name: {…}}``.

    >>> one_key("mse"), one_key({"adam": {"lr": 0.1}}), one_key({"mse": None})
    (('mse', {}), ('adam', {'lr': 0.1}), ('mse', {}))
    """
    if isinstance(node, str):
        return node, {}
    [(name, arguments)] = node.items()
    return name, dict(arguments or {})


def loss_defaults(name: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """What a loss takes from the top: the rate, the points of a curve, and nfft where it must be told; else that is the
    length of a window."""
    taken = {"fs": defaults["fs"], "sample_rate": defaults["fs"]}
    try:
        parameters = inspect.signature(registry.get("loss", name)).parameters
    except (InputError, ComponentLoadError, ValueError):
        return taken  # the checks tell what is wrong
    nfft = parameters.get("nfft")
    taken |= {"frequency": defaults["frequency"]} if defaults.get("frequency") and "frequency" in parameters else {}
    return taken | ({"nfft": defaults["nfft"]} if nfft and nfft.default is nfft.empty else {})
