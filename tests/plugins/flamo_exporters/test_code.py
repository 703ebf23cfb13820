"""Generated code, compiled and run."""

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from designs import FS, coefficients, equalizer, far
from scipy.signal import sosfilt

from flamo.equalizer import Equalizer
from flamo.exporting import export

LENGTH = 2000
MAIN = """
#include "filter.hpp"
#include <cstdio>
#include <vector>

int main() {
    NAMESPACE::Filter one, block;
    std::vector<double> samples(LENGTH, 0.0);
    one.process(0.5);
    one.reset();
    samples[0] = 1.0;
    block.process(samples.data(), samples.size());
    for (int n = 0; n < LENGTH; ++n) std::printf("%.17g %.17g\\n", one.process(n == 0), samples[n]);
    return std::printf("%.17g %s", NAMESPACE::sample_rate, NAMESPACE::name) < 0;
}
"""


def impulse_response(eq):
    x = 10 ** (eq.gain_db / 20) * (np.arange(LENGTH) == 0)
    return sosfilt(eq.sos(FS), x) if eq.parts else x


def high(seed):
    """With no band below 1 kHz."""
    eq = equalizer(seed)
    return replace(eq, parts=tuple(replace(band, frequency=max(1000.0, band.frequency)) for band in eq.parts))


def compiled(folder, eq, name):
    """Standard output of a program that runs the header on an impulse; warnings are errors."""
    [header] = export(eq, ["cpp"], FS, name=name).values()
    namespace = header.decode().partition("namespace ")[2].partition(" ")[0]
    (folder / "filter.hpp").write_bytes(header)
    (folder / "main.cpp").write_text(MAIN.replace("NAMESPACE", namespace).replace("LENGTH", str(LENGTH)))
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
    subprocess.run(["g++", *flags, "main.cpp", "-o", "main"], cwd=folder, check=True, capture_output=True, text=True)
    return subprocess.run([folder / "main"], check=True, capture_output=True).stdout.decode()


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize(
    ("eq", "name"),
    [
        (equalizer(1), "HD 600 (Größe)"),
        (coefficients(2), '2nd "quoted" \\ ??/ %s {x}'),
        (equalizer(3), "int"),
        (Equalizer("", (), -3.0), "耳 机 \\"),
    ],
)
def test_cpp_filters_as_the_equaliser_does(tmp_path, eq, name):
    *rows, last = compiled(tmp_path, eq, name).splitlines()
    one, block = np.array([row.split() for row in rows], dtype=float).T
    assert far(one, impulse_response(eq)) < 1e-9
    assert far(block, impulse_response(eq)) < 1e-9
    assert last == f"48000 {name}"


RUN = """
import sys
import numpy as np
import cyfaust.cyfaust as faust
factory = faust.create_dsp_factory_from_string("filter", sys.stdin.read())
dsp = factory.create_dsp_instance()
dsp.init(48000)
x, y = np.zeros((1, {length}), dtype=np.float32), np.zeros((1, {length}), dtype=np.float32)
x[0, 0] = 1.0
dsp.compute({length}, x, y)
np.save("heard.npy", y[0])
"""


@pytest.mark.parametrize(
    ("eq", "name"),
    [
        (high(5), "HD 600 (Größe)"),
        (high(2), '2nd "quoted" \\ %s {x}; //'),
        (high(6), "process"),
        (Equalizer("", (), -3.0), "耳 机 \\"),
    ],
)
def test_faust_filters_as_the_equaliser_does(tmp_path, eq, name):
    pytest.importorskip("cyfaust")
    [program] = export(eq, ["faust"], FS, name=name).values()
    code = RUN.format(length=LENGTH)
    subprocess.run([sys.executable, "-c", code], input=program, cwd=tmp_path, check=True, capture_output=True)
    # Faust computes in float32 here, in direct form: 6e-8 / ω² of the lowest band, 1 kHz, in each of ten bands
    assert far(np.load(tmp_path / "heard.npy"), impulse_response(eq)) < 1e-4
