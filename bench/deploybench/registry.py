"""The registry as a verifier sees it: which tags there are, and what they are."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

_ACCEPT = (
    "application/vnd.docker.distribution.manifest.v2+json,"
    "application/vnd.oci.image.manifest.v1+json"
)
Contents = Mapping[str, Mapping[str, str]]


class Registry:
    """The world's registry, asked with its login.

    Attributes:
        host: host and port, as image references begin.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        """Use the registry that `world.env` names."""
        self.host = values["REGISTRY"]
        self._login = (values["REGISTRY_USERNAME"], values["REGISTRY_PASSWORD"])
        self._trust = ssl.create_default_context(cafile=values["REGISTRY_CA"])

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        with httpx.Client(
            base_url=f"https://{self.host}/v2/",
            auth=self._login,
            verify=self._trust,
            trust_env=False,
            timeout=30,
        ) as client:
            yield client

    def digest(self, repository: str, tag: str) -> str:
        """The digest of a tag; empty if there is no such tag."""
        with self._client() as client:
            return _digest(client, repository, tag)

    def contents(self) -> Contents:
        """Digests by tag by repository; repositories without a tag are left out.

        Raises:
            httpx.HTTPError: the registry does not answer.
        """
        found: dict[str, dict[str, str]] = {}
        with self._client() as client:
            listing = client.get("_catalog", params={"n": 1000}).raise_for_status().json()
            for repository in listing["repositories"] or []:
                answer = client.get(f"{repository}/tags/list")
                tags = (answer.json().get("tags") or []) if answer.is_success else []
                if tags:
                    found[repository] = {tag: _digest(client, repository, tag) for tag in tags}
        return found

    def empty(self) -> None:
        """Remove every tag and manifest; layers stay, so that pushing the same again is quick.

        Raises:
            httpx.HTTPError: the registry does not answer, or refuses.
        """
        contents = self.contents()
        with self._client() as client:
            for repository, tags in contents.items():
                for digest in sorted(set(tags.values())):
                    client.delete(f"{repository}/manifests/{digest}").raise_for_status()


def _digest(client: httpx.Client, repository: str, tag: str) -> str:
    answer = client.head(f"{repository}/manifests/{tag}", headers={"Accept": _ACCEPT})
    return answer.headers.get("Docker-Content-Digest", "") if answer.is_success else ""


def differences(
    before: Contents, now: Contents, allowed: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """What differs although it is not allowed.

    Args:
        before: the contents when the run began.
        now: the contents after it.
        allowed: tags by repository that may be new or moved.
    """
    for repository in sorted({*before, *now}):
        old, new = before.get(repository, {}), now.get(repository, {})
        for tag in sorted({*old, *new} - allowed.get(repository, frozenset())):
            if old.get(tag) == new.get(tag):
                continue
            what = "is new" if tag not in old else "is gone" if tag not in new else "was moved"
            yield f"the tag {repository}:{tag} {what}"
