"""No path of a request leads out of the workspace, whatever links lie there."""

import os
from pathlib import Path, PurePosixPath
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from oi_deploy.broker import paths
from oi_deploy.broker.policy import Policy, Request
from oi_deploy.broker.request import Refused
from tests.unit.broker.settings import steady

NAMES = ("a", "b", "c", "..", ".", "", "ws", "out", "secret", "ws-b")
SECRET = b"outside"


def grow(chance: Random, base: Path) -> Path:
    """A workspace and its surroundings, full of links in all directions."""
    workspace = base / "ws"
    for directory in (
        workspace,
        base / "out",
        base / "ws-b",
        workspace / "a",
        workspace / "a" / "b",
    ):
        directory.mkdir(parents=True, exist_ok=True)
    (base / "out" / "secret").write_bytes(SECRET)
    (base / "ws-b" / "secret").write_bytes(SECRET)
    for directory in (workspace, workspace / "a", workspace / "a" / "b", base / "out"):
        for name in ("c", "b", "secret"):
            place = directory / name
            if place.exists() or place.is_symlink():
                continue
            what = chance.random()
            if what < 0.7:
                place.symlink_to(target(chance, base))
            elif what < 0.9:
                place.write_bytes(b"inside" if directory.is_relative_to(workspace) else SECRET)
            else:
                os.mkfifo(place)
    return workspace


def target(chance: Random, base: Path) -> str:
    """Where a link goes, or what a request names."""
    parts = chance.choices(NAMES, k=chance.randint(1, 5))
    start = chance.choice(
        ["", "", "", "/", f"{base}/", f"{base}/ws/", f"{base}/ws/../", "/proc/self/"]
    )
    return start + "/".join(parts) or "."


def walk(start: Path, text: str) -> Path | None:
    """Follow a path link by link, as the kernel does; None when it never ends."""
    todo = [*reversed(PurePosixPath(start, text).parts)]
    here = Path("/")
    for _ in range(200):
        if not todo:
            return here
        part = todo.pop()
        if part == "/":
            here = Path("/")
        elif part == "..":
            here = here.parent
        elif (here / part).is_symlink():
            todo += reversed(PurePosixPath((here / part).readlink()).parts)
        else:
            here /= part
    return None


@steady(250)
@given(st.integers(0, 2**32))
def test_what_is_read_lies_inside(seed: int) -> None:
    chance = Random(seed)
    with TemporaryDirectory() as name:
        base = Path(name).resolve()
        workspace = grow(chance, base)
        policy = Policy.of(workspace, "harbor.example.com/library", "production")
        for _ in range(12):
            cwd = chance.choice([workspace, workspace / "a", base, Path(target(chance, base))])
            text = target(chance, base)
            request = Request("kubectl", (), str(cwd))
            real = walk(cwd, text)
            try:
                resolved = paths.inside(policy, request, text, "rule")
            except Refused:
                # Only what lies outside, or turns in circles, may be refused.
                assert real is None or not real.is_relative_to(workspace)
                continue
            assert resolved.is_relative_to(workspace)
            assert real is None or resolved == real
            try:
                content = paths.read_inside(policy, request, text, "rule")
            except Refused:
                assert real is None or not real.is_file()
            else:
                assert content != SECRET and content == resolved.read_bytes()


@steady(100)
@given(st.integers(0, 2**32))
def test_commands_run_in_the_workspace(seed: int) -> None:
    chance = Random(seed)
    with TemporaryDirectory() as name:
        base = Path(name).resolve()
        workspace = grow(chance, base)
        policy = Policy.of(workspace, "harbor.example.com/library", "production")
        for _ in range(12):
            request = Request("docker", (), str(base / target(chance, base)))
            assert paths.working_directory(policy, request).is_relative_to(workspace)
