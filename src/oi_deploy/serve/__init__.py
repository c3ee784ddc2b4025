"""`oi-deploy serve`: one model server for several jobs and machines, kept until a signal."""

from oi_deploy.serve.command import serve

__all__ = ["serve"]
