"""What is checked: a component, and how to make one of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from flamo import registry
from flamo.errors import ComponentLoadError, InputError
from flamo.registry import Offer


@dataclass(frozen=True)
class Case:
    """A component in one of its variants.

    Args:
        make: the class (of a command what it is), or a ``functools.partial`` of it with the arguments of the variant.
            What the checks vary themselves (``size``, ``nfft``, ``alias_decay_db``, ``dtype``, ``requires_grad``) is
            passed by keyword, where the constructor has it.
        kind: its kind; found in the registry where an installed plugin offers the class.
        sample: of a reader, the bytes of a file that it reads.

    Raises:
        InputError: no kind is given, and no installed plugin offers the class.

    >>> from functools import partial
    >>> from flamo import Biquad
    >>> case = Case(partial(Biquad, n_sections=2))
    >>> case.kind, case.label, case.build(nfft=8, unknown=1).n_sections
    ('processor', 'Biquad-2', 2)
    """

    make: Callable[..., Any]
    kind: str = ""
    sample: bytes | None = None
    offer: Offer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "offer", self.offer or _offer_of(self.target))
        if not self.kind and not self.offer:
            raise InputError(
                f"{self.label} is no component of an installed plugin: install the package with "
                f"'pip install -e .', or say Case({self.label}, kind='processor')"
            )
        object.__setattr__(self, "kind", self.kind or self.offer.component.kind)  # type: ignore[union-attr]

    @property
    def target(self) -> Any:
        """The class itself."""
        return self.make.func if isinstance(self.make, partial) else self.make

    @property
    def label(self) -> str:
        """How reports call it: the class and what the variant has of its own."""
        given = (*self.make.args, *self.make.keywords.values()) if isinstance(self.make, partial) else ()
        return "-".join([getattr(self.target, "__name__", "Typer"), *(_short(value) for value in given)])

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What may still be given."""
        try:
            return inspect.signature(self.make).parameters
        except (TypeError, ValueError):
            return {}

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Arguments without a default: nothing can be built before a variant gives them."""
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return tuple(n for n, p in self.parameters.items() if p.default is p.empty and p.kind in named)

    def build(self, *arguments: Any, **wanted: Any) -> Any:
        """One of it, with those of the arguments that its constructor has."""
        return self.make(*arguments, **{name: v for name, v in wanted.items() if name in self.parameters})


def _short(value: Any) -> str:
    """A value as part of a label."""
    return getattr(value, "__name__", None) or (str(value) if len(str(value)) < 20 else type(value).__name__)


def _offer_of(target: Any) -> Offer | None:
    """The component that a class is, ours first, for several."""
    for offer in registry.offers():
        named = getattr(target, "__name__", None)  # a typer.Typer has none
        if named in (None, offer.component.target.rpartition(":")[2]):
            try:
                if registry.load(offer) is target:
                    return offer
            except ComponentLoadError:
                continue
    return None
