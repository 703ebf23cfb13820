"""Multi-scale spectral losses."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from flamo.core.checks import choice, number, positive, whole
from flamo_losses.inputs import channels_of, nonzero, unit_energy
from flamo_losses.spectrogram import checked_overlap, checked_rate, linear_spectrogram, mel_spectrogram

LENGTHS = [128, 256, 512, 1024, 2048, 4096]
_FLOOR = 1e-20  # below which a logarithm is taken of this: silence has a finite loss, and no gradient


class mss_loss(nn.Module):
    r"""Multi-scale spectral loss on linear frequency.

    With the magnitudes X of the prediction and Y of the target on a linear scale from 20 Hz to fs/2, for each nfft

    .. math:: \frac{\|M(X - Y)\|_p + \alpha\,\|M(\log X - \log Y)\|_p}{\sum M}, \quad
              \frac{\|M(X - Y)\|_2}{\|Y\|_2} + \alpha\,\mathrm{mean}\,|M(\log X - \log Y)|, \quad
              \mathrm{mean}\,|M(X - Y)| + \alpha\,\mathrm{mean}\,|M(\log X - \log Y)|

    for the forms None (the logarithms only with ``log_term``), 'yamamoto' and 'magenta', summed over all nfft. The mask
    M is 1 unless ``apply_mask``, which drops all points of the target less than ``threshold`` dB above the noise. Each
    channel is compared on its own, over all items of the batch; the result is the mean over channels.

    Args:
        nfft: lengths of the Hann window.
        overlap: of the frames, at least 0 and below 1.
        sample_rate: in Hz.
        energy_norm: whether each channel is divided by the root of its energy over all items first.
        device: accepted as in earlier versions; the loss follows its arguments.
        name: accepted as in earlier versions.
        apply_mask: whether to mask by signal-to-noise ratio.
        threshold: of the mask in dB.
        p: order of the norm of form None; 'fro' is 2.
        log_term: whether form None has its second part.
        alpha: weight of the logarithms.
        form: None, 'yamamoto' or 'magenta'.
        noise_energy: power of the noise for the mask; None is the mean power of the target 2 % before its end, with
            the first nfft.

    Raises:
        ValueError: arguments out of their range; complex signals or shapes that differ; a signal that is not longer
            than half of the longest window.

    Shapes: prediction and target (B, T, N) → scalar. Sources: R. Yamamoto et al., Parallel WaveGAN, ICASSP 2020;
    J. Engel et al., DDSP, ICLR 2020 ("magenta").

    >>> y = torch.randn(2, 4800, 1)
    >>> mss_loss()(y, y)
    tensor(0.)
    """

    def __init__(
        self,
        nfft: list[int] = LENGTHS,
        overlap: float = 0.75,
        sample_rate: int = 48000,
        energy_norm: bool = False,
        device: torch.device | str = "cpu",
        name: str = "MSS",
        apply_mask: bool = False,
        threshold: float = 5,
        p: float | Literal["fro"] = "fro",
        log_term: bool = False,
        alpha: float = 1.0,
        form: Literal["yamamoto", "magenta"] | None = None,
        noise_energy: float | None = None,
    ) -> None:
        super().__init__()
        self.nfft = _lengths(nfft)
        self.overlap, self.sample_rate = checked_overlap(overlap), checked_rate(sample_rate)
        self.energy_norm, self.device, self.name = energy_norm, device, name
        self.apply_mask, self.threshold = apply_mask, number("threshold", threshold)
        self.p, self._order = p, _order(p)
        self.log_term, self.alpha = log_term, number("alpha", alpha)
        self.form = choice("form", form, (None, "yamamoto", "magenta"))
        self.noise_energy = None if noise_energy is None else float(positive("noise_energy", noise_energy))

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        prediction, target = channels_of(type(self).__name__, y_pred, y_true)
        if self.energy_norm:
            prediction, target = unit_energy(prediction), unit_energy(target)
        total = prediction.new_zeros(len(prediction))
        noise: torch.Tensor | float | None = self.noise_energy if self.apply_mask else None
        for nfft in self.nfft:
            hop = max(1, int(nfft * (1 - self.overlap)))
            x, y = (self.spectrogram(signal, nfft, hop) for signal in (prediction, target))
            if self.apply_mask and noise is None:
                noise = _noise_floor(y.detach())
            total = total + self._distance(x, y, None if noise is None else self._mask(y, noise))
        return total.mean()

    def spectrogram(self, x: torch.Tensor, nfft: int, hop: int) -> torch.Tensor:
        """What is compared, (…, bins, frames) of signals (…, T)."""
        return linear_spectrogram(x, nfft, hop, self.sample_rate)

    def _mask(self, y: torch.Tensor, noise: torch.Tensor | float) -> torch.Tensor:
        noise = torch.as_tensor(noise, dtype=y.dtype, device=y.device)
        signal = torch.maximum(y.detach().square(), 1.01 * noise) - noise
        return (signal >= noise * 10 ** (self.threshold / 10)).to(y.dtype)

    def _distance(self, x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Of each channel, (N, B, bins, frames) → (N,)."""
        plain, points = _difference(x, y, mask), x[0].numel()
        if self.form is None:
            count = points if mask is None else mask.flatten(1).sum(1).clamp(min=1)
            total = torch.linalg.vector_norm(plain, self._order, dim=1)
            if self.log_term:
                logarithms = _difference(_log(x), _log(y), mask)
                total = total + self.alpha * torch.linalg.vector_norm(logarithms, self._order, dim=1)
            return total / count
        logarithms = self.alpha * _difference(_log(x), _log(y), mask).abs().sum(1) / points
        if self.form == "magenta":
            return plain.abs().sum(1) / points + logarithms
        return plain.norm(dim=1) / nonzero(y.flatten(1).norm(dim=1)) + logarithms


class mel_mss_loss(mss_loss):
    """Multi-scale spectral loss on mel frequency.

    As :class:`mss_loss` of form None, with the power in nfft // 8 bands of Slaney's mel scale in place of magnitudes.

    Args, errors, shapes: as :class:`mss_loss`.

    >>> y = torch.randn(2, 4800, 1)
    >>> mel_mss_loss()(y, y)
    tensor(0.)
    """

    def __init__(
        self,
        nfft: list[int] = LENGTHS,
        overlap: float = 0.75,
        sample_rate: int = 48000,
        energy_norm: bool = False,
        device: torch.device | str = "cpu",
        name: str = "MelMSS",
        apply_mask: bool = False,
        threshold: float = 5,
        p: float | Literal["fro"] = "fro",
        log_term: bool = False,
        alpha: float = 1.0,
        noise_energy: float | None = None,
    ) -> None:
        args = (nfft, overlap, sample_rate, energy_norm, device, name, apply_mask, threshold, p, log_term, alpha)
        super().__init__(*args, noise_energy=noise_energy)

    def spectrogram(self, x: torch.Tensor, nfft: int, hop: int) -> torch.Tensor:
        return mel_spectrogram(x, nfft, hop, self.sample_rate, bands=nfft // 8)


def _difference(x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Masked, each channel in a row."""
    difference = x - y if mask is None else (x - y) * mask
    return difference.flatten(1)


def _noise_floor(y: torch.Tensor) -> torch.Tensor:
    """Mean power of each channel 2 % before the end, (N, 1, 1, 1)."""
    return y[..., -max(1, int(0.02 * y.shape[-1]))].square().mean(dim=(1, 2))[:, None, None, None]


def _log(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(min=_FLOOR).log()


def _lengths(nfft: Any) -> list[int]:
    if not isinstance(nfft, (list, tuple)) or not nfft:
        raise TypeError(f"nfft must be a list of whole numbers, got {nfft!r}")
    return [whole("nfft", n, least=16) for n in nfft]


def _order(p: float | str) -> float:
    if p == "fro":
        return 2.0
    if isinstance(p, str) or not p >= 1:
        raise ValueError(f"p must be 'fro' or a number of at least 1, got {p!r}")
    return float(p)
