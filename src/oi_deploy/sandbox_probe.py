"""What the sandbox's user can do although it must not, and the other way round."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oi_deploy.errors import RunError

UNCONTAINED = "the model's code cannot be contained"

# Run as that user; `judge` reads what it prints.
PROGRAM = """
import json, os, socket, sys
forbidden, needed, broker = json.loads(sys.argv[1])
def works(call, *arguments):
    try:
        call(*arguments)
        return True
    except OSError as error:
        return error.strerror
with open("/proc/self/status") as file:
    status = dict(line.split(":", 1) for line in file)
print(json.dumps({
    "reached": [p for p in forbidden if any(os.access(p, m) for m in (os.R_OK, os.W_OK, os.X_OK))],
    "missing": [p for p, m in needed if not os.access(p, m)],
    "no_new_privs": int(status["NoNewPrivs"]) == 1,
    "capabilities": [v for k, v in status.items() if k.startswith("Cap") and int(v, 16)],
    "filtered": works(os.memfd_create, "x") is not True,
    "network": works(socket.socket, socket.AF_INET) is True,
    "broker": not broker or works(socket.socket(socket.AF_UNIX).connect, broker),
}))
"""


def judge(found: Mapping[str, Any], uid: int, socket: Path) -> None:
    """Go on only if the user is contained, and has what it needs.

    Args:
        found: what the program has printed.
        uid: the user.
        socket: the broker's.

    Raises:
        RunError: it is not so.
    """
    user = f"user {uid}"
    if found["reached"]:
        raise RunError(
            UNCONTAINED,
            why=f"{user} can reach {', '.join(found['reached'])}",
            remedy=f"on the runner's host: chmod o-rwx {' '.join(found['reached'])}",
        )
    if found["missing"]:
        raise RunError(UNCONTAINED, why=f"{user} cannot reach {', '.join(found['missing'])}")
    if found["broker"] is not True:
        raise RunError(UNCONTAINED, why=f"{user} cannot reach {socket}: {found['broker']}")
    if found["capabilities"] or not found["no_new_privs"]:
        raise RunError(UNCONTAINED, why=f"{user} keeps privileges, or could get new ones")
