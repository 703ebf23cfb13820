"""Sections by their coefficients."""

from __future__ import annotations

from typing import Any, Self

import torch

from flamo.core.checks import checked_size, positive, whole
from flamo.core.rbj import Sections
from flamo_filters.sections import SectionFilter


class SOSFilter(SectionFilter):
    r"""Cascaded sections whose coefficients are the parameters.

    ``param`` is (K, 6, N_out, N_in), rows b0, b1, b2, a0, a1, a2, as in ``scipy.signal``.

    Args:
        size: (N_out, N_in).
        n_sections: number of sections K.
        nfft: number of FFT points.
        fs: sampling frequency in Hz; kept for systems that ask for it.
        alias_decay_db: time anti-aliasing, decay in dB over nfft samples.
        device: None is torch's default device.
        dtype: torch.float32 or torch.float64.
        normalize_a0: whether the rows are divided by a0.
        requires_grad: whether ``param`` is learned.

    Raises:
        ValueError: n_sections below 1, a size of another form.

    Shapes: (B, F, N_in, …) → (B, F, N_out, …). Initial values: sections that do nothing.

    >>> sos = SOSFilter((1, 1))
    >>> sos.assign_value(torch.tensor([1.0, 0.0, 0.0, 1.0, -0.5, 0.0]).reshape(1, 6, 1, 1))
    >>> round(sos.probe(1.0 + 0.0j).real.item(), 6)                # 1 / (1 - 0.5)
    2.0
    """

    def __init__(
        self,
        size: tuple[int, ...] = (1, 1),
        n_sections: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        normalize_a0: bool = True,
        requires_grad: bool = False,
    ) -> None:
        self.n_sections, self.fs = whole("n_sections", n_sections), positive("fs", fs)
        self.normalize_a0 = normalize_a0
        super().__init__(
            (self.n_sections, *self.get_size(), *checked_size(size)),
            nfft=nfft,
            requires_grad=requires_grad,
            alias_decay_db=alias_decay_db,
            device=device,
            dtype=dtype,
        )

    @classmethod
    def from_sos(cls, sos: Any, **arguments: Any) -> Self:
        """A filter from sections in scipy's order, (*channels, K, 6) or (K, 6) for one channel.

        Args:
            sos: as ``scipy.signal`` designs them, or :meth:`sos` gives them.
            **arguments: of the constructor, but for size and n_sections.

        >>> from scipy import signal
        >>> lowpass = SOSFilter.from_sos(signal.butter(4, 0.5, output="sos"))
        >>> lowpass.size, lowpass.is_stable()
        ((2, 6, 1, 1), True)
        """
        rows = torch.as_tensor(sos, dtype=torch.float64)
        channels = 1 if cls.diagonal else 2
        rows = rows[(None,) * channels] if rows.ndim == 2 else rows
        if rows.ndim != 2 + channels or rows.shape[-1] != 6:
            raise ValueError(f"sos must be ({'N' if cls.diagonal else 'N_out, N_in'}, K, 6), got {tuple(rows.shape)}")
        if not rows.isfinite().all() or (rows[..., 3] == 0).any():
            raise ValueError("sos must be finite, with an a0 that is not 0")
        size = tuple(rows.shape[:channels])
        processor = cls(size, n_sections=rows.shape[-2], **arguments)
        processor.assign_value(rows.movedim((-2, -1), (0, 1)))
        return processor

    def get_size(self) -> tuple[int]:
        """Number of parameters of a section."""
        return (6,)

    def init_param(self) -> None:
        self.param.data.zero_()
        self.param.data[:, [0, 3]] = 1.0

    def sections(self, value: torch.Tensor) -> Sections:
        rows = value.movedim(self.section_dim, 0)
        rows = rows / rows[3] if self.normalize_a0 else rows
        return rows[:3], rows[3:]


class parallelSOSFilter(SOSFilter):
    """Cascaded sections whose coefficients are the parameters, one cascade for each channel.

    As :class:`SOSFilter`, with ``size`` (N,) and ``param`` (K, 6, N).

    >>> parallelSOSFilter((3,), n_sections=2).param.shape
    torch.Size([2, 6, 3])
    """

    diagonal = True

    def __init__(
        self,
        size: tuple[int, ...] = (1,),
        n_sections: int = 1,
        nfft: int = 2048,
        fs: int = 48000,
        alias_decay_db: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
        normalize_a0: bool = True,
        requires_grad: bool = False,
    ) -> None:
        super().__init__(size, n_sections, nfft, fs, alias_decay_db, device, dtype, normalize_a0, requires_grad)
