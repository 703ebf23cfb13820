"""The README is always true: its code runs."""

import re
from pathlib import Path

from flamo.testing import write_plugin

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs(run_python):
    assert (
        run_python("-W", "error", "-c", BLOCKS[0] + "\nprint(response.shape)").stdout == "torch.Size([1, 24001, 1])\n"
    )


def test_the_plugin_in_ten_lines_is_one(run_python, tmp_path):
    plugin, allpass = BLOCKS[1].split("# acme/allpass.py\n")
    target = plugin.replace("acme.allpass", "pkg_acme.allpass")
    folder = write_plugin(tmp_path, target, allpass=allpass)
    code = (
        "import flamo; print(flamo.get('processor', 'acme/allpass')(nfft=8).probe(1j).abs().round(decimals=5).item())"
    )
    assert run_python("-c", code, PYTHONPATH=str(folder)).stdout == "1.0\n"


def test_the_commands_exist(run_python):
    commands = re.findall(r"^flamo (list.*?|show.*?|plugins.*?)(?: +#.*)?$", README, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        assert run_python("-m", "flamo", *command.split()).stderr == ""


def test_documents_that_are_linked_exist():
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!http)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), (document.name, link)
