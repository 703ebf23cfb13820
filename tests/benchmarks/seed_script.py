"""The example of the reference's README as a whole script, in a process of its own."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EPOCHS = 10
EXAMPLE = Path(__file__).parent.parent / "data" / "seed_example.py"

CHANGES = [  # the same for both sides
    ("in_ch, out_ch = 1, 2", "torch.set_num_threads({threads})\ntorch.manual_seed(0)\nin_ch, out_ch = 1, 2"),
    ("nfft = fs*2", "nfft = {nfft}"),
    ("alias_decay_db=0,", "alias_decay_db=0, device='cpu',"),  # without it the reference raises
    ("max_epochs=10,", f"max_epochs={EPOCHS}, patience={EPOCHS},"),  # else the two stop after different epochs
]
FOOTER = "\nprint('magnitude', estimation.abs().mean().item())\n"


def script(nfft: int, threads: int, numba: bool = True) -> str:
    """The example, changed as little as it takes to run in both implementations and for the same number of epochs."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in CHANGES:
        if text.count(old) != 1:
            raise ValueError(f"{EXAMPLE.name} should hold {old!r} once")
        text = text.replace(old, new.format(nfft=nfft, threads=threads))
    return ("" if numba else "import sys; sys.modules['numba'] = None\n") + text + FOOTER


def run(nfft: int, threads: int, numba: bool = True) -> tuple[float, dict[str, float]]:
    """The seconds that the script takes from start to end of its process, and what it arrives at."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "output").mkdir()  # the reference does not make it
        path = Path(folder) / "script.py"
        path.write_text(script(nfft, threads, numba), encoding="utf-8")
        start = time.perf_counter()
        command = [sys.executable, "-I", str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"the example failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    epochs = set(re.findall(r"epoch: +(\d+)", done.stdout + done.stderr))
    magnitude = re.search(r"magnitude ([\d.e+-]+)", done.stdout)
    return seconds, {"magnitude": float(magnitude[1]) if magnitude else float("nan"), "epochs": float(len(epochs))}
