"""The report of a run, read as a browser does."""

from html.parser import HTMLParser

import numpy as np
import pytest

from flamo import plots
from flamo.audio import write_wav
from flamo.report import write_report

RECORD = {
    "flamo": "0.3.0",
    "status": "finished",
    "command": "flamo fit room.yaml",
    "resume": "flamo fit --resume runs/room",
    "error": None,
    "seed": 3,
    "threads": 2,
    "versions": {"python": "3.11", "torch": "2.13.0"},
    "system": "Linux, x86_64",
    "config_sha256": "ab12",
    "inputs": {"room.wav": "cd34"},
    "started": "2026-11-23T00:00:00+00:00",
    "ended": "2026-11-23T00:00:12+00:00",
    "seconds": 12.34,
    "steps": 2000,
    "best_step": 1990,
    "notes": ["resampled from 44100 Hz"],
    "figures": {"loss": {"before": 2.0, "after": 0.5, "unit": ""}, "rms": {"after": 0.1234567, "unit": "dB"}},
}


class Page(HTMLParser):
    """Tags, attributes and text of a page, each element closed as it should be."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def report(tmp_path):
    def make(**changes):
        write_report(tmp_path, {**RECORD, **changes})
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return make


def test_figures_are_a_table_with_their_change(report):
    text = report().text
    assert "loss 2 0.5 -75 %" in text
    assert "rms 0.1235 dB" in text
    for words in ("2000 steps, the best at 1990", "12.34 s", "flamo fit room.yaml", "torch 2.13.0", "seed 3", "cd34"):
        assert words in text


def test_what_is_not_finished_is_a_warning_with_the_way_on(report):
    assert "Go on with" not in report().text
    text = report(status="failed", error="step 3: loss 'mse' is nan").text
    assert "This run is failed: step 3: loss 'mse' is nan. Go on with flamo fit --resume runs/room" in text


def test_it_needs_no_other_file(report, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "audio").mkdir()
    plots.plot_magnitude(np.arange(5.0), {"after": np.arange(5.0)}, tmp_path / "plots" / "magnitude.png")
    write_wav(tmp_path / "audio" / "impulse_response.wav", np.ones(10), 48000)
    sources = [
        value for _, attributes in report().tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert [source.split(",")[0] for source in sources] == ["data:image/png;base64", "data:audio/wav;base64"]


def test_everything_from_outside_is_escaped(report, tmp_path):
    evil = "<script>alert('x')</script>"
    (tmp_path / "config.yaml").write_text(evil)
    page = report(
        command=evil, notes=[evil], figures={evil: {"before": 1.0, "after": None, "unit": evil}}, inputs={evil: evil}
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(evil) >= 4


def test_the_same_curves_are_the_same_bytes(tmp_path):
    rows = [{"step": n, "loss": 2.0**-n, "losses": {"a": 2.0**-n, "b": -1.0}} for n in range(5)]
    for name in ("a.png", "b.png"):
        plots.plot_losses(rows, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("values", [np.full(50, np.nan), np.zeros(50), np.full(50, -np.inf), np.array([1.0])])
@pytest.mark.parametrize("plot", [plots.plot_impulse, plots.plot_decay])
def test_curves_without_shape_are_drawn_all_the_same(tmp_path, values, plot):
    plot({"before": values, "after": np.ones(50)}, 48000, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
