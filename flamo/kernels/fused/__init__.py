"""The kernels for the CPU, one pass each: functions of arrays, compiled by numba when they first pay.

Only :mod:`flamo.kernels.backend` imports what is here, and only then, since it takes numba. Those that
:func:`~flamo.kernels.fused.sharing.shared` made work on the bins from ``start`` to ``stop``, and threads share all bins
out among them. Those named in EXACT are compiled without fast arithmetic.
"""
