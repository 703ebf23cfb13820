"""Fitting equalisers to files without a folder of results."""

import numpy as np
from scipy import signal
from truth import DATA, EQ

from flamo.batch import Item, batches, solve
from flamo.cli.recipes import plan
from flamo.experiment import make_experiment
from flamo.results import fitted_filters

HEADPHONES = sorted((DATA / "headphones").glob("*.csv"))


def fitted(files, seed=None, sets=(), **told):
    """The rounded filters of every file, fitted in one batch; options as on the command line."""
    made = plan(told, seed, sets)
    experiments = [make_experiment(made.config_file(str(file))[0].checked()) for file in files]
    for batch in batches([Item(None, experiment, experiment.least_squares()) for experiment in experiments]):
        solve(batch, lambda: False)
    return [fitted_filters(experiment) for experiment in experiments]


def response_db(bands, frequency, fs=48000):
    """The response of bands by scipy, from analog prototypes."""
    sos = np.array([EQ[b.type](2 * np.pi * b.frequency / fs, b.gain_db, b.q) for b in bands])
    return 20 * np.log10(np.abs(signal.sosfreqz(sos, frequency, fs=fs)[1]))


def deviation(response, target):
    """RMS and maximum of a difference in dB without its mean."""
    error = response - target - np.mean(response - target)
    return np.sqrt(np.mean(error**2)), np.abs(error).max()
