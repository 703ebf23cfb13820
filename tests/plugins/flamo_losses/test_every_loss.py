"""What holds for every loss of signals or spectra, beside what the kit asks of all."""

import pytest
import torch
from losses import ALL, LONG, SPECTRA, TIME

import flamo
from flamo import registry


def pair(case, channels=2, dtype=torch.float32, device="cpu"):
    """Decaying noise, or spectra of it."""
    length = 17000 if case in LONG else 600
    decay = torch.exp(-torch.arange(length, dtype=dtype) / length * 4)[None, :, None]
    signals = [torch.randn(2, length, channels, dtype=dtype) * decay for _ in range(2)]
    if case in SPECTRA:
        signals = [torch.fft.rfft(signal, dim=1) for signal in signals]
    return [signal.to(device) for signal in signals]


@pytest.mark.parametrize("case", ALL)
def test_each_channel_counts_on_its_own(case):
    loss, (prediction, target) = ALL[case](), pair(case, 3, torch.float64)
    prediction[..., 1] *= 5
    alone = [loss(prediction[..., n : n + 1], target[..., n : n + 1]) for n in range(3)]
    torch.testing.assert_close(loss(prediction, target), torch.stack(alone).mean(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("case", ALL)
def test_trailing_dimensions_are_channels(case):
    loss, (prediction, target) = ALL[case](), pair(case, 4)
    split = [x.unflatten(2, (2, 2)) for x in (prediction, target)]
    torch.testing.assert_close(loss(*split), loss(prediction, target), rtol=1e-5, atol=0)


@pytest.mark.parametrize("case", ALL)
def test_there_is_no_loss_between_equals_and_some_otherwise(case):
    loss, (prediction, target) = ALL[case](), pair(case)
    assert loss(target, target) == 0
    assert loss(prediction, target) > 0
    assert loss(prediction, target).shape == ()


@pytest.mark.parametrize("case", ALL)
def test_the_device_is_that_of_the_signals(case):
    assert ALL[case]()(*pair(case, device="meta")).device.type == "meta"


@pytest.mark.parametrize("case", ALL)
@pytest.mark.parametrize("silent", ["prediction", "target", "tail", "both"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_silence_has_a_finite_loss_and_finite_gradients(case, silent, dtype):
    prediction, target = pair(case, dtype=dtype)
    if silent == "tail":
        prediction[:, prediction.shape[1] // 3 :] = 0
    else:
        prediction = torch.zeros_like(prediction) if silent != "target" else prediction
        target = torch.zeros_like(target) if silent != "prediction" else target
    loss = ALL[case]()(prediction.requires_grad_(), target)
    loss.backward()
    assert loss.isfinite()
    assert torch.view_as_real(prediction.grad).isfinite().all() if case in SPECTRA else prediction.grad.isfinite().all()


@pytest.mark.parametrize("case", ALL)
def test_tables_are_made_once(case, monkeypatch):
    loss, signals = ALL[case](), pair(case)
    loss(*signals)
    for name in ("hann_window", "arange", "linspace", "tan", "polar"):
        monkeypatch.setattr(torch, name, None)
    loss(*signals)


@pytest.mark.parametrize("case", ALL)
def test_shapes_that_differ_are_named(case):
    prediction, target = pair(case)
    with pytest.raises(ValueError, match=r"one shape \(B, [TF], N\), got \(2, \d+, 2\) and \(2, \d+, 1\)"):
        ALL[case]()(prediction, target[..., :1])
    with pytest.raises(ValueError, match=r"got \(2, \d+\) and \(2, \d+\)"):
        ALL[case]()(prediction[..., 0], target[..., 0])


@pytest.mark.parametrize("case", SPECTRA)
def test_the_squares_of_the_residuals_add_up_to_the_loss(case):
    loss, (prediction, target) = ALL[case](), pair(case, 4, torch.float64)
    for x, y in ((prediction, target), [z.unflatten(2, (2, 2)) for z in (prediction, target)]):
        residuals = loss.residuals(x, y)
        assert residuals.ndim == 1
        torch.testing.assert_close(residuals.square().sum(), loss(x, y), rtol=1e-10, atol=0)


@pytest.mark.parametrize("case", TIME | LONG)
def test_a_spectrum_is_no_signal(case):
    prediction, target = pair(case)
    with pytest.raises(ValueError, match="must be real signals in time"):
        ALL[case]()(prediction + 0j, target)


def test_every_loss_can_be_found_by_name():
    ours = {offer.component.name for offer in registry.offers("loss") if offer.plugin.name == "losses"}
    assert ours == {name.split()[0] for name in ALL} | {"mse", "masked_mse", "sparsity", "curve_error"}
    for name in ours:
        loss = registry.get("loss", name)
        assert getattr(flamo, loss.__name__) is loss


def test_signals_of_half_precision_are_compared_in_float32():
    prediction, target = pair("mss")
    half = flamo.mss_loss([64])(prediction.half(), target.half())
    torch.testing.assert_close(half, flamo.mss_loss([64])(prediction, target), rtol=1e-2, atol=0)
