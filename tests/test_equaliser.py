"""``flamo fit TARGET``: an equaliser for a curve, from the configuration that stands for it to its rounded filters."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from equalisers import HEADPHONES, deviation, fitted, response_db
from scipy import optimize, signal
from truth import DATA

import flamo
from flamo.cli.progress import Silent
from flamo.cli.recipes import plan
from flamo.curves import Curve
from flamo.equalization import equalization
from flamo.equalizer import Band
from flamo.errors import ConfigError, InputError
from flamo.experiment import make_experiment
from flamo.filters import filters_of
from flamo.fit import fit
from flamo.plots import plot_fit
from flamo.results import fitted_filters
from flamo.run_folder import RunFolder
from flamo.targets import find_target, read_target

FREQUENCY = np.geomspace(20, 20000, 300)


def experiment_of(target="headphone", sets=(), **told):
    return make_experiment(plan(told, None, sets).config_file(str(target))[0].checked())


def curve_file(folder, frequency, gain_db, name="curve.csv"):
    path = folder / name
    np.savetxt(path, np.column_stack([frequency, gain_db]), delimiter=",")
    return path


def bands_of(filters):
    return [Band(**band) for band in filters]


@pytest.fixture(scope="module")
def headphone(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("headphone") / "run")
    with folder.locked():
        fit(plan({}, None, ()).config_file("headphone")[0].checked(), folder, Silent())
    return json.loads((folder / "filters.json").read_text()), folder


def test_the_figures_are_those_of_the_filters_in_the_file(headphone):
    written, folder = headphone
    target = read_target(find_target("headphone")[1])
    frequency = np.array(target.frequency)
    response = response_db(bands_of(written["filters"]), frequency)
    figures = folder.record["figures"]
    for where, high in (("", 20000), (", 20 Hz to 10 kHz", 10000)):
        band = frequency <= high
        rms, largest = deviation(response[band], np.array(target.gain_db)[band])
        assert figures[f"error of the filters{where}, rms"]["after"] == pytest.approx(rms, abs=1e-6)
        assert figures[f"error of the filters{where}, maximum"]["after"] == pytest.approx(largest, abs=1e-6)
    assert rms < 0.12
    error = response + written["gain_db"] - target.gain_db
    assert abs(error.mean()) < 0.006  # the gain is what is missing, rounded


def test_filters_are_rounded_shelves_at_the_ends_and_peaks_between(headphone):
    written, folder = headphone
    filters = written["filters"]
    assert [f["type"] for f in filters] == ["lowshelf", *["peaking"] * 8, "highshelf"]
    peaks = [f["frequency"] for f in filters[1:-1]]
    assert peaks == sorted(peaks)
    assert all(f["frequency"] == round(f["frequency"], 2) and f["q"] == round(f["q"], 3) for f in filters)
    table = (folder / "filters.txt").read_text().splitlines()
    assert table[1].split()[:2] == ["1", "lowshelf"]
    assert table[-1].split() == ["gain", f"{written['gain_db']:+.2f}", "dB"]


def test_the_saved_model_is_the_equaliser_of_the_filters(headphone):
    written, folder = headphone
    filters = written["filters"]
    eq = flamo.load(folder / "model.safetensors")
    assert eq.frequency.flatten().tolist() == pytest.approx([f["frequency"] for f in filters])
    response = 20 * np.log10(np.abs(signal.sosfreqz(eq.sos()[0, 0].numpy(), FREQUENCY, fs=48000)[1]))
    np.testing.assert_allclose(response, response_db(bands_of(filters), FREQUENCY), atol=1e-6)
    assert (folder / "plots" / "filters.png").read_bytes().startswith(b"\x89PNG")


def test_a_known_equaliser_is_found_again(tmp_path):
    truth = [Band("lowshelf", 100.0, 5.0, 0.7), Band("peaking", 1000.0, -4.0, 2.0), Band("highshelf", 8000.0, 3.0, 0.7)]
    curve = response_db(truth, FREQUENCY, 44100)
    [found] = fitted([curve_file(tmp_path, FREQUENCY, curve)], bands=3, fs=44100, free_gain=False)
    assert [band.type for band in found.equalizer.parts] == [band.type for band in truth]
    for band, true in zip(found.equalizer.parts, truth, strict=True):
        assert (band.frequency, band.gain_db, band.q) == pytest.approx((true.frequency, true.gain_db, true.q), rel=1e-2)
    assert found.equalizer.gain_db == 0.0


def test_a_gain_is_found_where_it_is_free(tmp_path):
    truth = [Band("peaking", 300.0, 5.0, 0.7), Band("peaking", 3000.0, -3.0, 2.0)]
    file = curve_file(tmp_path, FREQUENCY, response_db(truth, FREQUENCY) - 7.5)
    [free] = fitted([file], types="peaking,peaking")
    assert free.equalizer.gain_db == pytest.approx(-7.5, abs=0.02)
    [kept] = fitted([file], types="peaking,peaking", free_gain=False)
    assert kept.errors()[0] > 0.5 > 0.02 > free.errors()[0]


@pytest.mark.parametrize("bands", [1, 2, 3])
def test_few_bands(tmp_path, bands):
    file = curve_file(tmp_path, [20.0, 200.0, 2000.0, 20000.0], [2.0, 1.0, 0.0, -1.0])
    [found] = fitted([file], bands=bands, steps=5)
    assert len(found.equalizer.parts) == bands


def test_a_target_fares_alone_as_it_does_among_others(tmp_path):
    short = curve_file(tmp_path, *np.loadtxt(HEADPHONES[3], delimiter=",", skiprows=1)[10:, :2].T)
    files = [HEADPHONES[0], short, HEADPHONES[1]]  # the second has bounds of its own: another batch
    for file, filters in zip(files, fitted(files, bands=5), strict=True):
        [alone] = fitted([file], bands=5)
        assert alone.equalizer == filters.equalizer


def test_what_is_ignored_or_has_no_weight_does_not_count(tmp_path):
    bump = 12 * np.exp(-((np.log2(FREQUENCY / 3000) / 0.2) ** 2))
    file = curve_file(tmp_path, FREQUENCY, bump)
    [all_of_it] = fitted([file], bands=2)
    [ignoring] = fitted([file], bands=2, ignore=["1000:9000"])
    [unweighted] = fitted([file], bands=2, weights="999:1,1000:0,9000:0,9001:1")
    assert max(abs(band.gain_db) for band in all_of_it.equalizer.parts) > 1
    assert ignoring.errors()[0] < 0.01
    assert unweighted.errors()[0] < 0.01
    low = (FREQUENCY > 3000).astype(float)
    [tilted] = fitted([curve_file(tmp_path, FREQUENCY, 6 * low)], bands=1, types="peaking", weights="2900:9,3100:1")
    near, far = (np.abs(tilted.error_db[(FREQUENCY > 3000) == side]).mean() for side in (False, True))
    assert near < far


def test_the_range_is_what_counts():
    [found] = fitted(HEADPHONES[:1], range="100:5000")
    assert 100 <= found.target.frequency[0] < found.target.frequency[-1] <= 5000
    assert all(100 <= band.frequency <= 5000 for band in found.equalizer.parts)


def test_points_above_half_the_sampling_frequency_are_left_out(tmp_path):
    assert experiment_of(fs=16000).wanted.curve.frequency[-1] < 8000
    high = curve_file(tmp_path, [400.0, 600.0, 700.0], [0.0] * 3)
    with pytest.raises(InputError, match="1 points from 20 to 500 Hz; at least 3 are needed"):
        experiment_of(high, fs=1000)
    near = curve_file(tmp_path, [491.0, 493.0, 495.0], [0.0] * 3)
    with pytest.raises(InputError, match="no room for bands from 491 to 490 Hz; choose a higher fs"):
        experiment_of(near, fs=1000)


def test_an_extreme_target_is_fitted_within_the_limits(tmp_path):
    file = curve_file(tmp_path, [20.0, 30.0, 600.0, 2e4], [-200.0, 150.0, 200.0, -200.0])
    [found] = fitted([file], bands=32, steps=10)
    assert max(abs(band.gain_db) for band in found.equalizer.parts) <= 20


def test_very_many_points_count_as_they_are_but_are_not_all_computed_with(tmp_path):
    dense = np.concatenate([np.geomspace(20, 2000, 30000), np.geomspace(2001, 20000, 100)])
    level = 4 * np.sin(2 * np.log(dense))
    experiment = experiment_of(curve_file(tmp_path, dense, level), weights="20:1,20000:3")
    fit = experiment.least_squares()
    assert fit.target.shape[1] < 1000
    [found] = fitted([tmp_path / "curve.csv"], weights="20:1,20000:3", bands=6)
    assert len(found.error_db) == len(dense)
    weighted = np.average(found.error_db**2, weights=found.weight)
    x = found.model.map.inverse(torch.stack([getattr(found.model, n) for n in ("frequency", "q", "gain_db")], 1))
    again = experiment_of(tmp_path / "curve.csv", weights="20:1,20000:3", bands=6).least_squares()
    residuals = again.linearise(x.reshape(1, 1, -1))[0][..., again.parts["curve_error"]]
    assert residuals.square().sum().item() == pytest.approx(weighted, rel=0.02, abs=1e-4)


# -- gear --------------------------------------------------------------------------------------------------------------

GEAR = """\
bands:
  - {type: lowshelf, frequency: [40, 200], q: 0.7, gain_db: [-6, 6]}
  - {frequency: [200, 8000], q: [0.5, 4], gain_db: [-12, 6], count: 3}
steps: {frequency: [50, 80, 100, 125, 160, 250, 500, 1000, 2000, 3150, 4000, 6300], gain_db: 1, q: 0.5}
"""


def test_gear_gets_numbers_that_it_takes_and_its_best_ones(tmp_path):
    (tmp_path / "gear.yaml").write_text(GEAR)
    [found] = fitted(HEADPHONES[:1], device=tmp_path / "gear.yaml")
    parts = found.equalizer.parts
    assert [band.type for band in parts] == ["lowshelf", "peaking", "peaking", "peaking"]
    assert parts[0].q == 0.7
    assert all(band.gain_db == round(band.gain_db) and -12 <= band.gain_db <= 6 for band in parts)
    assert all(band.q in (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4) for band in parts[1:])
    listed = (50, 80, 100, 125, 160, 250, 500, 1000, 2000, 3150, 4000, 6300)
    assert all(band.frequency in listed for band in parts)
    frequency, target = np.array(found.target.frequency), np.array(found.target.gain_db)
    best = found.errors()[0]
    for n, band in enumerate(parts):
        for gain in (band.gain_db - 1, band.gain_db + 1):
            if -12 <= gain <= 6 and (n or abs(gain) <= 6):
                other = [*parts[:n], replace(band, gain_db=gain), *parts[n + 1 :]]
                assert deviation(response_db(other, frequency), target)[0] > best * 0.999


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bands: []", "line 1: bands: list should have at least 1 item"),
        ("bands:\n  - {frequency: 100, q: 1}", "line 2: bands.0.gain_db: field required"),
        ("bands:\n  - {frequency: 100, q: x, gain_db: [-1, 1]}", "line 2: bands.0.q: "),
        ("bands:\n  - {frequency: 100, q: 1, gain_db: [1, -1]}", "bands.0.gain_db: must be [lowest, highest]"),
        ("bands:\n  - {frequency: 100, q: 1, gain_db: [-1, 1], typ: peaking}", "bands.0.typ: extra inputs"),
        (
            "bands:\n  - {frequency: [20, 50], q: 1, gain_db: [-1, 1]}\nsteps: {frequency: [60, 70]}",
            "line 2: bands.0.frequency: no value of steps.frequency lies in this range",
        ),
        ("[", "gear.yaml"),
    ],
)
def test_a_mistake_in_a_device_file_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "gear.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        fitted(HEADPHONES[:1], device=tmp_path / "gear.yaml")
    assert message in str(error.value)


def test_the_cost_of_rounding_is_that_of_what_counts():
    """Weights that leave large errors where nothing counts."""
    [found] = fitted(HEADPHONES[:1], weights="20:1,3000:1,4000:0.01,20000:0.01", bands=5)
    assert found.errors()[0] > found.unrounded_rms + 0.1
    assert found.rounding_cost < 0.005


def test_a_gain_of_gear_may_be_fixed(tmp_path):
    (tmp_path / "gear.yaml").write_text(GEAR.replace("gain_db: [-6, 6]", "gain_db: 3"))
    [found] = fitted(HEADPHONES[:1], device=tmp_path / "gear.yaml")
    assert found.equalizer.parts[0].gain_db == 3.0


@pytest.mark.parametrize("file", HEADPHONES[:4], ids=lambda file: file.stem)
def test_gear_with_few_frequencies_has_no_bands_that_undo_one_another(tmp_path, file):
    (tmp_path / "gear.yaml").write_text(GEAR.replace("count: 3", "count: 6"))
    [found] = fitted([file], device=tmp_path / "gear.yaml")
    for a, b in combinations(found.equalizer.parts, 2):
        assert a.gain_db * b.gain_db >= 0 or abs(np.log2(a.frequency / b.frequency)) > 1 / 12


@pytest.mark.parametrize(("bands", "q"), [(10, 1.414), (15, 2.145), (31, 4.318)])
def test_a_graphic_equaliser_has_the_best_gains(bands, q):
    [found] = fitted(HEADPHONES[:1], recipe="geq", bands=bands, fs=96000)
    parts = found.equalizer.parts
    assert [band.q for band in parts] == [q] * bands
    ratio = {band.frequency / other.frequency for band, other in zip(parts[1:], parts[:-1], strict=True)}
    assert max(ratio) == pytest.approx(min(ratio), rel=1e-3)
    assert 1000.0 in [band.frequency for band in parts]
    frequency, target = np.array(found.target.frequency), np.array(found.target.gain_db)

    def residual(gains):
        response = response_db([replace(b, gain_db=g) for b, g in zip(parts, gains, strict=True)], frequency, 96000)
        return response - target - np.mean(response - target)

    best = optimize.least_squares(residual, np.zeros(bands), bounds=(-20, 20), xtol=1e-6)
    assert found.errors()[0] < np.sqrt(np.mean(best.fun**2)) * 1.02


# -- measurements ------------------------------------------------------------------------------------------------------


def test_a_measurement_is_made_a_target_as_autoeq_does():
    curves = [np.genfromtxt(DATA / f"{n}.csv", delimiter=",", names=True) for n in ("harman_over_ear_2018",)]
    raw = np.genfromtxt(DATA / "akg_k371_oratory1990_raw.csv", delimiter=",", names=True)
    processed = np.genfromtxt(DATA / "akg_k371_processed.csv", delimiter=",", names=True)
    measurement, target = (Curve("x", tuple(c["frequency"]), tuple(c["raw"])) for c in (raw, curves[0]))
    made = equalization(measurement, target, smoothing=12, max_boost_db=6.0, max_slope=18.0)
    f = processed["frequency"]
    difference = np.interp(np.log(f), np.log(made.frequency), made.gain_db) - processed["equalization"]
    for low, high, rms in ((20, 6000, 0.05), (6000, 10000, 0.1), (10000, 20000, 0.02)):
        band = (f >= low) & (f <= high)
        assert np.sqrt(np.mean(difference[band] ** 2)) < rms


def test_limits_of_a_measurement():
    notch = -24 * np.exp(-((np.log2(FREQUENCY / 2000) / 0.1) ** 2)) + 12 * (FREQUENCY < 100)
    measurement = Curve("notch", tuple(FREQUENCY), tuple(notch))
    flat = Curve("flat", (10.0, 30000.0), (0.0, 0.0))
    free, limited = equalization(measurement, flat), equalization(measurement, flat, max_boost_db=6.0, max_slope=12.0)
    assert max(free.gain_db) > 20
    assert max(limited.gain_db) <= 6
    f, gain = np.array(limited.frequency), np.array(limited.gain_db)
    boosted = (gain[1:] > 0) & (gain[:-1] > 0)
    assert np.abs(np.diff(gain) / np.diff(np.log2(f)))[boosted].max() <= 12 * (1 + 1e-9)
    np.testing.assert_array_equal(gain[gain < 0], np.array(free.gain_db)[gain < 0])  # cuts are left as they are
    with pytest.raises(InputError, match="x and flat have no frequencies in common"):
        equalization(Curve("x", (1.0, 2.0, 3.0), (0.0,) * 3), flat)


def test_a_measurement_is_fitted_to_a_target():
    files = (DATA / "akg_k371_oratory1990_raw.csv", DATA / "harman_over_ear_2018.csv")
    [found] = fitted(files[:1], target=files[1], smoothing=12.0, max_boost=6.0, max_slope=18.0)
    assert found.target.name == "akg_k371_oratory1990_raw"
    assert found.errors(20, 10000)[0] < 0.15


# -- configurations ----------------------------------------------------------------------------------------------------


def test_errors_in_a_band_without_points_are_not_numbers():
    assert np.isnan(fitted_filters(experiment_of()).errors(30000, 40000)).all()


@pytest.mark.parametrize("name", ["x$_{$y", "耳机 👂", "a\tb"])
def test_a_name_is_no_formula(tmp_path, name):
    found = fitted_filters(experiment_of())
    plot_fit(replace(found, target=replace(found.target, name=name)), tmp_path / "fit.png")
    assert (tmp_path / "fit.png").exists()


def test_bands_that_work_against_each_other_are_named():
    experiment = experiment_of(bands=3, types="peaking,peaking,peaking")
    eq = experiment.model.get_core()
    eq.set(frequency=[1000.0, 1040.0, 5000.0], gain_db=[6.0, -6.0, -6.0], q=1.0)
    curve = experiment.wanted.curve
    even = np.full(len(curve.frequency), 1 / len(curve.frequency))
    filters = filters_of(eq, curve, even, True, experiment.config.rounding)
    assert [note for note in filters.notes() if "filters 1 and 2 work against each other at" in note]
    assert len(list(filters.notes())) == 1


@pytest.mark.parametrize(
    "change", [{"system": {"gain": {"size": [1, 1], "learn": True}}}, {"target": "flat", "output": "magnitude"}]
)
def test_filters_are_exported_of_equalisers_that_are_fitted_to_curves(change):
    sets = [f"{key}={json.dumps(value)}" for key, value in change.items()] + ["losses=[mse]", "optimizer=adam"]
    with pytest.raises(ConfigError, match="exports: filters are those of a parametric_eq"):
        experiment_of(sets=sets)


def test_a_curve_is_no_output_of_another_target():
    with pytest.raises(ConfigError, match="'output: curve' needs a curve"):
        experiment_of(sets=["target=flat", "exports=[wav]"])


def test_the_same_seed_gives_the_same_filters_and_another_one_other_starts():
    first, again, other = (fitted(HEADPHONES[:1], seed=seed, bands=6, steps=20)[0] for seed in (1, 1, 2))
    assert first.equalizer == again.equalizer
    assert first.equalizer != other.equalizer


def test_examples_of_the_package_are_found():
    assert Path(find_target("headphone")[1]).name == "akg_k371.csv"
