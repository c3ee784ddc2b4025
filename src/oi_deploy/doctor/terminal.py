"""The doctor for a person at a terminal: the table, and nothing written anywhere."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from oi_deploy import surroundings
from oi_deploy.doctor.checks import DOCTOR_S, examine
from oi_deploy.doctor.context import Context
from oi_deploy.doctor.finding import failed, table
from oi_deploy.errors import RunError
from oi_deploy.inputs import parse
from oi_deploy.loaded import load
from oi_deploy.redact import Redactor
from oi_deploy.text import visible


def show(env: Mapping[str, str], out: TextIO) -> int:
    """Print what the checks find; return the exit code: 0 only if none FAILED.

    Args:
        env: the inputs as `INPUT_*` variables.
        out: where the table goes. No workflow command is printed there: one that masks a secret
            would show it to whoever looks at a terminal.
    """
    redactor = Redactor(surroundings.secrets(env))
    workspace = Path(env.get("GITHUB_WORKSPACE") or Path.cwd())
    try:
        loaded = load(parse(env), workspace)
        with ExitStack() as stack:
            context = Context.of(loaded, env, workspace, stack)
            findings = examine(context, within_s=DOCTOR_S)
    except RunError as error:
        out.write(redactor.text(visible(str(error))) + "\n")
        return 2
    out.write(redactor.text(visible(table(findings))) + "\n")
    return 1 if failed(findings) else 0
