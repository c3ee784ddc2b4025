"""The model's files on the Docker engine's host, seen through a container that never starts.

The action's container sees neither the volume with the weights nor the host's folders. The engine
copies files out of a container that was only created, with what is mounted there.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount

from oi_deploy.engine import EngineSettings
from oi_deploy.engine.container import CACHE, CACHE_VOLUME
from oi_deploy.engine.inside.model_files import wrong_safetensors
from oi_deploy.own_container import own_container

_MOST_BYTES = 16 * 1024**2
_PART = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")


@dataclass(frozen=True)
class Weights:
    """What there is of a model.

    Attributes:
        problem: why it is not complete; empty if it is.
        size: of the weights in bytes; 0 if unknown.
        config: the model's `config.json`; empty if unknown.
    """

    problem: str = ""
    size: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)


def find(client: docker.DockerClient, settings: EngineSettings) -> Weights:
    """Look for the model where `engine: sibling` has it.

    Raises:
        DockerException: the engine does not do what is asked.
    """
    if settings.model_is_path:
        mount = Mount(settings.model, settings.model, type="bind", read_only=True)
        try:
            with _files(client, settings, mount) as files:
                return _weights(files, PurePosixPath(settings.model))
        except APIError as error:
            if "does not exist" in str(error.explanation):
                return Weights(f"there is no folder `{settings.model}` on the Docker host")
            raise
    try:
        client.volumes.get(CACHE_VOLUME)  # a mount would make it
    except NotFound:
        return Weights("they were never fetched")
    mount = Mount(CACHE, CACHE_VOLUME, type="volume", read_only=True, no_copy=True)
    with _files(client, settings, mount) as files:
        name = settings.model.replace("/", "--")
        home = PurePosixPath(CACHE) / "huggingface" / "hub" / f"models--{name}"
        revision = settings.model_revision or files.text(home / "refs" / "main").strip()
        if not revision:
            return Weights("they were never fetched")
        return _weights(files, home / "snapshots" / revision)


def _weights(files: "_Files", folder: PurePosixPath) -> Weights:
    config = _json(files.text(folder / "config.json"))
    if not config:
        return Weights(f"there is no config.json in {folder}")
    index = _json(files.text(folder / "model.safetensors.index.json"))
    names = sorted(set(index.get("weight_map", {}).values())) or ["model.safetensors"]
    sizes = [files.size(folder / str(name)) for name in names]
    missing = sizes.count(None)
    total = sum(size or 0 for size in sizes)
    if missing == len(names):
        # Other formats exist; only vLLM can tell whether it reads them.
        return Weights(f"there are no .safetensors files in {folder}", config=config)
    if missing:
        return Weights(f"{missing} of {len(names)} files are missing", total, config)
    for name in names:
        if wrong := files.wrong_safetensors(folder / str(name)):
            return Weights(f"{folder / str(name)} {wrong}", total, config)
    return Weights("", total, config)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _files(
    client: docker.DockerClient, settings: EngineSettings, mount: Mount
) -> Iterator["_Files"]:
    """Create the container, and remove it."""
    own = own_container()
    # Of any image; our own is always there.
    image = client.containers.get(own).attrs["Image"] if own else settings.vllm_image
    container = client.containers.create(
        image,
        entrypoint=["/never-started"],
        command=[],
        network_mode="none",
        mounts=[mount],
        labels={"oi-deploy.run": own, "oi-deploy.role": "doctor"},
    )
    try:
        yield _Files(client, str(container.id))
    finally:
        with suppress(DockerException):
            container.remove(force=True)


class _Files:
    """Files of a container that does not run."""

    def __init__(self, client: docker.DockerClient, container: str) -> None:
        self._client = client
        self._container = container

    def size(self, path: PurePosixPath) -> int | None:
        """In bytes; None if there is no such file."""
        with self._open(path) as found:
            return found[1] if found else None

    def text(self, path: PurePosixPath) -> str:
        """The content; empty if there is no such file, or if it is too large."""
        with self._open(path) as found:
            if found is None or found[1] > _MOST_BYTES:
                return ""
            return found[0].read().decode("utf-8", "replace")

    def wrong_safetensors(self, path: PurePosixPath) -> str:
        """What is wrong with the size of such a file; empty if nothing is."""
        with self._open(path) as found:
            return wrong_safetensors(found[1], found[0]) if found else ""

    @contextmanager
    def _open(self, path: PurePosixPath) -> Iterator[tuple[IO[bytes], int] | None]:
        """A file's content, to be read from its beginning, and its size in bytes.

        Links, which the hub's cache has, are followed.
        """
        for _ in range(3):
            try:
                stream, stat = self._client.api.get_archive(self._container, str(path))
            except NotFound:
                break
            link = stat.get("linkTarget", "")
            # Go's os.ModeSymlink; the engine resolves the target inside the container.
            if stat["mode"] & 1 << 27 and link:
                stream.close()
                path = PurePosixPath(link)
                continue
            try:
                with tarfile.open(fileobj=_Arriving(stream), mode="r|") as archive:
                    member = archive.next()
                    file = archive.extractfile(member) if member and member.isreg() else None
                    yield (file, int(stat["size"])) if file else None
            finally:
                stream.close()  # the rest is not sent
            return
        yield None


class _Arriving(io.RawIOBase):
    """What arrives in pieces, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
