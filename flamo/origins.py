"""Which plugins something needs: recorded where it is written, asked for where it is read. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flamo import registry
from flamo.errors import InputError
from flamo.registry import Offer


def origins(offers: Iterable[Offer]) -> dict[str, dict[str, str]]:
    """The plugins of components by name, each with its distribution and version.

    >>> list(origins([registry.find("processor", "biquad")]))
    ['filters']
    """
    plugins = {offer.plugin.name: offer.plugin for offer in offers}
    return {name: {"distribution": p.distribution, "version": p.version} for name, p in plugins.items()}


def check_origins(needed: Mapping[str, Any]) -> None:
    """Whether all plugins are there, as :func:`origins` has recorded them; whatever version they have.

    Raises:
        InputError: one is not, or is out of use; names its distribution.

    >>> check_origins({"acme": {"distribution": "acme-dsp", "version": "1.2"}})
    Traceback (most recent call last):
    ...
    flamo.errors.InputError: needs the plugin 'acme' of 'acme-dsp 1.2', which is not installed; pip installs it
    """
    there = {plugin.name: plugin.status for plugin in registry.plugins()}
    for name, source in needed.items():
        if there.get(name) != "ok":
            missing = "is not installed; pip installs it"
            state = f"is {there[name]} here: see 'flamo plugins -v'" if name in there else missing
            origin = " ".join(map(str, source.values())) if isinstance(source, dict) else "unknown"
            raise InputError(f"needs the plugin {name!r} of {origin!r}, which {state}")
