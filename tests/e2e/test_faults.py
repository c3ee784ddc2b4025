"""The fault matrix: what is broken, when, and how the run must end.

Each row goes through the real container, registry and cluster (the devkit's stand-in, or the one of
KUBECONFIG_E2E). Faults come from outside: a proxy that fails, wrong logins, an administrator, a
broken image, a broken model. Rows that change nothing in the cluster run beside the others.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from devkit import tls
from devkit.foreign import DEPLOYER
from devkit.runner import StepResult
from devkit.scripted_replies import (
    Cut,
    Endless,
    Execute,
    Failure,
    Finish,
    Silence,
    Text,
)
from oi_deploy.workflow import OUTPUTS
from tests.e2e.faults import (
    CRASH,
    NEVER_READY,
    QUOTA,
    SLOW,
    Deployment,
    Scene,
    build,
    cluster_proxy,
    deliver,
    events,
    image,
    push,
    registry_proxy,
    set_image,
)
from tests.e2e.site import Site, site_at
from tests.transcripts import problems

pytestmark = pytest.mark.docker

Stage = Callable[[Scene], Iterator[None]]


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        name: its id.
        broken: what is broken, and when.
        stage: sets the scene, and after the run looks at what only this row has.
        status: the output of that name.
        said: words of the error.
        rollback: `nothing`: the run changed no Deployment; `restored`: it put it back; `not-ours`:
            it left it alone, and said how to go back; `new`: it runs the new image.
        alone: no other run may be at work meanwhile: the Deployment is away for a while.
    """

    name: str
    broken: str
    stage: Callable[[Scene], AbstractContextManager[None]]
    status: str
    said: str
    rollback: str
    alone: bool


FAULTS: dict[str, Fault] = {}


def fault(
    broken: str, status: str, said: str = "", *, rollback: str = "nothing", alone: bool = False
) -> Callable[[Stage], Stage]:
    """Add a row; the function's name is its id."""

    def add(stage: Stage) -> Stage:
        name = stage.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, broken, contextmanager(stage), status, said, rollback, alone)
        return stage

    return add


# --- Before anything starts ---------------------------------------------------------------------


@fault("the registry's password is wrong", "failed", "registry-password")
def wrong_password(scene: Scene) -> Iterator[None]:
    scene.inputs["registry-password"] = "not-the-password"
    yield


@fault("the registry is down before the run", "failed", "connection refused")
def registry_down(scene: Scene) -> Iterator[None]:
    with registry_proxy(scene) as proxy:
        proxy.fault("down")
        yield


@fault("the registry answers 503 before the run", "failed", "503")
def registry_unavailable(scene: Scene) -> Iterator[None]:
    with registry_proxy(scene) as proxy:
        proxy.fault(503)
        yield


@fault("the registry's CA is unknown", "failed", "registry-ca")
def registry_ca_unknown(scene: Scene) -> Iterator[None]:
    scene.inputs["registry-ca"] = ""
    yield


@fault("the given CA is another one than the registry's", "failed", "registry-ca")
def registry_ca_wrong(scene: Scene) -> Iterator[None]:
    ca, _ = tls.ensure_ca(scene.site.folders.root / "another-ca")
    scene.inputs["registry-ca"] = ca.read_text(encoding="utf-8")
    yield


@fault("the cluster is down before the run", "failed", "connection refused")
def cluster_down(scene: Scene) -> Iterator[None]:
    with cluster_proxy(scene) as proxy:
        proxy.fault("down")
        yield


@fault("the cluster answers 500 before the run", "failed", "500")
def cluster_broken(scene: Scene) -> Iterator[None]:
    with cluster_proxy(scene) as proxy:
        proxy.fault(500)
        yield


def changed_kubeconfig(scene: Scene, change: Callable[[Any], None]) -> str:
    document = yaml.safe_load(Path(scene.site.values["KUBECONFIG"]).read_text(encoding="utf-8"))
    change(document)
    return yaml.safe_dump(document)


@fault("the cluster's CA is unknown", "failed", "certificate-authority-data")
def cluster_ca_unknown(scene: Scene) -> Iterator[None]:
    def change(document: Any) -> None:
        del document["clusters"][0]["cluster"]["certificate-authority-data"]

    scene.inputs["kubeconfig"] = changed_kubeconfig(scene, change)
    yield


@fault("the cluster's token has expired before the run", "failed", "token has probably expired")
def token_expired(scene: Scene) -> Iterator[None]:
    def change(document: Any) -> None:
        document["users"][0]["user"]["token"] = "expired-token-of-yesterday"

    scene.inputs["kubeconfig"] = changed_kubeconfig(scene, change)
    yield


@fault("the account may not read the namespace", "failed", "may not list deployments")
def namespace_forbidden(scene: Scene) -> Iterator[None]:
    values = scene.site.values
    if len({Path(values[name]).read_text() for name in ("KUBECONFIG", "KUBECONFIG_ADMIN")}) == 1:
        pytest.skip(f"the administrator's account may: give one that may not as {DEPLOYER}")
    scene.inputs["namespace"] = "kube-system"
    yield


# --- The model server ---------------------------------------------------------------------------


@fault("no model server listens", "failed", "cannot be reached")
def engine_absent(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"api-base": "http://127.0.0.1:9/v1", "engine-timeout": "2s"}
    yield


@fault("the model server wants another key", "failed", "api-key")
def engine_refuses(scene: Scene) -> Iterator[None]:
    scene.api_key = "the-right-key"
    scene.inputs["api-key"] = "the-wrong-key"
    yield


@fault("the model server dies in the middle of an answer", "failed", "model server died")
def engine_killed(scene: Scene) -> Iterator[None]:
    scene.replies = [Silence()]

    def kill(number: int) -> None:
        threading.Timer(0.5, scene.kill_model).start()

    scene.on_request = kill
    yield


@fault("the model server answers 500", "failed", "HTTP 500")
def engine_fails(scene: Scene) -> Iterator[None]:
    scene.replies = [Failure(500, "out of memory")] * 5
    yield


# --- The model ----------------------------------------------------------------------------------


@fault("the model writes text instead of calls", "failed", "did not call a function")
def model_garbage(scene: Scene) -> Iterator[None]:
    scene.replies = [Text("```sh\nrm -rf /\n```"), Text("I would now \x00 push"), Text("{{{")]
    yield


@fault("the model writes nothing", "failed", "did not call a function")
def model_empty(scene: Scene) -> Iterator[None]:
    scene.replies = [Text("")] * 3
    yield


@fault("the model's answers are cut at the token limit", "failed", "were cut 3 times")
def model_cut(scene: Scene) -> Iterator[None]:
    scene.replies = [Cut("docker build -t x . # and on and on")] * 3
    yield


@fault("the model writes the same script again and again", "failed", "wrote the same script 3")
def model_repeats(scene: Scene) -> Iterator[None]:
    scene.replies, scene.repeat_last = [Execute("ls | head -3")], True
    yield
    assert scene.model is not None and len(scene.model.requests) == 3


@fault("the model claims again and again that it is done", "failed", "claimed to be done 3")
def model_claims(scene: Scene) -> Iterator[None]:
    scene.replies, scene.repeat_last = [Finish("Deployed!")], True
    yield


@fault("the model gives up", "failed", "No cluster for me.")
def model_gives_up(scene: Scene) -> Iterator[None]:
    no = Finish("No cluster for me.", done=False)
    # It hears once that it can be done.
    scene.replies = [Execute("kubectl get pods"), no, no]
    yield


@fault("the model uses up its turns", "failed", "max-turns")
def model_turns(scene: Scene) -> Iterator[None]:
    scene.inputs["max-turns"] = "2"
    scene.replies = [Execute("ls"), Execute("ls -l")]
    yield


@fault("the model begins an answer and falls silent", "timed-out", "the model wrote nothing")
def model_silent(scene: Scene) -> Iterator[None]:
    scene.inputs["stall-timeout"] = "3s"
    scene.replies = [Silence()]
    yield


@fault("the model's answer has no end", "timed-out", "`timeout`")
def model_endless(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"timeout": "8s", "command-timeout": "8s"}
    scene.replies = [Endless()]
    yield


@fault("the model insists on what the policy forbids", "refused", "it is not allowed")
def model_refused(scene: Scene) -> Iterator[None]:
    scene.replies = [Execute(f"kubectl delete pod {name}") for name in "abcd"]
    yield


@fault("nothing was expected, and nothing was done or said", "failed", "did nothing")
def nothing_said(scene: Scene) -> Iterator[None]:
    scene.inputs["expect"] = "none"
    scene.replies = [Finish("")]
    yield


@fault("nothing was expected, and the script fails", "failed", "ended with exit code 3")
def script_fails(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"expect": "none", "max-turns": "2"}
    scene.replies = [Execute("exit 3"), Finish("done")]
    yield


@fault("nothing was expected, and the model cannot do it", "failed", "I cannot read that.")
def nothing_possible(scene: Scene) -> Iterator[None]:
    scene.inputs["expect"] = "none"
    scene.replies = [Finish("I cannot read that.", done=False)]
    yield


@fault("nothing was expected, and the model says why nothing is to do", "completed")
def nothing_to_do(scene: Scene) -> Iterator[None]:
    scene.inputs["expect"] = "none"
    scene.replies = [Finish("All files are formatted already.")]
    yield


# --- Scripts, builds, pushes --------------------------------------------------------------------


@fault("a script runs into the limit of one command", "failed", "max-turns")
def script_hangs(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"command-timeout": "2s", "max-turns": "1"}
    scene.replies = [Execute("sleep 60")]
    yield


@fault("a script prints nothing for too long", "timed-out", "the script printed nothing")
def script_silent(scene: Scene) -> Iterator[None]:
    scene.inputs["stall-timeout"] = "2s"
    scene.replies = [Execute("sleep 60")]
    yield


@fault("a script takes longer than the whole run may", "timed-out", "`timeout`")
def script_too_long(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"timeout": "8s", "command-timeout": "8s"}
    scene.replies = [Execute("while true; do echo still; sleep 1; done")]
    yield


@fault("the build fails", "failed", "push")
def build_fails(scene: Scene) -> Iterator[None]:
    scene.inputs["max-turns"] = "1"
    first = "printf 'FROM python:3.11-slim\\nRUN exit 3\\n' > Dockerfile\n"
    scene.replies = [Execute(build(image(scene.site, "broken"), first=first))]
    yield


@fault("the image was built and not pushed", "failed", "but not pushed")
def not_pushed(scene: Scene) -> Iterator[None]:
    scene.inputs["max-turns"] = "2"
    scene.replies = [Execute(build(image(scene.site, "built"))), Finish("done")]
    yield


def broken_push(scene: Scene, mode: str | int) -> Iterator[None]:
    with registry_proxy(scene) as proxy:
        reference = f"{proxy.address}/library/myapp:x-{scene.site.version}"
        scene.inputs |= {"expect": "push", "max-turns": "1", "command-timeout": "15s"}
        scene.replies = [Execute(f"{build(reference)}echo pushing; sleep 1\n{push(reference)}")]
        scene.when("pushing", lambda: proxy.fault(mode))
        yield


@fault("the registry goes down before the push", "failed", "not pushed")
def registry_down_during_the_push(scene: Scene) -> Iterator[None]:
    yield from broken_push(scene, "down")


@fault("the registry answers 500 to the push", "failed", "not pushed")
def registry_broken_during_the_push(scene: Scene) -> Iterator[None]:
    yield from broken_push(scene, 500)


@fault("the registry refuses the login in the middle of the run", "failed", "not pushed")
def registry_login_ends(scene: Scene) -> Iterator[None]:
    yield from broken_push(scene, 401)


@fault("the registry goes down between the push and the verification", "failed", "refused")
def registry_down_before_verification(scene: Scene) -> Iterator[None]:
    with registry_proxy(scene) as proxy:
        reference = f"{proxy.address}/library/myapp:y-{scene.site.version}"
        scene.inputs["expect"] = "push"
        scene.replies = [
            Execute(f"{build(reference)}{push(reference)}echo pushed; sleep 1"),
            Finish("done"),
        ]
        scene.when("pushed", lambda: proxy.fault("down"))
        yield


@fault("somebody else moves the tag after the push", "failed", "but this run pushed")
def tag_moved(scene: Scene) -> Iterator[None]:
    site, reference = scene.site, image(scene.site, "moved")
    tag = reference.rpartition(":")[2]

    def move() -> None:
        with httpx.Client(
            base_url=f"https://{site.values['REGISTRY']}/v2/library/myapp/manifests/",
            auth=(site.values["REGISTRY_USERNAME"], site.values["REGISTRY_PASSWORD"]),
            verify=ssl.create_default_context(cafile=site.values["REGISTRY_CA"]),
            trust_env=False,
        ) as client:
            kind = "application/vnd.docker.distribution.manifest.v2+json"
            other = client.get("1.0.0", headers={"Accept": kind})
            headers = {"Content-Type": other.headers["Content-Type"]}
            client.put(tag, content=other.content, headers=headers).raise_for_status()

    scene.inputs |= {"expect": "push", "max-turns": "1"}
    first = "echo other > VERSION\n"
    script = f"{build(reference, first=first)}{push(reference)}echo pushed; sleep 2"
    scene.replies = [Execute(script)]
    scene.when("pushed", move)
    yield


# --- The cluster during the run -----------------------------------------------------------------


@fault("the Deployment is missing", "failed", "still runs")
def deployment_missing(scene: Scene) -> Iterator[None]:
    reference = image(scene.site, "missing")
    scene.inputs["max-turns"] = "1"
    script = build(reference) + push(reference) + set_image(reference, deployment="nope")
    scene.replies = [Execute(script)]
    yield


@fault("the container's name is wrong", "failed", "still runs")
def wrong_container(scene: Scene) -> Iterator[None]:
    reference = image(scene.site, "container")
    scene.inputs["max-turns"] = "1"
    script = build(reference) + push(reference) + set_image(reference, container="web")
    scene.replies = [Execute(script)]
    yield


@fault("another tag is deployed than was pushed", "rolled-back", "still runs", rollback="restored")
def another_tag(scene: Scene) -> Iterator[None]:
    scene.inputs |= {"max-turns": "1", "rollout-timeout": "8s"}
    pushed, named = image(scene.site, "a"), image(scene.site, "b")
    scene.replies = [Execute(build(pushed) + push(pushed) + set_image(named))]
    yield


def broken_rollout(scene: Scene, first: str, tag: str) -> Iterator[None]:
    scene.inputs |= {"max-turns": "1", "rollout-timeout": "8s"}
    scene.replies = [Execute(deliver(image(scene.site, tag), first=first))]
    yield


@fault("the image crashes", "rolled-back", "CrashLoopBackOff", rollback="restored")
def image_crashes(scene: Scene) -> Iterator[None]:
    yield from broken_rollout(scene, CRASH, "crash")


@fault("the pods never get ready", "rolled-back", "rollout-timeout", rollback="restored")
def never_ready(scene: Scene) -> Iterator[None]:
    yield from broken_rollout(scene, NEVER_READY, "never")


@fault("the rollout is too slow", "rolled-back", "rollout-timeout", rollback="restored")
def slow_rollout(scene: Scene) -> Iterator[None]:
    yield from broken_rollout(scene, SLOW, "slow")


@fault("a tag is deployed that nobody has pushed", "rolled-back", "not in", rollback="restored")
def never_pushed(scene: Scene) -> Iterator[None]:
    scene.inputs["max-turns"] = "1"
    scene.replies = [Execute(set_image(image(scene.site, "absent")))]
    yield


@fault("the node may not pull the image", "rolled-back", "ImagePull", rollback="restored")
def not_pullable(scene: Scene) -> Iterator[None]:
    # The node has a login for the registry's own address only.
    with registry_proxy(scene) as proxy:
        scene.inputs["max-turns"] = "1"
        scene.replies = [Execute(deliver(f"{proxy.address}/library/myapp:{scene.site.version}"))]
        yield


@fault("the rollout gives no sign of progress", "timed-out", "no progress", rollback="restored")
def rollout_stalls(scene: Scene) -> Iterator[None]:
    scene.inputs["stall-timeout"] = "4s"
    scene.replies = [Execute(deliver(image(scene.site, "stall"), first=NEVER_READY))]
    yield


@fault("the quota has no room for a new pod", "rolled-back", "exceeded quota", rollback="restored")
def quota_refused(scene: Scene) -> Iterator[None]:
    Deployment(scene.site).admin("create", "quota", QUOTA, "--hard=pods=2")
    yield from broken_rollout(scene, "", "quota")


@fault("somebody else changes the Deployment", "failed", "still runs", rollback="not-ours")
def changed_by_another(scene: Scene) -> Iterator[None]:
    deployment = Deployment(scene.site)
    scene.inputs |= {"max-turns": "1", "rollout-timeout": "20s"}
    reference = image(scene.site, "ours")
    scene.replies = [Execute(f"{deliver(reference, first=NEVER_READY)}echo changed; sleep 2")]
    theirs = image(scene.site, "theirs")
    scene.when(
        "changed", lambda: deployment.admin("set", "image", "deployment/myapp", f"app={theirs}")
    )
    yield
    assert theirs in str(deployment.template())


@fault(
    "somebody deletes the Deployment", "failed", "does not exist", rollback="not-ours", alone=True
)
def deployment_deleted(scene: Scene) -> Iterator[None]:
    deployment = Deployment(scene.site)
    scene.inputs["max-turns"] = "1"
    script = deliver(image(scene.site, "deleted"), first=NEVER_READY)
    scene.replies = [Execute(f"{script}echo changed; sleep 2")]
    scene.when("changed", lambda: deployment.admin("delete", "deployment", "myapp"))
    yield


def broken_cluster(scene: Scene, mode: str | int, back_s: float = 0) -> Iterator[None]:
    with cluster_proxy(scene) as proxy:
        # Where it comes back, the rollback beside all the other rows needs some time.
        patience = "30s" if back_s else "8s"
        scene.inputs |= {"max-turns": "2", "rollout-timeout": patience}
        script = deliver(image(scene.site, f"cluster-{mode}"), first=NEVER_READY)
        scene.replies = [Execute(f"{script}echo changed; sleep 1"), Finish("done")]

        def fail() -> None:
            proxy.fault(mode)
            if back_s:
                threading.Timer(back_s, proxy.fault, ["pass"]).start()

        scene.when("changed", fail)
        yield


@fault("the cluster goes down during the rollout", "failed", "refused", rollback="not-ours")
def cluster_down_during_the_rollout(scene: Scene) -> Iterator[None]:
    yield from broken_cluster(scene, "down")


@fault("the token expires during the rollout", "failed", "token", rollback="not-ours")
def token_expires_during_the_rollout(scene: Scene) -> Iterator[None]:
    yield from broken_cluster(scene, 401)


@fault("the cluster is away while it is asked, and comes back", "rolled-back", rollback="restored")
def cluster_away(scene: Scene) -> Iterator[None]:
    yield from broken_cluster(scene, "down", back_s=3)


@fault("the cluster is away for a moment, and the image is good", "deployed", rollback="new")
def cluster_away_and_good(scene: Scene) -> Iterator[None]:
    with cluster_proxy(scene) as proxy:
        script = deliver(image(scene.site, "good"))
        scene.replies = [Execute(f"{script}echo changed"), Finish("done")]

        def fail() -> None:
            proxy.fault("down")
            threading.Timer(2, proxy.fault, ["pass"]).start()

        scene.when("Deployment myapp has", fail)
        yield


# --- The table ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A run that is over, and what there was before it."""

    site: Site
    result: StepResult
    before: Any
    serving: set[str]


def played(fault: Fault, site: Site) -> Ended:
    """Run one row to its end."""
    loud = fault.rollback != "nothing"
    before = Deployment(site).template() if loud else None
    serving = set(site.answers().values()) if loud else set()
    scene = Scene(site)
    with fault.stage(scene):
        result = scene.run()
    return Ended(site, result, before, serving)


@pytest.fixture(scope="module")
def quiet(
    request: pytest.FixtureRequest,
    values: Mapping[str, str],
    image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Ended]]]:
    """The chosen rows that leave the cluster alone; they run beside the others, in their order."""
    chosen = [
        FAULTS[str(item.callspec.params["name"])]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "name" in getattr(item, "fixturenames", ())
        if item.module is request.module
    ]

    def play(fault: Fault) -> Ended:
        return played(fault, site_at(values, image, tmp_path_factory.mktemp(fault.name)))

    with ThreadPoolExecutor(1) as lane:
        yield {one.name: lane.submit(play, one) for one in chosen if one.rollback == "nothing"}
        lane.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def deployment(site: Site) -> Iterator[Deployment]:
    """The world's Deployment, which is as it was when the module is done."""
    saved = Deployment(site)
    yield saved
    saved.heal()


def in_lanes() -> list[str]:
    """The rows' names; first those that run beside the other lane, last those that must not."""

    def place(name: str) -> tuple[bool, bool]:
        return FAULTS[name].alone, FAULTS[name].rollback == "nothing"

    return sorted(FAULTS, key=place)


@pytest.mark.parametrize("name", in_lanes())
def test_fault(
    name: str,
    quiet: dict[str, Future[Ended]],
    fresh_site: Site,
    deployment: Deployment,
) -> None:
    row = FAULTS[name]
    if name in quiet:
        check(row, quiet[name].result(400), deployment)
        return
    try:
        check(row, played(row, fresh_site), deployment)
    finally:
        deployment.heal()


def check(row: Fault, ended: Ended, deployment: Deployment) -> None:
    """Everything that a row promises."""
    site, result = ended.site, ended.result
    outputs, good = result.outputs, row.status in ("deployed", "completed")
    errors = [item.message for item in result.annotations if item.level == "error"]

    assert outputs.get("status") == row.status, result.log
    assert result.exit_code == (0 if good else 1)
    assert set(outputs) == {name for name, _ in OUTPUTS}
    assert len(errors) == (0 if good else 1), errors
    assert row.said in "".join(errors)
    assert row.status in result.summary
    assert all(error.splitlines()[0] in result.summary for error in errors)

    ending = events(result, site, "run.ended")
    assert len(ending) == 1 and f"status={row.status} " in ending[0]
    transcript = (site.folders.workspace / outputs["transcript-path"]).read_text(encoding="utf-8")
    assert json.loads(transcript.splitlines()[-1])["kind"] == "end"
    assert not list(problems(transcript))
    assert "Traceback" not in result.log
    assert not events(result, site, "run.defect")
    assert not [what for what, secret in site.secrets.items() if secret in result.log]

    undone = events(result, site, "rollback.deployment")
    if row.rollback == "nothing":
        assert not undone
        assert outputs["image-tag"] == outputs["image-digest"] == ""
    elif row.rollback == "new":
        assert not undone
        (container,) = deployment.template()["spec"]["containers"]
        assert container["image"] == outputs["image-tag"] != ""
        assert set(site.answers().values()) == {f"myapp {site.version}\n"}
    else:
        assert outputs["image-tag"] == outputs["image-digest"] == ""
        assert len(undone) == 1 and f"ok={str(row.rollback == 'restored').lower()} " in undone[0]
    if row.rollback == "restored":
        assert deployment.template() == ended.before
        assert set(site.answers().values()) == ended.serving != set()
        assert outputs["changed"] == "false"
    assert not site.leftovers()


def test_the_matrix_is_whole() -> None:
    assert len(FAULTS) >= 40
