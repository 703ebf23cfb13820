"""AutoEq's side of the benchmark: runs in its own environment, and imports nothing of ours."""

import json
import sys
import time
from copy import deepcopy

import numpy as np


def main(files: list[str]) -> None:
    """Ten filters for each file; the time of the optimiser alone."""
    from autoeq.constants import PEQ_CONFIGS
    from autoeq.frequency_response import FrequencyResponse

    curves = [np.loadtxt(file, delimiter=",", skiprows=1).T for file in files]
    grid = FrequencyResponse.generate_frequencies(f_step=1.01)
    found, seconds = [], 0.0
    for frequency, target, _ in curves:
        curve = FrequencyResponse(name="target", frequency=grid, raw=np.zeros(len(grid)))
        curve.equalization = np.interp(np.log(grid), np.log(frequency), target)
        start = time.perf_counter()
        [peq] = curve.optimize_parametric_eq([deepcopy(PEQ_CONFIGS["8_PEAKING_WITH_SHELVES"])], 48000)
        seconds += time.perf_counter() - start
        found.append([[type(f).__name__, round(f.fc), round(f.gain, 1), round(f.q, 2)] for f in peq.filters])
    print(json.dumps({"seconds": seconds, "filters": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
