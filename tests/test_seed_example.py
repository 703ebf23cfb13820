"""The example of the reference's README, as it stands."""

import re
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent / "data" / "seed_example.py"


@pytest.mark.slow
def test_the_example_runs_as_it_stands_and_the_loss_falls(run_python, tmp_path):
    seeded = "import torch; torch.manual_seed(0)\n" + EXAMPLE.read_text(encoding="utf-8")  # its target is random
    finished = run_python("-W", "error", "-c", seeded)
    assert finished.stderr == ""
    losses = [float(loss) for loss in re.findall(r"train_loss: ([\d.]+)", finished.stdout)]
    assert len(losses) >= 6
    assert losses[-1] < 0.2 * losses[0]
    assert (tmp_path / "output" / "checkpoints" / "model_e0.pt").exists()
