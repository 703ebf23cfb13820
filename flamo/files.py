"""Files that are there completely or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PREFIX = ".flamo-"
"""What the name of anything unfinished begins with."""


def write_file(path: Path, data: bytes) -> None:
    """Write beside the destination and move there: nobody ever finds half a file under that name.

    Args:
        path: destination, in a folder that exists; a file there is replaced.
        data: all of its bytes. They are on the disk before the name is theirs.

    Raises:
        OSError: the folder cannot be written to, or is full; a file that was there is as it was.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=path.parent) as folder:
        staged = Path(folder) / path.name
        with staged.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
