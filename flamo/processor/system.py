"""Containers under their classic names."""

from flamo.core.parallel import Parallel as Parallel
from flamo.core.recursion import Recursion as Recursion
from flamo.core.series import Series as Series
from flamo.core.shell import Shell as Shell
