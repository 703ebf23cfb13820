"""Processors and systems under their classic names."""

from flamo.processor import dsp as dsp
from flamo.processor import system as system
from flamo.processor.dsp import *  # noqa: F403
from flamo.processor.system import *  # noqa: F403
