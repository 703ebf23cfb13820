"""flamo: differentiable linear time-invariant audio systems by frequency sampling, with a plugin registry.

Importing it is light: every name here is loaded when it is first used.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "dsp": "flamo.processor.dsp",
    "system": "flamo.processor.system",
    "functional": "flamo.functional",
    "optimize": "flamo.optimize",
    "processor": "flamo.processor",
    "registry": "flamo.registry",
    "auxiliary": "flamo.auxiliary",
}
_NAMES = {
    "flamo.registry": ("find", "get", "offers", "plugins"),
    "flamo.saving": ("load", "save"),
    "flamo.processor.dsp": [
        "DSP",
        "FFT",
        "FFTAntiAlias",
        "Transform",
        "iFFT",
        "iFFTAntiAlias",
        "Biquad",
        "parallelBiquad",
        "Filter",
        "parallelFilter",
        "ParametricEQ",
        "PEQ",
        "parallelPEQ",
        "Gain",
        "parallelGain",
        "GainDelay",
        "parallelGainDelay",
        "AccurateGEQ",
        "parallelAccurateGEQ",
        "Delay",
        "parallelDelay",
        "GEQ",
        "parallelGEQ",
        "SOSFilter",
        "parallelSOSFilter",
        "SVF",
        "parallelSVF",
        "HouseholderMatrix",
        "Matrix",
    ],
    "flamo.processor.system": ("Parallel", "Recursion", "Series", "Shell"),
    "flamo.optimize.dataset": ("Dataset", "DatasetColorless", "get_dataloader", "load_dataset", "split_dataset"),
    "flamo.optimize.loss": [
        "AveragePower",
        "ChannelsFirst",
        "ComplexError",
        "CurveError",
        "GroupDelayError",
        "MagnitudeError",
        "edc_loss",
        "edr_loss",
        "masked_mse_loss",
        "mel_mss_loss",
        "mse_loss",
        "mss_loss",
        "sparsity_loss",
    ],
    "flamo.optimize.trainer": ("EagerTrainer", "Trainer", "get_str_results"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*_MODULES, *_HOME]  # __init__.pyi says the same to type checkers


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("flamo")
    raise AttributeError(f"module 'flamo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
