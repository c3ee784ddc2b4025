"""The HTTP side: routes, authentication, reading objects, Status answers for every error."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import yaml
from aiohttp import web

from devkit.cluster import (
    authz,
    discovery,
    errors,
    lifecycle,
    openapi,
    openapi_v2,
    podlogs,
    podproxy,
    protobuf,
    selectors,
    table,
    watching,
    writes,
)
from devkit.cluster.authz import Access, User
from devkit.cluster.errors import ApiError
from devkit.cluster.kubelet import Kubelet
from devkit.cluster.request import Target, dry_run, target, verb, wants_table
from devkit.cluster.resources import ACCESS_REVIEWS, NAMESPACES, PODS, RULES_REVIEWS, by_plural
from devkit.cluster.store import Object, Store

_LOG = logging.getLogger("devkit.cluster.api")
_OPEN_PATHS = {"/healthz", "/readyz", "/livez", "/version"}
_LARGEST_BODY = 3 * 2**20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The API server's handlers."""

    def __init__(self, store: Store, kubelet: Kubelet, users: dict[str, User], server: str) -> None:
        """Serve `store` to `users`; `server` is the address that discovery tells."""
        self._store = store
        self._kubelet = kubelet
        self._users = users
        self._server = server

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._answer_errors], client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._dispatch)
        return app

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            _LOG.info("%s %s: %d %s", request.method, request.path_qs, error.code, error)
            return web.json_response(error.status(), status=error.code)
        except (web.HTTPException, ConnectionResetError):
            raise
        except Exception as error:
            _LOG.exception("%s %s", request.method, request.path_qs)
            failure = ApiError(500, "InternalError", f"Internal error occurred: {error!r}")
            return web.json_response(failure.status(), status=500)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path in ("/healthz", "/readyz", "/livez"):
            return web.Response(text="ok")
        if path == "/version":
            return web.json_response(discovery.VERSION)
        user = authz.authenticate(self._users, request.headers.get("Authorization"))
        if path == "/openapi/v2":
            headers = {"Content-Type": openapi_v2.CONTENT_TYPE}
            return web.Response(body=openapi_v2.document(), headers=headers)
        document = self._document(path)
        if document is not None:
            if request.method != "GET":
                raise errors.method_not_allowed("the server does not allow this method here")
            return web.json_response(document)
        return await self._resource(request, user, target(request.path))

    def _document(self, path: str) -> Object | None:
        """Return a discovery or OpenAPI document, or None when the path names no such thing."""
        parts = path.strip("/").split("/")
        match parts:
            case ["api"]:
                return discovery.api_versions(self._server)
            case ["api", version]:
                return discovery.resource_list(version)
            case ["apis"]:
                return discovery.group_list()
            case ["apis", group]:
                return discovery.group(group)
            case ["apis", group, version]:
                return discovery.resource_list(f"{group}/{version}")
            case ["openapi", "v3"]:
                return openapi.index()
            case ["openapi", "v3", "api", version]:
                return openapi.document(version)
            case ["openapi", "v3", "apis", group, version]:
                return openapi.document(f"{group}/{version}")
            case _:
                return None

    async def _resource(
        self, request: web.Request, user: User, where: Target
    ) -> web.StreamResponse:
        wanted = verb(request, where)
        if where.resource in (ACCESS_REVIEWS, RULES_REVIEWS):
            return await self._review(request, user, where)
        authz.require(user, where.access(wanted), where.resource)
        if where.subresource in ("exec", "attach", "portforward"):
            raise errors.not_implemented(
                f"pods/{where.subresource} is not offered by the devkit cluster"
            )
        if where.subresource == "log":
            return await podlogs.stream(request, self._store, self._kubelet, where)
        if where.subresource == "proxy":
            return await podproxy.answer(request, self._store, where)
        if wanted not in where.resource.verbs and not where.subresource:
            raise errors.method_not_allowed(
                "the server does not allow this method on the requested resource"
            )
        if wanted == "watch":
            return await watching.serve(request, self._store, where)
        if wanted == "list":
            return self._list(request, where)
        if wanted == "get":
            return self._get(request, where)
        if wanted in ("delete", "deletecollection"):
            return await self._delete(request, where, wanted)
        return await self._write(request, where, wanted)

    def _list(self, request: web.Request, where: Target) -> web.Response:
        keep = _filter(request)
        items = [i for i in self._store.list(where.resource, where.namespace) if keep(i)]
        version = str(self._store.version)
        if wants_table(request):
            include = request.query.get("includeObject", "Metadata")
            return web.json_response(table.render(where.resource, items, include, version))
        return web.json_response(
            {
                "kind": f"{where.resource.kind}List",
                "apiVersion": where.resource.api_version,
                "metadata": {"resourceVersion": version},
                "items": items,
            }
        )

    def _get(self, request: web.Request, where: Target) -> web.Response:
        item = self._store.get(where.resource, where.namespace, where.name)
        if where.subresource == "scale":
            return web.json_response(writes.scale_of(item))
        return self._one(request, where, item)

    def _one(
        self, request: web.Request, where: Target, item: Object, status: int = 200
    ) -> web.Response:
        if wants_table(request):
            include = request.query.get("includeObject", "Metadata")
            version = item["metadata"].get("resourceVersion", "")
            item = table.render(where.resource, [item], include, version)
        return web.json_response(item, status=status)

    async def _write(self, request: web.Request, where: Target, wanted: str) -> web.Response:
        body = await _body(request)
        dry = dry_run(request)
        strict = request.query.get("fieldValidation", "Warn")
        kind = request.content_type
        if where.subresource == "scale":
            patch_type = kind if wanted == "patch" else None
            scaled = writes.write_scale(self._store, where, patch_type, body, dry=dry)
            return web.json_response(scaled)
        options: dict[str, Any] = {"strict": strict, "dry": dry}
        if wanted == "create":
            made = writes.create(self._store, where, body, **options)
            response = self._one(request, where, made, 201)
        elif wanted == "update":
            made = writes.replace(self._store, where, body, **options)
            response = self._one(request, where, made)
        else:
            made = writes.apply_patch(self._store, where, kind, body, **options)
            response = self._one(request, where, made)
        if strict == "Warn":
            for unknown in writes.warn_or_refuse(where.resource, made, "Warn"):
                response.headers.add("Warning", f"299 - {json.dumps(unknown)}")
        return response

    async def _delete(self, request: web.Request, where: Target, wanted: str) -> web.Response:
        options = (await _body(request) if request.can_read_body else None) or {}
        grace = options.get("gracePeriodSeconds")
        if "gracePeriodSeconds" in request.query:
            grace = int(request.query["gracePeriodSeconds"])
        policy = options.get("propagationPolicy") or request.query.get("propagationPolicy")
        orphan = policy == "Orphan"
        dry = dry_run(request) or bool(options.get("dryRun"))
        if wanted == "delete":
            item = self._store.get(where.resource, where.namespace, where.name)
            version = (options.get("preconditions") or {}).get("resourceVersion")
            if version and version != item["metadata"]["resourceVersion"]:
                raise errors.conflict(where.resource, where.name)
            items = [item]
        else:
            keep = _filter(request)
            items = [i for i in self._store.list(where.resource, where.namespace) if keep(i)]
        last: Object = {}
        for item in items:
            last = item if dry else self._delete_one(where, item, grace, orphan)
        if wanted == "delete" and where.resource is PODS and not dry:
            return web.json_response(last)
        details = {"name": where.name, "group": where.resource.group, "kind": where.resource.plural}
        details["uid"] = last.get("metadata", {}).get("uid", "")
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return web.json_response({**success, "details": {k: v for k, v in details.items() if v}})

    def _delete_one(self, where: Target, item: Object, grace: int | None, orphan: bool) -> Object:
        return lifecycle.delete(self._store, where.resource, item, grace=grace, orphan=orphan)

    async def _review(self, request: web.Request, user: User, where: Target) -> web.Response:
        if request.method != "POST":
            raise errors.method_not_allowed("the server does not allow this method here")
        body = await _body(request)
        spec = body.get("spec") or {}
        if where.resource is RULES_REVIEWS:
            status = authz.rules_review(user, spec.get("namespace", ""))
        elif "nonResourceAttributes" in spec:
            status = {"allowed": True}
        else:
            status = {"allowed": self._allowed(user, spec.get("resourceAttributes") or {})}
        item = {"metadata": {}, **body, "status": status}
        item |= {"kind": where.resource.kind, "apiVersion": where.resource.api_version}
        return web.json_response(item, status=201)

    def _allowed(self, user: User, asked: Object) -> bool:
        resource = asked.get("resource", "")
        if asked.get("subresource"):
            resource = f"{resource}/{asked['subresource']}"
        namespace = asked.get("namespace", "")
        known = by_plural(asked.get("resource", ""))
        if known is NAMESPACES:
            # `auth can-i get namespace/demo -n other` sends the flag's namespace too.
            namespace = ""
        access = Access(
            asked.get("verb", ""),
            asked.get("group", ""),
            resource,
            namespace,
            asked.get("name", ""),
        )
        return authz.allowed(user, access)


def _filter(request: web.Request) -> selectors.Matcher:
    by_label = selectors.labels(request.query.get("labelSelector", ""))
    by_field = selectors.fields(request.query.get("fieldSelector", ""))
    return lambda item: by_label(item) and by_field(item)


async def _body(request: web.Request) -> Any:
    """Return the request's document: JSON, YAML or protobuf, as its type says; raise ApiError."""
    raw = await request.read()
    if request.content_type == "application/apply-patch+yaml":
        raise errors.unsupported_media_type(list(writes.PATCH_TYPES))
    if request.content_type == "application/vnd.kubernetes.protobuf":
        return protobuf.decode(raw)
    try:
        if request.content_type == "application/yaml":
            return yaml.safe_load(raw)
        return json.loads(raw) if raw else {}
    except (ValueError, yaml.YAMLError) as error:
        raise errors.bad_request(f"error decoding the body: {error}") from error
