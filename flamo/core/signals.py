"""Test signals, and where a signal starts."""

from __future__ import annotations

import math

import torch

Device = torch.device | str | None


def signal_gallery(
    batch_size: int,
    n_samples: int,
    n: int,
    signal_type: str = "impulse",
    fs: int = 48000,
    rate: float = 1.0,
    reference: torch.Tensor | None = None,
    device: Device = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    r"""A test signal, the same in every item and channel but for the random ones.

    Args:
        batch_size: number of items B.
        n_samples: length T.
        n: number of channels N.
        signal_type: 'impulse'; 'sine', :math:`\sin(2\pi\,rate/f_s\,t)` with t evenly from 0 to T/fs; 'sweep', a
            linear chirp from 20 Hz to 20 kHz; 'exp', :math:`e^{-rate\,n/f_s}`; 'wgn' or 'noise', normal noise;
            'velvet', velvet noise of ``rate`` pulses a second; 'reference', the signal ``reference``.
        fs: sampling frequency in Hz.
        rate: of the sine, the decay or the pulses.
        reference: (T,) or (T, N), for 'reference'.
        device: None is torch's default device.
        dtype: of the result.

    Returns:
        (B, T, N).

    Raises:
        ValueError: an unknown signal_type; 'reference' without one of the right length.

    >>> signal_gallery(1, 4, 1).flatten()
    tensor([1., 0., 0., 0.])
    """
    shape = (batch_size, n_samples, n)
    if signal_type in _WAVES:
        signal = _WAVES[signal_type](n_samples, fs, rate)[:, None]
    elif signal_type in ("wgn", "noise"):
        signal = torch.randn(shape)
    elif signal_type == "velvet":
        noises = [gen_velvet_noise(n_samples, fs, rate) for _ in range(batch_size * n)]
        signal = torch.stack(noises).reshape(batch_size, n, n_samples).mT
    elif signal_type == "reference":
        if reference is None or reference.shape[0] != n_samples:
            raise ValueError(f"signal_type 'reference' needs a reference of {n_samples} samples")
        signal = reference.reshape(n_samples, -1)
    else:
        choices = ", ".join((*_WAVES, "wgn", "noise", "velvet", "reference"))
        raise ValueError(f"signal_type must be one of {choices}, got {signal_type!r}")
    return signal.to(device=device or torch.get_default_device(), dtype=dtype).expand(shape).clone()


def gen_velvet_noise(
    n_samples: int, fs: int, density: float, device: Device = None, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Velvet noise: one pulse of random sign at a random place in each of consecutive equal intervals.

    Args:
        n_samples: length.
        fs: sampling frequency in Hz.
        density: pulses a second, above 0 and at most fs.
        device: None is torch's default device.
        dtype: of the result.

    Raises:
        ValueError: a density out of range.

    Source: M. Karjalainen and H. Järveläinen, Reverberation modeling using velvet noise, AES 30th Conf., 2007.

    >>> gen_velvet_noise(480, 48000, 1000.0).abs().sum()
    tensor(10.)
    """
    if not 0 < density <= fs:
        raise ValueError(f"density must be above 0 and at most fs={fs}, got {density}")
    interval = fs / density
    starts = torch.arange(math.ceil(n_samples / interval)) * interval
    places = torch.floor(starts + torch.rand(len(starts)) * interval).long()
    places = places[places < n_samples]
    noise = torch.zeros(n_samples, dtype=dtype)
    noise[places] = 2.0 * torch.randint(0, 2, places.shape).to(dtype) - 1.0
    return noise.to(device or torch.get_default_device())


def find_onset(rir: torch.Tensor) -> int:
    """The sample at which an impulse response starts: one hop before the loudest window.

    Windows are of Hann shape, 64 samples long, one every 16 samples, weighted on the squared signal.

    Args:
        rir: (T,).

    Raises:
        ValueError: more than one channel, or no sample.

    >>> find_onset(signal_gallery(1, 1000, 1).flatten().roll(500))
    480
    """
    if rir.ndim != 1 or not len(rir):
        raise ValueError(f"rir must be one channel (T,), got shape {tuple(rir.shape)}")
    length, hop = 64, 16
    window = torch.hann_window(length, dtype=rir.dtype, device=rir.device)
    energy = torch.nn.functional.pad(rir.detach().square(), (length // 2, length)).unfold(0, length, hop) @ window
    return max(0, hop * (int(energy.argmax()) - 1))


def _impulse(n_samples: int, fs: int, rate: float) -> torch.Tensor:
    return (torch.arange(n_samples) == 0).double()


def _sine(n_samples: int, fs: int, rate: float) -> torch.Tensor:
    t = torch.linspace(0.0, n_samples / fs, n_samples, dtype=torch.float64)
    return torch.sin(2 * math.pi * rate / fs * t)


def _sweep(n_samples: int, fs: int, rate: float) -> torch.Tensor:
    t = torch.arange(n_samples, dtype=torch.float64) / fs
    slope = (20000.0 - 20.0) / t[-1].clamp(min=1 / fs)
    return torch.cos(2 * math.pi * (20.0 * t + slope / 2 * t * t))


def _decay(n_samples: int, fs: int, rate: float) -> torch.Tensor:
    return torch.exp(-rate / fs * torch.arange(n_samples, dtype=torch.float64))


_WAVES = {"impulse": _impulse, "sine": _sine, "sweep": _sweep, "exp": _decay}
