"""NumPy: a checked loss becomes one standalone module."""

from lossdsl.backends.numpy.module import emit

__all__ = ["emit"]
