"""Remove everything that the devkit made on this machine."""

import shutil

from devkit import engine, world
from devkit.shell import CACHE, STATE, DevkitError, call, say, works

_LABELS = ("oi-deploy.devkit", "oi-deploy.run", "oi-deploy.engine")
_IMAGES = "oi-deploy-devkit/*"
# Containers go first: they hold all the others.
_KINDS = (
    (["ps", "--all"], ["rm", "--force", "--volumes"]),
    (["network", "ls"], ["network", "rm"]),
    (["volume", "ls"], ["volume", "rm", "--force"]),
    (["image", "ls"], ["image", "rm", "--force"]),
)


def clean(*, caches: bool) -> None:
    """Remove containers, networks, volumes, images and state; with `caches`, downloads too.

    Raises:
        DevkitError: the engine does not let go of something, with its reason.
    """
    host = world.read().get("REGISTRY")
    world.stop()  # a cluster that runs would start its pods again
    if works("docker", "info"):
        for label in _LABELS:
            for listing, removal in _KINDS:
                remove(listing, removal, f"label={label}")
        # What was built for the registry has no label of ours: a workflow's step built it.
        for images in (_IMAGES, *([f"{host}/*/*"] if host else [])):
            remove(*_KINDS[-1], f"reference={images}")
    engine.down()
    shutil.rmtree(STATE, ignore_errors=True)
    if caches:
        shutil.rmtree(CACHE, ignore_errors=True)
    say("removed what the devkit made")


def remove(listing: list[str], removal: list[str], which: str) -> None:
    """Remove what `docker LISTING --filter WHICH` lists.

    Raises:
        DevkitError: something is still there.
    """
    listing = ["docker", *listing, "--quiet", "--filter", which]
    found = dict.fromkeys(call(*listing).split())
    if not found:
        return
    try:
        call("docker", *removal, *found)
    except DevkitError:
        # Removing an image takes its untagged parents along, which are then not found.
        if call(*listing).split():
            raise
