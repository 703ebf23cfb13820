import math

import pytest
import torch
from torch import nn

from flamo import EagerTrainer, dsp, registry
from flamo.errors import NotFiniteError

ONES, ZEROS = torch.ones(1, 3), torch.zeros(1, 3)


class Scaled(nn.Module):
    def __init__(self, *start):
        super().__init__()
        self.p = nn.Parameter(torch.tensor(start))

    def forward(self, x):
        return self.p * x


class Scripted(nn.Module):
    """A loss of given values, the last of which stays."""

    def __init__(self, values):
        super().__init__()
        self.values = list(values)

    def forward(self, prediction, target):
        return 0 * prediction.sum() + (self.values.pop(0) if len(self.values) > 1 else self.values[0])


def rosenbrock(prediction, target):
    x, y = prediction[0]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def trained(*criteria, start=(2.0,), data=(ONES, ZEROS), **kwargs):
    trainer = EagerTrainer(Scaled(*start), **{"log": False, **kwargs})
    for criterion in criteria:
        trainer.register_criterion(*criterion) if isinstance(criterion, tuple) else trainer.register_criterion(
            criterion
        )
    return trainer, trainer.optimize(*data)


def test_the_history_is_that_of_the_reference():
    """Numbers of flamo 0.2.20: before each step, criteria without their weights."""
    trainer, history = trained((nn.MSELoss(), 2), (nn.L1Loss(), 0.1), max_steps=3, lr=0.1)
    assert list(history) == ["total", "MSELoss", "L1Loss"]
    assert history["total"] == pytest.approx([8.199999809265137, 7.409999847412109, 6.661197185516357], rel=1e-6)
    assert history["MSELoss"] == pytest.approx([4.0, 3.609999895095825, 3.2405903339385986], rel=1e-6)
    assert history["L1Loss"] == pytest.approx([2.0, 1.899999976158142, 1.8001638650894165], rel=1e-6)
    assert trainer.loss_history is history


def test_the_history_of_lbfgs_is_that_of_the_reference():
    """Numbers of flamo 0.2.20: after each step."""
    trainer, history = trained(
        rosenbrock, start=(-1.2, 1.0), data=(torch.ones(1, 2),) * 2, optimizer="lbfgs", lr=0.02, max_steps=3
    )
    expected = [2.6285319328308105, 0.9411360025405884, 0.1484774500131607]
    assert history["total"] == history["function"] == pytest.approx(expected, rel=1e-3)
    assert trainer.scheduler is None


SLOW = [0.99**n for n in range(40)]


@pytest.mark.parametrize(
    ("values", "tol", "steps"),
    [
        ([5.0], 1e-6, 4),
        ([5.0, 1.0] * 20, 0.5, 5),
        ([5.0, 1.0] * 20, 3.9, 4),
        (SLOW, 0.0099, 40),
        (SLOW, 0.0101, 4),  # progress that adds up does not count
        ([1000.0 - 10 * n for n in range(40)], 0.1, 4),
        ([1e-3 * (1 - 0.02 * n) for n in range(40)], 1e-3, 40),
        ([-1 - 0.01 * n for n in range(40)], 0.0099, 6),
        ([0.2 - 0.05 * n for n in range(40)], 1e-3, 40),
        ([2.0**n for n in range(40)], 1e-6, 4),
        ([5, 1, 4, 3.5, 3, 2.5, 2, 1.5, 1.2, 0.9], 1e-6, 5),
        ([5, 5, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1.0], 1e-6, 16),
        ([1.0], 0.0, 4),
    ],
)
def test_it_ends_where_the_reference_does(values, tol, steps):
    """Steps that flamo 0.2.20 made with these losses."""
    assert len(trained(Scripted(values), tol=tol, patience=3, max_steps=40)[1]["total"]) == steps


def test_the_learning_rate_falls_by_steps():
    trainer, history = trained(nn.MSELoss(), lr=0.1, max_steps=4, step_size=2, step_factor=0.5)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.025
    assert [1.5 * v for v in history["total"]] == pytest.approx(
        [6.0, 5.414999961853027, 4.860898971557617, 4.595823287963867]
    )


def test_a_second_call_has_a_history_and_a_patience_of_its_own():
    trainer, first = trained(Scripted([1.0, 1.0, 1.0, 1.0, 2.0]), patience=3)
    again = trainer.optimize(ONES, ZEROS)
    assert (len(first["total"]), len(again["total"])) == (4, 4)
    assert first is not again


def test_two_criteria_of_a_class_have_a_log_each():
    _, history = trained((nn.MSELoss(), 1), (nn.MSELoss(), 0.5), max_steps=1)
    assert history == {"total": [6.0], "MSELoss": [4.0], "MSELoss_2": [4.0]}


def test_a_criterion_may_ask_for_the_system():
    _, history = trained((lambda prediction, target, net: net.p.square().sum(), 3, True), max_steps=1)
    assert history == {"total": [12.0], "function": [4.0]}


def test_the_mode_of_the_system_is_left_alone():
    net = Scaled(1.0).eval()
    trainer = EagerTrainer(net, max_steps=1, log=False)
    trainer.register_criterion(nn.MSELoss())
    trainer.optimize(ONES, ZEROS)
    assert not net.training


def test_parameters_that_thaw_are_trained():
    net = Scaled(2.0).requires_grad_(False)
    trainer = EagerTrainer(net, max_steps=2, log=False)
    trainer.register_criterion(nn.MSELoss())
    net.requires_grad_(True)
    trainer.optimize(ONES, ZEROS)
    assert net.p.item() < 2.0


def test_states_are_saved_after_every_step(tmp_path):
    trainer, _ = trained(nn.MSELoss(), lr=0.1, max_steps=12, save_checkpoints=True, train_dir=tmp_path / "made")
    files = {file.name for file in (tmp_path / "made" / "checkpoints").iterdir()}
    assert files == {f"model_e{n}.pt" for n in range(12)}
    state = torch.load(tmp_path / "made" / "checkpoints" / "model_e11.pt", weights_only=True)
    assert torch.equal(state["p"], trainer.net.p.detach())
    assert torch.load(tmp_path / "made" / "checkpoints" / "model_e0.pt")["p"].item() == pytest.approx(1.9)


def test_the_best_state_can_be_had_back():
    trainer, history = trained(nn.MSELoss(), start=(1.0,), lr=0.4, max_steps=7)
    lowest = min(history["total"])
    assert history["total"][-1] > lowest
    trainer.engine.load_best()
    assert nn.functional.mse_loss(trainer.net(ONES), ZEROS).item() == lowest


def test_lbfgs_keeps_what_it_has_reached():
    trainer, history = trained(
        rosenbrock, start=(-1.2, 1.0), data=(torch.ones(1, 2),) * 2, optimizer="LBFGS", lr=1.0, max_steps=2
    )
    assert trainer.engine.best_loss == history["total"][-1]


def test_nan_stops_it_and_gives_the_system_back():
    trainer = EagerTrainer(Scaled(2.0), max_steps=9, lr=0.1, log=False)
    trainer.register_criterion(Scripted([3.0, 2.0, math.nan]))
    with pytest.raises(NotFiniteError, match="step 2: loss 'Scripted' is nan"):
        trainer.optimize(ONES, ZEROS)
    assert trainer.net.p.isfinite().all()
    assert trainer.loss_history["total"] == [3.0, 2.0]


def test_progress_is_shown_on_request(capsys):
    trained(nn.MSELoss(), max_steps=30, lr=0.1, tol=0.2, patience=2, log=True)
    shown = capsys.readouterr()
    assert "Plateau reached at step 2.\nOptimization time: " in shown.out
    assert "Optimizing" in shown.err
    trained(nn.MSELoss(), max_steps=2)
    assert capsys.readouterr() == ("", "")


def test_the_optimizer_may_be_replaced():
    trainer = EagerTrainer(Scaled(2.0), max_steps=1, log=False)
    trainer.optimizer, trainer.scheduler = torch.optim.SGD(trainer.net.parameters(), lr=0.25), None
    trainer.register_criterion(nn.MSELoss())
    trainer.optimize(ONES, ZEROS)
    assert trainer.net.p.item() == 1.0


def test_the_registry_has_it():
    assert registry.get("trainer", "eager") is EagerTrainer


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: trained(max_steps=1), "register a criterion"),
        (lambda: EagerTrainer(Scaled(1.0), max_steps=0), "max_steps must be at least 1"),
        (lambda: EagerTrainer(Scaled(1.0), patience=0), "patience must be at least 1"),
        (lambda: EagerTrainer(Scaled(1.0), lr=-1.0), "optimizer 'adam': Invalid learning rate"),
        (lambda: EagerTrainer(Scaled(1.0), step_size=0), "schedule 'step'"),
        (lambda: EagerTrainer(Scaled(1.0), optimizer="adan"), "unknown optimizer 'adan'; did you mean 'adam'"),
        (lambda: EagerTrainer(Scaled(1.0), save_checkpoints=True), "save_checkpoints needs a train_dir"),
        (lambda: EagerTrainer(dsp.Gain((1, 1)).requires_grad_(False), max_steps=1).get_train_dir(), "train_dir"),
        (lambda: trained(nn.MSELoss(reduction="none"), max_steps=1), "loss 'MSELoss' must be a single real number"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
