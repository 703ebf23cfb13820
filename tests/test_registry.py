"""Plugins of strangers: found by real discovery, from distributions that are only folders."""

import json
import pickle
import textwrap
from contextlib import ExitStack
from dataclasses import replace

import pytest
from strangers import ALLPASS, hook

from flamo import registry
from flamo.config.names import find
from flamo.errors import (
    AmbiguousComponentError,
    ComponentLoadError,
    InputError,
    PluginError,
    PluginWarning,
    UnknownComponentError,
)
from flamo.plugin import Component
from flamo.testing import make_plugin


@pytest.fixture
def install(fresh_registry):
    """Install a distribution with one plugin until the test ends."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(make_plugin(*args, **kwargs))


def the(plugin):
    return next(p for p in registry.plugins() if p.name == plugin and not p.ours)


def names(kind=None):
    return [offer.qualified_name for offer in registry.offers(kind)]


def test_a_stranger_adds_a_filter(install):
    install(hook(), allpass=ALLPASS)
    for name in ("allpass", "acme/allpass"):
        cls = registry.get("processor", name)
        assert cls().probe(1.0).shape == (1, 1)
    offer = registry.find("processor", "allpass")
    assert (offer.plugin.distribution, offer.plugin.version) == ("acme", "1.2")
    assert "acme/allpass" in names("processor")


def test_ours_are_first_and_complete():
    found = registry.plugins()
    ours = [p for p in found if p.ours]
    assert found[: len(ours)] == tuple(ours)
    names = ["contrib", "core", "delays", "exporters", "filters", "gains", "losses", "readers", "recipes", "trainers"]
    assert [p.name for p in ours] == names
    assert all(p.status == "ok" and p.components for p in ours)


BROKEN = {
    "raises on import": ("raise RuntimeError('no such codec')", "RuntimeError: no such codec"),
    "exits on import": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "does not parse": ("def (", "SyntaxError"),
    "misspells its hook": (hook().replace("flamo_components", "flamo_component"), "flamo_component"),
    "has no hook": ("x = 1", "it has no hook"),
    "returns nothing": (hook().replace("yield Component", "Component"), "returned None"),
    "is of another API": ("FLAMO_API = 2\n" + textwrap.dedent(hook()), "plugin API 2, this flamo has 1"),
    "yields something else": (hook().replace("yield Component", "yield dict"), "must give Components"),
    "has an unknown kind": (hook().replace('"processor"', '"procesor"'), "kind must be one of processor"),
    "has a bad name": (hook("All Pass"), "lower case letters"),
    "has a bad target": (hook(target="allpass"), "package.module:Name"),
    "has no summary": (hook().replace("An allpass.", " "), "summary must be one line of text"),
    "is not a string": (hook().replace("'allpass'", "3"), "name must be a string"),
    "offers a name twice": (hook() + "\n" + hook().splitlines()[-1], "2 components of kind processor named 'allpass'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_data_and_the_rest_goes_on(install, case):
    code, reason = BROKEN[case]
    install(code)
    with pytest.warns(PluginWarning, match="plugin 'acme' of acme 1.2 is broken"):
        found = names()
    assert "filters/biquad" in found
    assert not any(name.startswith("acme/") for name in found)
    assert the("acme").status == "broken"
    assert reason in the("acme").error
    assert "Traceback" in the("acme").traceback


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"plugin": "*"}, "the entry point name '*' must be letters"),
        ({"plugin": "ac me"}, "must be letters"),
        ({"plugin": "acme\x1b[31m"}, "'acme?[31m'"),
        ({"module": "pkg_acme.plugin:plugin"}, "must name a module, got 'pkg_acme.plugin:plugin'"),
    ],
)
def test_an_odd_entry_point_is_data_too(install, arguments, reason):
    install(hook(), **arguments)
    with pytest.warns(PluginWarning):
        [plugin] = [p for p in registry.plugins() if not p.ours]
    assert reason in plugin.error


@pytest.mark.parametrize("metadata", [None, "", "Name: acme\n", "Version: 3\n"])
def test_metadata_may_be_incomplete(install, metadata):
    install(hook(), metadata=metadata, allpass=ALLPASS)
    assert registry.get("processor", "acme/allpass").__name__ == "Allpass"
    assert "unknown" in (the("acme").distribution, the("acme").version)


def test_what_cannot_even_say_its_reason_is_broken(install):
    install("""
        class Mute(BaseException):
            def __str__(self):
                raise RuntimeError

        raise Mute
    """)
    with pytest.warns(PluginWarning, match="Mute"):
        assert the("acme").status == "broken"


def test_strict_makes_it_an_error(install, monkeypatch):
    install("raise RuntimeError('no such codec')")
    monkeypatch.setenv("FLAMO_STRICT", "1")
    with pytest.raises(PluginError, match=r"plugin 'acme' of acme 1\.2 is broken: RuntimeError: no such codec"):
        registry.plugins()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("pkg_acme.ghost:Ghost", "ModuleNotFoundError"),
        ("pkg_acme.plugin:Ghost", "AttributeError"),
        ("pkg_acme.bad:Ghost", "SystemExit"),
    ],
)
def test_a_missing_target_is_listed_and_says_whose_it_is_when_loaded(install, target, reason):
    install(hook("ghost", target), bad="raise SystemExit(3)")
    assert "acme/ghost" in names("processor")
    with pytest.raises(ComponentLoadError, match=rf"processor 'acme/ghost' of plugin 'acme' of acme 1.2 .*{reason}"):
        registry.get("processor", "ghost")


def test_a_stranger_cannot_take_our_names(install):
    install(hook("biquad"), allpass=ALLPASS)
    assert registry.get("processor", "biquad").__name__ == "Biquad"
    assert registry.get("processor", "filters/biquad").__name__ == "Biquad"
    assert registry.get("processor", "acme/biquad").__name__ == "Allpass"


def test_two_strangers_with_one_name_must_be_told_apart(install):
    install(hook(), allpass=ALLPASS)
    install(hook(target="pkg_zenith.allpass:Allpass"), "zenith", "zenith", allpass=ALLPASS)
    with pytest.raises(AmbiguousComponentError) as error:
        registry.get("processor", "allpass")
    for part in ("acme 1.2", "zenith 1.2", "'acme/allpass'", "'zenith/allpass'"):
        assert part in str(error.value)
    assert registry.get("processor", "zenith/allpass").__module__ == "pkg_zenith.allpass"


def test_a_stranger_cannot_take_the_name_of_our_plugin(install):
    install(hook(), plugin="filters")
    with pytest.warns(PluginWarning, match="'filters' is also used by flamo"):
        assert registry.find("processor", "filters/biquad").plugin.ours
    assert the("filters").status == "broken"


def test_two_strangers_with_one_plugin_name_are_both_out_until_one_is_disabled(install, monkeypatch):
    install(hook(), allpass=ALLPASS)
    install(hook(), distribution="acme-two")
    with pytest.warns(PluginWarning, match="FLAMO_DISABLE_PLUGINS=acme"):
        assert "acme/allpass" not in names()
    registry.plugins.cache_clear()
    monkeypatch.setenv("FLAMO_DISABLE_PLUGINS", "Acme_Two")
    assert registry.get("processor", "acme/allpass").__name__ == "Allpass"


@pytest.mark.parametrize("value", ["acme", "acme-dist", " other, Acme_Dist", "*"])
def test_a_plugin_can_be_disabled(install, monkeypatch, value):
    install("raise RuntimeError('must not be imported')", distribution="acme-dist")
    monkeypatch.setenv("FLAMO_DISABLE_PLUGINS", value)
    assert the("acme").status == "disabled"
    assert registry.get("processor", "biquad").__name__ == "Biquad"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("processor", "bicuad", "unknown processor 'bicuad'; did you mean 'biquad'?"),
        ("processor", "filters/bicuad", "did you mean 'filters/biquad'?"),
        ("processor", "nothing_like_it", "'flamo list processor' shows them all"),
        ("loss", "biquad", "there is a processor of that name"),
        ("procesor", "biquad", "unknown kind 'procesor'; did you mean 'processor'?"),
        ("xyz", "biquad", "one of processor, transform"),
        (None, "bicuad", "unknown component 'bicuad'; did you mean 'biquad'?"),
        ("loss", "acme/level", "unknown loss 'acme/level', for no plugin 'acme' is installed; 'flamo list loss' shows"),
    ],
)
def test_an_unknown_name_gets_the_nearest(kind, name, message):
    with pytest.raises(UnknownComponentError) as error:
        registry.get(kind, name)
    assert message in str(error.value)
    assert isinstance(error.value, InputError)


def test_an_unknown_name_tells_of_plugins_not_in_use(install, monkeypatch):
    install(hook(), allpass=ALLPASS)
    monkeypatch.setenv("FLAMO_DISABLE_PLUGINS", "acme")
    with pytest.raises(UnknownComponentError, match=r"Not in use: acme \(disabled\); see 'flamo plugins -v'"):
        registry.get("processor", "allpass")
    with pytest.raises(
        UnknownComponentError, match=r"'acme/allpass'; plugin 'acme' of acme 1\.2 is disabled: see 'flamo"
    ):
        registry.get("processor", "acme/allpass")
    with pytest.raises(
        UnknownComponentError, match=r"component 'acme/allpass'; plugin 'acme' of acme 1\.2 is disabled"
    ):
        find(("processor", "transform"), "acme/allpass")
    with pytest.raises(UnknownComponentError, match=r"component 'allpas'.* Not in use: acme"):
        find(("processor", "transform"), "allpas")


def test_a_plugin_that_is_slow_is_named_with_its_time(install):
    install("import time; time.sleep(0.6)\n" + textwrap.dedent(hook()), distribution="acme-slow")
    with pytest.warns(
        PluginWarning, match=r"plugin 'acme' of acme-slow 1\.2 took 0\.\d s .* 'flamo check-plugin acme'"
    ):
        assert the("acme").seconds > 0.6


def test_an_alias_is_a_name():
    assert registry.get("processor", "fir") is registry.get("processor", "filter")


def test_components_are_plain_data():
    component = Component(kind="loss", name="mae", target="a.b:C", summary="Mean absolute error.", aliases=("l1",))
    assert pickle.loads(pickle.dumps(component)) == component
    assert json.dumps(component.names) == '["mae", "l1"]'
    with pytest.raises(TypeError, match="aliases"):
        replace(component, aliases=["l1"])
