"""Each kernel has two versions: tests that take ``version`` run with both."""

import pytest
import torch
from hypothesis import HealthCheck, settings

from flamo.kernels import backend

# the fixture below sets the same thing for every example
settings.register_profile(
    "kernels", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("kernels")


@pytest.fixture(autouse=True)
def _several_threads():
    """Also where the other tests have one each."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["fused", "plain"])
def version(request, monkeypatch):
    """Use one version for work of any size, and say which."""
    if request.param == "fused":
        pytest.importorskip("numba")
    monkeypatch.setattr(backend, "PAYS", 0 if request.param == "fused" else float("inf"))
    monkeypatch.setattr(backend, "SHARE", 8)  # several shares even of little work
    yield request.param
    assert not backend.fused.given_up


@pytest.fixture(params=["bins first", "bins last", "expanded", "conjugate"])
def laid_out(request):
    """What lays a spectrum out in memory in one of several ways."""

    def lay(x, bins=0):
        one_a_bin = tuple(slice(None) if dim == bins else slice(1) for dim in range(x.ndim))
        return {
            "bins first": x.movedim(bins, 0).contiguous().movedim(0, bins),
            "bins last": x.movedim(bins, -1).contiguous().movedim(-1, bins),
            "expanded": x[one_a_bin].expand_as(x),
            "conjugate": x.conj(),
        }[request.param]

    return lay
