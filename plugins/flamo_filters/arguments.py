"""What the design functions take: numbers or tensors."""

from __future__ import annotations

import torch

Value = torch.Tensor | float
EDGE = 1e-6  # of fs/2: as near to 0 and fs/2 as a frequency gets: at the very edge a section is 0/0 there


def tensors(values: tuple[Value, ...], device: torch.device | str | None) -> tuple[torch.Tensor, ...]:
    """Numbers and tensors as float64 tensors of one shape; a device of None follows the first tensor."""
    if device is None:
        device = next((v.device for v in values if isinstance(v, torch.Tensor)), None)
    return torch.broadcast_tensors(*(torch.as_tensor(v, dtype=torch.float64, device=device) for v in values))
