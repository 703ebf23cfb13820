"""Our optimisers are torch's, to the last bit, and leave its compiler alone."""

import copy

import pytest
import torch
from torch import nn, optim

from flamo_trainers import uncompiled

OPTIONS = [
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.01, "foreach": True}),
    ("AdamW", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("LBFGS", {"lr": 0.5, "line_search_fn": "strong_wolfe", "max_iter": 3}),
]


def trained(kind, options):
    """Parameters and state after some steps, interrupted by a save and a load."""
    p = [nn.Parameter(torch.linspace(-1.0, 2.0, n)) for n in (3, 5)]

    def closure():
        optimizer.zero_grad()
        loss = sum(((v - 0.3) ** 2 * torch.arange(1.0, len(v) + 1)).sum() for v in p)
        loss.backward()
        return loss

    optimizer = kind(p, **options)
    decay = optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    for step in range(6):
        optimizer.step(closure)
        decay.step()
        if step == 3:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return p, optimizer.state_dict()


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_they_are_those_of_torch(name, options):
    ours, our_state = trained(getattr(uncompiled, name), options)
    theirs, their_state = trained(getattr(optim, name), options)
    for p, q in zip(ours, theirs, strict=True):
        assert torch.equal(p, q)
        assert not torch.equal(p, torch.linspace(-1.0, 2.0, len(p)))
    assert str(our_state) == str(their_state)


@pytest.mark.parametrize("kind", [uncompiled.SGD, optim.SGD])
def test_a_step_can_be_differentiated(kind):
    slope = torch.tensor([1.0, -2.0], requires_grad=True)
    p = torch.ones(2, requires_grad=True).clone()
    optimizer = kind([p], lr=0.5, differentiable=True)
    p.grad = 2.0 * slope
    optimizer.step()
    p.sum().backward()
    assert torch.equal(slope.grad, torch.full((2,), -1.0))


def test_hooks_are_called_once():
    calls, p = [], nn.Parameter(torch.ones(1))
    optimizer = uncompiled.Adam([p])
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    p.grad = torch.ones(1)
    optimizer.step()
    optim.Adam([p]).step()
    optimizer.step()
    assert calls == ["after", "after"]


TRAINING = """
import sys

import torch
from torch import nn

from flamo import dsp
from flamo_trainers.engine import Engine
from flamo_trainers.trainer import Trainer

net = dsp.Gain((1, 1), requires_grad=True)
pair = [(torch.ones(1, 1025, 1), torch.zeros(1, 1025, 1))]
trainer = Trainer(net, max_epochs=2)
trainer.register_criterion(nn.MSELoss())
trainer.train(pair, pair)
for optimizer in ("adam", "adamw", "sgd", "lbfgs"):
    options = {"lr": 0.1}, "cosine", {"T_max": 5}
    names = ("options", "schedule", "schedule_options")
    engine = Engine(net, lambda: {"square": net.param.square().sum()}, optimizer=optimizer, **dict(zip(names, options)))
    engine.step()
    engine.restore(*engine.state())
print("torch._dynamo" in sys.modules)
"""


def test_training_does_not_import_the_compiler(tmp_path, run_python):
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    assert run_python(str(script)).stdout.splitlines()[-1] == "False"
