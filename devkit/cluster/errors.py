"""API errors: each is a Kubernetes `Status` object with the wording of the real API server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from devkit.cluster.resources import Resource


@dataclass(frozen=True)
class Cause:
    """One invalid field of an object."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


@dataclass
class ApiError(Exception):
    """A refusal that goes to the client as a Status object."""

    code: int
    reason: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the message that a user sees."""
        return self.message

    def status(self) -> dict[str, Any]:
        """Return the Status document."""
        document: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            document["details"] = self.details
        return document


def _details(resource: Resource, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}


def not_found(resource: Resource, name: str) -> ApiError:
    """404 for an object."""
    return ApiError(
        404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name)
    )


def no_such_path() -> ApiError:
    """404 for a resource type or path that this cluster does not serve."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> ApiError:
    """409 on create."""
    return ApiError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        _details(resource, name),
    )


def conflict(resource: Resource, name: str) -> ApiError:
    """409 on a write with a stale resourceVersion."""
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again",
        _details(resource, name),
    )


def invalid(resource: Resource, name: str, causes: list[Cause]) -> ApiError:
    """422 with every invalid field."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return ApiError(
        422,
        "Invalid",
        f'{kind} "{name}" is invalid: {joined}',
        {
            "name": name,
            "group": resource.group,
            "kind": resource.kind,
            "causes": [
                {"reason": cause.reason, "message": cause.message, "field": cause.field}
                for cause in causes
            ],
        },
    )


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401, for a missing or unknown token alike (as with `--anonymous-auth=false`)."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    """403; `why` is the sentence after "is forbidden:"."""
    quoted = f' "{name}"' if name else ""
    return ApiError(
        403,
        "Forbidden",
        f"{resource.qualified}{quoted} is forbidden: {why}",
        _details(resource, name),
    )


def method_not_allowed(message: str) -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", message)


def gone(message: str) -> ApiError:
    """410, for a watch that starts before the oldest known change."""
    return ApiError(410, "Expired", message)


def unsupported_media_type(accepted: list[str]) -> ApiError:
    """415 on a patch type that this cluster does not know (server-side apply, for one)."""
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def service_unavailable(message: str) -> ApiError:
    """503, for a pod that does not answer."""
    return ApiError(503, "ServiceUnavailable", message)


def not_implemented(message: str) -> ApiError:
    """501, for what this cluster honestly cannot do."""
    return ApiError(501, "NotImplemented", message)
