"""Systems in files: parameters and the description of what they belong to, without pickle and without code.

The file is a safetensors file. Its metadata holds ``flamo``, the version of the format; ``system``, the node of
:func:`flamo.config.describe.describe` as JSON; ``plugins``, which distributions offer its components; and ``ties``,
what stands in several places of the system at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import nn

from flamo.config.allowance import Allowance
from flamo.config.build import build_node
from flamo.config.compare import differences
from flamo.config.describe import describe, where
from flamo.config.names import offers_of
from flamo.config.ties import is_tied, tie, ties_of
from flamo.errors import ConfigError, InputError
from flamo.files import write_file
from flamo.origins import check_origins, origins

FORMAT = "1"
MOST_POINTS = 1 << 28
"""The largest nfft in a file: more than an hour and a half at 48 kHz."""
_SPARE, _FACTOR = 1 << 24, 64  # numbers that may be made while building, and as many times those in the file


def save(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a system to a safetensors file, from which :func:`load` builds it without the code that made it.

    Values, structure, names and constructor arguments are kept, and modules or parameters in several places stay one.
    The same system gives the same bytes. An existing file is replaced when the new one is complete.

    Args:
        model: a processor, transform or container of components that are registered.
        path: the file to write.

    Raises:
        TypeError: model is no module.
        InputError: something in it cannot be described, such as a lambda as ``map`` (says where, and what to use
            instead), or it would come back different; the file cannot be written.

    >>> import tempfile
    >>> from flamo import dsp
    >>> folder = tempfile.TemporaryDirectory()
    >>> gain = dsp.Gain((2, 1))
    >>> save(gain, f"{folder.name}/gain.safetensors")
    >>> load(f"{folder.name}/gain.safetensors").param.equal(gain.param)
    True
    >>> folder.cleanup()
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a module, got {type(model).__name__}")
    path = Path(path)
    try:
        data = _bytes(model)
    except RecursionError:
        raise InputError(f"{path}: not written: the system contains itself, or is nested too deeply") from None
    try:
        write_file(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: str | os.PathLike[str], device: torch.device | str | None = None) -> nn.Module:
    """Build the system that :func:`save` has written.

    No code of the file is run, and nothing in it is imported: names are those of installed components. A file of a
    stranger can at worst be refused.

    Args:
        path: the file.
        device: where its parameters go; None is torch's default device.

    Raises:
        InputError: the file cannot be read, is damaged or not of this kind, names a plugin that is not installed, or
            asks for more memory than its tensors account for.
    """
    try:
        target = torch.get_default_device() if device is None else torch.device(device)
    except RuntimeError:
        raise InputError(f"device must be one of torch's, got {device!r}") from None
    try:
        module = _read(Path(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except RecursionError:
        raise InputError(f"{path}: the system in it is nested too deeply") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return module.set_device(target) if hasattr(module, "set_device") else module.to(target)  # type: ignore[operator]


# -- writing -------------------------------------------------------------------------------------------------------


def _bytes(model: nn.Module) -> bytes:
    node, ties = describe(model), ties_of(model)
    state = {name: value for name, value in model.state_dict().items() if not is_tied(name, ties)}
    _check_state(state)
    _check_same(model, _built(node, ties, _numbers(state)))
    plugins = origins(offers_of(model))
    metadata = {"flamo": FORMAT, "system": _json(node), "plugins": _json(plugins), "ties": _json(ties)}
    try:
        return _in_order(to_bytes({name: t.detach().cpu().contiguous() for name, t in state.items()}, metadata))
    except (KeyError, ValueError, SafetensorError) as error:
        raise InputError(f"a tensor of the system cannot be saved: {error}") from error


def _check_state(state: Mapping[str, Any]) -> None:
    """Only tensors can be saved, and those that share memory without being one and the same would come back apart."""
    spans = []
    for name, t in state.items():
        if not isinstance(t, torch.Tensor):
            raise InputError(f"{name}: the state of a module holds a {type(t).__name__}; only tensors can be saved")
        if t.numel():
            last = sum((size - 1) * stride for size, stride in zip(t.shape, t.stride(), strict=True))
            spans.append((str(t.device), t.data_ptr(), t.data_ptr() + (last + 1) * t.element_size(), name))
    for (device, _, end, name), (other_device, start, _, other) in pairwise(sorted(spans)):
        if device == other_device and start < end:
            raise InputError(f"{name} and {other} share memory; make them one parameter, or clone one of them")


def _check_same(model: nn.Module, rebuilt: nn.Module) -> None:
    if found := min(((path, reason, module) for path, module, reason in differences(model, rebuilt)), default=None):
        path, reason, module = found
        raise InputError(f"{where(path, module)}: {reason}")
    if list(model.state_dict()) != list(rebuilt.state_dict()):
        raise InputError("the system would come back with its parameters in another order or under other names")


def _in_order(data: bytes) -> bytes:
    """A safetensors file with its header sorted: the library orders metadata at random."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))  # in its own order, which is that of the parts


# -- reading -------------------------------------------------------------------------------------------------------


def _read(path: Path) -> nn.Module:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"not a safetensors file, or damaged: {error}") from error
    if "flamo" not in metadata or "system" not in metadata:
        raise InputError("holds no system; only files written by flamo.save do")
    if metadata["flamo"] != FORMAT:
        raise InputError(f"of the format {metadata['flamo'][:20]!r}, where this flamo reads {FORMAT!r}")
    check_origins(_parsed(metadata, "plugins"))
    ties = _parsed(metadata, "ties")
    module = _built(_parsed(metadata, "system"), ties, _numbers(state))
    _check_tensors({name: t for name, t in module.state_dict().items() if not is_tied(name, ties)}, state)
    module.load_state_dict(state, strict=False)
    return module


def _parsed(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        value = json.loads(metadata.get(name, "{}"))
    except ValueError as error:
        raise InputError(f"damaged: its {name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"damaged: its {name} is no mapping")
    return value


def _numbers(state: Mapping[str, torch.Tensor]) -> int:
    return sum(t.numel() for t in state.values())


def _built(node: Any, ties: Mapping[str, Any], numbers: int) -> nn.Module:
    """The system of a node, whose tensors have so many numbers together; what is random in it is of no effect."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"), Allowance(_FACTOR * numbers + _SPARE):
            module = build_node(node, {})
    except ConfigError as error:
        raise InputError(f"the system in it cannot be built: {error}") from error
    try:
        tie(module, ties)
    except ValueError as error:
        raise InputError(f"damaged: its ties do not fit: {error}") from error
    for part in module.modules():
        if (getattr(part, "nfft", None) or 0) > MOST_POINTS:
            raise InputError(f"its nfft={part.nfft} is more than {MOST_POINTS}")
    return module


def _check_tensors(wanted: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
    """The tensors of a file must be those of the system, in shape and type."""
    for name in sorted(wanted.keys() ^ state.keys()):
        raise InputError(f"damaged: the tensor {name} is {'missing' if name in wanted else 'of no use'}")
    for name, t in wanted.items():
        if (t.shape, t.dtype) != (state[name].shape, state[name].dtype):
            raise InputError(f"damaged: the tensor {name} must be {_kind(t)}, not {_kind(state[name])}")


def _kind(value: torch.Tensor) -> str:
    return f"{tuple(value.shape)} of {value.dtype}"
