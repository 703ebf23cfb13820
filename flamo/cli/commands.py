"""Commands that plugins add: listed by ``flamo --help``, imported only when they run."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from flamo import registry
from flamo.errors import ComponentLoadError, UnknownComponentError


class Commands(TyperGroup):
    """Our commands, and below them the components of kind ``command``; a name of ours is never another's."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, ours first."""
        return [*self.commands, *_offered(self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command of ours, or what ``--help`` tells of another's."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        offer = _offered(self.commands).get(cmd_name)
        return offer and TyperCommand(cmd_name, help=offer.component.summary, rich_help_panel="Commands of plugins")

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run: here another's is imported."""
        name, *rest = args
        if name in self.commands:
            return name, self.commands[name], rest
        return name, _loaded(name, self.list_commands(ctx)), rest


def command_of(made: Any, name: str) -> Any:
    """A command of a ``typer.Typer`` or a function, as typer makes it."""
    group = typer.Typer()
    group.add_typer(made, name=name) if isinstance(made, typer.Typer) else group.command(name)(made)
    return get_group(group).commands[name]


def _offered(ours: Any) -> dict[str, registry.Offer]:
    """What plugins offer, by the shortest name that means it."""
    offers = list(registry.offers("command"))
    counts = Counter(_typed(offer.component.name) for offer in offers)
    bare = {name for name, count in counts.items() if count == 1 and name not in ours}
    names = ((_typed(offer.component.name), offer) for offer in offers)
    return {name if name in bare else f"{offer.plugin.name}/{name}": offer for name, offer in names}


def _typed(name: str) -> str:
    """A component's name in the manner of a command line."""
    return name.replace("_", "-")


def _loaded(name: str, known: list[str]) -> Any:
    plugin, slash, bare = name.rpartition("/")
    try:
        offer = registry.find("command", plugin + slash + bare.replace("-", "_"))
    except UnknownComponentError:
        hint = difflib.get_close_matches(name, known, 1)
        did = f"did you mean {hint[0]!r}?" if hint else "'flamo --help' shows them all"
        raise UnknownComponentError(
            f"unknown command {name!r}{registry.without_plugin(name)}; {did}{registry.not_in_use()}"
        ) from None
    made = registry.load(offer)
    try:
        return command_of(made, bare)
    except Exception as error:
        raise ComponentLoadError(
            f"command {offer.qualified_name!r} of {offer.plugin.origin} cannot be used: it must be a typer.Typer, or "
            f"a function whose parameters typer knows: {error}"
        ) from error
