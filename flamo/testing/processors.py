"""What a processor has to keep, beside what every module has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from flamo import registry
from flamo.core.dsp import DSP
from flamo.core.grid import FrequencyGrid
from flamo.core.recursion import Recursion
from flamo.core.response import Response
from flamo.protocols import Processor
from flamo.saving import load, save
from flamo.testing import modules
from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import BINS, NFFT, processor, spectrum

EXACT, DECAY_DB = 1e-11, 30.0
FEW = 8  # points of the grid for finite differences


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


def response_is_the_transfer_function(case: Case) -> None:
    """The response on the grid is transfer at its points.

    Compare on_grid with transfer; the fastest way is to leave on_grid out."""
    made = processor(case, alias_decay_db=0.0)
    w = FrequencyGrid(NFFT).points()
    require_near(_on_grid(made), _full(made, made.transfer(w)), EXACT, "response and transfer differ")


def honours_alias_decay_db(case: Case) -> None:
    """With alias_decay_db, the response is transfer on the smaller circle.

    Pass alias_decay_db on to DSP.__init__, and take the points from self.grid, not from a grid of one's own."""
    made = processor(case, alias_decay_db=DECAY_DB)
    w = FrequencyGrid(NFFT, DECAY_DB).points()
    require_near(_on_grid(made), _full(made, made.transfer(w)), EXACT, "response and transfer inside the circle differ")


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
    solved = torch.linalg.solve(torch.eye(len(A)).to(A) - w[:, None, None] * A, B.expand(len(w), *B.shape))
    expected = D + w[:, None, None] * (C @ solved)
    require_near(_full(made, made.transfer(w)), expected, 1e-9, "transfer and state_space differ")


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


def gradient_is_right(case: Case) -> None:
    """The gradient of the parameter is that of finite differences.

    Keep .detach(), .data, .item() and torch.no_grad() out of transfer and on_grid, and check an own backward."""
    made = processor(case, nfft=FEW, alias_decay_db=10.0)
    x = spectrum(made.input_channels, torch.float64, 1, FEW // 2 + 1)
    param = made.param.detach().clone().requires_grad_()
    torch.autograd.gradcheck(lambda p: made(x, p), param, fast_mode=True)


def gradient_reaches_the_parameter(case: Case) -> None:
    """A loss of the output has a finite gradient, not all zero, in param.

    Use param in every call: a value computed in the constructor is not learned."""
    made = processor(case, requires_grad=True)
    require(made.param.requires_grad, "requires_grad=True was given, and param does not require one")
    y = made(spectrum(made.input_channels, torch.float64))
    require(y.requires_grad, "its output has no gradient")
    (torch.randn_like(y) * y).real.sum().backward()
    require(made.param.grad is not None, "no gradient reaches param")
    require(bool(made.param.grad.isfinite().all()), "the gradient of param is not finite")
    require(bool(made.param.grad.any()), "the gradient of param is zero everywhere")


def follows_its_parameter(case: Case) -> None:
    """A change of param changes the output, as a new processor of that value has it.

    Compute the response from param in each call, and remember nothing of one's own."""
    made, x = processor(case), None
    x = spectrum(made.input_channels, torch.float64)
    before = made(x)
    with torch.no_grad():
        made.param.add_(0.1 * torch.rand_like(made.param))
    other = processor(case)
    other.load_state_dict(made.state_dict())
    require(not torch.allclose(made(x), before), "a change of param changes nothing")
    require_near(made(x), other(x), EXACT, "after a change of param it differs from a new one")


def follows_its_grid(case: Case) -> None:
    """set_nfft and set_alias_decay_db make it what the constructor makes of those values.

    Take both from self.grid in each call."""
    made = processor(case, nfft=2 * NFFT)
    made.set_nfft(NFFT)
    made.set_alias_decay_db(DECAY_DB)
    other = processor(case, alias_decay_db=DECAY_DB)
    other.load_state_dict(made.state_dict())
    require_near(_on_grid(made), _on_grid(other), EXACT, "after set_nfft and set_alias_decay_db it is another")


def takes_a_batch_of_parameters(case: Case) -> None:
    """ext_param does what param would, and one of (B, *size) is the loop over its items.

    Use the param that is given; write transfer for one with channels counted from the last dimension; torch.vmap does the rest."""
    made = processor(case)
    raw = made.param.detach()
    external = torch.stack([raw, 0.9 * raw, 0.8 * raw])
    x = spectrum(made.input_channels, torch.float64, 3)
    expected = torch.cat([made(x[i : i + 1], external[i]) for i in range(3)])
    require_near(made(x, external), expected, EXACT, "a batch of parameters gives another result than each")
    given = made(x, external[1])
    with torch.no_grad():
        made.param.copy_(external[1])
    require_near(given, made(x), EXACT, "ext_param gives another result than the same values in param")


def trains_after_inference(case: Case) -> None:
    """A call in torch.inference_mode leaves nothing behind that training would meet.

    Remember no tensors between calls."""
    made = processor(case, requires_grad=True)
    x = spectrum(made.input_channels, torch.float64)
    with torch.inference_mode():
        made(x.clone())
    y = made(x.requires_grad_())
    y.abs().square().sum().backward()


def stands_in_a_loop(case: Case) -> None:
    """A Recursion with it in the feedback is the loop solved bin by bin.

    Let response() say all that forward does."""
    made = processor(case, alias_decay_db=DECAY_DB)
    n, m = made.output_channels, made.input_channels
    ahead = registry.get("processor", "gains/gain")((m, n), nfft=NFFT, alias_decay_db=DECAY_DB, dtype=torch.float64)
    with torch.no_grad():
        ahead.param.mul_(0.1)
    x = spectrum(n, torch.float64)
    F, B = ahead.response().full(), _full(made, _on_grid(made))
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
    yield response_is_the_transfer_function
    yield honours_alias_decay_db
    yield forward_is_the_response
    yield is_linear
    yield has_a_real_impulse_response
    yield is_causal
    if _overrides(case, "state_space"):
        yield state_space_is_the_transfer_function
    if _overrides(case, "physical_of"):
        yield physical_values_come_back
    yield gradient_is_right
    yield gradient_reaches_the_parameter
    yield follows_its_parameter
    yield follows_its_grid
    yield takes_a_batch_of_parameters
    yield trains_after_inference
    yield stands_in_a_loop
    if case.offer:
        yield saves_and_loads
    yield from (check for check in modules.CHECKS if check is not modules.differentiates)


def _overrides(case: Case, name: str) -> bool:
    return getattr(case.target, name, None) not in (None, getattr(DSP, name))


def _on_grid(made: Any) -> torch.Tensor:
    """The response (F, N_out, N_in)."""
    h = made.response().full()[0]
    return h.expand(made.nfft // 2 + 1, *h.shape[1:])


def _full(made: Any, h: torch.Tensor) -> torch.Tensor:
    """What transfer has returned, as a full matrix."""
    return h if h.ndim == 3 else Response(h[None]).full()[0]
