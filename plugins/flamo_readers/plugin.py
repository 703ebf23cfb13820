"""What flamo_readers offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield from ()
