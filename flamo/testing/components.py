"""What every component has to keep: what its author tells of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from flamo.testing.case import Case
from flamo.testing.check import require

_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_FOREIGN = ("torch.", "builtins")  # modules whose documentation is not the author's


def signature_is_explicit(case: Case) -> None:
    """Its constructor names every argument.

    Write them out instead of **kwargs: the signature is what configurations may say, and what is checked."""
    hidden = [str(p) for p in _parameters(case.target) if p.kind is p.VAR_KEYWORD]
    require(not hidden, f"its constructor takes {' and '.join(hidden)}")


def arguments_are_documented(case: Case) -> None:
    """Every argument of the constructor stands in the docstring.

    Add a line 'name: what it is, its unit, what None means' below 'Args:'."""
    text = "\n".join(
        inspect.getdoc(cls) or "" for cls in case.target.__mro__ if not cls.__module__.startswith(_FOREIGN)
    )
    names = [p.name for p in _parameters(case.target) if p.kind not in _OPEN]
    missing = [name for name in names if not re.search(rf"^\s*([*\w]+, )*{name}(, [*\w]+)*:", text, re.MULTILINE)]
    require(not missing, f"its docstring says nothing of {', '.join(missing)}")


def summary_is_the_first_line(case: Case) -> None:
    """The summary in plugin.py is the first line of the docstring.

    Copy one over the other: 'flamo list' shows the summary, 'flamo show' the docstring."""
    first = (inspect.getdoc(case.target) or "").partition("\n")[0]
    summary = case.offer.component.summary if case.offer else first
    require(bool(first), "it has no docstring")
    require(first == summary, f"the docstring begins with {first!r}, the summary is {summary!r}")


def checks(case: Case) -> Iterator[Any]:
    """Every check that a class is asked; classes of torch itself are not their author's."""
    if inspect.isclass(case.target) and not case.target.__module__.startswith(_FOREIGN):
        yield from (signature_is_explicit, arguments_are_documented, summary_is_the_first_line)


def _parameters(target: type) -> Iterable[inspect.Parameter]:
    return inspect.signature(target).parameters.values()
