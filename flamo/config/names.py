"""What the names in a description mean: components of the registry and constraints, never import paths."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from torch import nn

from flamo import registry
from flamo.config.arguments import nearest
from flamo.core import constraints
from flamo.errors import AmbiguousComponentError, ComponentLoadError, UnknownComponentError
from flamo.registry import Offer

MODULES = ("processor", "transform", "container")
"""The kinds that a system is made of."""


def find(kinds: tuple[str, ...], name: str) -> Offer:
    """What a name means among several kinds, by the rules of :func:`flamo.registry.find`.

    Raises:
        UnknownComponentError, AmbiguousComponentError: likewise.
    """
    if len(kinds) == 1:
        return registry.find(kinds[0], name)
    found, ambiguous = [], None
    for kind in kinds:
        try:
            found.append(registry.find(kind, name))
        except AmbiguousComponentError as error:
            ambiguous = error
        except UnknownComponentError:
            pass
    ours = [offer for offer in found if offer.plugin.ours] or found
    if ambiguous and not any(offer.plugin.ours for offer in ours):
        raise ambiguous
    if len(ours) > 1:
        kinds_found = " and a ".join(offer.component.kind for offer in ours)
        raise AmbiguousComponentError(f"{name!r} is a {kinds_found}; put the plugin's name before it")
    if not ours:
        known = [n for kind in kinds for o in registry.offers(kind) for n in (*o.component.names, o.qualified_name)]
        hint = f"; {owner}" if (owner := registry.out_of_use(name)) else _hint(name, known) + registry.not_in_use()
        raise UnknownComponentError(f"unknown component {name!r}{registry.without_plugin(name)}{hint}")
    return ours[0]


def _hint(name: str, known: list[str]) -> str:
    hint = nearest(name, known)
    return hint if "did you mean" in hint else "; 'flamo list' shows them all"


def offer_of(cls: type) -> Offer | None:
    """What offers a class: ours first, for several."""
    for offer in (offer for kind in MODULES for offer in registry.offers(kind)):
        module, _, attribute = offer.component.target.partition(":")
        related = module.partition(".")[0] == cls.__module__.partition(".")[0]
        if related or attribute == cls.__name__:
            with contextlib.suppress(ComponentLoadError):  # it is not that one: the class is there
                if registry.load(offer) is cls:
                    return offer
    return None


def offers_of(model: nn.Module) -> Iterator[Offer]:
    """What offers the parts of a system."""
    for cls in dict.fromkeys(map(type, model.modules())):
        if offer := offer_of(cls):
            yield offer


def stepper(name: str) -> Any:
    """The trainer of a name that leads a run from a file (see :class:`flamo.protocols.Stepper`); None for any other."""
    try:
        trainer = registry.get("trainer", name)
    except (UnknownComponentError, AmbiguousComponentError):
        return None
    return trainer if all(hasattr(trainer, method) for method in ("step", "state", "restore", "load_best")) else None


def qualified(offer: Offer) -> str:
    """The name that a description uses: with the plugin's before it, unless the component is ours."""
    return offer.component.name if offer.plugin.ours else offer.qualified_name


def constraint_name(cls: type) -> str:
    """The name of a constraint class.

    >>> constraint_name(constraints.LogInterval)
    'log_interval'
    """
    return re.sub(r"(?<!^)([A-Z])", r"_\1", cls.__name__).lower()


CONSTRAINTS: dict[str, type] = {
    constraint_name(cls): cls
    for cls in vars(constraints).values()
    if isinstance(cls, type) and issubclass(cls, constraints.Constraint) and cls is not constraints.Constraint
}
"""The constraints that a description can name."""


def constraint(name: str) -> type:
    """The class behind the name of a constraint.

    Raises:
        UnknownComponentError: there is none.
    """
    if name not in CONSTRAINTS:
        raise UnknownComponentError(f"unknown constraint {name!r}{nearest(name, [*CONSTRAINTS])}")
    return CONSTRAINTS[name]
