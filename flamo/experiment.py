"""What a configuration stands for: the system, its input, its target and its losses, ready to be trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from flamo.config.build import build_component, build_node
from flamo.config.model import EXPORTS, OUTPUTS, RunConfig, loss_defaults, one_key
from flamo.core.shell import Shell
from flamo.equalization import thinned
from flamo.errors import ConfigError, InputError, InputWarning, Problem, under
from flamo.exporting import export
from flamo.filters import is_equaliser
from flamo.signals import Wanted, input_spectrum, wanted


@dataclass(frozen=True)
class Term:
    """One loss, with its share in the sum."""

    criterion: Any
    weight: float

    @property
    def requires_model(self) -> bool:
        return bool(getattr(self.criterion, "requires_model", False))


@dataclass(frozen=True)
class Experiment:
    """A system with what it is trained for.

    ``spectrum`` is the input (1, F, N_in); the losses compare ``output(core(spectrum))`` with ``wanted.target``. Of a
    curve, the transfer function at its points, all inputs excited at once, takes the place of the spectrum.
    """

    config: RunConfig
    model: Shell
    output: nn.Module
    spectrum: torch.Tensor
    wanted: Wanted
    terms: Mapping[str, Term]

    def __call__(self) -> dict[str, torch.Tensor]:
        """Every weighted loss by its name."""
        estimate = self.estimate()
        return {name: self.value(term, estimate) for name, term in self.terms.items()}

    def estimate(self) -> torch.Tensor:
        """What is compared with the target."""
        core: Any = self.model.get_core()
        if self.config.output != "curve" or self.wanted.curve is None:
            return self.output(core(self.spectrum))
        frequency = torch.tensor(self.wanted.curve.frequency, dtype=torch.float64)
        response = torch.vmap(core.probe_w)(torch.exp(-2j * torch.pi / self.config.fs * frequency))  # (P, N_out, N_in)
        return self.output(response.sum(-1)[None]).to(self.wanted.target)

    def residuals(self) -> dict[str, torch.Tensor]:
        """By the name of every loss, numbers the sum of whose squares is the weighted loss.

        Raises:
            ConfigError: a loss that is no sum of squares, or has a negative weight.
        """
        problems = [
            Problem(("losses", n), f"{name} is no sum of squares, as the optimizer needs it")
            for n, (name, term) in enumerate(self.terms.items())
            if not hasattr(term.criterion, "residuals") or term.weight < 0
        ]
        if problems:
            raise ConfigError(problems)
        estimate, target = self.estimate(), self.wanted.target
        return {n: t.weight**0.5 * t.criterion.residuals(estimate, target) for n, t in self.terms.items()}

    def least_squares(self) -> Any:
        """The problem as an equaliser of one channel states it itself, with a Jacobian in closed form; else None."""
        core: Any = self.model.get_core()
        curve = self.wanted.curve
        [(name, term), *others] = self.terms.items()
        one = (self.model.input_channels, self.model.output_channels) == (1, 1)
        if self.config.output != "curve" or curve is None or others or term.weight != 1.0 or not one:
            return None
        if not (hasattr(core, "level_fit") and hasattr(term.criterion, "weight")) or self.config.alias_decay_db:
            return None
        rows = thinned(curve.frequency, curve.gain_db, term.criterion.weight(len(curve.frequency)))
        points = (torch.as_tensor(row, dtype=torch.float64)[None] for row in rows)
        return core.level_fit(*points, remove_mean=term.criterion.remove_mean, name=name)

    def value(self, term: Term, estimate: torch.Tensor) -> torch.Tensor:
        """One weighted loss."""
        model = (self.model,) if term.requires_model else ()
        return term.weight * term.criterion(estimate, self.wanted.target, *model)

    @property
    def stateful(self) -> dict[str, nn.Module]:
        """The losses that may have a state of their own."""
        return {name: t.criterion for name, t in self.terms.items() if isinstance(t.criterion, nn.Module)}


def make_experiment(config: RunConfig) -> Experiment:
    """Build everything that a configuration names; its seed makes it the same every time.

    Raises:
        ConfigError: parts that cannot be built, or that do not fit together.
        InputError: a file that cannot be used.
    """
    torch.manual_seed(config.seed)
    defaults = config.defaults()
    with under("system"):
        model = _shell(build_node(config.system, defaults))
    with under("output"):
        name, arguments = one_key(config.output)
        output = build_node({OUTPUTS.get(name, name): arguments}, defaults)
    spectrum = input_spectrum(config, model)
    if config.target == "flat":
        with torch.no_grad():
            spectrum = spectrum / model.get_core()(spectrum).abs().square().mean().sqrt()
    aim = wanted(config, model, output, spectrum)
    points = aim.curve.frequency if aim.curve and config.output == "curve" else None
    experiment = Experiment(config, model, output, spectrum, aim, _terms(config, {**defaults, "frequency": points}))
    _try(experiment)
    _try_exports(experiment)
    if "filters" in config.exports and not (is_equaliser(model.get_core()) and experiment.wanted.curve):
        message = "filters are those of a parametric_eq of one channel that is fitted to a curve"
        raise ConfigError([Problem(("exports",), message)])
    return experiment


def _try_exports(experiment: Experiment) -> None:
    """Whether every format can hold the system."""
    problems = []
    for n, node in enumerate(experiment.config.exports):
        if node not in EXPORTS:
            try:
                with warnings.catch_warnings(action="ignore", category=InputWarning):
                    export(experiment.model, [node], experiment.config.fs, "the system", experiment.config.fs)
            except InputError as error:
                problems.append(Problem(("exports", n), str(error)))
    if problems:
        raise ConfigError(problems)


@torch.no_grad()
def _try(experiment: Experiment) -> None:
    """Whether every loss takes what the system gives; nothing is changed by it."""
    problems = []
    with torch.random.fork_rng(devices=[]):
        with under("system"):
            estimate = _tried(experiment.estimate)
        for n, term in enumerate(experiment.terms.values()):
            trial = replace(term, criterion=deepcopy(term.criterion))  # it may remember what it has seen
            try:
                _tried(lambda trial=trial: experiment.value(trial, estimate))  # type: ignore[misc]
            except ConfigError as error:
                problems += [replace(problem, path=("losses", n)) for problem in error.problems]
    if problems:
        raise ConfigError(problems)


def _tried(call: Callable[[], torch.Tensor]) -> torch.Tensor:
    try:
        return call()
    except (
        ValueError,
        TypeError,
        RuntimeError,
        LookupError,
        NotImplementedError,
        AttributeError,
    ) as error:  # of strangers, too
        raise ConfigError([Problem((), " ".join(str(error).split()))]) from error


def _shell(core: nn.Module) -> Shell:
    """A shell of a core whose channels are known."""
    if isinstance(core, Shell):
        raise ConfigError(
            [Problem((), "a shell has no place here: give its core, and say with 'output' what is compared")]
        )
    shell = Shell(core)
    missing = [name for name in ("input_channels", "output_channels", "nfft") if getattr(shell, name) is None]
    if missing:
        raise ConfigError([Problem((), f"no part of it says its {' and '.join(missing)}")])
    return shell


def _terms(config: RunConfig, defaults: dict[str, Any]) -> dict[str, Term]:
    """The losses by the names that metrics give them; a second one of a name is numbered."""
    terms: dict[str, Term] = {}
    problems: list[Problem] = []
    for n, node in enumerate(config.losses):
        name, arguments = one_key(node)
        weight = arguments.pop("weight", 1.0)
        try:
            with under("losses", n):
                criterion = build_component("loss", {name: arguments}, loss_defaults(name, defaults))
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        terms[_numbered(name, terms)] = Term(criterion, float(weight))
    if problems:
        raise ConfigError(problems)
    return terms


def _numbered(name: str, taken: Mapping[str, Any]) -> str:
    count = sum(other == name or other.startswith(f"{name} ") for other in taken)
    return name if count == 0 else f"{name} {count + 1}"
