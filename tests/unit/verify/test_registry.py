"""The registry's protocol against an imitation of its answers; the real one is in integration."""

import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oi_deploy.errors import RunError
from oi_deploy.verify.reference import parse
from oi_deploy.verify.registry import NotWritableError, Registry

HOST = "harbor.example.com"
IMAGE = parse(f"{HOST}/library/app:1")
Handler = Callable[[httpx.Request], httpx.Response]


def registry(handler: Handler, *, host: str = HOST, login: bool = True) -> Registry:
    return Registry(
        host,
        username="robot" if login else "",
        password="s3cret" if login else "",
        transport=httpx.MockTransport(handler),
        pause=lambda _: None,
    )


def document(**fields: Any) -> tuple[bytes, str]:
    body = json.dumps(fields).encode()
    return body, "sha256:" + hashlib.sha256(body).hexdigest()


MANIFEST, MANIFEST_DIGEST = document(
    mediaType="application/vnd.oci.image.manifest.v1+json", config={"digest": "sha256:" + "c" * 64}
)


def basic(request: httpx.Request) -> bool:
    expected = base64.b64encode(b"robot:s3cret").decode()
    return bool(request.headers.get("Authorization") == f"Basic {expected}")


def with_basic(request: httpx.Request) -> httpx.Response:
    if not basic(request):
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    if request.url.path == "/v2/library/app/manifests/1":
        return httpx.Response(
            200, content=MANIFEST, headers={"Docker-Content-Digest": MANIFEST_DIGEST}
        )
    return httpx.Response(200 if request.url.path == "/v2/" else 404)


def test_digest_with_a_basic_login() -> None:
    assert registry(with_basic).digest(IMAGE) == MANIFEST_DIGEST
    registry(with_basic).ping()


def test_an_image_that_is_not_there_has_no_digest() -> None:
    assert registry(with_basic).digest(parse(f"{HOST}/library/app:2")) is None


def test_asks_for_oci_and_docker_documents() -> None:
    accepted: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        accepted.append(request.headers["Accept"])
        return httpx.Response(200, content=MANIFEST)

    registry(handler).digest(IMAGE)
    for kind in ("oci.image.index.v1", "oci.image.manifest.v1", "manifest.list.v2", "manifest.v2"):
        assert kind in accepted[-1]


def test_bearer_token_is_fetched_with_the_login_and_used_again() -> None:
    asked: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example.com":
            assert basic(request)
            asked.append(request.url)
            return httpx.Response(200, json={"token": "t0ken"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            challenge = (
                'Bearer realm="https://auth.example.com/token?x=1",service="harbor-registry",'
                'scope="repository:library/app:pull"'
            )
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return httpx.Response(200, content=MANIFEST)

    one = registry(handler)
    assert one.digest(IMAGE) == MANIFEST_DIGEST
    assert one.digest(IMAGE) == MANIFEST_DIGEST
    assert len(asked) == 1
    assert dict(asked[0].params) == {
        "x": "1",
        "service": "harbor-registry",
        "scope": "repository:library/app:pull",
    }


def test_the_login_is_not_sent_to_a_token_service_without_tls() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        return httpx.Response(
            401, headers={"WWW-Authenticate": 'Bearer realm="http://evil.example.com/t"'}
        )

    with pytest.raises(RunError, match="no https address"):
        registry(handler).digest(IMAGE)


def test_an_expired_token_is_fetched_anew() -> None:
    issued = iter(["first", "second"])
    valid = {"first"}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": next(issued)})
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in valid:
            return httpx.Response(
                401, headers={"WWW-Authenticate": f'Bearer realm="https://{HOST}/token"'}
            )
        return httpx.Response(200, content=MANIFEST)

    one = registry(handler)
    one.digest(IMAGE)
    valid.clear()
    valid.add("second")
    assert one.digest(IMAGE) == MANIFEST_DIGEST


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_names_the_inputs(status: int) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"WWW-Authenticate": 'Basic realm="r"'})

    with pytest.raises(RunError) as caught:
        registry(handler).digest(IMAGE)
    assert "`robot`" in str(caught.value)
    assert "`registry-username`" in caught.value.remedy
    assert "`registry-password`" in caught.value.remedy
    assert "s3cret" not in str(caught.value)


def test_a_missing_login_is_called_missing() -> None:
    with pytest.raises(RunError, match="wants a login"):
        registry(with_basic, login=False).ping()


def test_a_digest_that_is_not_the_contents_is_an_error() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=MANIFEST, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}
        )

    with pytest.raises(RunError, match="contradicts itself"):
        registry(handler).digest(IMAGE)


def test_an_index_stands_for_its_platforms_and_their_configurations() -> None:
    index, index_digest = document(
        mediaType="application/vnd.oci.image.index.v1+json", manifests=[{"digest": MANIFEST_DIGEST}]
    )

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=MANIFEST if request.url.path.endswith(MANIFEST_DIGEST) else index
        )

    assert registry(handler).identities(IMAGE) == {
        index_digest,
        MANIFEST_DIGEST,
        "sha256:" + "c" * 64,
    }


def test_tags_follow_pages_on_the_same_host_only() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.host == HOST
        if "last" in request.url.params:
            return httpx.Response(200, json={"tags": ["c"]})
        link = f'<https://elsewhere.example.com{request.url.path}?last=b&n=2>; rel="next"'
        return httpx.Response(200, json={"tags": ["a", "b"]}, headers={"Link": link})

    assert registry(handler).tags("library/app") == ["a", "b", "c"]
    assert registry(handler).tags(f"{HOST}/library/app") == ["a", "b", "c"]


def test_an_endless_list_of_tags_ends() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        link = f'<{request.url.path}?n=100&last=x>; rel="next"'
        return httpx.Response(200, json={"tags": ["t"] * 100}, headers={"Link": link})

    assert len(registry(handler).tags("library/app")) == 1000


def test_tags_of_an_unknown_or_empty_repository() -> None:
    assert registry(lambda _: httpx.Response(404)).tags("library/new") == []
    assert registry(lambda _: httpx.Response(200, json={"tags": None})).tags("library/new") == []


def test_a_passing_fault_is_tried_again() -> None:
    answers = iter([httpx.Response(502), httpx.Response(503), httpx.Response(404)])
    assert registry(lambda _: next(answers)).digest(IMAGE) is None


def test_a_lasting_fault_is_reported() -> None:
    with pytest.raises(RunError, match="answered 503"):
        registry(lambda _: httpx.Response(503)).digest(IMAGE)


def failing(cause: BaseException) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("failed", request=request) from cause

    return handler


def test_an_unknown_ca_names_its_input() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code = 20
    with pytest.raises(RunError) as caught:
        registry(failing(cause)).ping()
    assert "registry-ca" in caught.value.remedy


def test_a_refused_connection_says_so() -> None:
    with pytest.raises(RunError, match="connection refused") as caught:
        registry(failing(ConnectionRefusedError())).ping()
    assert "`registry`" in caught.value.remedy


def plain_only(request: httpx.Request) -> httpx.Response:
    if request.url.scheme == "https":
        error = ssl.SSLError(1, "wrong version number")
        error.reason = "WRONG_VERSION_NUMBER"
        raise httpx.ConnectError("failed", request=request) from error
    return httpx.Response(200, content=MANIFEST)


def test_plain_http_is_spoken_with_this_machine_only() -> None:
    local = registry(plain_only, host="127.0.0.1:5000")
    assert local.digest(parse("127.0.0.1:5000/app:1")) == MANIFEST_DIGEST
    with pytest.raises(RunError, match="does not speak TLS") as caught:
        registry(plain_only).ping()
    assert "localhost" in caught.value.remedy


def test_a_path_in_the_input_is_not_part_of_the_host() -> None:
    assert registry(with_basic, host=f"{HOST}/library").host == HOST


def test_too_large_an_answer_is_not_read() -> None:
    with pytest.raises(RunError, match="no manifest is that large"):
        registry(lambda _: httpx.Response(200, content=b"x" * (5 * 1024 * 1024))).digest(IMAGE)


def uploads(answer: int, asked: list[tuple[str, str]], location: str) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, str(request.url)))
        headers = {"Location": location} if request.method == "POST" else {}
        return httpx.Response(answer if request.method == "POST" else 204, headers=headers)

    return handler


def test_an_upload_that_can_begin_is_given_up() -> None:
    asked: list[tuple[str, str]] = []
    location = "/v2/library/app/blobs/uploads/u1?_state=s"
    registry(uploads(202, asked, location)).require_push(f"{HOST}/library/app")
    assert asked == [
        ("POST", f"https://{HOST}/v2/library/app/blobs/uploads/"),
        ("DELETE", f"https://{HOST}{location}"),
    ]


@pytest.mark.parametrize("location", ["https://evil.example.com/v2/x", "", "//evil.example.com/x"])
def test_an_upload_s_address_elsewhere_is_not_followed(location: str) -> None:
    asked: list[tuple[str, str]] = []
    registry(uploads(202, asked, location)).require_push("library/app")
    assert [method for method, _ in asked] == ["POST"]


@pytest.mark.parametrize("answer", [401, 403, 404, 405])
def test_an_upload_that_is_refused_names_the_account_and_the_repository(answer: int) -> None:
    with pytest.raises(NotWritableError) as caught:
        registry(uploads(answer, [], "")).require_push("library/app")
    assert "does not let `robot` push to library/app" in caught.value.what
    assert str(answer) in caught.value.why
    assert "`registry-username`" in caught.value.remedy


def test_a_registry_in_trouble_is_no_refusal() -> None:
    with pytest.raises(RunError, match="answered 500 to POST") as caught:
        registry(uploads(500, [], "")).require_push("library/app")
    assert not isinstance(caught.value, NotWritableError)
