"""What a processor has to keep, beside what every module has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from flamo import registry
from flamo.core.dsp import DSP
from flamo.core.recursion import Recursion
from flamo.protocols import Processor
from flamo.saving import load, save
from flamo.testing import learning, modules, responses
from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import BINS, DECAY_DB, EXACT, FEW, NFFT, processor, spectrum
from flamo.testing.responses import full, on_grid


def follows_the_protocol(case: Case) -> None:
    """It has all that flamo.protocols.Processor asks.

    Derive from flamo.core.dsp.DSP, define transfer(w, param=None), and call self.initialize_class() last in the
    constructor."""
    made = processor(case)
    asked = {*Processor.__annotations__, *(name for name in vars(Processor) if not name.startswith("_"))}
    lacks = sorted(name for name in asked if not hasattr(made, name))
    require(not lacks, f"it has no {', '.join(lacks)}")


def takes_the_common_arguments(case: Case) -> None:
    """Its constructor has nfft, alias_decay_db, requires_grad, device and dtype.

    Take them, and pass them on to DSP.__init__: systems and configurations give them to every processor."""
    common = ("nfft", "alias_decay_db", "device", "dtype")
    lacks = [name for name in common if name not in case.parameters]
    require(not lacks, f"its constructor has no {', '.join(lacks)}")
    made = case.build(nfft=FEW, dtype=torch.float64)
    require(made.nfft == FEW, f"nfft={FEW} was given, and it has nfft={made.nfft}")
    require(made.param.dtype == torch.float64, f"dtype=torch.float64 was given, and param is {made.param.dtype}")


def names_a_wrong_size(case: Case) -> None:
    """A size of a wrong form is a ValueError or TypeError that says so.

    Call self.initialize_class(), which checks it, or check it in the constructor."""
    for size in ((1,) * 6, (0,)):
        try:
            case.target(size=size)
        except (ValueError, TypeError) as error:
            require("size" in str(error), f"size={size} raises {error}, which does not name the size")
        else:
            require(False, f"size={size} is accepted")


def has_the_shape_of_its_channels(case: Case) -> None:
    """A spectrum (B, F, N_in, …) becomes (B, F, N_out, …).

    Return (F, N_out, N_in) from transfer, or (F, N) with diagonal = True in the class."""
    made = processor(case)
    x = spectrum(made.input_channels, torch.float64)
    for shape in ((2, BINS), (2, BINS, 3)):
        given = x if len(shape) == 2 else x[..., None].expand(*x.shape, 3)
        got, wanted = tuple(made(given).shape), (*shape[:2], made.output_channels, *shape[2:])
        require(got == wanted, f"an input {tuple(given.shape)} gives {got} instead of {wanted}")


def physical_values_come_back(case: Case) -> None:
    """What is read as physical values and set again is the same system.

    Check physical_of against value_of: each must be the other's inverse, units included."""
    made = processor(case)
    values = {name: value for name, value in made.physical().items() if bool(value.isfinite().all())}
    other = processor(case)
    other.load_state_dict(made.state_dict())
    with torch.no_grad():
        other.param.mul_(0.9)
    if values:
        other.set(**values)
    for name, value in other.physical().items():
        require_near(value, values.get(name, value), 1e-6, f"{name} is set and reads differently")


def stands_in_a_loop(case: Case) -> None:
    """A Recursion with it in the feedback is the loop solved bin by bin.

    Let response() say all that forward does."""
    made = processor(case, alias_decay_db=DECAY_DB)
    n, m = made.output_channels, made.input_channels
    ahead = registry.get("processor", "gains/gain")((m, n), nfft=NFFT, alias_decay_db=DECAY_DB, dtype=torch.float64)
    with torch.no_grad():
        ahead.param.mul_(0.1)
    x = spectrum(n, torch.float64)
    F, B = ahead.response().full(), full(made, on_grid(made))
    F, B = F.to(torch.complex128), B.to(torch.complex128)
    expected = torch.linalg.solve(torch.eye(m).to(B) - F @ B, F @ x[..., None])[..., 0]
    require_near(Recursion(ahead, made)(x), expected, 1e-8, "a loop with it is another one than its response says")


def saves_and_loads(case: Case) -> None:
    """flamo.save writes it, and flamo.load gives the same back.

    Let constructor arguments be plain data, and keep all else in param."""
    made = processor(case)
    x = spectrum(made.input_channels, torch.float64)
    with TemporaryDirectory() as folder:
        save(made, Path(folder) / "one.safetensors")
        loaded: Any = load(Path(folder) / "one.safetensors")
    require(type(loaded) is type(made), f"it comes back as a {type(loaded).__name__}")
    require_near(loaded(x), made(x), EXACT, "it comes back with another response")


def checks(case: Case) -> Iterator[Any]:
    """Every check that such a processor is asked."""
    yield follows_the_protocol
    yield takes_the_common_arguments
    if "size" in case.parameters or case.target is not case.make:
        yield names_a_wrong_size
    yield has_the_shape_of_its_channels
    yield responses.response_is_the_transfer_function
    yield responses.honours_alias_decay_db
    yield responses.forward_is_the_response
    yield responses.is_linear
    yield responses.has_a_real_impulse_response
    yield responses.is_causal
    if _overrides(case, "state_space"):
        yield responses.state_space_is_the_transfer_function
    if _overrides(case, "physical_of"):
        yield physical_values_come_back
    yield from learning.CHECKS
    yield stands_in_a_loop
    if case.offer:
        yield saves_and_loads
    yield from (check for check in modules.CHECKS if check is not modules.differentiates)


def _overrides(case: Case, name: str) -> bool:
    return getattr(case.target, name, None) not in (None, getattr(DSP, name))
