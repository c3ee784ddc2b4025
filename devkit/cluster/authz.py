"""Who may do what: bearer tokens, each with RBAC-like rules, read from one file.

The file (YAML or JSON) maps tokens to users::

    tokens:
      - token: s3cret
        user: system:serviceaccount:demo:deployer
        groups: [system:serviceaccounts]
        rules:
          - namespaces: [demo]        # "*" for all, and for resources outside any namespace
            groups: [apps]            # API groups, "" is the core group, "*" for all
            resources: [deployments, deployments/scale]
            verbs: [get, list, watch, patch, update]
            names: []                 # optional: only these objects
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from devkit.cluster import errors
from devkit.cluster.resources import NAMESPACES, Resource


class Rule(BaseModel):
    """What may be done where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespaces: list[str]
    groups: list[str]
    resources: list[str]
    verbs: list[str]
    names: list[str] = []


class User(BaseModel):
    """The user behind a token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str
    user: str
    groups: list[str] = []
    rules: list[Rule]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tokens: list[User]


@dataclass(frozen=True)
class Access:
    """One request, as authorization sees it. `resource` may carry a subresource."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def load(path: Path) -> dict[str, User]:
    """Return the users by token; raise pydantic.ValidationError when the file is wrong."""
    parsed = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    return {user.token: user for user in parsed.tokens}


def authenticate(users: dict[str, User], header: str | None) -> User:
    """Return the user of an Authorization header; raise ApiError 401."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or token.strip() not in users:
        raise errors.unauthorized()
    return users[token.strip()]


def allowed(user: User, access: Access) -> bool:
    """Tell whether one of the user's rules covers the access."""
    return any(_covers(rule, access) for rule in user.rules)


def require(user: User, access: Access, resource: Resource) -> None:
    """Raise ApiError 403, in RBAC's words, when the access is not allowed."""
    if allowed(user, access):
        return
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    raise errors.forbidden(
        resource,
        access.name,
        f'User "{user.user}" cannot {access.verb} resource "{access.resource}" in API group '
        f'"{access.group}" {where}',
    )


def rules_review(user: User, namespace: str) -> dict[str, Any]:
    """Return the status of a SelfSubjectRulesReview for a namespace."""
    return {
        "incomplete": False,
        "resourceRules": [
            {
                "verbs": rule.verbs,
                "apiGroups": rule.groups,
                "resources": rule.resources,
                **({"resourceNames": rule.names} if rule.names else {}),
            }
            for rule in [_SELF_REVIEWS, *user.rules]
            if _matches(rule.namespaces, namespace)
        ],
        "nonResourceRules": [
            {
                "verbs": ["get"],
                "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/version"],
            }
        ],
    }


_SELF_REVIEWS = Rule(
    namespaces=["*"],
    groups=["authorization.k8s.io"],
    resources=["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    verbs=["create"],
)
"""Everybody may ask what they may do, as with the role system:basic-user."""


def _covers(rule: Rule, access: Access) -> bool:
    return (
        _matches(rule.verbs, access.verb)
        and _matches(rule.groups, access.group)
        and _matches(rule.resources, access.resource)
        and _matches(rule.namespaces, _scope(access))
        and (not rule.names or access.name in rule.names)
    )


def _scope(access: Access) -> str:
    """A namespace object belongs to its own namespace: a Role there may let one read it."""
    if access.resource.partition("/")[0] == NAMESPACES.plural and access.name:
        return access.name
    return access.namespace


def _matches(patterns: list[str], value: str) -> bool:
    return "*" in patterns or value in patterns


def admin(token: str) -> dict[str, Any]:
    """Return the tokens-file entry of a cluster administrator."""
    everything = {"namespaces": ["*"], "groups": ["*"], "resources": ["*"], "verbs": ["*"]}
    return {
        "token": token,
        "user": "kubernetes-admin",
        "groups": ["system:masters", "system:authenticated"],
        "rules": [everything],
    }


def deployer(token: str, namespace: str) -> dict[str, Any]:
    """Return the tokens-file entry that a careful platform team gives to a pipeline.

    It may roll out in one namespace and see what that does. No secrets, no exec, no delete,
    nothing elsewhere.
    """
    here = [namespace]
    read = ["get", "list", "watch"]
    write = ["create", "patch", "update"]
    core_read = ["pods", "pods/log", "services", "configmaps", "events"]
    return {
        "token": token,
        "user": f"system:serviceaccount:{namespace}:deployer",
        "groups": [f"system:serviceaccounts:{namespace}", "system:authenticated"],
        "rules": [
            _rule(here, "apps", ["deployments", "replicasets"], read),
            _rule(here, "apps", ["deployments"], write),
            _rule(here, "apps", ["deployments/scale"], ["get", "patch", "update"]),
            _rule(here, "", core_read, read),
            _rule(here, "", ["services", "configmaps"], write),
            {**_rule(here, "", ["namespaces"], ["get"]), "names": here},
        ],
    }


def _rule(
    namespaces: list[str], group: str, resources: list[str], verbs: list[str]
) -> dict[str, Any]:
    return {
        "namespaces": namespaces,
        "groups": [group],
        "resources": resources,
        "verbs": verbs,
    }
