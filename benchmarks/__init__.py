"""Benchmarks that others can run: `python -m benchmarks`; see docs/benchmarks.md."""
