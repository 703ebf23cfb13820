"""Every loss of signals or spectra, in variants that are quick."""

from functools import partial

import flamo

TIME = {
    "mss": partial(flamo.mss_loss, [256, 64], log_term=True),
    "mss masked": partial(flamo.mss_loss, [64], apply_mask=True, log_term=True, energy_norm=True),
    "mss yamamoto": partial(flamo.mss_loss, [64], form="yamamoto"),
    "mss magenta": partial(flamo.mss_loss, [64], form="magenta", apply_mask=True),
    "mel_mss": partial(flamo.mel_mss_loss, [256, 128], log_term=True, apply_mask=True),
    "edr": partial(flamo.edr_loss, 512, sample_rate=16000),
    "edr normalised": partial(flamo.edr_loss, 512, sample_rate=16000, energy_norm=True),
    "edc": partial(flamo.edc_loss, 16000),
    "edc thirds": partial(flamo.edc_loss, 16000, n_fractions=3, energy_norm=True, convergence=True),
    "edc broadband": partial(flamo.edc_loss, is_broadband=True, clip=True, convergence=True),
}
LONG = {
    "average_power": partial(flamo.AveragePower, stride=(64, 8)),
    "average_power normalised": partial(flamo.AveragePower, energy_norm=True, stride=(64, 8)),
}
SPECTRA = {
    "magnitude": partial(flamo.MagnitudeError),
    "magnitude weighted": partial(flamo.MagnitudeError, scale="erb", weights=((100, 1), (5000, 3)), remove_mean=True),
    "complex": partial(flamo.ComplexError, scale="mel", low=0),
    "group_delay": partial(flamo.GroupDelayError),
}
ALL = TIME | LONG | SPECTRA
