"""What a processor has to keep in training: its gradient, and that it follows what it depends on."""

from __future__ import annotations

import torch

from flamo.testing.case import Case
from flamo.testing.check import require, require_near
from flamo.testing.examples import DECAY_DB, EXACT, FEW, NFFT, processor, spectrum
from flamo.testing.responses import on_grid


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
    require_near(on_grid(made), on_grid(other), EXACT, "after set_nfft and set_alias_decay_db it is another")


def takes_a_batch_of_parameters(case: Case) -> None:
    """ext_param does what param would, and one of (B, *size) is the loop over its items.

    Use the param that is given, and count channels from the last dimension; torch.vmap does the rest."""
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
    for learns in (True, False):  # what is frozen may be remembered
        made = processor(case, requires_grad=learns)
        x = spectrum(made.input_channels, torch.float64)
        with torch.inference_mode():
            made(x.clone())
        y = made(x.requires_grad_())
        y.abs().square().sum().backward()


CHECKS = (
    gradient_is_right,
    gradient_reaches_the_parameter,
    follows_its_parameter,
    follows_its_grid,
    takes_a_batch_of_parameters,
    trains_after_inference,
)
