"""Faults of flamo 0.2.20 that ours must not have, where no test of the part itself says so.

Elsewhere: probes, batches of external parameters, two backward passes, copies and pickles
(`plugins/test_processors.py`); phases of long delays, `set` of learned ones (`plugins/flamo_delays`); sizes of Hadamard
matrices (`plugins/flamo_gains`); early stopping, logs, loaders (`plugins/flamo_trainers`). Of losses: silence, complex
spectra, seeds, a window longer than nfft (`plugins/flamo_losses`).
"""

import textwrap

import pytest
import torch
from torch import nn

import flamo
from flamo import EagerTrainer, Trainer, dsp, functional, system
from flamo.errors import NotFiniteError

NFFT = 96000


def one(channels=1, nfft=64, dtype=torch.complex64):
    return torch.ones(1, nfft // 2 + 1, channels, dtype=dtype)


@pytest.mark.parametrize("name", ["Biquad", "SVF", "GEQ", "PEQ", "Delay", "Filter"])
def test_a_response_follows_the_decay(name):
    module = getattr(dsp, name)(nfft=64, **({"size": (9, 1, 1)} if name == "Filter" else {}))
    module.param.data = module.param.data.abs() * (0.01 if name == "Delay" else 1.0)
    with torch.no_grad():
        before, _ = module(one()), module.set_alias_decay_db(60.0)
        decayed, _ = module(one()), module.set_alias_decay_db(0.0)
    assert not torch.allclose(before, decayed)
    torch.testing.assert_close(module(one()).detach(), before)


def test_the_grid_may_change_after_a_forward():
    biquad = dsp.Biquad(nfft=64)
    biquad(one())
    assert biquad.set_nfft(128)(one(nfft=128)).shape == (1, 65, 1)


def test_a_conversion_to_the_type_it_has_changes_nothing():
    model = system.Shell(dsp.Biquad(nfft=64), dsp.FFT(64), dsp.iFFT(64))
    assert model.to(torch.float32)(torch.ones(1, 64, 1)).dtype == torch.float32


def test_a_parallel_bandpass_and_a_learned_section_work():
    bandpass = dsp.parallelBiquad((2,), filter_type="bandpass", nfft=64, requires_grad=True)
    sections = dsp.parallelSOSFilter((2,), nfft=64, requires_grad=True)
    for module in (bandpass, sections):
        module(one(2)).abs().sum().backward()
        assert module.param.grad.isfinite().all()


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("GEQ", {"octave_interval": 3}),
        ("Biquad", {"n_sections": 8}),
        ("Biquad", {"n_sections": 8, "filter_type": "highpass"}),
        ("SVF", {"n_sections": 8, "filter_type": "lowpass"}),
        ("PEQ", {}),
        ("AccurateGEQ", {}),
    ],
)
def test_float32_keeps_its_digits_down_to_20_hertz(what, arguments):
    """The worst error against float64 of the same float32 parameters, relative to the peak, on a long grid."""
    module = getattr(dsp, what)(nfft=NFFT, **arguments)
    if "n_sections" in arguments:
        module.set(frequency=torch.logspace(1.30103, 4.0, 8).tolist())
    single = module.freq_response(module.param).detach()
    exact = module.double().freq_response(module.param).detach()
    assert (single - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("kind", ["lowpass", "highpass"])
def test_a_float64_system_has_coefficients_of_float64(kind):
    """The reference forms them in float32: at 20 Hz a third of the digits is gone."""
    biquad = dsp.Biquad.from_physical(frequency=20.0, filter_type=kind, dtype=torch.float64)
    b0, b1, b2, _, a1, a2 = biquad.sos()[0, 0, 0].tolist()
    zero, nyquist = (b0 + b1 + b2) / (1 + a1 + a2), (b0 - b1 + b2) / (1 - a1 + a2)
    assert (zero, nyquist) == pytest.approx((1, 0) if kind == "lowpass" else (0, 1), rel=1e-9, abs=1e-12)


def test_a_loop_is_solved_once_for_all_items(monkeypatch):
    loop = system.Recursion(dsp.Gain((4, 4), nfft=64), dsp.Gain((4, 4), nfft=64))
    solved = []
    solve = torch.linalg.solve
    monkeypatch.setattr(torch.linalg, "solve", lambda a, b: solved.append(a.shape) or solve(a, b))
    loop(one(4).expand(16, -1, -1))
    assert all(shape.numel() <= 33 * 4 * 4 for shape in solved)


def test_no_dense_identity_is_kept():
    module = system.Recursion(dsp.parallelGain((64,), nfft=NFFT), dsp.parallelGain((64,), nfft=NFFT))
    held = sum(t.numel() for t in [*module.parameters(), *module.buffers()])
    assert held == 128
    assert not [v for m in module.modules() for v in vars(m).values() if isinstance(v, torch.Tensor) and v.numel() > 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dsp.Filter((65, 1, 1), nfft=64), "65 taps are more than nfft=64"),
        (
            lambda: dsp.Delay.from_physical(samples=[[64.0]], nfft=64),
            "a delay of 64 samples is not shorter",
        ),
        (lambda: dsp.GainDelay.from_physical(samples=[[64.0]], nfft=64), "a delay of 64 samples"),
    ],
)
def test_what_is_longer_than_nfft_warns(make, message):
    with pytest.warns(UserWarning, match=message):
        make()(one())


def test_building_and_importing_draw_no_numbers_but_initial_values(run_python):
    code = """
        import torch
        torch.manual_seed(0)
        import flamo
        from flamo import dsp, system, functional, optimize
        drawn = torch.rand(1)
        torch.manual_seed(0)
        assert drawn == torch.rand(1)
        torch.manual_seed(0)
        system.Shell(dsp.HouseholderMatrix((2, 2)), dsp.FFT(), dsp.iFFT())
        first = torch.rand(1)
        torch.manual_seed(0)
        torch.randn(2, 1)
        assert first == torch.rand(1)
        """
    run_python("-c", textwrap.dedent(code))


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(),
        nn.Linear(2, 2),
        nn.Linear(2, 2, dtype=torch.complex64),
        dsp.Transform(torch.abs),
        dsp.Transform(lambda x: x.real.to(x.dtype)),
        dsp.Transform(lambda x: x.flip(1)),
        dsp.Transform(lambda x: x * x.abs()),
        dsp.Transform(lambda x: torch.where(x.abs() > 3, 3 * x / x.abs(), x)),
        dsp.Transform(lambda x: torch.where(x.abs() < 0.1, 0, x)),
    ],
    ids=["bends", "bias", "complex bias", "abs", "real", "mixes bins", "squares", "clips", "gates"],
)
def test_a_module_in_a_loop_that_has_no_response_is_refused(module):
    loop = system.Recursion(dsp.parallelGain.from_physical(gain=[0.5, 0.5], nfft=64), module)
    with pytest.raises(ValueError, match=f"a {type(module).__name__} is no linear map of each bin"):
        loop(one(2))


def test_a_shelf_and_a_peak_take_tensors():
    frequency, gain = torch.tensor([[100.0], [1000.0]]), torch.tensor([0.5, 1.0, 2.0])
    assert functional.shelving_filter(frequency, gain)[0].shape == (3, 2, 3)
    assert functional.peak_filter(frequency, gain, torch.tensor(1.0))[0].shape == (3, 2, 3)


def scripted(values):
    left = iter(values)
    return lambda prediction, target: 0 * prediction.abs().sum() + next(left)


def test_early_stopping_ends_a_run_that_diverges_and_lets_small_losses_fall():
    for values, epochs in (([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 3), ([1e-6 * 0.5**n for n in range(6)], 6)):
        trainer = Trainer(dsp.Gain((1, 1), nfft=64, requires_grad=True), max_epochs=6, patience=2)
        trainer.register_criterion(scripted(values))
        trainer.train([(one(), one())])
        assert len(trainer.train_loss) == epochs


def test_a_training_does_not_go_on_with_nan():
    data = one(), one()
    for cls, train in ((Trainer, lambda t: t.train([data])), (EagerTrainer, lambda t: t.optimize(*data))):
        trainer = cls(dsp.Gain((1, 1), nfft=64, requires_grad=True), log=False)
        trainer.register_criterion(scripted([1.0, float("nan"), 1.0]))
        with pytest.raises(NotFiniteError):
            train(trainer)
        assert trainer.net.param.isfinite().all()


def test_two_losses_of_a_class_have_a_log_each():
    trainer = EagerTrainer(dsp.Gain((1, 1), nfft=64, requires_grad=True), max_steps=2, log=False)
    for _ in range(2):
        trainer.register_criterion(nn.MSELoss())
    assert [len(log) for log in trainer.optimize(one().real, one().real).values()] == [2, 2, 2]


def decays(channels=1, seconds=0.25, seed=0):
    n = torch.arange(int(48000 * seconds)) / 48000
    noise = torch.randn(2, len(n), channels, generator=torch.Generator().manual_seed(seed))
    return noise * torch.exp(-20 * n)[None, :, None]


@pytest.mark.parametrize("name", ["mss_loss", "mel_mss_loss"])
def test_a_spectral_loss_does_not_mix_channels_with_time(name):
    loss, prediction, target = getattr(flamo, name)(), decays(2), decays(2, seed=1)
    prediction[..., 1], target[..., 1] = 0, 0
    alone = loss(prediction[..., :1], target[..., :1])
    torch.testing.assert_close(loss(prediction, target), alone / 2, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["mss_loss", "mel_mss_loss"])
def test_a_noise_floor_is_not_remembered(name):
    loss, fresh = (getattr(flamo, name)(apply_mask=True) for _ in range(2))
    loss(decays(), 100 * decays(seed=1))
    assert loss(decays(), decays(seed=1)) == fresh(decays(), decays(seed=1))


def test_the_noise_floor_of_a_short_signal_is_not_its_start():
    """2 % of fewer than 50 frames were none, so that the loudest one was taken for noise, and nothing was left."""
    prediction, target = decays(), decays(seed=1)
    loss = flamo.mss_loss([2048], apply_mask=True)(prediction, target)
    assert loss < 2 * flamo.mss_loss([2048])(prediction, target)


def test_bands_of_a_decay_are_where_they_should_be():
    """Filters of another length than the signal were applied."""
    tone = torch.sin(2 * torch.pi * 1000 / 48000 * torch.arange(48000))[None, :, None]
    energy = flamo.edc_loss().filterbank(tone).square().sum((0, 1, 2))
    assert energy.argmax() == 4
    assert energy[4].item() == pytest.approx(24000, rel=0.01)
    assert (energy[[0, 1, 2, 3, 5, 6, 7, 8]] < 0.01 * energy[4]).all()


def test_average_power_takes_several_signals():
    prediction, target = decays(2, 0.4), decays(2, 0.4, seed=1)
    one = [flamo.AveragePower()(prediction[b : b + 1], target[b : b + 1]) for b in range(2)]
    torch.testing.assert_close(flamo.AveragePower()(prediction, target), torch.stack(one).mean(), rtol=1e-5, atol=0)


def test_an_unknown_form_is_no_loss_of_zero():
    with pytest.raises(ValueError, match="form must be one of None, yamamoto, magenta"):
        flamo.mss_loss(form="yamamotto")


def test_the_noise_may_be_a_number():
    assert flamo.mss_loss(apply_mask=True, noise_energy=1e-3)(decays(), decays(seed=1)).isfinite()


@pytest.mark.parametrize("build", [lambda: flamo.mss_loss(log_term=True), flamo.edr_loss, flamo.edc_loss])
def test_a_silent_tail_has_a_finite_loss(build):
    prediction = decays()
    prediction[:, 6000:] = 0
    prediction.requires_grad_()
    loss = build()(prediction, decays(seed=1))
    loss.backward()
    assert loss.isfinite()
    assert prediction.grad.isfinite().all()
