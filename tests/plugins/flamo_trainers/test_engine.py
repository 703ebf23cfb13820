import math
from collections import OrderedDict

import pytest
import torch
from torch import nn

from flamo import dsp, registry, system
from flamo.errors import NotFiniteError
from flamo_trainers.engine import Engine

OPTIMIZERS = ["adam", "adamw", "sgd", "lbfgs"]


class Point(nn.Module):
    """Two parameters, and the function of Rosenbrock over them."""

    def __init__(self, start=(-1.2, 1.0)):
        super().__init__()
        self.x, self.y = (nn.Parameter(torch.tensor(value, dtype=torch.float64)) for value in start)

    def forward(self):
        return {"left": (1 - self.x) ** 2, "right": 100 * (self.y - self.x**2) ** 2}


def engine(net=None, objective=None, **kwargs):
    net = Point() if net is None else net
    return Engine(net, net if objective is None else objective, **kwargs)


def fdn():
    delays = dsp.parallelDelay((2,), nfft=32, requires_grad=True)
    loop = system.Recursion(delays, dsp.Gain((2, 2), nfft=32, requires_grad=True))
    eq = dsp.parallelGEQ((2,), nfft=32)
    core = system.Series(OrderedDict(loop=loop, delays=dsp.parallelDelay((2,), nfft=32, requires_grad=True), eq=eq))
    return system.Shell(core, dsp.FFT(32), dsp.iFFT(32))


def groups_of(*patterns, **kwargs):
    net = fdn()
    made = Engine(net, dict, groups={p: {"lr": 10.0 ** -(n + 4)} for n, p in enumerate(patterns)}, **kwargs)
    names = {p: name for name, p in net.named_parameters()}
    return {g["lr"]: [names[p].removeprefix("_Shell__core.") for p in g["params"]] for g in made.optimizer.param_groups}


@pytest.mark.parametrize(
    ("name", "options", "torch_class"),
    [
        ("adam", {"lr": 0.1, "betas": (0.8, 0.9)}, torch.optim.Adam),
        ("adamw", {"lr": 0.1, "weight_decay": 0.5}, torch.optim.AdamW),
        ("sgd", {"lr": 1e-4, "momentum": 0.5, "nesterov": True}, torch.optim.SGD),
        ("lbfgs", {"lr": 0.5, "line_search_fn": "strong_wolfe"}, torch.optim.LBFGS),
    ],
)
@pytest.mark.parametrize("schedule", [None, "step"])
def test_a_step_is_that_of_torch(name, options, torch_class, schedule):
    ours = engine(
        optimizer=name, options=options, schedule=schedule, schedule_options={"step_size": 2} if schedule else {}
    )
    net = Point()
    theirs = torch_class(net.parameters(), **options)
    scheduler = torch.optim.lr_scheduler.StepLR(theirs, 2)
    for number in range(5):

        def closure():
            theirs.zero_grad()
            loss = sum(net().values())
            loss.backward()
            return loss

        before, lr = [float(v.detach()) for v in (sum(net().values()), *net().values())], theirs.param_groups[0]["lr"]
        theirs.step(closure)
        step = ours.step()
        assert (step.number, step.lr) == (number, lr)
        assert [step.loss, step.losses["left"], step.losses["right"]] == pytest.approx(before, rel=1e-12)
        torch.testing.assert_close((ours.net.x, ours.net.y), (net.x, net.y), rtol=1e-12, atol=1e-15)
        if schedule:
            scheduler.step()


def test_lbfgs_searches_the_line_by_default_and_finds_the_minimum():
    searching = engine(optimizer="lbfgs", options={"lr": 1.0})
    losses = [searching.step().loss for _ in range(4)]
    assert losses == sorted(losses, reverse=True)
    assert searching.evaluate().loss < 1e-8


@pytest.mark.parametrize(
    ("schedule", "options", "lrs"),
    [
        ("multistep", {"milestones": [1, 3]}, [1, 0.1, 0.1, 0.01]),
        ("exponential", {"gamma": 0.5}, [1, 0.5, 0.25, 0.125]),
        ("cosine", {"T_max": 2}, [1, 0.5, 0, 0.5]),
        ("one_cycle", {"total_steps": 5, "pct_start": 0.4, "anneal_strategy": "linear", "cycle_momentum": False},
         [0.04, 1, 2 / 3, 1 / 3]),
        ("plateau", {"patience": 1, "factor": 0.5}, [1, 1, 1, 0.5]),
    ],
)  # fmt: skip
def test_a_schedule_sets_the_learning_rate(schedule, options, lrs):
    constant = engine(
        objective=None, net=Flat(), optimizer="sgd", options={"lr": 1.0}, schedule=schedule, schedule_options=options
    )
    assert [constant.step().lr for _ in lrs] == pytest.approx(lrs, abs=1e-3)


class Flat(Point):
    def forward(self):
        return {"flat": 1 + 0 * self.x}


def test_one_cycle_goes_up_to_the_learning_rate_of_each_group():
    cycle = {"schedule": "one_cycle", "schedule_options": {"total_steps": 10}}
    made = Engine(fdn(), dict, options={"lr": 0.1}, groups={"delays": {"lr": 1e-3}}, **cycle)
    assert [group["max_lr"] for group in made.optimizer.param_groups] == [0.1, 1e-3]


def test_patterns_of_names_make_groups():
    every = ["loop.feedforward.param", "loop.feedback.param", "delays.param"]
    assert groups_of() == {1e-3: every}
    assert groups_of("delays") == {1e-3: every[:2], 1e-4: every[2:]}
    assert groups_of("*.feedback", "loop.*") == {1e-3: every[2:], 1e-4: every[1:2], 1e-5: every[:1]}
    assert groups_of("loop.feedforward.param", "*") == {1e-4: every[:1], 1e-5: every[1:]}
    assert groups_of("*", "loop.*") == {1e-4: every}


def test_clipping_is_that_of_torch_and_keeps_what_is_small():
    clipped, free = engine(optimizer="sgd", options={"lr": 1.0}, clip=1.0), engine(clip=1e9)
    clipped.descend()
    moved = math.hypot(clipped.net.x.item() + 1.2, clipped.net.y.item() - 1.0)
    assert moved == pytest.approx(1.0, rel=1e-6)
    free.descend()
    plain = engine()
    plain.descend()
    assert free.net.x == plain.net.x


def test_the_best_state_is_kept_with_its_step():
    losses = iter([3.0, 1.0, 2.0, float("inf")])
    net = Point()
    made = engine(
        net, lambda: {"script": 0 * net.x + next(losses)}, optimizer="sgd", options={"lr": 0.1, "weight_decay": 1.0}
    )
    seen = [(net.x.item(), made.step())[0] for _ in range(3)]
    assert (made.best_loss, made.best_step) == (1.0, 1)
    assert made.best_state()["x"].item() == seen[1] != seen[2]
    made.best_state()["x"].zero_()
    made.load_best()
    assert net.x.item() == seen[1]


def test_an_evaluation_counts_for_the_best_state():
    made = engine(optimizer="lbfgs")
    made.step()
    last = made.evaluate()
    assert (made.best_loss, made.best_step) == (last.loss, 1)
    assert made.best_state()["x"] == made.net.x


def test_no_best_state_before_the_first_step():
    with pytest.raises(ValueError, match="no best state yet"):
        engine().load_best()


class Breaking(nn.Module):
    """Finite at first; from the third evaluation on, the loss, or only the gradient of one parameter, is not."""

    def __init__(self, what):
        super().__init__()
        self.what, self.calls = what, 0
        self.fine, self.odd = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(1.0))

    def forward(self):
        self.calls += 1
        broken = self.calls > 2
        odd = self.odd * math.nan if broken and self.what == "loss" else self.odd
        if broken and self.what == "gradient":
            odd = (self.odd - self.odd.detach()).sqrt()  # 0, with an infinite slope
        return {"size": self.fine.square(), "strange": odd.abs()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("loss", "loss 'strange' is nan; gradient of odd is not finite"),
        ("gradient", "step [02]: gradient of odd is not finite"),
    ],
)
def test_what_is_not_finite_is_named_and_the_last_good_state_is_back(optimizer, what, message):
    net = Breaking(what)
    made = Engine(
        net, net, optimizer=optimizer, options={"lr": 0.1} | ({"max_iter": 2} if optimizer == "lbfgs" else {})
    )
    good = []

    def train():
        for _ in range(9):
            good.append([p.item() for p in net.parameters()])
            made.step()

    with pytest.raises(NotFiniteError, match=message):
        train()
    last = 0 if optimizer == "lbfgs" else 1  # whose third evaluation is one of its first step
    assert [p.item() for p in net.parameters()] == good[last]
    assert all(p.grad is None for p in net.parameters())
    assert made.best_loss < math.inf


def test_a_step_too_far_is_taken_back():
    """The loss overflows after one step; what is left has a finite loss."""
    made = engine(optimizer="sgd", options={"lr": 1e200})
    first = made.step()
    with pytest.raises(NotFiniteError, match=r"step 1: .*loss 'right' is inf"):
        made.step()
    assert made.measure().loss == first.loss


def test_a_parameter_that_is_not_finite_is_named():
    net = Point(start=(1.0, math.nan))
    with pytest.raises(NotFiniteError, match="parameter y is not finite"):
        engine(net).step()
    with pytest.raises(NotFiniteError, match="step 0: loss 'right' is nan"):
        engine(net).measure()


def test_a_sum_that_overflows_is_said_to():
    net = Point()
    huge = {name: torch.tensor(1.7e308, dtype=torch.float64) for name in ("one", "two")}
    with pytest.raises(NotFiniteError, match="the sum of the losses is inf"):
        engine(net, lambda: huge).measure()


def test_measuring_makes_no_graph_and_no_step():
    made = engine()
    measured = made.measure()
    assert measured == made.step()
    assert made.step_number == 1


def test_frozen_parameters_stay():
    net = Point()
    net.y.requires_grad_(False)
    made = engine(net, optimizer="adamw")
    made.step()
    assert (net.y.item(), len(made.optimizer.param_groups[0]["params"])) == (1.0, 1)


def test_the_registry_has_the_engine():
    assert registry.get("trainer", "descent") is Engine


def frozen():
    return Point().requires_grad_(False)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: engine(optimizer="adamm"), "unknown optimizer 'adamm'; did you mean 'adam'.*adam, adamw, sgd, lbfgs"),
        (lambda: engine(schedule="cosin"), "unknown schedule 'cosin'; did you mean 'cosine'.*plateau"),
        (lambda: engine(options={"rl": 0.1}), "optimizer 'adam' has no option 'rl'; .*lr, betas"),
        (lambda: engine(options={"params": []}), "optimizer 'adam' has no option 'params'"),
        (lambda: engine(options={"lr": -1.0}), "optimizer 'adam': Invalid learning rate: -1.0"),
        (lambda: engine(options={"lr": "fast"}), "optimizer 'adam': "),
        (lambda: engine(options={"betas": [0.9]}), "optimizer 'adam': "),
        (lambda: engine(optimizer="sgd", options={"momentum": "much"}), "optimizer 'sgd': "),
        (lambda: engine(groups={"z*": {"lr": 1.0}}), r"groups: 'z\*' fits no parameter that learns; there are x, y"),
        (lambda: engine(groups={"x": {"rate": 1.0}}), "optimizer 'adam' has no option 'rate'"),
        (lambda: engine(groups={"x": {"lr": -1.0}}), "optimizer 'adam': Invalid learning rate"),
        (lambda: engine(optimizer="lbfgs", groups={"x": {"lr": 1.0}}), "optimizer 'lbfgs': .*groups"),
        (lambda: engine(optimizer="lbfgs", clip=1.0), "clip does not go with lbfgs"),
        (lambda: engine(clip=0.0), "clip must be above 0"),
        (lambda: engine(schedule="step"), "schedule 'step' needs the option step_size"),
        (lambda: engine(schedule="step", schedule_options={"size": 3}), "schedule 'step' has no option 'size'"),
        (lambda: engine(schedule="step", schedule_options={"step_size": 0}), "schedule 'step': "),
        (lambda: engine(schedule="step", schedule_options={"step_size": 3, "last_epoch": 3}), "no option 'last_epoch'"),
        (lambda: engine(schedule="one_cycle"), "schedule 'one_cycle': "),
        (
            lambda: engine(optimizer="lbfgs", schedule="one_cycle", schedule_options={"total_steps": 5}),
            "schedule 'one_cycle': .*momentum",
        ),
        (lambda: engine(frozen()), "no parameter that learns"),
        (lambda: engine(objective=dict).step(), "nothing to train for"),
        (lambda: engine(objective=lambda: {"a": torch.ones(2)}).step(), r"loss 'a' must be a single .*, got \(2,\)"),
        (lambda: engine(objective=lambda: {"a": torch.ones(1)}).step(), "the loss depends on no parameter that learns"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
