"""The examples of the documentation do what they say, in fewer steps."""

import json
from pathlib import Path

import numpy as np
import pytest

from flamo.cli.progress import Silent
from flamo.config.loading import load_config
from flamo.fit import fit
from flamo.run_folder import RunFolder

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
RIR = ROOT / "tests" / "data" / "rir" / "otala_mic1_speaker1.wav"


def figures(name, folder, *sets, seed=None):
    """The figures of a run of an example, as its report shows them."""
    file, folder = load_config(EXAMPLES / name, sets, seed), RunFolder(folder)
    with folder.locked():
        fit(file.checked(), folder, Silent())
    shown = (folder / "report.html").read_text()
    found = json.loads((folder / "run.json").read_text())["figures"]
    assert all(figure in shown and f"{values['after']:.4g}" in shown for figure, values in found.items())
    return found


@pytest.mark.slow
def test_a_network_becomes_flatter_from_every_seed(tmp_path):
    shorter = (
        "nfft=12000",
        "alias_decay_db=8",
        "stop.steps=150",
        "optimizer.adam.lr=1e-2",
        "losses.0.masked_mse.n_samples=1000",
    )
    changes = []
    for seed in range(5):
        found = figures("colorless_fdn.yaml", tmp_path / str(seed), *shorter, seed=seed)
        spread = found["magnitude spread, RT 1 s"]
        changes.append(spread["after"] / spread["before"])
    assert max(changes) < 1.0
    assert np.mean(changes) < 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::flamo.errors.InputWarning")
def test_a_room_is_approached_in_every_octave(tmp_path):
    found = figures("room.yaml", tmp_path / "room", f"target.wav={RIR}")
    bands = {name: values for name, values in found.items() if name.startswith("decay error")}
    assert len(bands) == 10
    assert all(values["after"] < min(5.0, values["before"] / 2) for values in bands.values())  # in dB
    for name in ("energy_decay_bands", "energy_decay", "impulse_response", "magnitude", "loss"):
        assert (tmp_path / "room" / "plots" / f"{name}.png").exists()
