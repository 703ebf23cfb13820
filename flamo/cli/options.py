"""Options that several commands have."""

from typing import Annotated

import typer

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show more; of an error, the traceback.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
