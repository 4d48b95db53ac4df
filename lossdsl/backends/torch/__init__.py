"""PyTorch: a checked loss becomes one standalone module."""

from lossdsl.backends.torch.module import emit

__all__ = ["emit"]
