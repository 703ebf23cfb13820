"""A small training with all that a checkpoint must hold; run as a script, it goes on from one in another process."""

import hashlib
import random
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from flamo import dsp, system
from flamo.checkpoints import Checkpoints
from flamo_trainers.engine import Engine

NFFT, STEPS = 32, 7
OPTIMIZERS = {
    "adam": {"lr": 0.05, "amsgrad": True},
    "adamw": {"lr": 0.05},
    "sgd": {"lr": 0.02, "momentum": 0.9},
    "lbfgs": {"lr": 0.3, "max_iter": 3},
}
SCHEDULES = {
    "none": {},
    "step": {"step_size": 2},
    "multistep": {"milestones": [2, 4, 4]},
    "exponential": {"gamma": 0.9},
    "cosine": {"T_max": 5},
    "one_cycle": {"total_steps": STEPS},
    "plateau": {"patience": 0, "factor": 0.5, "threshold": 0.2},
}


class Partitions(nn.Module):
    """A loss with a state, on bins drawn anew whenever all have had their turn."""

    def __init__(self):
        super().__init__()
        self.register_buffer("order", torch.empty(0, dtype=torch.int64))

    def forward(self, response):
        if len(self.order) == 0:
            self.order = torch.randperm(16).reshape(4, 4)
        bins, self.order = self.order[0], self.order[1:]
        return (response[:, bins].abs() - 1).square().mean()


class Calls:
    """A state that is no tensor and not finite."""

    def __init__(self):
        self.state = {"lowest": float("inf"), "calls": 0}

    def state_dict(self):
        return dict(self.state)

    def load_state_dict(self, state):
        self.state = dict(state)


def build(optimizer, schedule, seed=0):
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(seed)
    gain = dsp.Gain((2, 2), nfft=NFFT, requires_grad=True)
    eq = dsp.parallelBiquad((2,), n_sections=2, nfft=NFFT, requires_grad=True)
    mix = dsp.Gain((1, 2), nfft=NFFT, requires_grad=True, dtype=torch.float64)
    net = system.Series(OrderedDict(gain=gain, eq=eq, mix=mix))
    masked, calls = Partitions(), Calls()
    masked.load_state_dict = lambda state: setattr(masked, "order", state["order"])

    def objective():
        calls.state["calls"] += 1
        response = net(torch.ones(1, NFFT // 2 + 1, 2, dtype=torch.complex64))
        return {"masked": masked(response), "size": 0.01 * calls.state["calls"] * mix.param.square().sum()}

    lbfgs = optimizer == "lbfgs"
    return Engine(
        net,
        objective,
        optimizer=optimizer,
        options=OPTIMIZERS[optimizer],
        groups={} if lbfgs else {"eq": {"lr": 0.01}},
        schedule=None if schedule == "none" else schedule,
        schedule_options=SCHEDULES[schedule] | ({"cycle_momentum": False} if lbfgs and schedule == "one_cycle" else {}),
        clip=None if lbfgs else 0.5,
        stateful={"masked": masked, "calls": calls},
    )


def finish(engine):
    """The rest of the training: every number it brings, and what it ends in."""
    steps = [engine.step() for _ in range(STEPS - engine.step_number)]
    tensors, data = engine.state()
    return steps, {name: value.numpy().tobytes() for name, value in tensors.items()}, data


def resumed(folder, optimizer, schedule):
    """The same training built anew, from another start, after a restore."""
    engine = build(optimizer, schedule, seed=99)
    loaded = Checkpoints(Path(folder)).latest()
    engine.restore(loaded.tensors, loaded.data)
    return finish(engine)


def digest(*end):
    return hashlib.sha256(repr(end).encode()).hexdigest()


if __name__ == "__main__":
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        print(folder.name, digest(*resumed(folder, *folder.name.split("-"))))
