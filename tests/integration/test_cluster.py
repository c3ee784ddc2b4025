"""The cluster, as kubectl and the Python client see it; pods are real containers.

With KUBECONFIG_E2E these tests use that cluster instead (see cluster_world.py).
"""

import json
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes import client, config, watch

from devkit.cluster.process import running_cluster

from .cluster_world import NAMESPACE, World, wait_for, world

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="module")
def web(kube: World) -> Iterator[str]:
    """A rolled-out Deployment with two pods, a service and a ConfigMap."""
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": NAMESPACE},
        "data": {"GREETING": "hello", "page.txt": "a page"},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    greeting = {"configMapKeyRef": {"name": "settings", "key": "GREETING"}}
    container = {
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [
            {"name": "GREETING", "valueFrom": greeting},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "volumeMounts": [{"name": "pages", "mountPath": "/pages"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
    }
    deployment = kube.manifest(
        "web",
        kube.image("v1"),
        replicas=2,
        container=container,
        pod={"volumes": [{"name": "pages", "configMap": {"name": "settings"}}]},
    )
    kube.apply(settings, service, deployment)
    kube.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
    yield "web"


def revision(kube: World, name: str) -> str:
    annotations = kube.get("deployment", name)["metadata"]["annotations"]
    return str(annotations["deployment.kubernetes.io/revision"])


def through_the_proxy(pod: str, path: str = "") -> str:
    """Where the API server passes a request on to a pod."""
    return f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/proxy/{path}"


def test_a_rollout_runs_the_registrys_image(kube: World, web: str) -> None:
    pods = kube.pods(web)

    assert len(pods) == 2
    for pod in pods:
        (status,) = pod["status"]["containerStatuses"]
        assert status["image"] == kube.image("v1")
        assert status["imageID"].endswith(f"cluster-test@{kube.digests['v1']}")
        assert status["ready"]
        assert pod["status"]["phase"] == "Running"
        name = pod["metadata"]["name"]
        assert kube.kubectl("get", "--raw", through_the_proxy(f"{name}:8080")) == "v1"
    status = kube.get("deployment", web)["status"]
    assert status["readyReplicas"] == status["updatedReplicas"] == status["availableReplicas"] == 2


def test_environment_and_files_reach_the_program(kube: World, web: str) -> None:
    if not kube.standin:
        pytest.skip("looks into the container through the engine")
    pod = kube.pods(web)[0]
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("docker://")

    def inside(*command: str) -> str:
        return subprocess.check_output(["docker", "exec", container, *command], text=True).strip()

    assert inside("printenv", "GREETING") == "hello"
    assert inside("printenv", "POD") == pod["metadata"]["name"]
    assert inside("hostname") == pod["metadata"]["name"]
    assert inside("cat", "/pages/page.txt") == "a page"


def test_tables_look_like_the_real_ones(kube: World, web: str) -> None:
    lines = kube.kubectl("get", "deployment", web).splitlines()
    wide = kube.kubectl("get", "pods", "-o", "wide").splitlines()
    everything = kube.kubectl("get", "all", "-l", f"app={web}")

    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:4] == ["web", "2/2", "2", "2"]
    assert wide[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert "deployment.apps/web" in everything and "replicaset.apps/web-" in everything
    assert kube.kubectl("get", "svc", "web").splitlines()[0].split()[:3] == [
        "NAME", "TYPE", "CLUSTER-IP",
    ]  # fmt: skip


def test_describe_tells_the_story(kube: World, web: str) -> None:
    deployment = kube.kubectl("describe", "deployment", web)
    pod = kube.kubectl("describe", "pod", kube.pods(web)[0]["metadata"]["name"])

    assert "2 desired | 2 updated | 2 total | 2 available" in deployment
    assert "NewReplicaSetAvailable" in deployment
    assert "Scaled up replica set" in deployment
    for word in ("Scheduled", "Pulled", "Created", "Started"):
        assert word in pod


def test_logs(kube: World, web: str) -> None:
    pod = kube.pods(web)[0]["metadata"]["name"]

    assert "this is v1" in kube.kubectl("logs", pod)
    assert len(kube.kubectl("logs", f"deployment/{web}", "--tail=1").splitlines()) == 1
    refused = kube.run("logs", pod, "--previous")
    assert "previous terminated container" in refused.stderr
    assert "container nope is not valid" in kube.run("logs", pod, "-c", "nope").stderr


def test_logs_are_followed(kube: World) -> None:
    command = ["sh", "-c", "for i in 1 2 3 4; do echo line $i; sleep 1; done; exit 0"]
    container = {"name": "app", "image": kube.image("v1"), "command": command}
    spec = {"restartPolicy": "Never", "containers": [container]}
    spec["imagePullSecrets"] = [{"name": "pull"}]
    metadata = {"name": "counter", "namespace": NAMESPACE}
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    kube.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/counter", "--timeout=30s")

    followed = kube.kubectl("logs", "-f", "counter")

    assert followed.splitlines() == [f"line {number}" for number in (1, 2, 3, 4)]
    wait_for(lambda: kube.get("pod", "counter")["status"]["phase"] == "Succeeded")
    kube.kubectl("delete", "pod", "counter")


def test_the_proxy_finds_the_port_itself_and_passes_path_and_query_on(
    kube: World, web: str
) -> None:
    name = kube.pods(web)[0]["metadata"]["name"]
    for pod in (name, f"http:{name}:", f"http:{name}:8080"):
        assert kube.kubectl("get", "--raw", through_the_proxy(pod, "a/b?c=d")) == "v1"
    assert "asked for /a/b?c=d" in kube.kubectl("logs", name)


def test_the_proxy_says_which_pod_does_not_answer(kube: World, web: str) -> None:
    name = kube.pods(web)[0]["metadata"]["name"]
    refused = kube.run("get", "--raw", through_the_proxy(f"{name}:81")).stderr
    assert refused.startswith("Error from server (ServiceUnavailable): error trying to reach ")
    missing = kube.run("get", "--raw", through_the_proxy("nobody:80")).stderr
    assert missing == 'Error from server (NotFound): pods "nobody" not found\n'
    wrong = kube.run("get", "--raw", through_the_proxy("gopher:x:80")).stderr
    assert 'invalid pod request "gopher:x:80"' in wrong


def test_a_quota_bounds_the_pods(kube: World, web: str) -> None:
    kube.kubectl("create", "quota", "room", "--hard=pods=2")
    try:
        wait_for(lambda: kube.get("quota", "room").get("status", {}).get("used"))
        shown = kube.kubectl("get", "resourcequotas").splitlines()
        described = kube.kubectl("describe", "quota", "room").splitlines()
        kube.kubectl("scale", "deployment", web, "--replicas=3")
        words = "exceeded quota: room, requested: pods=1, used: pods=2, limited: pods=2"
        wait_for(lambda: words in kube.kubectl("describe", "replicasets"))
        wait_for(lambda: words in str(kube.get("deployment", web)["status"]))
    finally:
        kube.kubectl("delete", "quota", "room")
        kube.kubectl("scale", "deployment", web, "--replicas=2")
    kube.kubectl("rollout", "status", f"deployment/{web}", "--timeout=60s")
    assert "pods: 2/2" in shown[1]
    assert described[-1].split() == ["pods", "2", "2"]


def test_a_pod_gets_the_pull_secrets_of_its_service_account(kube: World) -> None:
    account = ("patch", "serviceaccount", "default", "-p")
    kube.kubectl(*account, json.dumps({"imagePullSecrets": [{"name": "pull"}]}))
    try:
        kube.kubectl("create", "deployment", "account", f"--image={kube.image('v1')}")
        kube.kubectl("rollout", "status", "deployment/account", "--timeout=60s")
        (pod,) = kube.pods("account")
        assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    finally:
        kube.kubectl(*account, json.dumps({"imagePullSecrets": None}))
        kube.run("delete", "deployment", "account")


def test_set_image_undo_history_restart(kube: World, web: str) -> None:
    before = revision(kube, web)

    kube.kubectl("set", "image", f"deployment/{web}", f"app={kube.image('v2')}")
    kube.kubectl("rollout", "status", f"deployment/{web}", "--timeout=60s")
    wait_for(lambda: len(kube.pods(web)) == 2)
    assert all(
        pod["status"]["containerStatuses"][0]["imageID"].endswith(kube.digests["v2"])
        for pod in kube.pods(web)
    )
    assert revision(kube, web) == str(int(before) + 1)

    history = kube.kubectl("rollout", "history", f"deployment/{web}")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == [
        before,
        str(int(before) + 1),
    ]

    kube.kubectl("rollout", "undo", f"deployment/{web}")
    kube.kubectl("rollout", "status", f"deployment/{web}", "--timeout=60s")
    (container,) = kube.get("deployment", web)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == kube.image("v1")
    assert revision(kube, web) == str(int(before) + 2)

    names = {pod["metadata"]["name"] for pod in kube.pods(web)}
    kube.kubectl("rollout", "restart", f"deployment/{web}")
    kube.kubectl("rollout", "status", f"deployment/{web}", "--timeout=60s")
    assert not names & {pod["metadata"]["name"] for pod in kube.pods(web)}


def test_pause_holds_a_change_back(kube: World, web: str) -> None:
    sets = len(kube.get("rs", "-l", f"app={web}")["items"])
    kube.kubectl("rollout", "pause", f"deployment/{web}")
    kube.kubectl("set", "env", f"deployment/{web}", "EXTRA=1")

    observed = wait_for(
        lambda: next(
            (
                item
                for item in [kube.get("deployment", web)]
                if item["status"]["observedGeneration"] == item["metadata"]["generation"]
            ),
            None,
        )
    )
    conditions = {item["type"]: item["reason"] for item in observed["status"]["conditions"]}
    assert conditions["Progressing"] == "DeploymentPaused"
    assert len(kube.get("rs", "-l", f"app={web}")["items"]) == sets

    kube.kubectl("rollout", "resume", f"deployment/{web}")
    kube.kubectl("rollout", "status", f"deployment/{web}", "--timeout=60s")
    assert len(kube.get("rs", "-l", f"app={web}")["items"]) == sets + 1


def test_scale(kube: World, web: str) -> None:
    kube.kubectl("scale", f"deployment/{web}", "--replicas=3")
    wait_for(lambda: kube.get("deployment", web)["status"].get("availableReplicas") == 3)
    kube.kubectl("scale", f"deployment/{web}", "--replicas=2", "--current-replicas=3")
    wait_for(lambda: len(kube.pods(web)) == 2)

    refused = kube.run("scale", f"deployment/{web}", "--replicas=5", "--current-replicas=9")
    assert refused.returncode != 0
    assert len(kube.pods(web)) == 2


def test_apply_diff_and_dry_run(kube: World, web: str) -> None:
    manifest = kube.get("deployment", web)
    applied = json.loads(
        manifest["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    )
    version = manifest["metadata"]["resourceVersion"]
    applied["spec"]["template"]["spec"]["containers"][0]["image"] = kube.image("v2")
    text = json.dumps(applied)

    diff = kube.run("diff", "-f", "-", stdin=text)
    assert diff.returncode == 1, diff.stderr
    assert f"+        image: {kube.image('v2')}" in diff.stdout.replace(
        "+      - image", "+        image"
    )
    out = kube.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)
    assert "configured (server dry run)" in out
    assert kube.get("deployment", web)["metadata"]["resourceVersion"] == version
    made = kube.kubectl(
        "create", "deployment", "x", "--image=a/b:1", "--dry-run=server", "-o", "name"
    )
    assert made.strip() == "deployment.apps/x"
    assert kube.run("get", "deployment", "x").returncode == 1
    unchanged = kube.kubectl("apply", "-f", "-", stdin=json.dumps(applied_as_it_is(manifest)))
    assert "unchanged" in unchanged or "configured" in unchanged


def applied_as_it_is(manifest: dict[str, dict[str, dict[str, str]]]) -> object:
    annotations = manifest["metadata"]["annotations"]
    return json.loads(annotations["kubectl.kubernetes.io/last-applied-configuration"])


def test_an_image_that_the_registry_lacks(kube: World) -> None:
    """Built here and never pushed: the node does not have it."""
    missing = f"{kube.host}/library/cluster-test:never-pushed"
    subprocess.run(["docker", "tag", kube.image("v1"), missing], check=True)
    try:
        kube.apply(kube.manifest("missing", missing))
        wait_for(lambda: kube.waiting_reason("missing") == "ImagePullBackOff")
        described = kube.kubectl("describe", "pod", "-l", "app=missing")
        pod = kube.pods("missing")[0]["metadata"]["name"]
        assert "not found" in described and "ErrImagePull" in described
        assert "trying and failing to pull image" in kube.run("logs", pod).stderr
    finally:
        subprocess.run(["docker", "rmi", missing], capture_output=True)
        kube.kubectl("delete", "deployment", "missing")


def test_a_crashing_program(kube: World) -> None:
    kube.apply(kube.manifest("crash", kube.image("crash")))
    wait_for(lambda: kube.waiting_reason("crash") == "CrashLoopBackOff")

    (status,) = kube.pods("crash")[0]["status"]["containerStatuses"]
    assert status["restartCount"] >= 1
    assert status["lastState"]["terminated"]["exitCode"] == 3
    pod = kube.pods("crash")[0]["metadata"]["name"]
    assert "this is crash" in kube.kubectl("logs", pod, "--previous")
    assert "CrashLoopBackOff" in kube.kubectl("get", "pod", pod)
    assert "Back-off restarting failed container app" in kube.kubectl("describe", "pod", pod)
    kube.kubectl("delete", "deployment", "crash")
    wait_for(lambda: not kube.get("pods", "-l", "app=crash")["items"])


def test_an_unready_rollout_passes_its_deadline_and_keeps_the_old_pods(kube: World) -> None:
    container = {
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}
    }
    kube.apply(kube.manifest("late", kube.image("v1"), container=container))
    kube.kubectl("rollout", "status", "deployment/late", "--timeout=60s")
    kube.kubectl("patch", "deployment", "late", "-p", '{"spec": {"progressDeadlineSeconds": 5}}')
    kube.kubectl("set", "image", "deployment/late", f"app={kube.image('unready')}")

    failed = kube.run("rollout", "status", "deployment/late", "--timeout=60s")

    assert failed.returncode == 1
    assert "exceeded its progress deadline" in failed.stderr
    assert kube.get("deployment", "late")["status"]["availableReplicas"] == 1
    events = kube.kubectl("get", "events")
    assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in events
    kube.kubectl("rollout", "undo", "deployment/late")
    # The passed deadline stays in the status until the undo has made its first progress, here as
    # in a real cluster.
    wait_for(lambda: kube.run("rollout", "status", "deployment/late").returncode == 0)
    kube.kubectl("delete", "deployment", "late")


def test_a_failing_liveness_probe_restarts_the_container(kube: World) -> None:
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    kube.apply(kube.manifest("sick", kube.image("unready"), container={"livenessProbe": probe}))

    def restarts() -> int:
        statuses = [
            s for pod in kube.pods("sick") for s in pod["status"].get("containerStatuses", [])
        ]
        return sum(status["restartCount"] for status in statuses)

    wait_for(restarts)
    events = kube.kubectl("get", "events")
    assert "Container app failed liveness probe, will be restarted" in events
    kube.kubectl("delete", "deployment", "sick")


def test_recreate_never_runs_both_versions(kube: World) -> None:
    kube.apply(kube.manifest("re", kube.image("v1"), strategy={"type": "Recreate"}))
    kube.kubectl("rollout", "status", "deployment/re", "--timeout=60s")
    config.load_kube_config(str(kube.kubeconfig))  # type: ignore[no-untyped-call]
    api = client.CoreV1Api()
    listed: Any = api.list_namespaced_pod(NAMESPACE, label_selector="app=re")
    kube.kubectl("set", "image", "deployment/re", f"app={kube.image('v2')}")

    story = []
    stream = watch.Watch().stream(  # type: ignore[no-untyped-call]
        api.list_namespaced_pod,
        NAMESPACE,
        label_selector="app=re",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=30,
    )
    for event in stream:
        story.append(event["type"])
        if event["type"] == "ADDED":
            break

    assert story.index("DELETED") < story.index("ADDED")
    kube.kubectl("rollout", "status", "deployment/re", "--timeout=60s")
    kube.kubectl("delete", "deployment", "re")


def test_a_missing_config_map_and_a_second_container(kube: World) -> None:
    source = {"configMapKeyRef": {"name": "later", "key": "WORD"}}
    command = ["sh", "-c", "echo second $WORD; while true; do sleep 1; done"]
    sidecar: dict[str, Any] = {"name": "second", "image": kube.image("v1"), "command": command}
    sidecar["env"] = [{"name": "WORD", "valueFrom": source}]
    kube.apply(kube.manifest("pair", kube.image("v1"), containers=[sidecar]))
    wait_for(lambda: kube.waiting_reason("pair") == "CreateContainerConfigError")
    pod = kube.pods("pair")[0]["metadata"]["name"]
    assert 'configmap "later" not found' in kube.kubectl("describe", "pod", pod)

    kube.kubectl("create", "configmap", "later", "--from-literal=WORD=works")
    kube.kubectl("rollout", "status", "deployment/pair", "--timeout=60s")

    assert "second works" in kube.kubectl("logs", pod, "-c", "second")
    if kube.standin:
        status = kube.get("pod", pod)["status"]["containerStatuses"][1]
        container = status["containerID"].removeprefix("docker://")
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080').read())"
        said = subprocess.check_output(["docker", "exec", container, "python3", "-c", ask])
        assert b"v1" in said
    kube.kubectl("delete", "deployment", "pair")


def test_python_client_patches_conflicts_and_errors(kube: World, web: str) -> None:
    config.load_kube_config(str(kube.kubeconfig))  # type: ignore[no-untyped-call]
    apps = client.AppsV1Api()
    stale: Any = apps.read_namespaced_deployment(web, NAMESPACE)
    labels = {"metadata": {"labels": {"tested": "yes"}}}
    patched: Any = apps.patch_namespaced_deployment(web, NAMESPACE, labels)
    assert patched.metadata.labels["tested"] == "yes"
    found: Any = apps.list_namespaced_deployment(
        NAMESPACE, label_selector="tested in (yes),app=web"
    )
    assert [item.metadata.name for item in found.items] == [web]

    stale.spec.replicas = 9
    with pytest.raises(client.exceptions.ApiException) as conflict:
        apps.replace_namespaced_deployment(web, NAMESPACE, stale)
    assert conflict.value.status == 409
    assert "the object has been modified" in str(conflict.value.body)
    with pytest.raises(client.exceptions.ApiException) as missing:
        apps.read_namespaced_deployment("nope", NAMESPACE)
    assert missing.value.status == 404
    assert 'deployments.apps \\"nope\\" not found' in str(missing.value.body)


def test_wrong_objects_are_refused_in_the_real_words(kube: World, web: str) -> None:
    typo = kube.manifest("typo", "a/b:1", container={"imagePulPolicy": "Always"})
    refused = kube.run("apply", "-f", "-", stdin=json.dumps(typo))
    assert refused.returncode == 1
    assert 'unknown field "spec.template.spec.containers[0].imagePulPolicy"' in refused.stderr

    wrong = kube.manifest("wrong", "a/b:1", selector={"matchLabels": {"app": "other"}})
    refused = kube.run("create", "-f", "-", stdin=json.dumps(wrong))
    assert "`selector` does not match template `labels`" in refused.stderr

    refused = kube.run("set", "image", f"deployment/{web}", "nope=a/b:1")
    assert 'unable to find container named "nope"' in refused.stderr
    assert 'deployments.apps "none" not found' in kube.run("get", "deployment", "none").stderr
    again = kube.run("create", "configmap", "settings")
    assert 'configmaps "settings" already exists' in again.stderr


def test_a_list_is_checked_and_applied(kube: World) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "listed"}}
    both: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{**item, "data": {"A": "1"}}],
    }

    assert "configmap/listed created" in kube.kubectl("apply", "-f", "-", stdin=json.dumps(both))
    both["items"][0]["dta"] = {}
    refused = kube.run("apply", "-f", "-", stdin=json.dumps(both))
    assert refused.returncode == 1 and "unknown field" in refused.stderr


def test_explain_and_jsonpath(kube: World, web: str) -> None:
    explained = kube.kubectl("explain", "deployment.spec.strategy")
    image = kube.kubectl(
        "get", "deploy", web, "-o", "jsonpath={.spec.template.spec.containers[0].name}"
    )

    assert "rollingUpdate" in explained
    assert image == "app"
    assert "kind: Deployment" in kube.kubectl("get", "deploy", web, "-o", "yaml")


def test_patch_types_through_kubectl(kube: World, web: str) -> None:
    def patch(kind: str, body: object) -> None:
        kube.kubectl("patch", "configmap", "settings", f"--type={kind}", "-p", json.dumps(body))

    patch("merge", {"data": {"A": "1"}})
    patch("json", [{"op": "replace", "path": "/data/A", "value": "2"}])
    patch("strategic", {"data": {"B": "3"}})
    data = kube.get("configmap", "settings")["data"]
    assert (data["A"], data["B"], data["GREETING"]) == ("2", "3", "hello")
    refused = kube.run(
        "patch", "configmap", "settings", "--type=json", "-p", '[{"op":"remove","path":"/data/Z"}]'
    )
    assert refused.returncode == 1


# What follows is about the stand-in itself: its tokens, and what it leaves behind.


@pytest.fixture
def standin(kube: World) -> World:
    if kube.standin is None:
        pytest.skip("only the devkit's cluster has these tokens")
    return kube


def test_the_deploy_token_may_roll_out_and_nothing_else(standin: World, web: str) -> None:
    assert standin.standin is not None
    deploy = standin.standin.deploy_kubeconfig

    def can(*argv: str) -> bool:
        return standin.run("auth", "can-i", *argv, kubeconfig=deploy).returncode == 0

    assert can("patch", "deployments.apps") and can("get", "pods", "--subresource=log")
    assert can("get", f"namespace/{NAMESPACE}")
    assert not can("get", "secrets") and not can("delete", "deployments.apps")
    assert not can("create", "pods", "--subresource=exec")
    assert not can("get", "pods", "--subresource=proxy")
    assert "deployments.apps" in standin.run("auth", "can-i", "--list", kubeconfig=deploy).stdout
    set_image = ("set", "image", f"deployment/{web}", f"app={standin.image('v1')}")
    assert standin.run(*set_image, kubeconfig=deploy).returncode == 0
    done = standin.run("rollout", "status", f"deployment/{web}", "--timeout=60s", kubeconfig=deploy)
    assert done.returncode == 0, done.stderr
    refused = standin.run("get", "secrets", kubeconfig=deploy).stderr
    user = f'"system:serviceaccount:{NAMESPACE}:deployer"'
    assert refused.strip() == (
        f"Error from server (Forbidden): secrets is forbidden: User {user} cannot list resource "
        f'"secrets" in API group "" in the namespace "{NAMESPACE}"'
    )
    elsewhere = standin.run("get", "pods", "-n", "kube-system", kubeconfig=deploy)
    assert "forbidden" in elsewhere.stderr
    executed = standin.run("exec", f"deployment/{web}", "--", "id", kubeconfig=deploy)
    assert "forbidden" in executed.stderr


def test_no_token_is_unauthorized(standin: World) -> None:
    assert standin.standin is not None
    url = standin.standin.url
    trust = ssl.create_default_context(cafile=str(standin.standin.ca_file))
    with httpx.Client(verify=trust, trust_env=False, base_url=url) as http:
        assert http.get("/api/v1/pods").status_code == 401
        wrong = http.get("/api/v1/pods", headers={"Authorization": "Bearer wrong"})
        assert (wrong.status_code, wrong.json()["reason"]) == (401, "Unauthorized")
        for path in ("/healthz", "/readyz", "/livez"):
            assert http.get(path).text == "ok"


def test_the_nodes_own_credentials_pull_too(standin: World) -> None:
    standin.kubectl("create", "deployment", "bare", f"--image={standin.image('v1')}")
    standin.kubectl("rollout", "status", "deployment/bare", "--timeout=60s")
    standin.kubectl("delete", "deployment", "bare")


def test_server_side_apply_and_exec_are_refused_clearly(standin: World, web: str) -> None:
    text = json.dumps(standin.manifest("ssa", "a/b:1"))
    refused = standin.run("apply", "--server-side", "-f", "-", stdin=text)
    assert "the body of the request was in an unknown format" in refused.stderr
    executed = standin.run("exec", f"deployment/{web}", "--", "id")
    assert executed.returncode != 0 and "not offered by the devkit cluster" in executed.stderr


def test_stopping_leaves_no_container(standin: World, tmp_path: Path) -> None:
    login = standin.docker_config / "config.json"
    with running_cluster(tmp_path, namespace=NAMESPACE, docker_config=login) as cluster:
        own = replace(standin, kubeconfig=cluster.kubeconfig)
        own.kubectl("create", "namespace", NAMESPACE)
        own.kubectl("create", "deployment", "left", f"--image={own.image('v1')}", "--replicas=2")
        own.kubectl("rollout", "status", "deployment/left", "--timeout=60s")
        owner = f"label=oi-deploy.devkit.cluster={tmp_path.resolve()}"
        listing = ["docker", "ps", "-aq", "--filter", owner]
        assert len(subprocess.check_output(listing).split()) == 4

    assert subprocess.check_output(listing) == b""
