import logging
import multiprocessing
import shutil
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from another_process import work

import flamo
from flamo import dsp, system
from flamo.kernels import backend
from flamo.kernels.sections import cascade

numba = pytest.importorskip("numba")

# what a fresh interpreter makes of one large cascade, and what it says
SCRIPT = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
{before}
import torch
from flamo import dsp
assert "numba" not in sys.modules or sys.modules["numba"] is None
torch.manual_seed(0)
small = dsp.Biquad((1, 1), n_sections=2, nfft=256)
small(torch.ones(1, 129, 1, dtype=torch.complex64))
assert "numba" not in sys.modules or sys.modules["numba"] is None
model = dsp.Biquad((2, 2), n_sections=4, nfft=16384, requires_grad=True)
for _ in range(2):
    model(torch.ones(1, 8193, 2, dtype=torch.complex64)).abs().sum().backward()
print(model.param.grad.sum().item())
"""


def losses(seed, steps=5):
    """A short training of a small network with equalisers in its loop."""
    generator = torch.Generator().manual_seed(seed)
    attenuation = dsp.parallelGEQ((3,), nfft=8192, requires_grad=True)
    mixing = dsp.Gain((3, 3), nfft=8192, requires_grad=True)
    delays = dsp.parallelDelay((3,), isint=True, nfft=8192)
    with torch.no_grad():
        attenuation.param.copy_(0.9 + 0.05 * torch.rand(attenuation.param.shape, generator=generator))
        mixing.param.copy_(0.8 * torch.linalg.qr(torch.randn(3, 3, generator=generator))[0])
        delays.param.copy_(delays.sample2s(torch.tensor([101.0, 203.0, 307.0])))
    model = system.Recursion(delays, system.Series(mixing, attenuation))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.ones(1, 4097, 3, dtype=torch.complex64)).abs().mean()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.fixture
def everything_fused(monkeypatch):
    monkeypatch.setattr(backend, "PAYS", 0)
    monkeypatch.setattr(backend, "SHARE", 1 << 10)


def test_both_versions_train_alike(monkeypatch):
    found = []
    for pays in (0, float("inf")):
        monkeypatch.setattr(backend, "PAYS", pays)
        found.append(losses(0))
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert len(set(found[0])) == len(found[0])


def test_two_models_train_at_once_in_two_threads(everything_fused):
    alone = [losses(0), losses(1)]
    together = [[], []]
    threads = [threading.Thread(target=lambda i=i: together[i].extend(losses(i))) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert alone[0] != alone[1]


def test_threads_that_need_the_same_kernel_compile_it_once(everything_fused, monkeypatch):
    made = []
    real = backend._compiled
    monkeypatch.setattr(backend, "fused", backend.Fused())
    monkeypatch.setattr(backend, "_compiled", lambda name, arguments: made.append(name) or real(name, arguments))
    threads = [threading.Thread(target=losses, args=(i, 1)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kernels = [name for name in made if name != "sharing.share"]
    assert len(kernels) == len(set(kernels)) > 3


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_of_its_own(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    work(multiprocessing.SimpleQueue())  # threads were there
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=work, args=(queue,))
    if method == "fork":
        with backend.fused.lock:  # as if another thread were compiling
            process.start()
    else:
        process.start()
    process.join(60)
    process.kill()
    assert process.exitcode == 0
    assert queue.get() == pytest.approx(1.0)


def test_numba_is_imported_when_it_pays_and_compiles_with_one_line_a_kernel(run_python, tmp_path):
    results = []
    kernels = [f"sections.{name}" for name in ("tabulate", "forward", "backward", "gather")]
    for said in (kernels, []):  # the second time they are in the cache
        result = run_python("-c", SCRIPT.format(before=""), NUMBA_CACHE_DIR=str(tmp_path))
        lines = [line for line in result.stderr.splitlines() if line.startswith(("INFO", "WARNING"))]
        assert [line.split("kernel ")[1].split()[0] for line in lines] == said
        results.append(float(result.stdout))
    assert results[0] == results[1]


def test_without_numba_everything_works_with_one_line(run_python):
    fused = run_python("-c", SCRIPT.format(before=""))
    plain = run_python("-c", SCRIPT.format(before="sys.modules['numba'] = None"))
    assert float(plain.stdout) == pytest.approx(float(fused.stdout), rel=1e-4)
    assert plain.stderr.count("WARNING") == 1
    assert "without numba" in plain.stderr


def test_where_no_cache_can_be_written_kernels_are_compiled_for_the_process(monkeypatch, caplog):
    def cannot_cache(*arguments, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*arguments, **options)

    njit = numba.njit
    monkeypatch.setattr(numba, "njit", cannot_cache)
    monkeypatch.setattr(backend, "fused", backend.Fused())
    monkeypatch.setattr(backend, "PAYS", 0)
    b = torch.rand(3, 2, 2, dtype=torch.float64) + 1
    with caplog.at_level(logging.INFO, "flamo"):
        h = cascade(b, b, torch.ones(5, dtype=torch.complex128), torch.complex64)
    torch.testing.assert_close(h, torch.ones_like(h))
    anew = [record.args[0] for record in caplog.records if record.levelname == "WARNING"]
    assert anew == ["sections.tabulate", "sections.forward", "sharing.share"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING", "WARNING", "INFO"]
    assert not backend.fused.given_up


def test_a_read_only_installation(run_python, tmp_path):
    installed, home = tmp_path / "installed", tmp_path / "home"
    shutil.copytree(Path(flamo.__file__).parent, installed / "flamo", ignore=shutil.ignore_patterns("__pycache__"))
    for unwritable in (installed / "flamo/kernels/fused/__pycache__", tmp_path / "file"):
        unwritable.touch()  # a folder in its place cannot be made, even by root
    said = []
    for folder in (home, home, tmp_path / "file"):
        user = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "NUMBA_CACHE_DIR": ""}
        result = run_python("-c", SCRIPT.format(before=""), PYTHONPATH=str(installed), **user)
        said.append([result.stderr.count(words) for words in ("compiled the kernel", "anew in every process")])
    assert said[:2] == [[4, 0], [0, 0]]
    assert min(said[2]) >= 4


def test_a_kernel_that_does_not_compile_is_said_once(monkeypatch, caplog):
    monkeypatch.setattr(backend, "fused", backend.Fused())
    monkeypatch.setattr(backend, "PAYS", 0)
    monkeypatch.setattr(numba, "njit", lambda *arguments, **options: 1 / 0)
    b = (torch.rand(3, 2, 2, dtype=torch.float64) + 1).requires_grad_()
    cascade(b, b, torch.ones(5, dtype=torch.complex128), torch.complex64).abs().sum().backward()
    assert b.grad.isfinite().all()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def meet(start, stop, share, seen, present):
    """Says who was here; the first three shares wait for each other, for a while."""
    seen[share, 0], seen[share, 1], seen[share, 2] = seen[share, 0] + 1, start, stop
    if share < 3:
        present[share] = 1
        for _ in range(1 << 30):
            if present.sum() == 3:
                break


@pytest.fixture(params=["torch's threads", "own threads"])
def pool(request, monkeypatch):
    """Both ways of working in parallel; the first only where torch has GCC's OpenMP."""
    if request.param == "torch's threads" and not backend.torch_pool():
        pytest.skip("torch brings no GOMP_parallel")
    monkeypatch.setattr(backend, "_pool", [backend.torch_pool() if request.param == "torch's threads" else 0])


def test_every_share_is_worked_on_once_and_by_several_threads(pool, monkeypatch):
    seen, present = np.zeros((7, 3), np.int64), np.zeros(3, np.int64)
    kernel = numba.njit(nogil=True)(meet)
    kernel.compile(tuple(map(numba.typeof, (0, 0, 0, seen, present))))
    share = backend._sharing(kernel, (seen, present))
    monkeypatch.setattr(backend.fused, "get", lambda name, arguments, shared: share)
    torch.set_num_threads(3)  # taken back by a fixture
    assert backend.run("any.kernel", 60, 7, seen, present)
    edges = [60 * i // 7 for i in range(8)]
    assert seen.tolist() == [[1, start, stop] for start, stop in pairwise(edges)]
    assert present.tolist() == [1, 1, 1]
