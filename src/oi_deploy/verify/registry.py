"""The private registry, read over its HTTP API (OCI distribution specification 1.1).

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

import hashlib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from oi_deploy.errors import RunError
from oi_deploy.verify import challenge
from oi_deploy.verify.manifest import ACCEPT, Manifest, read_json, read_manifest
from oi_deploy.verify.network import Trouble, explain, is_loopback
from oi_deploy.verify.reference import Reference

# The specification asks registries to take manifests of 4 MiB; nothing larger is looked at.
_MOST_BYTES = 4 * 1024 * 1024
_MOST_TAGS = 1000
_MOST_CHILDREN = 32
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_PASSING = frozenset({429, 500, 502, 503, 504})
_PAUSES = (0.5, 1.0)


class NotWritableError(RunError):
    """The registry answers, but this account may not push to that repository."""


class Registry:
    """One registry, asked with one account; nothing is ever stored in it."""

    def __init__(
        self,
        host: str,
        *,
        username: str = "",
        password: str = "",
        ca: Path | None = None,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Ask nothing yet.

        Args:
            host: `HOST[:PORT]`; a path behind it (the `registry` input may have one) is ignored.
            username: of the account; empty for an open registry.
            password: of the account.
            ca: PEM file of the registry's CA, trusted besides the system's.
            transport: replaces the network.
            pause: waits so many seconds before a request is repeated.

        Raises:
            RunError: the CA file cannot be used.
        """
        self.host = host.partition("/")[0]
        self._auth = httpx.BasicAuth(username, password) if username or password else None
        self._username = username
        self._pause = pause
        self._tokens: dict[str, str] = {}
        self._base = ""
        self._client = httpx.Client(
            verify=_trust(ca),
            timeout=_TIMEOUT,
            transport=transport,
            follow_redirects=False,
            headers={"User-Agent": "oi-deploy-action"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ping(self) -> None:
        """Ask for the API's version, with the account.

        Raises:
            RunError: unreachable, not trusted, or the account is not accepted.
        """
        response = self._get("/v2/", scope="")
        if response.status_code != 200:
            raise self._odd_answer(response)

    def digest(self, reference: Reference) -> str | None:
        """The digest that the reference has now; None if the registry does not have it.

        Raises:
            RunError: the registry gives no usable answer.
        """
        manifest = self.manifest(reference)
        return manifest.digest if manifest else None

    def manifest(self, reference: Reference) -> Manifest | None:
        """Read the manifest or index; None if the registry does not have it.

        The digest is computed from the bytes, so that neither a proxy nor the registry can claim
        another one.

        Raises:
            RunError: the registry gives no usable answer, or contradicts itself.
        """
        response = self._get(
            f"/v2/{_path(reference.repository, self.host)}/manifests/{reference.selector}",
            scope=f"repository:{_path(reference.repository, self.host)}:pull",
            accept=ACCEPT,
        )
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise self._odd_answer(response)
        digest = f"sha256:{hashlib.sha256(response.content).hexdigest()}"
        claimed = response.headers.get("Docker-Content-Digest", "")
        for said in (claimed, reference.digest):
            if said.startswith("sha256:") and said != digest:
                raise RunError(
                    f"The registry {self.host} contradicts itself",
                    why=f"it calls {reference} {said}, but what it sent has the digest {digest}",
                    remedy="Look whether a proxy between this machine and the registry rewrites "
                    "answers.",
                )
        return read_manifest(response, digest)

    def identities(self, reference: Reference) -> frozenset[str]:
        """Every digest that a pod may report when it runs this image; empty if there is none.

        A runtime reports the index, the manifest of its platform, or the image's configuration.

        Raises:
            RunError: the registry gives no usable answer.
        """
        top = self.manifest(reference)
        if top is None:
            return frozenset()
        found = {top.digest, top.config, *top.children}
        for digest in top.children[:_MOST_CHILDREN]:
            child = self.manifest(Reference(reference.registry, reference.repository, "", digest))
            if child is not None:
                found.add(child.config)
        return frozenset(found - {""})

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, at most 1000; empty if the registry does not know it.

        Raises:
            RunError: the registry gives no usable answer.
        """
        repository = _path(repository, self.host)
        url = f"/v2/{repository}/tags/list?n=100"
        found: list[str] = []
        while url and len(found) < _MOST_TAGS:
            response = self._get(url, scope=f"repository:{repository}:pull")
            if response.status_code == 404:
                return found
            if response.status_code != 200:
                raise self._odd_answer(response)
            page = read_json(response)
            names = page.get("tags") if isinstance(page, dict) else None
            found += [name for name in names or [] if isinstance(name, str)]
            url = _next_page(response, url)
        return found[:_MOST_TAGS]

    def require_push(self, repository: str) -> None:
        """Have the right to push proved: an upload is begun, and given up at once.

        Args:
            repository: with or without the registry's host.

        Raises:
            NotWritableError: the account may not push there.
            RunError: the registry gives no usable answer.
        """
        path = _path(repository, self.host)
        uploads, scope = f"/v2/{path}/blobs/uploads/", f"repository:{path}:pull,push"
        response = self._ask("POST", uploads, scope=scope)
        if response.status_code >= 500:
            raise self._odd_answer(response)
        if response.status_code != 202:
            who = f"`{self._username}`" if self._username else "a client without a login"
            raise NotWritableError(
                f"The registry {self.host} does not let {who} push to {path}",
                why=f"it answered {response.status_code} to the beginning of an upload",
                remedy="Give the account of `registry-username` the right to push there, or "
                "correct `registry`, `allowed-images` or the prompt.",
            )
        # The session ends by itself too, but not soon. To cancel may be another right (`delete`).
        session = urlsplit(str(response.request.url.join(response.headers.get("Location", ""))))
        if session.netloc == response.request.url.netloc.decode() and session.path != uploads:
            with suppress(RunError):
                self._ask("DELETE", f"{session.path}?{session.query}", scope=scope)

    def _get(self, path: str, *, scope: str, accept: str = "application/json") -> httpx.Response:
        """GET; a refusal is an error."""
        response = self._ask("GET", path, scope=scope, accept=accept)
        if response.status_code in (401, 403):
            raise self._denied(response.status_code, path)
        return response

    def _ask(
        self, method: str, path: str, *, scope: str, accept: str = "application/json"
    ) -> httpx.Response:
        """Send with what the registry asks for; repeats what passes by itself."""
        headers = {"Accept": accept}
        if scope in self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens[scope]}"
        response = self._send(path, headers, method=method)
        if response.status_code != 401:
            return response
        headers.pop("Authorization", None)
        for item in challenge.parse(response.headers.get_list("WWW-Authenticate")):
            if item.scheme == "bearer":
                self._tokens[scope] = self._token(item, scope)
                bearer = {**headers, "Authorization": f"Bearer {self._tokens[scope]}"}
                return self._send(path, bearer, method=method)
            if item.scheme == "basic" and self._auth:
                return self._send(path, headers, auth=self._auth, method=method)
        return response

    def _token(self, asked: challenge.Challenge, scope: str) -> str:
        """Fetch a token: https://distribution.github.io/distribution/spec/auth/token/ ."""
        realm = asked.parameters.get("realm", "")
        parts = urlsplit(realm)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        ):
            raise RunError(
                f"The registry {self.host} wants the login to be sent to `{realm}`",
                why="that is no https address",
                remedy="Let the registry's token service be reached over https.",
            )
        wanted = {
            "service": asked.parameters.get("service", ""),
            "scope": asked.parameters.get("scope", scope),
        }
        query = {name: value for name, value in wanted.items() if value}
        response = self._send(str(httpx.URL(realm).copy_merge_params(query)), {}, auth=self._auth)
        if response.status_code in (401, 403):
            raise self._denied(response.status_code, realm)
        answer = read_json(response) if response.status_code == 200 else None
        token = (answer.get("token") or answer.get("access_token")) if answer else None
        if not isinstance(token, str):
            raise RunError(
                f"The registry {self.host} gave no token for reading",
                why=f"its token service {realm} answered {response.status_code} without one",
            )
        return token

    def _send(
        self,
        url: str,
        headers: dict[str, str],
        auth: httpx.Auth | None = None,
        method: str = "GET",
    ) -> httpx.Response:
        if url.startswith("/"):
            url = self._find_base() + url
        for pause in (*_PAUSES, None):
            try:
                response = self._fetch(method, url, headers, auth)
            except httpx.TransportError as error:
                trouble = explain(error)
                if pause is None or trouble.kind in ("ca", "certificate", "no-tls", "name"):
                    raise self._unreachable(trouble, urlsplit(url).netloc) from error
            else:
                if pause is None or response.status_code not in _PASSING:
                    return response
            self._pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _fetch(
        self, method: str, url: str, headers: dict[str, str], auth: httpx.Auth | None
    ) -> httpx.Response:
        with self._client.stream(method, url, headers=headers, auth=auth) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise RunError(
                        f"The registry {self.host} sent more than {_MOST_BYTES} bytes",
                        why=f"as the answer to {url}; no manifest is that large",
                    )
        kept = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx.Response(
            response.status_code, headers=kept, content=bytes(body), request=response.request
        )

    def _find_base(self) -> str:
        """`https://host`; plain http only where Docker allows it, on this machine itself."""
        if not self._base:
            host = "registry-1.docker.io" if self.host == "docker.io" else self.host
            self._base = f"https://{host}"
            if is_loopback(host):
                try:
                    self._client.get(f"https://{host}/v2/")
                except httpx.TransportError as error:
                    if explain(error).kind != "ca":
                        self._base = f"http://{host}"
        return self._base

    def _unreachable(self, trouble: Trouble, where: str) -> RunError:
        what = f"The registry {self.host} cannot be read"
        if where != self.host:
            what += f" (its token service {where})"
        remedies = {
            "ca": "Give its CA's certificate: `registry-ca: ${{ vars.REGISTRY_CA }}` (PEM text).",
            "certificate": "Let the registry present a certificate for the name in `registry`.",
            "no-tls": "Give the registry TLS; plain http is supported on localhost only.",
        }
        remedy = remedies.get(trouble.kind) or (
            "Look whether `registry` is right and can be reached from the action's container."
        )
        return RunError(what, why=trouble.text, remedy=remedy)

    def _denied(self, status: int, path: str) -> RunError:
        if not self._auth:
            return RunError(
                f"The registry {self.host} wants a login",
                why=f"it answered {status} to a request without one",
                remedy="Set `registry-username` and `registry-password`.",
            )
        if status == 401:
            return RunError(
                f"The registry {self.host} does not accept the login of `{self._username}`",
                why="it answered 401",
                remedy="Check `registry-username` and `registry-password`.",
            )
        return RunError(
            f"The registry {self.host} does not let `{self._username}` read {path}",
            why="it answered 403",
            remedy="Give the account of `registry-username` the right to pull there, or use "
            "another `registry-username` and `registry-password`.",
        )

    def _odd_answer(self, response: httpx.Response) -> RunError:
        return RunError(
            f"The registry {self.host} cannot be read",
            why=f"it answered {response.status_code} to {response.request.method} "
            f"{response.request.url.path}",
            remedy="Look into the registry's log, and whether `registry` names a registry.",
        )


def _trust(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(cafile=str(ca))
        except (OSError, ssl.SSLError) as error:
            raise RunError(
                "`registry-ca` cannot be used",
                why=f"it holds no certificate in PEM form ({error})",
                remedy="Give the CA's certificate, beginning with -----BEGIN CERTIFICATE-----.",
            ) from error
    return context


def _path(repository: str, host: str) -> str:
    return repository.removeprefix(f"{host}/")


def _next_page(response: httpx.Response, url: str) -> str:
    """The `Link: <...>; rel="next"` of a list, as a path: another host is never followed."""
    link = response.links.get("next", {}).get("url", "")
    if not link:
        return ""
    parts = urlsplit(str(httpx.URL(f"https://registry{url}").join(link)))
    return f"{parts.path}?{parts.query}"
