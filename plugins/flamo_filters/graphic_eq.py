"""What the graphic equalisers have in common."""

from __future__ import annotations

import torch
from torch import nn

from flamo.core.physical import Quantity, Values
from flamo.core.rbj import Sections
from flamo_filters.graphic import graphic_sections
from flamo_filters.sections import SectionFilter


class GraphicEQ(SectionFilter):
    """Base of the equalisers whose mapped parameter is gains in dB of fixed bands."""

    fs: float
    center_freq: torch.Tensor
    shelving_crossover: torch.Tensor

    gain_db = Quantity("Gains in dB, in the order and shape of param.")

    def physical_of(self, value: torch.Tensor) -> Values:
        return {"gain_db": value}

    def value_of(self, value: torch.Tensor, given: Values) -> torch.Tensor:
        return given["gain_db"]

    def init_param(self) -> None:
        nn.init.uniform_(self.param, -6.0, 6.0)
        self.param.data = 10 ** (self.param.data / 20)

    def command_gains(self, gain_db: torch.Tensor) -> torch.Tensor:
        """Command gains in dB, ([B], bands + 3, *channels), of the gains that are asked for."""
        return gain_db

    def sections(self, value: torch.Tensor) -> Sections:
        gain_db = self.command_gains(value)
        return graphic_sections(gain_db, self.center_freq, self.shelving_crossover, self.fs, self.section_dim)
