"""What a registry sends for a reference: a manifest, or an index of several."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from oi_deploy.errors import RunError

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join(_INDEXES + _MANIFESTS)


@dataclass(frozen=True)
class Manifest:
    """What a reference stands for.

    Attributes:
        digest: of the manifest or index itself, computed from its bytes.
        media_type: as the document or the registry says.
        children: for an index, the digests of its manifests, one for each platform.
        config: for a manifest, the digest of its image configuration (Docker's image id).
    """

    digest: str
    media_type: str
    children: tuple[str, ...] = ()
    config: str = ""


def read_json(response: httpx.Response) -> Any:
    """The JSON document in an answer; None if it holds none."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def read_manifest(response: httpx.Response, digest: str) -> Manifest:
    """Read a manifest or index.

    Raises:
        RunError: it is none.
    """
    document = read_json(response)
    if not isinstance(document, dict):
        raise RunError(
            "The registry sent no manifest",
            why=f"the answer to GET {response.request.url.path} is not a JSON object",
        )
    stated = response.headers.get("Content-Type", "").partition(";")[0].strip()
    media_type = str(document.get("mediaType") or stated)
    if media_type in _INDEXES or "manifests" in document:
        entries = document.get("manifests") or []
        children = tuple(str(entry["digest"]) for entry in entries if "digest" in entry)
        return Manifest(digest, media_type, children=children)
    config = document.get("config")
    return Manifest(
        digest, media_type, config=str(config.get("digest", "")) if isinstance(config, dict) else ""
    )
