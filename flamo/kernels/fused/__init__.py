"""The kernels for the CPU, one pass each: functions of arrays, compiled by numba when they first pay.

Only :mod:`flamo.kernels.backend` imports what is here, and only then, since it takes numba. Kernels work on the bins
from ``start`` to ``stop``, so that threads can share them out. Those named in EXACT are compiled without fast
arithmetic.
"""
