"""The kernels for the CPU, one pass each: functions of arrays, compiled by numba when they first pay.

Only :mod:`flamo.kernels.backend` imports what is here, and only then, since it takes numba. Those whose first arguments
are ``start``, ``stop`` and ``share`` work on these bins, and threads share all bins out among them
(:mod:`~flamo.kernels.fused.sharing`). Those named in EXACT are compiled without fast arithmetic.

What they call is forced inline. Else the process that compiles a kernel would call a copy that was optimised by itself,
and those that find the kernel in numba's cache the one that came with it: results would differ in the last digit.
"""
