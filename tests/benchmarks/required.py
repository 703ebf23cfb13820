"""What is measured and what is required of it. Light: names are checked before torch is loaded."""

from dataclasses import dataclass

FULL_NFFT = 96000  # the requirements hold for this
SEED_EXAMPLE = "seed_example"


@dataclass(frozen=True)
class Requirement:
    """How much faster than the reference a case must be, and how much less memory it may take."""

    what: str
    faster: float  # at least
    faster_plain: float = 1.0  # at least, without numba
    smaller: float | None = None  # peak memory of the reference over ours, at least
    tolerance: float = 1e-3  # how far the checksums of the two may be apart, relatively


REQUIRED = {
    "biquad": Requirement("Biquad 4×4, 8 sections", 80, 12, smaller=4),
    "svf": Requirement("SVF 4×4, 8 sections", 80, 12),
    "peq": Requirement("PEQ 4×4, 10 bands", 80, 12),
    "parallel_geq": Requirement("parallelGEQ 8 channels, octave", 80, 12),
    "geq_third": Requirement("GEQ 1×1, third octave", 30),
    "parallel_accurate_geq": Requirement(
        "parallelAccurateGEQ, 8 channels, forward",
        1000,
        tolerance=2e-2,  # the reference iterates towards what we solve: they agree to 0.1 dB
    ),
    "delay": Requirement("Delay 4×4, fractional, learnable", 4),
    "fdn_4": Requirement("FDN, 4 lines", 4),
    "fdn_8": Requirement("FDN, 8 lines", 6),
    "fdn_16": Requirement("FDN, 16 lines", 6),
    "fdn_8_geq": Requirement("FDN, 8 lines, GEQ absorption", 50, smaller=4),
    SEED_EXAMPLE: Requirement("seed example, whole script, device='cpu'", 5),
}
