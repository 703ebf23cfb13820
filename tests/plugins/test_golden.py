"""The numbers of the reference implementation."""

import json

import numpy as np
import pytest
import torch
from truth import DATA, golden, peak_error

import flamo
from flamo import dsp, functional

RESPONSES = sorted(f.stem for f in (DATA / "golden").glob("*.npz") if "response" in np.load(f).files)


@pytest.mark.parametrize("name", RESPONSES)
def test_responses(name):
    data, meta = golden(name)
    kwargs = {**meta["kwargs"], "size": tuple(meta["kwargs"]["size"]), "dtype": torch.float64}
    processor = getattr(flamo, meta["cls"])(**kwargs)
    processor.assign_value(torch.from_numpy(data["param"]))
    assert (processor.input_channels, processor.output_channels) == (meta["input_channels"], meta["output_channels"])
    response = processor.response().full()[0].expand(len(data["response"]), -1, -1)
    assert peak_error(response, data["response"]) < 1e-9


def test_the_list_of_responses_is_not_empty():
    assert len(RESPONSES) == 26


FUNCTIONAL, _ = golden("functional")


@pytest.mark.parametrize("kind", ["lowpass", "highpass", "bandpass"])
def test_pass_filters(kind):
    low = torch.tensor([120.0, 900.0, 6000.0], dtype=torch.float64)
    cutoffs = (low, torch.tensor([300.0, 2500.0, 12000.0])) if kind == "bandpass" else (low,)
    gain = torch.tensor([-7.0, 0.5, 4.0], dtype=torch.float64)
    b, a = getattr(functional, f"{kind}_filter")(*cutoffs, gain, dtype=torch.float64)
    np.testing.assert_allclose(b.numpy(), FUNCTIONAL[f"{kind}_filter_b"], atol=1e-12)
    np.testing.assert_allclose(a.numpy(), FUNCTIONAL[f"{kind}_filter_a"], atol=1e-12)


@pytest.mark.parametrize("kind", ["impulse", "sine", "sweep", "exp"])
def test_signals(kind):
    expected = FUNCTIONAL[f"signal_{kind}"]
    actual = functional.signal_gallery(1, *expected.shape[1:], kind, rate=2.0, dtype=torch.float64)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-9)


def test_mean_squared_error():
    losses, _ = golden("losses")
    prediction, target = (torch.fft.rfft(torch.from_numpy(losses[n]), dim=1).abs() for n in ("y_pred", "y_true"))
    assert flamo.mse_loss()(prediction, target).item() == pytest.approx(json.loads(str(losses["values"]))["mse_loss"])


def test_a_whole_training_run(capsys):
    data, meta = golden("trainer")
    nfft, kwargs = meta["nfft"], {"size": (1, 1), "n_sections": meta["n_sections"], "filter_type": meta["filter_type"]}
    kwargs |= {"nfft": nfft, "fs": meta["fs"], "alias_decay_db": meta["alias_decay_db"], "dtype": torch.float64}
    net, target = (
        flamo.Shell(dsp.Biquad(**kwargs, requires_grad=True), dsp.FFT(nfft), dsp.Transform(torch.abs)) for _ in range(2)
    )
    net.get_core().assign_value(torch.from_numpy(data["param_init"]))
    target.get_core().assign_value(torch.from_numpy(data["param_target"]))
    impulse = functional.signal_gallery(1, nfft, 1, dtype=torch.float64)
    pairs = flamo.Dataset(impulse, target(impulse).detach(), expand=meta["expand"])
    loader = flamo.get_dataloader(pairs, meta["batch_size"], shuffle=False)
    trainer = flamo.Trainer(
        net,
        max_epochs=meta["max_epochs"],
        lr=meta["lr"],
        step_size=meta["step_size"],
        step_factor=meta["step_factor"],
        patience=meta["max_epochs"],
    )
    trainer.register_criterion(torch.nn.MSELoss(), 1)
    trainer.train(loader, loader)
    np.testing.assert_allclose(trainer.train_loss, data["train_loss"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(trainer.valid_loss, data["valid_loss"], rtol=1e-9, atol=1e-12)
    assert peak_error(net.get_core().param, data["param_final"]) < 1e-9
    assert "epoch:  19" in capsys.readouterr().out
