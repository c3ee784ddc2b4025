"""Policies for tests."""

from oi_deploy.broker.document import Document, Rule, Verb

_CHANGES: tuple[Verb, ...] = ("set-image", "scale", "rollout", "apply", "create", "patch")


def widest(namespace: str) -> Document:
    """All that can be allowed in a namespace, so that nothing is refused for its verb alone."""
    return Document(
        version=1,
        namespaces={
            namespace: (
                Rule(kinds=("*",), verbs=("read",)),
                Rule(kinds=("deployment",), verbs=_CHANGES),
                Rule(kinds=("configmap", "service"), verbs=("apply", "create")),
            )
        },
    )
