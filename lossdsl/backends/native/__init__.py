"""C: a checked loss becomes one standalone module with fused loops, compiled at first use."""

from lossdsl.backends.native.module import emit

__all__ = ["emit"]
