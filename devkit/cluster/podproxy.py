"""`pods/proxy`: an HTTP GET to a pod through the API server."""

from __future__ import annotations

import aiohttp
import yarl
from aiohttp import web

from devkit.cluster import errors
from devkit.cluster.request import Target
from devkit.cluster.resources import PODS
from devkit.cluster.store import Store

# Between two servers, and not part of the answer (RFC 9110, 7.6.1); or undone by aiohttp.
_HOP = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}


async def answer(request: web.Request, store: Store, where: Target) -> web.Response:
    """Return what a pod says to a GET; nothing of the client's request but path and query goes on.

    As ResourceLocation in kubernetes/kubernetes, pkg/registry/core/pod/strategy.go: the name may
    carry a port (without one it is the first that a container declares), and authorization sees
    name and port as one. Real servers pass on every method, the headers, and rewrite links in HTML.

    Raises:
        ApiError: 400, the pod has no address yet; 404, there is no such pod; 405, it is no GET;
            503, the pod does not take the connection.
    """
    if request.method != "GET":
        raise errors.method_not_allowed("the devkit cluster offers pods/proxy for GET only")
    scheme, name, port = _taken_apart(where.name)
    pod = store.get(PODS, where.namespace, name)
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise errors.bad_request("address not allowed")
    declared = [one for item in pod["spec"]["containers"] for one in item.get("ports") or []]
    if not port and declared:
        port = str(declared[0]["containerPort"])
    # ["", "api", "v1", "namespaces", NAMESPACE, "pods", NAME, "proxy", the rest]
    rest = request.rel_url.raw_path.split("/", 8)[8:]
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    if not rest:
        # So that relative links of the page work: https://issue.k8s.io/4958.
        return web.Response(status=301, headers={"Location": f"{request.rel_url.raw_path}/{query}"})
    host = f"{address}:{port}" if port else address
    url = yarl.URL(f"{scheme}://{host}/{rest[0]}{query}", encoded=True)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, allow_redirects=False, ssl=False) as found,
        ):
            headers = {key: text for key, text in found.headers.items() if key.lower() not in _HOP}
            return web.Response(status=found.status, headers=headers, body=await found.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise errors.service_unavailable(f"error trying to reach service: {error}") from error


def _taken_apart(name: str) -> tuple[str, str, str]:
    """Scheme, name and port of NAME, NAME:PORT or SCHEME:NAME:PORT (SplitSchemeNamePort there)."""
    match name.split(":"):
        case [only]:
            return "http", only, ""
        case [before, port]:
            return "http", before, port
        case ["http" | "https" as scheme, between, port]:
            return scheme, between, port
        case _:
            raise errors.bad_request(f'invalid pod request "{name}"')
