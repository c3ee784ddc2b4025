"""What a command changed, read from its own output; pure functions."""

import re
from dataclasses import dataclass

from oi_deploy.broker import images
from oi_deploy.broker.request import Decision, Policy, Request


@dataclass(frozen=True)
class Built:
    """An image was built under this reference."""

    reference: str
    image_id: str


@dataclass(frozen=True)
class Tagged:
    """An image got another reference."""

    source: str
    reference: str


@dataclass(frozen=True)
class Pushed:
    """The registry took an image; the digest is what `docker push` printed."""

    reference: str
    digest: str


@dataclass(frozen=True)
class Changed:
    """kubectl changed an object; `verb` is kubectl's word for it (`image updated`)."""

    namespace: str
    kind: str
    name: str
    verb: str


Effect = Built | Tagged | Pushed | Changed

_BUILT = re.compile(r"Successfully built ([0-9a-f]{12})")
_TAGGED = re.compile(r"Successfully tagged (\S+)")
_QUIET_ID = re.compile(r"sha256:[0-9a-f]{64}")
_PUSHED = re.compile(r"(\S+): digest: (sha256:[0-9a-f]{64}) size: \d+")
_CHANGED = re.compile(
    r"(?P<kind>[a-z]+)(?:\.[a-z0-9.]+)?/(?P<name>[a-z0-9.-]+) "
    r"(?P<verb>created|configured|serverside-applied|scaled|patched|restarted|paused|resumed"
    r"|rolled back|image updated)"
)


def effects(
    policy: Policy, request: Request, decision: Decision, exit_code: int | None, stdout: str
) -> tuple[Effect, ...]:
    """Read the effects of one command from its standard output.

    A build's own steps print whatever they like, so only the last lines, which the builder
    writes itself after the last step, count; and only for references that were asked for.
    """
    if not decision.mutates or not decision.argv:
        return ()
    lines = [line.rstrip() for line in stdout.splitlines() if line.strip()]
    if request.tool == "kubectl":
        return tuple(_changes(policy, lines))
    if exit_code != 0:
        return ()
    command = decision.argv[0]
    if command == "build":
        return _built(decision, lines)
    if command == "tag":
        return (Tagged(decision.argv[1], decision.images[0]),)
    if command == "push":
        return _pushed(decision, lines)
    return ()


def _built(decision: Decision, lines: list[str]) -> tuple[Effect, ...]:
    while lines and _TAGGED.fullmatch(lines[-1]):
        lines = lines[:-1]
    last = lines[-1] if lines else ""
    match = _BUILT.fullmatch(last)
    image_id = match[1] if match else last if _QUIET_ID.fullmatch(last) else ""
    return tuple(Built(reference, image_id) for reference in decision.images) if image_id else ()


def _pushed(decision: Decision, lines: list[str]) -> tuple[Effect, ...]:
    image = images.read(decision.images[0])
    if image is None:
        return ()
    tag = image.tag or "latest"
    digests = [found[2] for line in lines if (found := _PUSHED.fullmatch(line)) and found[1] == tag]
    return tuple(Pushed(f"{image.repository}:{tag}", digest) for digest in digests[-1:])


def _changes(policy: Policy, lines: list[str]) -> list[Effect]:
    # A full match, so neither "(dry run)" nor "(no change)" counts.
    matches = [_CHANGED.fullmatch(line) for line in lines]
    return [
        Changed(policy.namespace, match["kind"], match["name"], match["verb"])
        for match in matches
        if match
    ]
