"""The page "Write a plugin in five minutes" is what happens."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs/first-plugin.md").read_text(encoding="utf-8")
FILE = re.compile(r"# (\S+\.\w+)\n(.*)", re.DOTALL)


def follow(page, folder, python):
    """Save each block that names its file and type each line of the others; what the commands print, by command."""
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
    printed = {}
    for language, block in re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL):
        if language != "bash":
            name, content = FILE.fullmatch(block).groups()
            (folder / name).write_text(content, encoding="utf-8")
            continue
        for line in block.splitlines():
            done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            printed[line] = done.stdout
    return printed


@pytest.mark.slow
def test_line_by_line_in_an_empty_folder(python, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    printed = follow(PAGE, folder, python)
    assert "acme/treble, from acme 0.1.0" in printed["flamo show acme/treble"]
    assert " checks, none failed" in printed["flamo check-plugin acme"]
    assert re.search(r"\d\d passed", printed["pytest -q acme"])
    assert float(re.search(r"\[(.*?)[\],]", printed["python listen.py"])[1]) == pytest.approx(6, abs=1e-4)
    learned = [text for line, text in printed.items() if line.startswith("python -c")]
    assert float(re.search(r"\[(.*?)[\],]", learned[0])[1]) == pytest.approx(6, abs=0.05)
