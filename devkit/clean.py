"""Remove everything that the devkit made on this machine."""

import shutil

from devkit import world
from devkit.shell import CACHE, STATE, call, say, works

_LABELS = ("oi-deploy.devkit", "oi-deploy.run")


def clean(*, caches: bool) -> None:
    """Remove containers, networks, volumes, images and state; with `caches`, downloads too."""
    if works("docker", "info"):
        for label in _LABELS:
            _remove(["ps", "--all", "--quiet"], ["rm", "--force", "--volumes"], label)
            _remove(["network", "ls", "--quiet"], ["network", "rm"], label)
            _remove(["volume", "ls", "--quiet"], ["volume", "rm", "--force"], label)
            _remove(["image", "ls", "--quiet"], ["image", "rm", "--force"], label)
    world.down()
    shutil.rmtree(STATE, ignore_errors=True)
    if caches:
        shutil.rmtree(CACHE, ignore_errors=True)
    say("removed what the devkit made")


def _remove(listing: list[str], removal: list[str], label: str) -> None:
    found = call("docker", *listing, "--filter", f"label={label}").split()
    for item in dict.fromkeys(found):
        call("docker", *removal, item)
