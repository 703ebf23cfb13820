"""``python -m flamo.cli``, where the script is not on the path."""

from flamo.cli import main

main()
