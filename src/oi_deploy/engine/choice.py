"""What to do about the servers that are there: use one, wait for one, remove one, start ours. Pure.

The name of a server's container is the lock of its set of GPUs: the Docker engine gives a name
away once. Sets that only overlap have different names: whoever sees two of them takes its own back.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# Between the making of a container and its start lies one call to the engine.
_STARTED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Server:
    """A server's container, as the Docker engine lists it.

    Attributes:
        id: the container's.
        name: the container's, without the leading slash.
        digest: of its configuration; None if it is no server of ours.
        gpus: `all`, `none`, or GPU indexes such as `0,1`.
        state: Docker's word for it.
        age_s: seconds since it was made.
    """

    id: str
    name: str
    digest: str | None
    gpus: str
    state: str
    age_s: float


@dataclass(frozen=True)
class Step:
    """What to do next.

    Attributes:
        kind: `start` our own; `use` or `await` the end of a server; `remove` what is left of one;
            look `again` soon; or give up, since our name is `taken` by something else.
        server: which; None for `start`.
    """

    kind: Literal["start", "use", "await", "remove", "again", "taken"]
    server: Server | None = None


def decide(found: Sequence[Server], *, name: str, digest: str, gpus: str) -> Step:
    """What a run does that wants a server.

    Args:
        found: containers of the engine, in any order; others than servers do not matter.
        name: the name that the server's container would have.
        digest: of the configuration that is wanted.
        gpus: the GPUs that are wanted.
    """
    rivals = [item for item in found if _is_rival(item, gpus)]
    if rivals:
        server = max(rivals, key=lambda item: item.age_s)
        if server.state == "running":
            same = (server.name, server.digest) == (name, digest)
            return Step("use" if same else "await", server)
        begins = server.state == "created" and server.age_s < _STARTED_WITHIN_S
        return Step("again" if begins or server.state == "removing" else "remove", server)
    taken = [item for item in found if item.name == name]
    return Step("taken", taken[0]) if taken else Step("start")


def contested(found: Sequence[Server], *, own_id: str, gpus: str) -> bool:
    """Whether there is another server beside ours, which is made and not yet started.

    Two runs can make servers for sets that only overlap at the same time. Each looks after it has
    made its own, so at least one of them sees both.
    """
    return any(_is_rival(item, gpus) and item.id != own_id for item in found)


def _is_rival(server: Server, gpus: str) -> bool:
    return server.digest is not None and overlap(server.gpus, gpus)


def overlap(one: str, other: str) -> bool:
    """Whether two servers cannot be there together. `none` is a set too: the CPU."""
    if "none" in (one, other):
        return one == other
    if "all" in (one, other):
        return True
    return bool({*one.split(",")} & {*other.split(",")})


def digest_of(configuration: Mapping[str, Any]) -> str:
    """A digest of everything that makes one server another than the next."""
    text = json.dumps(configuration, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
