"""What another process is to do: where one that starts anew can import it by this name."""

import torch

from flamo.kernels import backend
from flamo.kernels.sections import cascade


def work(queue):
    """Work for several threads, but none of torch's operations, whose pool does not survive a fork: few points."""
    backend.fused.kernels.clear()
    b = torch.rand(3, 4, 4, dtype=torch.float64) + 1
    queue.put(cascade(b, b, torch.ones(9000, dtype=torch.complex128), torch.complex64)[-1, -1].real.item())
