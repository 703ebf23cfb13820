import math

import pytest
import torch
from torch import nn

from flamo import Trainer, dsp, system
from flamo.errors import NotFiniteError


class Scripted(nn.Module):
    """A loss with given values, so that stopping can be told from training."""

    def __init__(self, values):
        super().__init__()
        self.values = iter(values)

    def forward(self, prediction, target):
        return 0 * prediction.abs().sum() + next(self.values)


def net():
    return dsp.Gain((1, 1), nfft=8, requires_grad=True)


PAIR = [(torch.ones(1, 5, 1), torch.zeros(1, 5, 1))]


def trained(*criteria, valid=(), **kwargs):
    trainer = Trainer(net(), **kwargs)
    for criterion in criteria:
        trainer.register_criterion(criterion)
    trainer.train(PAIR, valid)
    return trainer


def test_the_loss_falls():
    trainer = trained(nn.MSELoss(), valid=PAIR, max_epochs=20, lr=0.05)
    assert trainer.train_loss[-1] < 0.5 * trainer.train_loss[0]
    assert len(trainer.valid_loss) == len(trainer.train_loss) == 20


@pytest.mark.parametrize(
    ("values", "epochs"),
    [
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], 6),  # improving
        ([1e-3, 9e-4, 8e-4, 7e-4, 6e-4, 5e-4], 6),  # improving at a small scale
        ([1.0, 0.999, 0.998, 0.997, 0.996, 0.995], 3),  # not by a hundredth
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 3),  # diverging
        ([1.0, 2.0, 0.5, 2.0, 0.2, 2.0], 6),  # every other one
    ],
)
def test_training_ends_after_patience_epochs_without_improvement(values, epochs):
    assert len(trained(Scripted(values), max_epochs=6, patience=2).train_loss) == epochs


def test_validation_decides_where_there_is_some():
    class TrainingOnly(Scripted):
        def forward(self, prediction, target):
            return super().forward(prediction, target) if torch.is_grad_enabled() else torch.tensor(1.0)

    assert len(trained(TrainingOnly([6, 5, 4, 3, 2, 1]), valid=PAIR, max_epochs=6, patience=2).train_loss) == 3


def test_training_anew_without_validation_follows_the_training_loss():
    trainer = trained(nn.MSELoss(), valid=PAIR, max_epochs=3, patience=2, lr=0.05)
    trainer.max_epochs = 8
    trainer.train(PAIR)
    assert len(trainer.train_loss) == 3 + 8


def test_a_criterion_moves_to_the_device_of_the_training():
    class Weighted(nn.MSELoss):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.ones(1))

    trainer = Trainer(net(), device="meta")
    trainer.register_criterion(Weighted())
    assert trainer.criterion[0].weight.device.type == "meta"


def test_criteria_are_weighted_and_logged_apart():
    trainer = Trainer(net(), max_epochs=1)
    trainer.register_criterion(nn.L1Loss(), 2)
    trainer.register_criterion(nn.L1Loss(), 3)
    trainer.register_criterion(lambda y, t, model: model.param.square().sum(), 1, requires_model=True)
    start = trainer.net.param.item()
    trainer.train(PAIR)
    logged = {name: values[0] for name, values in trainer.train_loss_log.items()}
    assert logged == pytest.approx({"L1Loss": 2 * abs(start), "L1Loss_2": 3 * abs(start), "function": start**2})
    assert trainer.train_loss[0] == pytest.approx(sum(logged.values()))


def test_the_learning_rate_falls_by_steps():
    trainer = trained(nn.MSELoss(), max_epochs=5, lr=1.0, step_size=2, step_factor=0.1, patience=9)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_checkpoints_are_state_dicts_in_a_folder_made_on_demand(tmp_path):
    trainer = trained(nn.MSELoss(), max_epochs=2, train_dir=tmp_path / "a" / "b")
    files = sorted(f.name for f in (tmp_path / "a" / "b" / "checkpoints").iterdir())
    assert files == ["model_e0.pt", "model_e1.pt"]
    state = torch.load(tmp_path / "a" / "b" / "checkpoints" / "model_e1.pt", weights_only=True)
    torch.testing.assert_close(state["param"], trainer.net.param.detach())


def test_nothing_is_saved_without_a_folder_or_a_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(nn.MSELoss(), max_epochs=1)
    trained(nn.MSELoss(), max_epochs=1, train_dir="output", log=False)
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state():
    trainer = Trainer(net(), max_epochs=9, lr=0.1)
    trainer.register_criterion(Scripted([3.0, 2.0, math.nan]))
    with pytest.raises(NotFiniteError, match="step 2: loss 'Scripted' is nan"):
        trainer.train(PAIR)
    assert trainer.train_loss == [3.0, 2.0]
    assert trainer.net.param.isfinite().all()


def test_a_validation_loss_that_is_not_finite_stops_too():
    trainer = Trainer(net(), max_epochs=9)
    trainer.register_criterion(nn.MSELoss())
    with pytest.raises(NotFiniteError, match="step 1: loss 'MSELoss' is inf"):
        trainer.train(PAIR, [(torch.ones(1, 5, 1), torch.full((1, 5, 1), math.inf))])


def test_a_step_that_destroys_the_system_is_taken_back():
    class Cliff(nn.Module):
        def forward(self, prediction, target):
            return (1e30 * (prediction - 3)).square().mean()

    trainer = Trainer(net(), max_epochs=9, lr=1e30)
    trainer.net.assign_value(torch.ones(1, 1))
    trainer.register_criterion(Cliff(), 1e-60)
    with pytest.raises(NotFiniteError):
        trainer.train(PAIR)
    assert trainer.net.param.item() == 1.0


def test_the_best_epoch_can_be_had_back(tmp_path):
    values = [5.0, 1.0, 3.0, 4.0]
    trainer = trained(Scripted(v for v in values for _ in (0, 1)), valid=PAIR, max_epochs=4, train_dir=tmp_path)
    trainer.engine.load_best()
    assert trainer.engine.best_step == 1
    best = torch.load(tmp_path / "checkpoints" / "model_e1.pt", weights_only=True)
    assert torch.equal(trainer.net.param, best["param"])


def test_optimizer_and_scheduler_may_be_replaced():
    class Own(Trainer):
        def __init__(self, net):
            super().__init__(net, max_epochs=4)
            self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1.0)
            self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=0, factor=0.5)

    trainer = Own(net())
    trainer.net.assign_value(torch.zeros(1, 1))
    trainer.register_criterion(lambda prediction, target: prediction.mean())
    trainer.train(PAIR)
    assert trainer.net.param.item() == -4.0
    trainer.optimizer, trainer.max_epochs = (
        torch.optim.LBFGS(trainer.net.parameters(), line_search_fn="strong_wolfe"),
        1,
    )
    trainer.scheduler = None
    trainer.register_criterion(nn.MSELoss(), 1e6)
    trainer.train(PAIR)
    assert abs(trainer.net.param.item()) < 1e-3


def test_a_subclass_may_make_its_steps_by_hand():
    class ByHand(Trainer):
        def train_step(self, data):
            self.optimizer.zero_grad()
            inputs, targets = data
            loss = self.alpha[0] * self.criterion[0](self.net(inputs), targets)
            loss.backward()
            self.optimizer.step()
            return loss.item()

        def valid_step(self, data):
            return 1.0

        def early_stop(self):
            return len(self.valid_loss) == 2

        def print_results(self, e, e_time):
            self.printed = e

    trainers = [cls(net(), max_epochs=2, lr=0.1) for cls in (ByHand, Trainer)]
    for trainer in trainers:
        trainer.net.assign_value(torch.ones(1, 1))
        trainer.register_criterion(nn.MSELoss(), 2)
        trainer.train(PAIR, PAIR)
    assert trainers[0].train_loss == trainers[1].train_loss
    assert (trainers[0].valid_loss, trainers[0].printed) == ([1.0, 1.0], 1)


@pytest.mark.parametrize(
    "criterion",
    [
        nn.L1Loss(),
        nn.functional.mse_loss,
        lambda prediction, target: (prediction - target).abs().max().reshape(1),
    ],
    ids=["module", "function", "one element"],
)
def test_any_loss_of_prediction_and_target_will_do(criterion):
    fall(criterion)


def test_losses_of_auraloss_will_do():
    auraloss = pytest.importorskip("auraloss")
    fall(auraloss.time.ESRLoss())
    stft = auraloss.freq.STFTLoss(16, 4, 16)
    fall(lambda prediction, target: stft(prediction.mT, target.mT))


def fall(criterion):
    core = dsp.parallelGain((1,), nfft=64, requires_grad=True)
    trainer = Trainer(system.Shell(core, dsp.FFT(64), dsp.iFFT(64)), max_epochs=30, lr=0.05, patience=30)
    core.assign_value(torch.full((1,), 2.0))
    trainer.register_criterion(criterion)
    x = torch.randn(1, 64, 1)
    trainer.train([(x, x)])
    assert trainer.train_loss[-1] < 0.5 * trainer.train_loss[0]


def test_parameters_that_thaw_are_trained():
    trainer = Trainer(net().requires_grad_(False), max_epochs=1, lr=0.1)
    trainer.register_criterion(nn.MSELoss())
    with pytest.raises(ValueError, match="the loss depends on no parameter that learns"):
        trainer.train(PAIR)
    before = trainer.net.requires_grad_(True).param.item()
    trainer.train(PAIR)
    assert trainer.net.param.item() != before


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Trainer(net(), max_epochs=0), "max_epochs"),
        (lambda: Trainer(net(), patience=0), "patience"),
        (lambda: Trainer(net(), lr=0), "lr"),
        (lambda: Trainer(net()).train(PAIR), "register a criterion"),
        (lambda: trained(nn.MSELoss()).train([]), "empty"),
        (lambda: Trainer(net()).get_train_dir(), "train_dir"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
