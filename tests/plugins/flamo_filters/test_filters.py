import pytest
import torch

from flamo import dsp


def test_taps_longer_than_nfft_wrap():
    fir = dsp.Filter((20, 1, 1), nfft=8, dtype=torch.float64)
    wrapped = torch.nn.functional.pad(fir.param[:, 0, 0], (0, 4)).reshape(3, 8).sum(0)
    with pytest.warns(UserWarning, match="20 taps are more than nfft=8"):
        torch.testing.assert_close(fir.freq_response(fir.param)[:, 0, 0], torch.fft.rfft(wrapped))


@pytest.mark.parametrize("kind", ["lowpass", "highpass", "bandpass"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_biquad_whose_cutoffs_have_run_against_their_bounds_stays_finite(kind, dtype):
    biquad = dsp.Biquad((1, 2), filter_type=kind, nfft=64, requires_grad=True, dtype=dtype)
    low_high = [[-0.3, 1.2], [0.5, 0.0]] if kind != "bandpass" else [[-0.3, 0.2], [0.7, 1.2], [0.5, 0.0]]
    biquad.assign_value(torch.tensor(low_high).reshape(1, -1, 1, 2))
    h = biquad.freq_response(biquad.param)
    h.abs().sum().backward()
    assert h.isfinite().all()
    assert biquad.param.grad.isfinite().all()


def test_a_biquad_says_its_polynomials():
    biquad = dsp.Biquad((2, 3), n_sections=4, nfft=64, alias_decay_db=10.0, dtype=torch.float64)
    H, B, A = biquad.get_poly_coeff(biquad.map(biquad.param))
    assert B.shape == A.shape == (33, 4, 2, 3)
    torch.testing.assert_close(H, (B / A).prod(1))
    torch.testing.assert_close(H, biquad.freq_response(biquad.param))


def test_initial_values_of_a_biquad():
    low = dsp.Biquad((50, 50)).param
    assert 0 <= low[:, 0].min() < 0.01 < 0.49 < low[:, 0].max() < 0.5
    assert -1 < low[:, 1].min() < -0.98 < 0.98 < low[:, 1].max() < 1
    band = dsp.Biquad((50, 50), filter_type="bandpass").param
    assert band[:, 0].max() <= band[:, 1].min()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dsp.Biquad(filter_type="notch"), "lowpass, highpass, bandpass, got 'notch'"),
        (lambda: dsp.Biquad(n_sections=0), "at least 1"),
        (lambda: dsp.PEQ(design="rbj"), "biquad, svf, got 'rbj'"),
        (lambda: dsp.PEQ(n_bands=1), "n_bands must be at least 2"),
        (lambda: dsp.PEQ(f_min=100, f_max=50), "f_min < f_max"),
        (lambda: dsp.PEQ(design="svf", fs=32000), "fs/2"),
        (lambda: dsp.ParametricEQ(fs=32000), "need 0 < f_min ≤ f_max < fs/2"),
        (lambda: dsp.ParametricEQ(n_bands=0), "at least 1"),
        (lambda: dsp.ParametricEQ(q_min=0.0), "0 < q_min"),
        (lambda: dsp.ParametricEQ(q_min=3.0, q_max=2.0), "q_min ≤ q_max, got .* q_min=3, q_max=2"),
    ],
)
def test_a_wrong_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_slopes_too_steep_for_a_shelf_give_numbers():
    """The classic design is NaN there: the root of a negative number."""
    peq = dsp.PEQ((1, 1), n_bands=2, nfft=64, requires_grad=True)
    peq.assign_value(torch.tensor([0.0, 3.0, 0.5]).expand(2, 3)[..., None, None])
    h = peq.freq_response(peq.param)
    h.abs().sum().backward()
    assert h.isfinite().all()
    assert peq.param.grad.isfinite().all()


def test_a_parametric_eq_is_set_and_read_in_physical_values():
    eq = dsp.ParametricEQ((2, 1), n_bands=3, dtype=torch.float64)
    assert eq.types == ("lowshelf", "peaking", "highshelf")
    frequency = torch.tensor([100.0, 1000.0, 8000.0]).reshape(3, 1, 1)
    eq.set(frequency=frequency, gain_db=-3.0)
    eq.set(q=torch.tensor([[0.7], [2.0]]))
    torch.testing.assert_close(eq.frequency, frequency.double().expand(3, 2, 1))
    torch.testing.assert_close(eq.gain_db, torch.full((3, 2, 1), -3.0).double())
    torch.testing.assert_close(eq.q[1], torch.tensor([[0.7], [2.0]]).double(), rtol=1e-6, atol=0)


def test_bands_at_their_bounds_can_be_set():
    eq = dsp.ParametricEQ(n_bands=2)
    eq.param.data[:, :2] = 40.0
    assert (eq.frequency.max().item(), eq.q.max().item()) == pytest.approx((20000.0, 10.0))
    eq.set(gain_db=20.0)
    assert eq.gain_db.min() == pytest.approx(20.0)
    eq.set(frequency=eq.frequency, q=eq.q, gain_db=eq.gain_db)


def test_a_band_of_a_parametric_eq_moves_below_its_start():
    eq = dsp.ParametricEQ(n_bands=1)
    start = eq.frequency.item()
    eq.param.data[:, 0] -= 3.0
    assert eq.frequency.item() < start / 10
