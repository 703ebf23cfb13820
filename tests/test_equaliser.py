"""``flamo fit TARGET``: an equaliser for a curve, from the configuration that stands for it to its rounded filters."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from truth import EQ

import flamo
from flamo.cli.progress import Silent
from flamo.config.loading import changed
from flamo.config.reading import Document
from flamo.curves import Curve
from flamo.errors import ConfigError, InputError
from flamo.experiment import make_experiment
from flamo.filters import best_filters
from flamo.fit import fit
from flamo.plots import plot_fit
from flamo.recipe import equaliser
from flamo.run_folder import RunFolder
from flamo.targets import find_target

FREQUENCY = np.geomspace(20, 20000, 300)


def response_db(filters, frequency, fs):
    """The response of listed filters by scipy, from analog prototypes."""
    sos = np.array([EQ[f["type"]](2 * np.pi * f["frequency"] / fs, f["gain_db"], f["q"]) for f in filters])
    return 20 * np.log10(np.abs(signal.sosfreqz(sos, frequency, fs=fs)[1]))


def config_data(**options):
    target, file = find_target("headphone")
    return equaliser(target, str(file), **options)


def config_of(target, file, **options):
    return changed(Document("x", equaliser(target, str(file), **options)), (), None, Path()).checked()


def fitted(folder, target, file, **options):
    """Fit a target, and read the filters that were written."""
    folder = RunFolder(folder)
    with folder.locked():
        fit(config_of(target, file, **options), folder, Silent())
    return json.loads((folder / "filters.json").read_text())["filters"]


def curve_file(folder, frequency, gain_db):
    path = folder / "curve.csv"
    np.savetxt(path, np.column_stack([frequency, gain_db]), delimiter=",")
    return Curve("curve", tuple(frequency), tuple(gain_db)), path


@pytest.fixture(scope="module")
def headphone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("headphone") / "run"
    return fitted(folder, *find_target("headphone")), folder


def test_the_headphone_is_fitted_below_a_third_of_a_decibel(headphone):
    filters, folder = headphone
    target, _ = find_target("headphone")
    frequency = np.array(target.frequency)
    error = response_db(filters, frequency, 48000) - target.gain_db
    band = (frequency >= 20) & (frequency <= 10000)
    rms, largest = np.sqrt(np.mean(error[band] ** 2)), np.abs(error[band]).max()
    assert rms < 0.2  # asked for: 0.35
    figures = json.loads((folder / "run.json").read_text())["figures"]
    assert figures["error of the filters, 20 Hz to 10 kHz, rms"]["after"] == pytest.approx(rms, rel=1e-6)
    assert figures["error of the filters, 20 Hz to 10 kHz, maximum"]["after"] == pytest.approx(largest, rel=1e-6)


def test_filters_are_rounded_shelves_at_the_ends_and_peaks_by_frequency(headphone):
    filters, folder = headphone
    assert [f["type"] for f in filters] == ["lowshelf", *["peaking"] * 8, "highshelf"]
    peaks = [f["frequency"] for f in filters[1:-1]]
    assert peaks == sorted(peaks)
    assert all(f["frequency"] == round(f["frequency"], 2) and f["q"] == round(f["q"], 3) for f in filters)
    table = (folder / "filters.txt").read_text().splitlines()
    assert table[1].split()[:2] == ["1", "lowshelf"]
    assert len(table) == 11


def test_the_saved_model_is_the_equaliser_of_the_filters(headphone):
    filters, folder = headphone
    eq = flamo.load(folder / "model.safetensors")
    assert eq.frequency.flatten().tolist() == pytest.approx([f["frequency"] for f in filters])
    response = 20 * np.log10(np.abs(signal.sosfreqz(eq.sos()[0, 0].numpy(), FREQUENCY, fs=48000)[1]))
    np.testing.assert_allclose(response, response_db(filters, FREQUENCY, 48000), atol=1e-6)
    assert (folder / "plots" / "filters.png").read_bytes().startswith(b"\x89PNG")


def test_a_known_equaliser_is_found_again(tmp_path):
    truth = [("lowshelf", 100.0, 5.0, 0.7), ("peaking", 1000.0, -4.0, 2.0), ("highshelf", 8000.0, 3.0, 0.7)]
    curve = response_db(
        [dict(zip(("type", "frequency", "gain_db", "q"), t, strict=True)) for t in truth], FREQUENCY, 44100
    )
    target, file = curve_file(tmp_path, FREQUENCY, curve)
    filters = fitted(tmp_path / "run", target, file, bands=3, fs=44100)
    error = response_db(filters, FREQUENCY, 44100) - curve
    assert np.sqrt(np.mean(error**2)) < 0.02


@pytest.mark.parametrize("bands", [1, 2, 3])
def test_few_bands(tmp_path, bands):
    target, file = curve_file(tmp_path, [20.0, 200.0, 2000.0, 20000.0], [2.0, 1.0, 0.0, -1.0])
    assert len(fitted(tmp_path / "run", target, file, bands=bands, steps=5)) == bands


def test_the_same_seed_gives_the_same_configuration_and_another_one_other_starts():
    a, b, c = (config_data(seed=seed) for seed in (1, 1, 2))
    assert a == b
    assert a["system"] != c["system"]


def test_points_above_half_the_sampling_frequency_are_left_out():
    config = config_data(fs=16000)
    assert config["system"]["parametric_eq"]["f_max"] < 8000
    with pytest.raises(InputError, match="1 points below fs/2 = 500 Hz"):
        equaliser(Curve("high", (400.0, 600.0, 700.0), (0.0, 0.0, 0.0)), "x.csv", fs=1000)
    with pytest.raises(InputError, match="all points are too near to fs/2 = 500 Hz"):
        equaliser(Curve("near", (491.0, 493.0, 495.0), (0.0, 0.0, 0.0)), "x.csv", fs=1000)


def test_starts_are_within_the_bounds_even_where_the_target_is_extreme():
    target = Curve("steep", (1e-3, 1.0, 2e4), (-200.0, 200.0, -200.0))
    arguments = equaliser(target, "x.csv", bands=64)["system"]["parametric_eq"]
    assert np.shape(arguments["frequency"]) == np.shape(arguments["q"]) == (64, 8, 1)
    assert np.min(arguments["frequency"]) > arguments["f_min"] > 0
    assert np.max(np.abs(arguments["gain_db"])) < arguments["gain_max"]


def test_the_best_output_is_taken():
    target, file = find_target("headphone")
    config = config_of(target, file)
    eqs = make_experiment(config).model.get_core()
    found = best_filters(eqs, target)
    every = [best_filters(_single(eqs, n), target).errors()[0] for n in range(eqs.output_channels)]
    assert found.errors()[0] == min(every)
    assert max(every) > min(every)


def _single(eqs, output):
    one = type(eqs)((1, 1), eqs.n_bands, eqs.f_min, eqs.f_max, fs=eqs.fs, dtype=eqs.param.dtype)
    one.assign_value(eqs.param.detach()[:, :, output, None])
    return one


def test_errors_in_a_band_without_points_are_not_numbers():
    target, file = find_target("headphone")
    found = best_filters(make_experiment(config_of(target, file)).model.get_core(), target)
    assert np.isnan(found.errors(30000, 40000)).all()


@pytest.mark.parametrize("name", ["x$_{$y", "耳机 👂", "a\tb"])
def test_a_name_is_no_formula(tmp_path, name):
    target, file = find_target("headphone")
    found = best_filters(make_experiment(config_of(target, file)).model.get_core(), target)
    plot_fit(replace(found, target=replace(target, name=name)), tmp_path / "fit.png")
    assert (tmp_path / "fit.png").exists()


@pytest.mark.parametrize("change", [{"system": "gain"}, {"target": "flat", "losses": ["mse"]}])
def test_filters_are_exported_of_equalisers_that_are_fitted_to_curves(change):
    data = config_data() | change
    if "system" in change:
        data["system"] = {"gain": {"size": [1, 1], "learn": True}}
    else:
        data["system"]["parametric_eq"] = {"size": [1, 1]}
    with pytest.raises(ConfigError, match="exports: filters are those of a parametric_eq"):
        make_experiment(changed(Document("x", data), (), None, Path()).checked())
