"""What flamo_losses offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


def _loss(name: str, target: str, summary: str) -> Component:
    return Component(kind="loss", name=name, target=f"flamo_losses.{target}", summary=summary)


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield _loss("mse", "mse:mse_loss", "Mean squared error of the prediction summed over channels.")
    yield _loss(
        "masked_mse",
        "masked:masked_mse_loss",
        "Mean squared error on a random part of the bins, another one in each call.",
    )
    yield _loss("mss", "multiscale:mss_loss", "Multi-scale spectral loss on linear frequency.")
    yield _loss("mel_mss", "multiscale:mel_mss_loss", "Multi-scale spectral loss on mel frequency.")
    yield _loss(
        "average_power",
        "average_power:AveragePower",
        "Difference of spectrograms averaged over regions of time and frequency.",
    )
    yield _loss("edr", "decay:edr_loss", "Difference of energy decay reliefs.")
    yield _loss("edc", "decay:edc_loss", "Difference of energy decay curves.")
    yield _loss(
        "sparsity",
        "sparsity:sparsity_loss",
        "Sparsity of the feedback matrix: 0 where all entries have one magnitude, 1 for a permutation.",
    )
    yield _loss("magnitude", "magnitude:MagnitudeError", "Mean squared error of the magnitude in dB.")
    yield _loss("complex", "complex_error:ComplexError", "Mean squared error of complex spectra.")
    yield _loss("group_delay", "group_delay:GroupDelayError", "Mean squared error of the group delay in ms.")
    yield _loss(
        "curve_error",
        "curve_error:CurveError",
        "Mean squared error of a level in dB at the points of a curve, each of which counts the same unless weighted.",
    )
