"""A system with its ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from flamo.core.computed import computed
from flamo.core.container import Container, probe_chain
from flamo.core.response import call
from flamo.core.series import as_part
from flamo.core.state_space import StateSpace, state_space_of


class Shell(Container):
    """A system with its input and output layers.

    The layers are such as an FFT and its inverse.

    Args:
        core: the system, spectrum to spectrum.
        input_layer: before it; the identity where none is given.
        output_layer: after it; likewise.

    Raises:
        TypeError: a part is no module.
        ValueError: parts whose nfft, alias_decay_db or channels do not agree.

    Shapes: whatever the layers make of (B, F, N_in, …) → (B, F, N_out, …). ``ext_param`` is the core's.

    >>> from flamo import dsp
    >>> model = Shell(dsp.Gain((2, 1), nfft=8), dsp.FFT(8), dsp.iFFT(8))
    >>> model(torch.randn(1, 8, 1)).shape
    torch.Size([1, 8, 2])
    """

    part_names = {name: f"_Shell__{name}" for name in ("core", "input_layer", "output_layer")}

    def __init__(self, core: Any, input_layer: Any = None, output_layer: Any = None) -> None:
        super().__init__()
        self.__core: nn.Module = as_part(core)
        self.__input_layer: nn.Module = nn.Identity() if input_layer is None else as_part(input_layer)
        self.__output_layer: nn.Module = nn.Identity() if output_layer is None else as_part(output_layer)
        self.check()

    def get_core(self) -> nn.Module:
        return self.__core

    def set_core(self, core: Any) -> None:
        self._replace("_Shell__core", as_part(core))

    def get_inputLayer(self) -> nn.Module:
        return self.__input_layer

    def set_inputLayer(self, input_layer: Any = None) -> None:
        self._replace("_Shell__input_layer", nn.Identity() if input_layer is None else as_part(input_layer))

    def get_outputLayer(self) -> nn.Module:
        return self.__output_layer

    def set_outputLayer(self, output_layer: Any = None) -> None:
        self._replace("_Shell__output_layer", nn.Identity() if output_layer is None else as_part(output_layer))

    def _replace(self, name: str, module: nn.Module) -> None:
        before, self._modules[name] = self._modules[name], module
        try:
            self.check()
        except ValueError:
            self._modules[name] = before
            raise

    @computed
    def input_channels(self) -> int | None:
        return getattr(self.__core, "input_channels", None)

    @computed
    def output_channels(self) -> int | None:
        return getattr(self.__core, "output_channels", None)

    def _joints(self) -> Iterator[tuple[tuple[str, int | None], tuple[str, int | None]]]:
        entering = getattr(self.__input_layer, "output_channels", None)
        leaving = getattr(self.__output_layer, "input_channels", None)
        yield ("_Shell__input_layer", entering), ("_Shell__core", self.input_channels)
        yield ("_Shell__core", self.output_channels), ("_Shell__output_layer", leaving)

    def forward(self, x: torch.Tensor, ext_param: Any = None) -> torch.Tensor:
        return self.__output_layer(call(self.__core, self.__input_layer(x), ext_param))

    def state_space(self) -> StateSpace:
        """That of the core."""
        return state_space_of(self.__core, self.input_channels)

    def _states(self) -> StateSpace:
        return self.state_space()

    def probe(self, z: torch.Tensor | complex, include_shell_io: bool = False) -> torch.Tensor:
        """The transfer matrix (N_out, N_in) of the core, or of all that has one, at one point of the z-plane."""
        chain = (self.__input_layer, self.__core, self.__output_layer) if include_shell_io else (self.__core,)
        total = probe_chain(chain, "probe", z, self.input_channels)
        if total is None:
            raise ValueError("Shell: nothing in it has a value at a point of the z-plane")
        return total

    def get_time_response(self, fs: int = 48000, identity: bool = False, grad: bool = False) -> torch.Tensor:
        """Impulse responses of the core, without the anti-aliasing envelope.

        Args:
            fs: accepted as in earlier versions; an impulse has no sampling rate.
            identity: False excites all inputs at once, True each alone.
            grad: whether the result is differentiable.

        Returns:
            (1, nfft, N_out), or (1, nfft, N_out, N_in) for ``identity`` and more than one input.
        """
        with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
            return self.grid.undo_decay(torch.fft.irfft(self._spectrum(identity), n=self.nfft, dim=1))

    def get_freq_response(self, fs: int = 48000, identity: bool = False, grad: bool = False) -> torch.Tensor:
        """Frequency responses of the core, without the anti-aliasing envelope; as :meth:`get_time_response`.

        Returns:
            (1, F, N_out), or (1, F, N_out, N_in) for ``identity`` and more than one input.
        """
        with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
            if self.grid.gamma == 1.0:
                return self._spectrum(identity)
            return torch.fft.rfft(self.get_time_response(fs, identity, grad), dim=1)

    def _spectrum(self, identity: bool) -> torch.Tensor:
        """The core's answer to impulses, on the grid."""
        like = self._like(self.input_channels)
        if not identity or like.shape[2] == 1:
            return self.__core(torch.ones_like(like))
        each = torch.diag_embed(torch.ones_like(like))[0].movedim(-1, 0)  # an item for each input
        return self.__core(each).movedim(0, -1)[None]
