"""A Kubernetes API for one machine, whose pods are real containers of the local Docker engine.

A stock kubectl and the Python client use it unchanged. Deployments roll out step by step as real
ones do; images come from their registry with the node's credentials; programs that crash, images
that are missing and probes that fail end as they do in a cluster.

What it is not:

- State is in memory: each start is a new cluster. One node, no scheduler, no admission.
- Services are objects only: they get a cluster IP, but nothing routes to it, there is no DNS for
  them and there are no Endpoints. A pod is reached at its own IP, on Docker's default bridge.
- No exec, attach, port-forward, server-side apply (415), Jobs, StatefulSets, Ingresses, RBAC
  objects (rights come from the tokens file), no custom resources. The proxy to pods is for GET.
- Of ResourceQuotas only `pods` is enforced. Of service accounts only the pull secrets count.
- Volumes: emptyDir; ConfigMap and Secret, copied when the container starts. Nothing else.
- Resource limits: memory only. Of the security context: runAsUser, runAsGroup,
  readOnlyRootFilesystem. Init containers work; sidecar containers and lifecycle hooks do not.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    ca: bytes,
    token: str,
    namespace: str,
    context: str = "devkit",
) -> None:
    """Write a kubeconfig with one context; `ca` (PEM) is embedded, so that the file can travel."""
    authority = base64.b64encode(ca).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": context, "user": {"token": token}}],
        "contexts": [
            {
                "name": context,
                "context": {"cluster": context, "user": context, "namespace": namespace},
            }
        ],
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(document, file, sort_keys=False)
