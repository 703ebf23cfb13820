"""What every component has to keep: what its author tells of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from flamo.testing.case import Case
from flamo.testing.check import require

_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def signature_is_explicit(case: Case) -> None:
    """Its constructor names every argument.

    Write them out instead of *args and **kwargs: the signature is what configurations may say, and what is checked."""
    hidden = [str(p) for p in inspect.signature(case.target).parameters.values() if p.kind in _OPEN]
    require(not hidden, f"its constructor takes {' and '.join(hidden)}")


def arguments_are_documented(case: Case) -> None:
    """Every argument of the constructor stands in the docstring.

    Add a line 'name: what it is, its unit, what None means' below 'Args:'."""
    text = "\n".join(inspect.getdoc(cls) or "" for cls in _classes(case.target))
    names = [p.name for p in inspect.signature(case.target).parameters.values() if p.kind not in _OPEN]
    missing = [name for name in names if not re.search(rf"^[\w, ]*\b{name}\b[\w, ]*:", _flat(text), re.MULTILINE)]
    require(not missing, f"its docstring says nothing of {', '.join(missing)}")


def summary_is_the_first_line(case: Case) -> None:
    """The summary in plugin.py is the first line of the docstring.

    Copy one over the other: 'flamo list' shows the summary, 'flamo show' the docstring."""
    first = (inspect.getdoc(case.target) or "").partition("\n")[0]
    summary = case.offer.component.summary if case.offer else first
    require(bool(first), "it has no docstring")
    require(first == summary, f"the docstring begins with {first!r}, the summary is {summary!r}")


def checks(case: Case) -> Iterator[Any]:
    """Every check that a component is asked; code of torch itself is not its author's."""
    if not case.target.__module__.startswith("torch."):
        yield signature_is_explicit
        yield arguments_are_documented
    yield summary_is_the_first_line


def _classes(target: Any) -> list[type]:
    """The class and its bases, but for those of torch and Python."""
    bases = [c for c in getattr(target, "__mro__", (target,)) if not c.__module__.startswith(("torch", "builtins"))]
    return bases


def _flat(text: str) -> str:
    """Lines without their indentation."""
    return "\n".join(line.strip() for line in text.splitlines())
