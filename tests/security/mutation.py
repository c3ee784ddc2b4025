"""The action's image with mechanisms switched off: a copy, with a change of its source."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devkit import images
from tests.security.mechanisms import MECHANISMS, Edit

# The repository of these images.
WITHOUT = "oi-deploy-without"
_SOURCES = Path("src/oi_deploy")


def mutated(root: Path, edits: Sequence[Edit]) -> dict[str, str]:
    """The source files that the edits change, as they are then.

    Raises:
        ValueError: an edit does not fit (any more).
    """
    found: dict[str, str] = {}
    for edit in edits:
        path = root / _SOURCES / edit.file
        text = found.get(edit.file) or path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file} has {text.count(edit.old)} times: {edit.old}")
        found[edit.file] = text.replace(edit.old, edit.new)
    return found


def image_without(off: Sequence[str], image: str, root: Path) -> str:
    """Build it; without an edit, it is the image itself.

    Args:
        off: names of the mechanisms.
        image: the action's image.
        root: where the source that it was built from is.
    """
    edits = [edit for name in off for edit in MECHANISMS[name].off]
    if not edits:
        return image
    tag = f"{WITHOUT}:" + re.sub(r"\W+", "-", " ".join(off)).lower()[:100]
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name, text in mutated(root, edits).items():
            path = context / _SOURCES / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (context / "Dockerfile").write_text(f"FROM {image}\nCOPY src/ /action/src/\n")
        images.build(tag, context)
    return tag
