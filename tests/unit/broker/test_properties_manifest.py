"""Whatever passes as a manifest or a patch is harmless, however its YAML is written.

What is dangerous is looked for again, by a walk through the result that knows nothing of the
broker's tables.
"""

import copy
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oi_deploy.broker import manifest, strict_yaml
from oi_deploy.broker.manifest import Scope
from oi_deploy.broker.request import Refused
from tests.unit.broker.asking import KNOWN, REG, widest
from tests.unit.broker.settings import steady
from tests.unit.broker.yaml_spellings import Pairs, Raw, as_json, spell

SEEDS = st.integers(0, 2**32)
APPLY = Scope(widest(Path("/ws")), KNOWN, "apply")
PATCH = Scope(widest(Path("/ws")), KNOWN, "patch", deployment="app")

# Strings that one or the other reader of YAML takes for something else.
TRICKY = (
    *("yes", "NO", "on", "null", "~", "1", "0x1f", "0o17", "1e3", "1_000", "1:30", "190:20:30.15"),
    *("2024-01-02", "<<", "=", "*a", "&a", "!!str", "!x", "- a", "# no", "a: b", "a #b", " a ", ""),
    *(
        "%TAG",
        "---",
        "...",
        "{a}",
        "[a]",
        "'",
        '"',
        "\\",
        "a\tb",
        "a\nb",
        "\x85",
        "\u2028",
        "é",
        "部署",
    ),
    *("\U0001f600", "@x", "`x", "?", ": ", "|", ">", ".inf", ".nan", "true "),
)


def deployment(chance: Random) -> dict[str, Any]:
    """A harmless Deployment, with more or less in it."""

    def some(values: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if chance.random() < 0.6}

    text = chance.choice
    container = {
        "name": "app",
        "image": f"{REG}/app:1",
        **some(
            {
                "command": ["sh", "-c", text(TRICKY)],
                "args": [text(TRICKY), text(TRICKY)],
                "env": [{"name": "A", "value": text(TRICKY)}, {"name": "B", "value": text(TRICKY)}],
                "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "tls"}}],
                "ports": [{"containerPort": 8080, "name": "http"}],
                "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 3},
                "resources": {"limits": {"memory": "64Mi", "cpu": 1}},
                "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True}],
            }
        ),
    }
    pod = {
        "containers": [container],
        **some(
            {
                "initContainers": [{"name": "i", "image": f"{REG}/init@sha256:{'0' * 64}"}],
                "serviceAccountName": "web",
                "automountServiceAccountToken": False,
                "nodeSelector": {text(TRICKY): text(TRICKY)},
                "volumes": [
                    {"name": "v", "configMap": {"name": "c"}},
                    {"name": "e", "emptyDir": {}},
                    {"name": "s", "secret": {"secretName": "web-tls"}},
                ],
                "restartPolicy": "Always",
            }
        ),
    }
    metadata = {"name": "app", **some({"namespace": "production", "labels": {"a": text(TRICKY)}})}
    template = {"metadata": {"annotations": {text(TRICKY): text(TRICKY)}}, "spec": pod}
    spec = {"template": template, **some({"replicas": 2, "paused": False, "strategy": {}})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def others(chance: Random) -> dict[str, Any]:
    """A harmless object of another kind."""
    if chance.random() < 0.5:
        data = {f"k{i}": chance.choice(TRICKY) for i in range(3)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}
    spec = {"selector": {"app": "app"}, "ports": [{"port": 80}], "type": "NodePort"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


POD, BOX = "spec.template.spec", "spec.template.spec.containers.0"
HOSTILE: list[tuple[str, Any]] = [
    ("kind", "Pod"), ("kind", "DaemonSet"), ("kind", "Secret"),
    ("apiVersion", "apps/v1beta1"), ("apiVersion", "v1"), ("metadata.namespace", "kube-system"),
    ("metadata.namespace", ""), ("metadata.ownerReferences", []), ("metadata.finalizers", ["x"]),
    ("metadata.name", "../x"), ("metadata.generateName", "x"), ("metadata.name", None),
    *((f"{POD}.{field}", True) for field in (
        "hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace",
        "automountServiceAccountToken", "setHostnameAsFQDN")),
    *((f"{POD}.{field}", "x") for field in (
        "nodeName", "runtimeClassName", "priorityClassName", "serviceAccountName",
        "serviceAccount", "schedulerName", "dnsPolicy", "hostname", "overhead")),
    (f"{POD}.ephemeralContainers", [{"name": "e", "image": f"{REG}/app:1"}]),
    (f"{POD}.hostAliases", [{"ip": "1.2.3.4", "hostnames": ["x"]}]),
    (f"{POD}.dnsConfig", {"nameservers": ["1.2.3.4"]}), (f"{POD}.resourceClaims", []),
    *((f"{POD}.volumes.+", {"name": "x", source: value}) for source, value in (
        ("hostPath", {"path": "/"}), ("secret", {"secretName": "other"}), ("nfs", {"path": "/"}),
        ("projected", {"sources": [{"secret": {"name": "x"}}]}), ("csi", {"driver": "x"}),
        ("persistentVolumeClaim", {"claimName": "x"}), ("downwardAPI", {}), ("iscsi", {}),
        ("flexVolume", {"driver": "x"}), ("ephemeral", {}), ("image", {"reference": "x"}))),
    *((f"{POD}.securityContext.{field}", value) for field, value in (
        ("sysctls", []), ("seccompProfile", {"type": "Unconfined"}), ("seLinuxOptions", {}),
        ("appArmorProfile", {"type": "Unconfined"}), ("supplementalGroups", [0]),
        ("windowsOptions", {"hostProcess": True}))),
    *((f"{BOX}.image", image) for image in (
        "evil.example.com/app:1", "app:1", f"{REG}-x/app", f"{REG}/../x/app", "", ["x"], 1, True)),
    (f"{POD}.initContainers.+", {"name": "x", "image": "evil.example.com/x"}),
    (f"{POD}.initContainers.+", {"name": "x", "securityContext": {"privileged": True}}),
    *((f"{BOX}.securityContext.{field}", value) for field, value in (
        ("privileged", True), ("privileged", 1), ("privileged", "true"), ("procMount", "Unmasked"),
        ("allowPrivilegeEscalation", True), ("capabilities", {"add": ["SYS_ADMIN"]}),
        ("seccompProfile", {"type": "Localhost", "localhostProfile": "x"}))),
    (f"{BOX}.ports.+", {"containerPort": 1, "hostPort": 1}),
    (f"{BOX}.ports.+", {"containerPort": 1, "hostIP": "0.0.0.0"}),
    (f"{BOX}.volumeDevices", [{"name": "x", "devicePath": "/dev/x"}]),
    (f"{BOX}.envFrom.+", {"secretRef": {"name": "other"}}),
    (f"{BOX}.env.+", {"name": "X", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}),
    (f"{BOX}.lifecycle", {"preStop": {"httpGet": {"host": "evil.io", "port": 80}}}),
    (f"{BOX}.livenessProbe", {"tcpSocket": {"host": "evil.io", "port": 80}}),
    (f"{BOX}.unknownField", 1), (f"{POD}.$patch", "replace"), ("spec.unknownField", 1),
]  # fmt: skip


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; `+` appends to a list that may not be there yet."""
    *parts, last = path.split(".")
    target: Any = document
    for part, after in pairwise([*parts, last]):
        if isinstance(target, list):
            target = target[int(part)]
        else:
            target = target.setdefault(part, [] if after == "+" else {})
    if last == "+":
        target.append(value)
    else:
        target[last] = value


def write(chance: Random, objects: list[Any]) -> bytes:
    """Documents behind each other, or in a List, as YAML or JSON."""
    if len(objects) > 1 and chance.random() < 0.4:
        objects = [{"apiVersion": "v1", "kind": "List", "items": objects}]
    plain = all(isinstance(one, dict) and "Pairs(" not in repr(one) and "Raw(" not in repr(one)
                for one in objects)  # fmt: skip
    if plain and len(objects) == 1 and chance.random() < 0.2:
        return as_json(chance, objects[0]).encode()
    return "".join(spell(chance, one, first=i == 0) for i, one in enumerate(objects)).encode()


def objects_of(content: bytes) -> list[Any]:
    whole = json.loads(content)
    return whole["items"] if whole["kind"] == "List" else [whole]


@steady(80)
@given(SEEDS)
def test_a_harmless_manifest_passes_and_keeps_its_meaning(seed: int) -> None:
    chance = Random(seed)
    for _ in range(3):
        objects = [deployment(chance), *(others(chance) for _ in range(chance.randrange(3)))]
        chance.shuffle(objects)
        content = write(chance, objects)
        passed, names = manifest.checked(APPLY, content)
        assert objects_of(passed) == objects, content
        assert names == tuple(f"{o['kind'].lower()}/{o['metadata']['name']}" for o in objects)


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=[f"{p}={v}"[:60] for p, v in HOSTILE])
@steady(4)
@given(seed=SEEDS)
def test_no_spelling_lets_a_hostile_field_pass(path: str, value: Any, seed: int) -> None:
    chance = Random(seed)
    hostile = deployment(chance)
    put(hostile, path, copy.deepcopy(value))
    objects = [hostile, *(others(chance) for _ in range(chance.randrange(2)))]
    chance.shuffle(objects)
    for _ in range(2):
        content = write(chance, objects)
        with pytest.raises(Refused) as refused:
            manifest.checked(APPLY, content)
        assert refused.value.rule.startswith("kubectl.manifest"), content


def twice(chance: Random, document: Any, path: str, first: Any, second: Any) -> Any:
    """The document with a field that is there two times."""
    name, _, rest = path.partition(".")
    if isinstance(document, list):
        return [
            twice(chance, item, rest, first, second) if str(i) == name else item
            for i, item in enumerate(document)
        ]
    if rest:
        inner = twice(chance, document.get(name, {}), rest, first, second)
        return {**document, name: inner}
    pairs = [(key, value) for key, value in document.items() if key != name]
    for value in (first, second):
        pairs.insert(chance.randrange(len(pairs) + 1), (name, value))
    return Pairs(tuple(pairs))


@steady(50)
@given(SEEDS)
def test_tricks_of_yaml_hide_nothing(seed: int) -> None:
    chance = Random(seed)
    document = deployment(chance)
    hidden = chance.choice(["{hostNetwork: true}", "true", "evil.example.com/x", "[SYS_ADMIN]"])
    tricks = [
        twice(chance, document, f"{BOX}.image", f"{REG}/app:1", "evil.example.com/app"),
        twice(chance, document, f"{POD}.hostNetwork", False, True),
        twice(chance, document, "kind", "Deployment", "Secret"),
        twice(chance, document, "metadata.name", "app", "other"),
        {**document, "metadata": Raw("{name: app, <<: {namespace: kube-system}}")},
        {**document, "metadata": Raw("!!map {name: app}")},
        {**document, "metadata": Raw("{name: app, labels: {a: &x b, c: *x}}")},
        {**document, "kind": Raw("!!str Deployment")},
        {**document, "kind": Raw("!<tag:yaml.org,2002:str> Deployment")},
        {**document, "metadata": Raw("{name: app, labels: !!python/object/apply:os.getpid []}")},
        {**document, "spec": {**document["spec"], "<<": Raw(hidden)}},
        {**document, "spec": Raw(f"&a {{template: {{spec: {{<<: {hidden}}}}}, x: *a}}")},
        {**document, "metadata": Raw("{name: app, labels: !!set {a, b}}")},
        {**document, "metadata": Raw("{name: app, [a]: b}")},
        {**document, "metadata": Raw("{name: app, 1: b}")},
        {**document, "metadata": Raw("{name: app, yes: b}")},
        {**document, "metadata": Raw("{name: app, ~: b}")},
    ]
    for trick in tricks:
        content = write(chance, [trick, others(chance)])
        with pytest.raises(Refused):
            manifest.checked(APPLY, content)


FIELDS = sorted({path.rsplit(".", 1)[1] for path, _ in HOSTILE if "." in path} - {"+"})
PLACES = ("", "metadata", "spec", "spec.template", "spec.template.metadata", POD, BOX,
          f"{POD}.securityContext", f"{BOX}.securityContext", f"{BOX}.readinessProbe")  # fmt: skip
VALUES = [*(value for _, value in HOSTILE), *[None, False, 0, "", "default", "web"] * 8]


def maps(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def lists(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def dangers(document: Any, deployment_name: str) -> Iterator[str]:
    """Everything in an object that reaches further than an ordinary web application."""
    spec = maps(maps(maps(maps(document.get("spec")).get("template"))).get("spec"))
    for field, value in spec.items():
        if value and field in (
            *("hostNetwork", "hostPID", "hostIPC", "hostAliases", "nodeName", "runtimeClassName"),
            *("priorityClassName", "ephemeralContainers", "dnsConfig", "shareProcessNamespace"),
        ):
            yield field
    if spec.get("automountServiceAccountToken") not in (None, False):
        yield "automountServiceAccountToken"
    accounts = ("", "default", "web" if deployment_name == "app" else "")
    for field in ("serviceAccountName", "serviceAccount"):
        if spec.get(field) is not None and spec[field] not in accounts:
            yield field
    for volume in lists(spec.get("volumes")):
        for source, value in maps(volume).items():
            if source not in ("name", "emptyDir", "configMap", "secret") and value is not None:
                yield source
        yield from secret(maps(maps(volume).get("secret")).get("secretName"), deployment_name)
    contexts = [maps(spec.get("securityContext"))]
    for kind in ("containers", "initContainers"):
        for box in lists(spec.get(kind)):
            contexts.append(maps(box.get("securityContext")))
            image = box.get("image")
            if image is not None and not (isinstance(image, str) and image.startswith(f"{REG}/")):
                yield "image"
            for port in lists(box.get("ports")):
                if port.get("hostPort") or port.get("hostIP"):
                    yield "hostPort"
            for source in lists(box.get("envFrom")):
                yield from secret(maps(source.get("secretRef")).get("name"), deployment_name)
            for variable in lists(box.get("env")):
                key = maps(maps(variable.get("valueFrom")).get("secretKeyRef"))
                yield from secret(key.get("name"), deployment_name)
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                for action in ("httpGet", "tcpSocket"):
                    if maps(maps(box.get(probe)).get(action)).get("host"):
                        yield "host"
    for context in contexts:
        if context.get("privileged") not in (None, False):
            yield "privileged"
        if context.get("allowPrivilegeEscalation") not in (None, False):
            yield "allowPrivilegeEscalation"
        if maps(context.get("capabilities")).get("add"):
            yield "capabilities"
        if maps(context.get("seccompProfile")).get("type") not in (None, "RuntimeDefault"):
            yield "seccompProfile"


def secret(name: Any, deployment_name: str) -> Iterator[str]:
    if name is None or (isinstance(name, str) and name.startswith("web-")):
        return
    if not (name == "tls" and deployment_name == "app"):
        yield f"secret {name}"


@steady(200)
@given(SEEDS)
def test_whatever_passes_is_harmless(seed: int) -> None:
    chance = Random(seed)
    for _ in range(5):
        document = deployment(chance)
        document["metadata"]["name"] = chance.choice(["app", "app", "other"])
        for _ in range(chance.choice((0, 1, 1, 2))):
            place, field = chance.choice(PLACES), chance.choice(FIELDS)
            value = copy.deepcopy(chance.choice(VALUES))
            put(document, f"{place}.{field}" if place else field, value)
        try:
            passed, _ = manifest.checked(APPLY, as_json(chance, document).encode())
        except Refused as no:
            no.decision.reason.encode()
            continue
        (one,) = objects_of(passed)
        assert (one["apiVersion"], one["kind"]) == ("apps/v1", "Deployment")
        assert one["metadata"].get("namespace") in (None, "production")
        assert list(dangers(one, one["metadata"]["name"])) == []


@steady(150)
@given(SEEDS)
def test_whatever_passes_as_a_patch_is_harmless(seed: int) -> None:
    chance = Random(seed)
    for _ in range(5):
        document: dict[str, Any] = {}
        for _ in range(chance.randint(1, 2)):
            path, value = chance.choice(
                [*HOSTILE, (f"{POD}.containers.+", {"name": "app", "image": f"{REG}/app:2"}),
                 ("spec.replicas", 3), ("metadata.labels.a", "b"), (f"{POD}.volumes.+", None)]
            )  # fmt: skip
            path = path.replace("containers.0.", "").replace("kind", "spec.kind")
            put(document, path, copy.deepcopy(value))
        text = spell(chance, document)
        for kind in ("strategic", "merge"):
            try:
                manifest.check_patch(PATCH, text, kind)
            except Refused:
                continue
            assert list(dangers(document, "app")) == []
            assert set(document) <= {"metadata", "spec"}


@steady(300)
@given(st.text(st.characters(codec="utf-8"), max_size=40) | st.text(
    "{}[]:,-?|>&*!%@#'\"\\ \n\tab1~<=.", max_size=30))  # fmt: skip
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        documents = strict_yaml.load_all(text)
    except ValueError:
        pass
    else:
        # Nothing but what JSON has, so that all that passes can be sent.
        json.dumps(documents)
    for kind in ("", "json", "merge"):
        try:
            if kind:
                manifest.check_patch(PATCH, text, kind)
            else:
                manifest.checked(APPLY, text.encode())
        except Refused as no:
            no.decision.reason.encode()


@pytest.mark.parametrize(
    "text",
    [
        "a: !!int ''", "a: !!float ''", "a: !!bool x", "a: !!timestamp x", "a: !!map [b]",
        "a: !!set [b]", "a: !!omap x", "a: !!null x", "a: !!binary aGk=", "a: !x b", "a: ! b",
    ],
)  # fmt: skip
def test_a_tag_is_refused_and_not_constructed(text: str) -> None:
    with pytest.raises(ValueError, match="tags"):
        strict_yaml.load_all(text)


@pytest.mark.parametrize("code", ["00110000", "7FFFFFFF", "F0000000", "FFFFFFFF"])
def test_an_escape_of_no_character_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"not valid YAML|arg not in range"):
        strict_yaml.load_all(f'"\\U{code}"')


def test_numbers_to_the_base_of_60_are_text() -> None:
    long = "1" + ":59" * 300_000
    assert strict_yaml.load_all(f"[1:30, {long}, {long}.5, 7, 1.5]") == [
        ["1:30", long, f"{long}.5", 7, 1.5]
    ]


def test_a_huge_manifest_is_refused_unread() -> None:
    with pytest.raises(Refused, match="larger than"):
        manifest.checked(APPLY, b"[]," * (manifest.MAX_SIZE // 3 + 1))
