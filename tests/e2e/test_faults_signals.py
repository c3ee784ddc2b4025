"""Each signal in each phase: SIGINT as the runner sends it, SIGTERM, SIGKILL."""

import os
import re
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import pytest

from devkit import engine
from devkit.runner import Folders, StepResult
from devkit.scripted_replies import Execute, Finish, Silence
from oi_deploy.workflow import OUTPUTS
from tests.e2e.faults import (
    NEVER_READY,
    Deployment,
    Scene,
    build,
    deliver,
    events,
    image,
    push,
    registry_proxy,
)
from tests.e2e.site import Site

pytestmark = pytest.mark.docker

Act = Callable[[], None]
Phase = Callable[[Scene, Act], AbstractContextManager[None]]
# In these phases the Deployment has been changed already.
CHANGED = ("rollout", "verification")


@contextmanager
def checks(scene: Scene, act: Act) -> Iterator[None]:
    """The registry takes the connection, and does not answer."""
    with registry_proxy(scene) as proxy:
        proxy.fault("hang")

        def wait() -> None:
            if proxy.busy.wait(60):
                act()

        threading.Thread(target=wait, daemon=True).start()
        yield


class _Starting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def engine_start(scene: Scene, act: Act) -> Iterator[None]:
    """The model server does not get ready."""
    server = ThreadingHTTPServer((engine.gateway(), 0), _Starting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scene.inputs["api-base"] = f"http://{engine.gateway()}:{server.server_port}/v1"
    scene.when("engine: waiting for", act)
    yield
    server.shutdown()
    server.server_close()


@contextmanager
def model(scene: Scene, act: Act) -> Iterator[None]:
    """The model is asked, and does not answer."""
    scene.replies = [Silence()]
    scene.on_request = lambda number: threading.Timer(0.5, act).start()
    yield


@contextmanager
def script(scene: Scene, act: Act) -> Iterator[None]:
    """A script runs."""
    scene.replies = [Execute("trap '' INT TERM; echo begun; sleep 600")]
    scene.when("begun", act)
    yield


@contextmanager
def a_build(scene: Scene, act: Act) -> Iterator[None]:
    """Docker runs a step of a build."""
    first = "printf 'FROM python:3.11-slim\\nRUN echo begun; sleep 60\\n' > Dockerfile\n"
    scene.replies = [Execute(build(image(scene.site, "slow-build"), first=first))]
    scene.when("begun", act)
    yield


@contextmanager
def a_push(scene: Scene, act: Act) -> Iterator[None]:
    """The registry stops to answer while an image is pushed."""
    with registry_proxy(scene) as proxy:
        reference = f"{proxy.address}/library/myapp:z-{scene.site.version}"
        scene.inputs["expect"] = "push"
        script = f"{build(reference)}echo pushing; sleep 1\n{push(reference)}"
        scene.replies = [Execute(script)]

        def hang() -> None:
            proxy.fault("hang")
            if proxy.busy.wait(60):
                act()

        scene.when("pushing", hang)
        yield


@contextmanager
def rollout(scene: Scene, act: Act) -> Iterator[None]:
    """The new pods do not get ready, and the script waits for them."""
    wait = "echo it rolls; kubectl -n production rollout status deployment/myapp"
    scene.replies = [Execute(deliver(image(scene.site, "rollout"), first=NEVER_READY) + wait)]
    scene.when("it rolls", act)
    yield


@contextmanager
def verification(scene: Scene, act: Act) -> Iterator[None]:
    """The same, and we wait for them."""
    scene.replies = [Execute(deliver(image(scene.site, "verify"), first=NEVER_READY))]
    scene.when("Deployment myapp has", act)
    yield


PHASES: dict[str, Phase] = {
    "checks": checks,
    "engine-start": engine_start,
    "model": model,
    "script": script,
    "build": a_build,
    "push": a_push,
    "rollout": rollout,
    "verification": verification,
}


@pytest.fixture(scope="module")
def deployment(site: Site) -> Iterator[Deployment]:
    saved = Deployment(site)
    yield saved
    saved.heal()


def interrupted(site: Site, phase: str, act: Callable[[Scene], object]) -> tuple[Scene, StepResult]:
    """A run to which something is done in a phase."""
    scene = Scene(site)
    done: list[threading.Thread] = []

    def acting() -> None:
        done.append(threading.Thread(target=act, args=(scene,)))
        done[0].start()

    with PHASES[phase](scene, acting):
        result = scene.run()
    for thread in done:
        thread.join()
    assert done, result.log
    return scene, result


def cancel(scene: Scene) -> None:
    assert scene.step is not None
    scene.step.cancel()


def kill(name: str) -> Callable[[Scene], None]:
    def send(scene: Scene) -> None:
        assert scene.step is not None
        client = docker.from_env()
        client.containers.get(scene.step.container).kill(name)
        client.close()

    return send


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("act", [cancel, kill("SIGTERM")], ids=["as-the-runner-cancels", "SIGTERM"])
def test_a_signal_ends_the_run_in_time_and_it_reports(
    phase: str, act: Callable[[Scene], object], fresh_site: Site, deployment: Deployment
) -> None:
    before, serving = deployment.template(), set(fresh_site.answers().values())
    try:
        scene, result = interrupted(fresh_site, phase, act)
        assert scene.step is not None and not result.abandoned
        assert result.exit_code == 1
        assert result.outputs.get("status") == "cancelled", result.log
        assert set(result.outputs) == {name for name, _ in OUTPUTS}
        assert result.outputs["image-tag"] == ""
        assert "cancelled" in result.summary
        (ending,) = events(result, fresh_site, "run.ended")
        assert "status=cancelled" in ending
        assert "Traceback" not in result.log
        undone = events(result, fresh_site, "rollback.deployment")
        assert len(undone) == (1 if phase in CHANGED else 0)
        assert deployment.template() == before
        deployment.settle()
        assert set(fresh_site.answers().values()) == serving != set()
        assert not fresh_site.leftovers()
    finally:
        deployment.heal()


class AsLeft(Folders):
    """A runner that does not know that its folders are not its own any more."""

    def give_to_user(self) -> None:
        """All but what a run has shielded."""
        for path in (self.root, *self.root.rglob("*")):
            found = path.lstat()
            modes = (0o700, 0o770)
            shielded = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) in modes
            if not shielded or found.st_uid != 0:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def can_go_on(folders: Folders, folder: Path) -> bool:
    """Whether the runner's user can make and remove files in one of its folders."""
    done = subprocess.run(
        ["sh", "-c", "touch new && rm new"],
        cwd=folder,
        user=folders.uid,
        group=folders.gid,
        extra_groups=[],
        check=False,
    )
    return done.returncode == 0


LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [a-z.]+( [a-z-]+=.*)?")


@contextmanager
def a_container(scene: Scene, act: Act) -> Iterator[None]:
    """An image that was built is tried."""
    reference = image(scene.site, "tried")
    program = "import time; print('begun', flush=True); time.sleep(50)"
    run = f'docker run --rm {reference} python3 -c "{program}"\n'
    scene.replies = [Execute(build(reference) + run)]
    scene.when("begun", act)
    yield


@pytest.mark.parametrize("phase", [*PHASES, "a-container"])
def test_what_a_killed_run_left_is_told_and_cleaned_by_the_next(
    phase: str, fresh_site: Site, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PHASES, "a-container", a_container)
    site = fresh_site
    try:
        _, result = interrupted(site, phase, kill("SIGKILL"))
        assert result.exit_code == 137
        (log,) = site.folders.temp.glob("oi-deploy-run-*/deploy.log")
        text = log.read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert all(LINE.fullmatch(line) for line in text.splitlines())
        folders = site.folders
        for folder in (folders.temp, folders.file_commands, folders.workflow, folders.home):
            assert can_go_on(folders, folder), folder
        assert can_go_on(folders, folders.workspace)
        left = site.leftovers().containers
        assert bool(left) is (phase == "a-container")

        next_site = replace(site, folders=AsLeft(site.folders.root))
        following = Scene(next_site, [Finish("Nothing to do.")], {"expect": "none"})
        result = following.run()
        assert result.outputs.get("status") == "completed", result.log
        told = [item.message for item in result.annotations if item.level == "warning"]
        assert any("was killed; its last event was" in item for item in told)
        assert all(any(name in item for item in told) for name in left)
        assert text.splitlines()[0] in result.log
        assert len(events(result, site, "leftover.found")) == len(told)
        assert not site.leftovers()
        assert not list(site.folders.temp.glob("oi-deploy-run-*"))
    finally:
        deployment.heal()
