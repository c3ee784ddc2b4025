"""A policy, a workspace and what is known, for tests that ask about many commands."""

import json
from dataclasses import replace
from pathlib import Path

from oi_deploy.broker.document import Manifests
from oi_deploy.broker.policy import Decision, Known, Policy, Request, Tool, decide
from tests import policies

REG = "harbor.example.com/library"
EVIL = "evil.example.com/library"
BUILT_ID = "sha256:" + "0123456789abcdef" * 4
KNOWN = Known(
    taken=frozenset({"python:3.11"}),
    built={f"{REG}/app:1": BUILT_ID, "app:1": BUILT_ID},
    mounted={"app": frozenset({"secret/tls", "serviceaccount/web"})},
)
DEPLOYMENT = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n"
    f"spec: {{template: {{spec: {{containers: [{{name: app, image: '{REG}/app:1'}}]}}}}}}\n"
)


def workspace(base: Path) -> Path:
    """A directory to work in, with files of each sort beside it and in it."""
    inside, outside = base / "ws", base / "outside"
    (inside / "sub").mkdir(parents=True)
    outside.mkdir()
    for directory in (inside, inside / "sub", outside):
        (directory / "Dockerfile").write_text("FROM scratch\n")
        (directory / "deploy.yaml").write_text(DEPLOYMENT)
        (directory / "patch.json").write_text('{"spec": {"replicas": 2}}')
    (inside / "link-out").symlink_to(outside)
    (inside / "link.yaml").symlink_to(outside / "deploy.yaml")
    return inside


def as_sent(request: Request, *, ascii_only: bool = True) -> bytes:
    """The request as the shim writes it."""
    header = {
        "tool": request.tool,
        "argv": list(request.argv),
        "cwd": request.cwd,
        "stdin": len(request.stdin),
    }
    return json.dumps(header, ensure_ascii=ascii_only).encode() + b"\n" + request.stdin


def widest(directory: Path) -> Policy:
    """The widest policy of one namespace."""
    document = policies.widest("production").model_copy(
        update={"manifests": Manifests(secrets=("web-*",))}
    )
    return Policy.of(directory, REG, "production", document)


def narrowest(directory: Path) -> Policy:
    """What a run has whose author said nothing but registry and namespace."""
    return Policy.of(directory, REG, "production")


def ask(policy: Policy, tool: Tool, words: tuple[str, ...], stdin: bytes = b"") -> Decision:
    """The decision about one command in the workspace itself."""
    return decide(policy, Request(tool, words, str(policy.workspace), stdin), KNOWN)


def comparable(decision: Decision) -> Decision:
    """Without what only names how the command was written."""
    return replace(decision, rule="", argv=(), images=tuple(sorted(decision.images)))
