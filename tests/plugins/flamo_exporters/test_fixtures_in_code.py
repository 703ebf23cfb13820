"""The equaliser of tests/data in the dialects that are compiled or heard, not parsed."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from truth import DATA

from flamo.audio import read_impulse

FORMATS, COMPILED = DATA / "formats", DATA / "compiled"
LENGTH = 8192
MAIN = """
#include "coefficients.hpp"
#include <cstdio>
int main() {
    flamo_export::Cascade cascade;
    for (int n = 0; n < LENGTH; ++n) std::printf("%.17g\\n", cascade.process(n == 0));
}
"""
FAUST = """
import sys
import numpy as np
import cyfaust.cyfaust as faust
factory = faust.create_dsp_factory_from_string("filter", sys.stdin.read())
dsp = factory.create_dsp_instance()  # which the factory must outlive
dsp.init(48000)
x, y = np.zeros((1, LENGTH), dtype=np.float32), np.zeros((1, LENGTH), dtype=np.float32)
x[0, 0] = 1.0
dsp.compute(LENGTH, x, y)
np.save("heard.npy", y[0])
"""


def deviation_db(impulse_response):
    """From the reference response, without the gain of the preamplifier, in dB."""
    frequency, level, _ = np.loadtxt(FORMATS / "reference_response_48000.csv", delimiter=",", skiprows=1).T
    w = np.exp(-2j * np.pi * np.outer(frequency, np.arange(len(impulse_response))) / 48000)
    return np.abs(20 * np.log10(np.abs(w @ impulse_response)) + 6.3 - level).max()


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_the_header(tmp_path):
    shutil.copy(COMPILED / "coefficients.hpp", tmp_path)
    (tmp_path / "main.cpp").write_text(MAIN.replace("LENGTH", str(LENGTH)))
    subprocess.run(["g++", "-std=c++17", "main.cpp", "-o", "main"], cwd=tmp_path, check=True)
    out = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True).stdout
    assert deviation_db(np.array(out.split(), dtype=float)) < 1e-3


def test_the_program_in_faust(tmp_path):
    pytest.importorskip("cyfaust")
    code, program = FAUST.replace("LENGTH", str(LENGTH)), (COMPILED / "faust.dsp").read_bytes()
    subprocess.run([sys.executable, "-c", code], input=program, cwd=tmp_path, check=True, capture_output=True)
    assert deviation_db(np.load(tmp_path / "heard.npy")) < 0.02


def test_the_impulse_response():
    impulse = read_impulse(COMPILED / "ir_48000.wav", 48000, align=False)
    assert deviation_db(impulse.samples) < 0.001
