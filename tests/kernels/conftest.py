"""Each kernel has two versions: tests that take ``version`` run with both."""

import pytest
from hypothesis import HealthCheck, settings

from flamo.kernels import backend

# the fixture below sets the same thing for every example
settings.register_profile(
    "kernels", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("kernels")


@pytest.fixture(params=["fused", "plain"])
def version(request, monkeypatch):
    """Use one version for work of any size, and say which."""
    if request.param == "fused":
        pytest.importorskip("numba")
    monkeypatch.setattr(backend, "PAYS", 0 if request.param == "fused" else float("inf"))
    monkeypatch.setattr(backend, "SHARE", 8)  # several shares even of little work
    yield request.param
    assert not backend.fused.given_up
