"""The policy in words, and as a question."""

from collections.abc import Callable

from oi_deploy.broker import images
from oi_deploy.broker.request import Policy


def permits(policy: Policy) -> Callable[[str, str, str], bool]:
    """Whether the policy allows a verb for a kind and a name; an empty name means any of them.

    Besides the policy's own kinds and verbs: `image` with `push`, `namespace` with `enter`, and
    with `change` if the policy allows more there than to read.
    """
    document = policy.document

    def ask(kind: str, name: str, verb: str) -> bool:
        if kind == "image":
            image = images.read(name)
            return image is not None and images.is_allowed(policy, image)
        if verb == "enter":
            return name in (document.namespaces or {})
        if verb == "change":
            return any(
                set(rule.verbs) - {"read"} for rule in (document.namespaces or {}).get(name, ())
            )
        if name:
            return document.permits(policy.namespace, kind, name, verb)
        rules = (document.namespaces or {}).get(policy.namespace, ())
        return any(verb in rule.verbs and {"*", kind} & set(rule.kinds) for rule in rules)

    return ask


def sentences(policy: Policy) -> tuple[str, ...]:
    """What is allowed, in a few sentences; without verbs: a small model runs what it reads."""
    found: list[str] = []
    if policy.images:
        found.append(f"Images may be pushed to {', '.join(policy.images)} only.")
    changed = [
        f"{'/'.join(rule.kinds)} {', '.join(rule.names)}".removesuffix(" *")
        for rule in (policy.document.namespaces or {}).get(policy.namespace, ())
        if set(rule.verbs) - {"read"}
    ]
    if changed:
        found.append(f"Only this may be changed in {policy.namespace}: {'; '.join(changed)}.")
    found.append("Nothing may be deleted from the cluster, and Secrets may not be read.")
    return tuple(found)
