"""Processors and systems under their classic names."""

from flamo.processor import dsp as dsp
from flamo.processor import system as system
from flamo.processor.dsp import *
from flamo.processor.system import *
