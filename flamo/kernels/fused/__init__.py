"""The kernels for the CPU, one pass each: plain Python here, compiled by numba when they first pay.

Nothing here imports numba: :mod:`flamo.kernels.backend` compiles these functions, which call nothing but numpy and the
mathematics of Python. They work on the bins from ``start`` to ``stop``, so that threads can share them out.
"""
