import sys

import pytest
from plugin_of_acme import HOOK, PARTS
from strangers import write_distribution


@pytest.fixture
def acme(tmp_path, monkeypatch, fresh_registry):
    """The parts of a stranger's plugin, installed."""
    monkeypatch.syspath_prepend(str(write_distribution(tmp_path, HOOK, parts=PARTS)))
    fresh_registry.plugins.cache_clear()
    fresh_registry.get("processor", "allpass")
    yield sys.modules["pkg_acme.parts"]
    for name in [name for name in sys.modules if name.startswith("pkg_acme")]:
        del sys.modules[name]
