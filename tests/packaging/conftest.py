"""An environment for packages of strangers."""

import stat
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment of its own that sees flamo and its dependencies, and has the commands flamo, pip and pytest."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    executable = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    find = [executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    purelib = Path(subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip())
    (purelib / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n{ROOT / 'plugins'}\n")
    for name, module in (("flamo", "flamo.__main__"), ("pip", "pip._internal.cli.main"), ("pytest", "pytest")):
        command = executable.with_name(name)
        command.write_text(f"#!{executable}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return executable
