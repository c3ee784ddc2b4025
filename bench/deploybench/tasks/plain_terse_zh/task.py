"""Build, push, roll out: the usual three steps."""

from bench.deploybench.plain import setup, verify

__all__ = ["setup", "verify"]
