"""The ``flamo`` command, also as ``python -m flamo``."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still loading is no traceback either."""
    try:
        from flamo.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
