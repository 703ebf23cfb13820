"""Differences in how energy decays."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from flamo.core.checks import positive, whole
from flamo.core.decay import energy_db, energy_decay_curve, octave_bands_of, octave_filters
from flamo_losses.inputs import channels_of, nonzero
from flamo_losses.spectrogram import LOWEST, checked_overlap, checked_rate, mel_spectrogram

_BANDS = 64
_SECONDS = 0.02  # of the window
_DISCARDED = 0.5  # percent at the end
_RANGE, _CLIPPED = 60.0, -180.0  # dB


class _Decay(nn.Module):
    """What the two losses share: levels of the energy still to come."""

    time: ClassVar[int]
    energy_norm: bool

    def discard_last_n_percent(self, x: torch.Tensor, n_percent: float) -> torch.Tensor:
        """A signal (B, T, …) without its last n_percent."""
        return x[:, : round(x.shape[1] * (1 - n_percent / 100))]

    def schroeder_backward_int(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The energy still to come along ``time``, and what it was divided by."""
        energy = energy_decay_curve(x, self.time)
        total = energy.narrow(self.time, 0, 1)
        return (energy / nonzero(total), total) if self.energy_norm else (energy, torch.ones_like(energy))


class edr_loss(_Decay):
    r"""Difference of energy decay reliefs.

    .. math:: L = \frac{\sum |X - Y|}{\sum |Y|}, \quad X[b, m] = 10 \log_{10} \sum_{i \ge m} P^2[b, i]

    where P is the power in 64 mel bands from 20 Hz over frames of 20 ms. Each channel is compared on its own, over all
    items of the batch; the result is the mean over channels. Where the target is silent to its end, nothing counts.

    Args:
        nfft: number of FFT points, at least 20 ms.
        overlap: of the frames, at least 0 and below 1.
        sample_rate: in Hz.
        energy_norm: whether each band of each item starts at 0 dB.
        device: accepted as in earlier versions; the loss follows its arguments.
        name: accepted as in earlier versions.

    Raises:
        ValueError: arguments out of their range; complex signals or shapes that differ; a signal that is not longer
            than half of nfft.

    Shapes: prediction and target (B, T, N) → scalar. Source: J.-M. Jot, An analysis/synthesis approach to real-time
    artificial reverberation, ICASSP 1992.

    >>> y = torch.randn(2, 4800, 1)
    >>> edr_loss()(y, y)
    tensor(0.)
    """

    time = -2

    def __init__(
        self,
        nfft: int = 1024,
        overlap: float = 0.5,
        sample_rate: int = 48000,
        energy_norm: bool = False,
        device: torch.device | str = "cpu",
        name: str = "EDR",
    ) -> None:
        super().__init__()
        self.overlap, self.sample_rate = checked_overlap(overlap), checked_rate(sample_rate)
        self.win_length = int(_SECONDS * sample_rate)
        self.nfft = whole("nfft", nfft)
        if nfft < self.win_length:
            raise ValueError(f"nfft must be at least 20 ms at {sample_rate} Hz, {self.win_length}, got {nfft}")
        self.energy_norm, self.device, self.name = energy_norm, device, name

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = channels_of("edr_loss", y_pred, y_true)
        energies = [self.schroeder_backward_int(self.mel_stft(x)[..., None])[0] for x in (prediction, target)]
        heard = energies[1] >= torch.finfo(target.dtype).tiny
        x, y = (torch.where(heard, energy_db(energy), 0.0).flatten(1) for energy in energies)
        return ((x - y).abs().sum(1) / nonzero(y.abs().sum(1))).mean()

    def mel_stft(self, x: torch.Tensor) -> torch.Tensor:
        """Power of signals (…, T) in mel bands, (…, bands, frames)."""
        hop = max(1, int(self.win_length * (1 - self.overlap)))
        return mel_spectrogram(x, self.nfft, hop, self.sample_rate, _BANDS, LOWEST, self.win_length)

    def get_edr(self, x: torch.Tensor) -> torch.Tensor:
        """The energy decay relief in dB, (B, bands, frames, N), of signals (B, T, N)."""
        return energy_db(self.schroeder_backward_int(self.mel_stft(x.mT).permute(0, 2, 3, 1))[0])


class edc_loss(_Decay):
    r"""Difference of energy decay curves.

    .. math:: L = \mathrm{mean}\,(X - Y)^2, \quad X[t] = 10 \log_{10} \sum_{i \ge t} x^2[i]

    in dB², broadband or in fractional octave bands after IEC 61260, without the last half percent of the signal. Each
    channel is compared on its own, over all items of the batch; the result is the mean over channels. Energies below
    the smallest normal number count as that.

    Args:
        sample_rate: in Hz.
        is_broadband: whether to compare the signal as a whole, not its bands.
        n_fractions: bands in an octave.
        energy_norm: whether each curve starts at 0 dB.
        convergence: whether to divide by the mean of Y².
        clip: whether to leave out where the target is more than 60 dB below its start (both count as -180 dB there).
        name: accepted as in earlier versions.
        device: accepted as in earlier versions; the loss follows its arguments.

    Raises:
        TypeError, ValueError: arguments out of their range; complex signals or shapes that differ.

    Shapes: prediction and target (B, T, N) → scalar. Sources: M. R. Schroeder, New method of measuring reverberation
    time, J. Acoust. Soc. Am. 37, 1965; IEC 61260-1:2014.

    >>> y = torch.randn(2, 4800, 1)
    >>> edc_loss()(y, y)
    tensor(0.)
    """

    time = 1

    def __init__(
        self,
        sample_rate: int = 48000,
        is_broadband: bool = False,
        n_fractions: int = 1,
        energy_norm: bool = False,
        convergence: bool = False,
        clip: bool = False,
        name: str = "EDC",
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self.sample_rate, self.n_fractions = positive("sample_rate", sample_rate), whole("n_fractions", n_fractions)
        self.is_broadband, self.energy_norm, self.convergence, self.clip = is_broadband, energy_norm, convergence, clip
        self.name, self.device, self.discard_n = name, device, _DISCARDED
        if not is_broadband:
            octave_filters(2, sample_rate, n_fractions)  # there are bands

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = channels_of("edc_loss", y_pred, y_true)
        x, y = self.get_edc(prediction.permute(1, 2, 0)), self.get_edc(target.permute(1, 2, 0))
        if self.clip:
            below = y < y[:, :1] - _RANGE
            x, y = x.masked_fill(below, _CLIPPED), y.masked_fill(below, _CLIPPED)
        error, scale = (z.square().movedim(2, 0).flatten(1).mean(1) for z in (x - y, y))
        return (error / nonzero(scale) if self.convergence else error).mean()

    def filterbank(self, x: torch.Tensor) -> torch.Tensor:
        """A signal (B, T, N) in bands, (B, T, N, bands)."""
        return octave_bands_of(x, self.sample_rate, self.n_fractions)

    def get_edc(self, x: torch.Tensor) -> torch.Tensor:
        """The energy decay curve in dB of a signal (B, T, N): (B, T', N) or (B, T', N, bands)."""
        bands = x if self.is_broadband else self.filterbank(x)
        return energy_db(self.schroeder_backward_int(self.discard_last_n_percent(bands, self.discard_n))[0])
