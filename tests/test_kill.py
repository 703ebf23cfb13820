"""Runs that are killed at random moments end as if nothing had happened."""

import random
import time

import pytest
from kills import start

from flamo.checkpoints import Checkpoints
from flamo.run_folder import RunFolder

CONFIG = """\
flamo: 1
nfft: 256
system:
  series:
    delay: {parallel_delay: {samples: [7, 11]}}
    mix: {matrix: {size: [2, 2], matrix_type: orthogonal, learn: true}}
    sum: {gain: {size: [1, 2], learn: true}}
    eq: {parallel_peq: {size: [1], n_bands: 2, learn: true}}
target: flat
losses:
  - mse: {}
schedule: {cosine: {T_max: 120}}
stop: {steps: 120}
checkpoints: {every: 2}
"""
KILLS = 20
SAME = ("model.safetensors", "metrics.jsonl", "config.yaml", "audio/impulse_response.wav", "plots/loss.png")


def finish(config, folder, resume=False):
    process = start(config, folder, resume)
    process.join(120)
    assert process.exitcode == 0


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_is_the_run_that_was_not(tmp_path):
    config = tmp_path / "fit.yaml"
    config.write_text(CONFIG)
    begun = time.monotonic()
    finish(config, tmp_path / "whole")
    length = time.monotonic() - begun
    moments, kills, folder = random.Random(0), 0, None
    while kills < KILLS:
        folder = tmp_path / f"killed{kills}" if folder is None else folder
        process = start(config, folder, bool(RunFolder(folder).record))
        process.join(moments.uniform(0, 0.4 * length))  # so that most runs are killed several times
        finished = process.exitcode == 0
        process.kill()
        process.join()
        kills += not finished
        loaded = Checkpoints(folder / "checkpoints").latest()
        assert loaded is None or not loaded.damaged
        if finished or kills == KILLS:
            if not finished:
                finish(config, folder, bool(RunFolder(folder).record))
            for name in SAME:
                assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
            assert not [path for path in folder.rglob(".*") if path.name != ".lock"]
            folder = None
