"""What the two command lines share: everything that goes wrong is one line."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from .errors import BenchmarkError


class OneLineParser(argparse.ArgumentParser):
    """A parser that leaves it to the caller to say what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise BenchmarkError(message)


def positive(text: str) -> int:
    """A whole number above zero."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return value


def exit_code(name: str, run: Callable[[], int]) -> int:
    """What `run` returns; 2 and one line where it cannot run; 130 where it is interrupted."""
    try:
        return run()
    except KeyboardInterrupt:
        return 130
    except (BenchmarkError, OSError) as error:
        print(f"{name}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
