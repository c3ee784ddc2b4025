"""The cluster, through the Kubernetes API: read, and on a rollback put back as it was."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from kubernetes.client.exceptions import ApiException

from oi_deploy.errors import RunError
from oi_deploy.verify import kubeconfig as kubeconfig_file
from oi_deploy.verify.network import UnreachableError, explain, is_loopback
from oi_deploy.verify.state import (
    ContainerState,
    DeploymentState,
    PodContainer,
    PodState,
    deployment_state,
    images_by_revision,
    pod_states,
)

__all__ = ["Cluster", "ContainerState", "DeploymentState", "PodContainer", "PodState"]

_TIMEOUT_S = (5.0, 15.0)
_MOST_EVENTS = 5
_LOG_LINES = 10
_LINE_LENGTH = 300

_APPS = "/apis/apps/v1/namespaces/{namespace}"
_CORE = "/api/v1/namespaces/{namespace}"
_DEPLOYMENTS, _REPLICA_SETS, _PODS = f"{_APPS}/deployments", f"{_APPS}/replicasets", f"{_CORE}/pods"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Cluster:
    """One namespace of one cluster, with one account."""

    def __init__(self, kubeconfig: str, context: str, namespace: str) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            kubeconfig: its content.
            context: one of its contexts; its current one if empty.
            namespace: where the Deployments are.

        Raises:
            RunError: the kubeconfig or the context cannot be used.
        """
        self.namespace = namespace
        self._client, self._folder = kubeconfig_file.client(kubeconfig, context)
        self._server = str(self._client.configuration.host)

    def close(self) -> None:
        """Close the connections and remove the files with the login."""
        close: Callable[[], None] = self._client.close
        close()
        self._folder.cleanup()

    def ping(self) -> None:
        """Read what every later check needs.

        Raises:
            RunError: unreachable, not trusted, or the account may not read Deployments, ReplicaSets
                or pods.
        """
        for path in (_DEPLOYMENTS, _REPLICA_SETS, _PODS):
            self._read(f"list {path.rpartition('/')[2]}", path, query={"limit": 1})

    def deployments(self, namespace: str = "") -> tuple[DeploymentState, ...]:
        """All Deployments of the namespace, by name.

        Args:
            namespace: another one.

        Raises:
            RunError: the API gives no usable answer.
        """
        items = self._list("list deployments", _DEPLOYMENTS, namespace=namespace)
        return tuple(sorted((deployment_state(item) for item in items), key=lambda it: it.name))

    def deployment(self, name: str) -> DeploymentState | None:
        """One Deployment; None if there is none of that name.

        Raises:
            RunError: the API gives no usable answer.
        """
        document = self._read("get deployments", f"{_DEPLOYMENTS}/{{name}}", name=name)
        return None if document is None else deployment_state(json.loads(document))

    def configuration(self, name: str) -> dict[str, str]:
        """The data of a ConfigMap; empty if there is none of that name.

        Raises:
            RunError: the API gives no usable answer.
        """
        document = self._read("get configmaps", f"{_CORE}/configmaps/{{name}}", name=name)
        data = json.loads(document or "{}").get("data") or {}
        return {str(key): str(value) for key, value in data.items()}

    def may(self, verb: str, group: str, resource: str, name: str = "") -> bool:
        """Whether the account may do something in the namespace, as the cluster itself says.

        Args:
            verb: of the API: `get`, `list`, `patch`.
            group: the API group; empty for the core one.
            resource: plural, with its subresource if any: `deployments/scale`.
            name: of one object; empty for all of them.

        Raises:
            RunError: the API gives no usable answer.
        """
        plural, _, part = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": part}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**asked, "namespace": self.namespace, "name": name}},
        }
        what = "create selfsubjectaccessreviews"
        answer = self._read(what, _REVIEWS, method="POST", body=review)
        return json.loads(answer or "{}").get("status", {}).get("allowed") is True

    def restore(self, now: DeploymentState, before: DeploymentState, *, replicas: bool) -> None:
        """Give a Deployment the pod template back that it had.

        Args:
            now: as it was last read; a Deployment that has changed since is left alone.
            before: where to go back to.
            replicas: whether to restore their number too.

        Raises:
            RunError: the API refuses it, or gives no usable answer.
        """
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/generation", "value": now.generation},
            {"op": "replace", "path": "/spec/template", "value": json.loads(before.template)},
        ]
        if replicas:
            value = before.replicas
            operations.append({"op": "replace", "path": "/spec/replicas", "value": value})
        if now.paused != before.paused:
            operations.append({"op": "add", "path": "/spec/paused", "value": before.paused})
        self._read(
            "patch deployments",
            f"{_DEPLOYMENTS}/{{name}}",
            name=now.name,
            method="PATCH",
            body=operations,
            body_type="application/json-patch+json",
        )

    def pods_of(self, deployment: DeploymentState) -> tuple[PodState, ...]:
        """The Deployment's pods, of all its revisions.

        Raises:
            RunError: the API gives no usable answer.
        """
        selected = {"labelSelector": deployment.selector}
        sets = self._list("list replicasets", _REPLICA_SETS, selected)
        pods = self._list("list pods", _PODS, selected)
        return pod_states(deployment, sets, pods)

    def revisions(self, deployment: DeploymentState) -> dict[str, tuple[str, ...]]:
        """The images of each revision that the Deployment can go back to, oldest first.

        Raises:
            RunError: the API gives no usable answer.
        """
        selected = {"labelSelector": deployment.selector}
        sets = self._list("list replicasets", _REPLICA_SETS, selected)
        return images_by_revision(deployment, sets)

    def warnings_about(self, name: str) -> tuple[str, ...]:
        """The last messages of Warning events about an object, oldest first; at most 5.

        A failure to read them is itself the only line: they explain, they decide nothing.
        """
        try:
            about = {"fieldSelector": f"involvedObject.name={name},type=Warning"}
            items = self._list("list events", f"{_CORE}/events", about)
        except RunError as error:
            return (f"(its events cannot be read: {error.what})",)
        items.sort(key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
        lines = (f"{item.get('reason', '')}: {item.get('message', '')}" for item in items)
        return tuple(line[:_LINE_LENGTH] for line in list(dict.fromkeys(lines))[-_MOST_EVENTS:])

    def log_tail(self, pod: str, container: str, *, previous: bool) -> tuple[str, ...]:
        """The last 10 lines that a container wrote; with `previous`, the one that ended before.

        A failure to read them is itself the only line.
        """
        try:
            text = self._read(
                "get pods/log",
                f"{_PODS}/{{name}}/log",
                name=pod,
                query={
                    "container": container,
                    "previous": previous,
                    "tailLines": _LOG_LINES,
                    "limitBytes": _LOG_LINES * 4 * _LINE_LENGTH,
                },
            )
        except RunError as error:
            return (f"(its log cannot be read: {error.what})",)
        return tuple(line[:_LINE_LENGTH] for line in (text or "").splitlines()[-_LOG_LINES:])

    def _list(
        self,
        what: str,
        path: str,
        selectors: Mapping[str, str] | None = None,
        *,
        namespace: str = "",
    ) -> list[dict[str, Any]]:
        document = self._read(what, path, query=selectors, namespace=namespace)
        items = json.loads(document).get("items") if document else None
        return list(items or ())

    def _read(
        self,
        what: str,
        path: str,
        *,
        name: str = "",
        namespace: str = "",
        query: Mapping[str, object] | None = None,
        method: str = "GET",
        body: object = None,
        body_type: str = "application/json",
    ) -> str | None:
        """The body of an answer; None for 404.

        Paths instead of the library's methods, whose types of every object take a third of a second
        to import, and refuse an object that lacks what their version of the API calls required.
        """
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = body_type
        request = self._client.param_serialize(
            method,
            path,
            path_params={"namespace": namespace or self.namespace, "name": name},
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*request, _request_timeout=_TIMEOUT_S)
            answer = bytes(response.response.data).decode("utf-8", "replace")
            status = int(response.status)
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        if status == 404:
            return None
        if status >= 300:
            raise self._denied(status, what, answer)
        return answer

    def _unreachable(self, error: BaseException) -> RunError:
        trouble = explain(error)
        host = urlsplit(self._server).hostname or ""
        if is_loopback(host):
            remedy = (
                f"`{host}` is the action's own container here. Give the address of the cluster "
                "that other machines use, as the `server` in `kubeconfig`."
            )
        elif trouble.kind in ("ca", "certificate"):
            remedy = (
                "Put the cluster's CA into `kubeconfig` (`certificate-authority-data`): "
                "`kubectl config view --raw --minify --flatten` writes it."
            )
        else:
            remedy = (
                "Look whether the `server` in `kubeconfig` (or `kube-context`) is right and can be "
                "reached from the action's container."
            )
        what = f"The cluster {self._server} cannot be read"
        if trouble.kind in ("ca", "certificate", "no-tls"):
            return RunError(what, why=trouble.text, remedy=remedy)
        return UnreachableError(what, why=trouble.text, remedy=remedy)

    def _denied(self, status: int, what: str, body: str) -> RunError:
        message = _message(body)
        if status == 401:
            return RunError(
                f"The cluster {self._server} does not accept the login in `kubeconfig`",
                why=f"it answered 401 ({message})" if message else "it answered 401",
                remedy="The token has probably expired; put a new `kubeconfig` into the secret.",
            )
        if status == 403:
            verb, resource = what.split(" ")
            return RunError(
                f"The account in `kubeconfig` may not {verb} {resource} in the `namespace` "
                f"{self.namespace}",
                why=message or "the cluster answered 403",
                remedy=f"Give it a Role with `{verb}` on `{resource}`, or correct `namespace`.",
            )
        kind = UnreachableError if status == 429 or status >= 500 else RunError
        return kind(
            f"The cluster {self._server} did not answer ({what})",
            why=f"it answered {status}" + (f": {message}" if message else ""),
        )


def _message(body: str) -> str:
    """The message in the API's `Status` object, or empty."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("message", ""))[:_LINE_LENGTH] if isinstance(document, dict) else ""
