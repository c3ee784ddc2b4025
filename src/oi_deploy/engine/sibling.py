"""vLLM as a container beside the action's, started over the mounted Docker socket and shared.

GitHub's runner gives a container action no `--gpus` (actions/runner#754). The engine behind the
socket gives one to any container that asks. The server outlives the run that has started it, so
that the next one need not wait for it: docs/engine.md tells its life.
"""

import http
import os
import random
import threading
import time
from dataclasses import replace
from typing import Any

import docker
import httpx
from docker.errors import APIError, DockerException
from docker.types import LogConfig

from oi_deploy.engine import choice, container, host, remarks
from oi_deploy.engine.connection import Connection
from oi_deploy.engine.flags import arguments
from oi_deploy.engine.gpu import device_requests
from oi_deploy.engine.holders import shown_with_holders
from oi_deploy.engine.image import require_image
from oi_deploy.engine.interface import Endpoint, EngineSettings, Say
from oi_deploy.engine.lease import Lease
from oi_deploy.engine.server import LOOPBACK, death, wait_for
from oi_deploy.engine.tunnel import Tunnel
from oi_deploy.errors import RunError, Status

LABEL = "oi-deploy.engine"
NAME = "oi-deploy-engine"
_MODEL = "oi-deploy.engine.model"

_STOP_S = 4.0
_POLL_S = 0.25
_HEALTH_S = 1.0
_DYING_S = 5.0
_SAY_EVERY_S = 10.0
# A supervisor answers at once, and a model that has answered others answers within seconds.
STUCK_S = 60.0
# vLLM's processes hand each other data through /dev/shm, for which Docker gives 64 MB.
_SHARED_MEMORY = "4g"
_LOG = LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "2"})


class _LookAgain(Exception):  # noqa: N818 - not an error: the server that was there has gone
    """What was found is no longer so."""


class Sibling:
    """One run's share in a server."""

    def __init__(self, settings: EngineSettings, *, say: Say, cancelled: threading.Event) -> None:
        """See `open_engine`."""
        self._settings = settings
        self._say = say
        self._cancelled = cancelled
        self._name = f"{NAME}-{settings.gpus.replace(',', '-')}"
        self._lease: Lease | None = None
        self._tunnel: Tunnel | None = None

    def start(self) -> Endpoint:
        """Find a server or start one, and wait for it. See `Engine`."""
        client = host.connect()
        settings = self._settings
        info = client.info()
        devices = device_requests(settings.gpus, info)
        # What is wrong with them is told before anything is pulled.
        vector = arguments(settings, host=LOOPBACK, port=container.PORT)
        image = require_image(
            client,
            settings.vllm_image,
            timeout_s=settings.timeout_s,
            say=self._say,
            cancelled=self._cancelled,
        )
        configuration = container.configuration(
            settings, vector, image, devices, info, job=os.environ
        )
        digest = choice.digest_of({**configuration, "owner": settings.owner})
        # Not in the container's settings, which outlive the run; part of what makes it another.
        token = configuration["environment"].pop("HF_TOKEN", "")
        deadline = time.monotonic() + settings.timeout_s
        try:
            while True:
                self._check(deadline)
                found = host.look(client, LABEL)
                step = choice.decide(found, name=self._name, digest=digest, gpus=settings.gpus)
                try:
                    if endpoint := self._do(client, step, digest, configuration, token, deadline):
                        return endpoint
                except _LookAgain:
                    time.sleep(_POLL_S)
        except BaseException as error:
            self.stop()
            if isinstance(error, (DockerException, OSError)):
                raise RunError(
                    "The Docker engine does not answer",
                    why=str(error),
                    remedy="Run the step again. If that does not help, look at the engine on the "
                    "runner's host: `docker info`",
                ) from error
            raise

    def diagnose(self) -> str | None:
        """See `Engine`."""
        lease, tunnel = self._lease, self._tunnel
        if lease and tunnel and not _healthy(tunnel.port):
            # vLLM that has lost a process fails its requests first, and ends a little later.
            lease.ended.wait(_DYING_S)
        return str(self._death(lease)) if lease and lease.ended.is_set() else None

    def stop(self) -> None:
        """Leave the server to others, or end it if nobody is to have it. See `Engine`."""
        if self._tunnel:
            self._tunnel.close()
        if self._lease:
            self._lease.end(_STOP_S)

    def _do(
        self,
        client: docker.DockerClient,
        step: choice.Step,
        digest: str,
        configuration: dict[str, Any],
        token: str,
        deadline: float,
    ) -> Endpoint | None:
        server = step.server
        if server is None:
            self._launch(client, digest, configuration, token)
        elif step.kind == "use":
            return self._use(client, server, deadline)
        elif step.kind == "await":
            self._await(client, server, deadline)
        elif step.kind == "remove":
            self._say(f"engine: removing {server.name}, which is {server.state}")
            host.remove(client, server.id)
        elif step.kind == "taken":
            raise RunError(
                f"The container name `{server.name}` is taken",
                why="another program has a container of that name on the runner's host",
                remedy=f"Remove it there: `docker rm --force {server.name}`",
            )
        else:
            time.sleep(_POLL_S)
        return None

    def _launch(
        self, client: docker.DockerClient, digest: str, configuration: dict[str, Any], token: str
    ) -> None:
        """Make and start the container; its first user has yet to come."""
        settings = self._settings
        created = None
        try:
            created = client.containers.create(
                **configuration,
                command=[],
                name=self._name,
                labels={
                    LABEL: digest,
                    host.GPUS: settings.gpus,
                    _MODEL: settings.model,
                    "oi-deploy.role": "engine",
                },
                shm_size=_SHARED_MEMORY,
                log_config=_LOG,
                auto_remove=True,
            )
            if choice.contested(
                host.look(client, LABEL), own_id=str(created.id), gpus=settings.gpus
            ):
                host.remove(client, str(created.id))
                time.sleep(random.uniform(_POLL_S, 4 * _POLL_S))  # noqa: S311 - no secret
                return
            if token:
                client.api.put_archive(str(created.id), "/", container.token_archive(token))
            self._say(f"engine: starting vLLM with `{settings.model}` ({settings.vllm_image})")
            for line in remarks.at_start(settings):
                self._say(line)
            created.start()
        except APIError as error:
            if created is None and error.status_code == http.HTTPStatus.CONFLICT:
                return  # another run was faster
            if created is not None and error.status_code in host.GONE:
                return  # another run took it for the rest of one that was killed
            if created is not None:
                host.remove(client, str(created.id))
            raise container.not_started(settings, error) from error

    def _use(self, client: docker.DockerClient, server: choice.Server, deadline: float) -> Endpoint:
        """Be a user of this server, and wait until the model answers.

        Raises:
            _LookAgain: it has ended, or it was stuck and is removed.
            RunError: see `Engine`.
        """
        lease = self._join(client, server, use=True)
        while not lease.key:  # a run that wants another server came before us
            self._stay_in_line(lease, server, deadline)
        if lease.was_ready:
            others = len(lease.users) - 1
            self._say(f"engine: {server.name} is up already; other runs that use it: {others}")
        tunnel = self._tunnel = Tunnel(
            lambda: Connection(client, server.id, "tcp", str(container.PORT))
        )

        shown = shown_with_holders(client, server.id)

        def died() -> RunError | None:
            if lease.was_ready and lease.unanswered_s > STUCK_S:
                raise self._stuck(client, server, "the model does not answer")
            if not lease.ended.is_set():
                return None
            if lease.was_ready:
                raise _LookAgain
            return self._death(lease)

        try:
            endpoint = wait_for(
                self._settings,
                doing=lambda: "asking the model" if lease.was_ready else shown(lease.log.progress),
                log=lease.log,
                port=tunnel.port,
                api_key=lease.key,
                died=died,
                say=self._say,
                cancelled=self._cancelled,
            )
        except _LookAgain:
            self.stop()
            raise
        lease.say_ready()
        for line in remarks.when_ready(lease.log.lines()):
            self._say(line)
        return replace(endpoint, warm=lease.was_ready)

    def _await(self, client: docker.DockerClient, server: choice.Server, deadline: float) -> None:
        """Wait until this server's users are gone, and it has ended."""
        lease = self._join(client, server, use=False)
        while True:
            self._stay_in_line(lease, server, deadline)

    def _join(self, client: docker.DockerClient, server: choice.Server, *, use: bool) -> Lease:
        try:
            connection = Connection(client, server.id, "unix", container.SOCKET)
        except APIError as error:
            # It has ended since we looked, or somebody has paused it.
            if error.status_code not in host.GONE:
                raise
            raise _LookAgain from error
        settings = self._settings
        lease = self._lease = Lease(
            connection,
            server.id,
            name=settings.user,
            use=use,
            keep_s=settings.keep_warm_s,
            stays=settings.stays,
        )
        limit = time.monotonic() + STUCK_S
        while not lease.answered.wait(_POLL_S):
            self._check()
            if time.monotonic() > limit:
                raise self._stuck(client, server, "its supervisor does not answer")
        return lease

    def _stay_in_line(self, lease: Lease, server: choice.Server, deadline: float) -> None:
        """Wait for news from a server that is not for us, or not yet.

        Raises:
            _LookAgain: it has ended.
            RunError: too much time, a cancelled run, or a server that will not end.
        """
        if lease.ended.is_set():
            raise _LookAgain
        users = lease.users
        names = " and ".join(users) or "nobody any more"
        if lease.held:
            raise _held(server, names)
        self._say(f"engine: waiting for {server.name}, which is used by {names}")
        told = time.monotonic()
        while users == lease.users and time.monotonic() - told < _SAY_EVERY_S and not lease.key:
            if lease.ended.wait(_POLL_S):
                raise _LookAgain
            self._check(deadline, f"{server.name} was used by {names} all the time")

    def _stuck(self, client: docker.DockerClient, server: choice.Server, why: str) -> _LookAgain:
        self._say(f"engine: {server.name} is stuck: {why}; it is replaced")
        host.remove(client, server.id)
        return _LookAgain()

    def _check(self, deadline: float | None = None, busy: str = "") -> None:
        """Raise what ends the wait for others."""
        if self._cancelled.is_set():
            raise RunError("The run was cancelled", status=Status.CANCELLED)
        if deadline is not None and time.monotonic() > deadline:
            raise RunError(
                f"The model server's turn did not come within {self._settings.timeout_s:.0f} s",
                why=busy or "other runs started and ended theirs all the time",
                remedy="Runs with the same model and settings share a server. Write the same for "
                "all of them, or a longer limit, such as: `engine-timeout: 60m`",
                status=Status.TIMED_OUT,
            )

    def _death(self, lease: Lease) -> RunError:
        """Why the lease has ended."""
        if lease.exit_code is not None:
            return death(self._settings, lease.log, lease.exit_code)
        if host.exit_code(lease.server):
            return RunError(
                "The model server was stopped",
                why="its container was killed or removed from outside; `docker rm --force` does "
                "so, and an engine that is shut down",
                remedy="Run the step again.",
            )
        return RunError(
            "The connection to the model server was lost",
            why="the Docker engine has ended it; it does so when it is restarted",
            remedy="Run the step again.",
        )


def _held(server: choice.Server, names: str) -> RunError:
    return RunError(
        f"`gpus: {server.gpus}` is taken by {server.name}, which stays",
        why=f"it is used by {names}, and `oi-deploy serve` never lets go; this run's model, "
        "settings or owner are others",
        remedy="Give both the same `model`, `vllm-image`, `vllm-args` and `max-model-len`, and "
        "`oi-deploy serve --owner` this repository's owner; or use what it serves, with "
        "`api-base: http://HOST:8000/v1` and its key as `api-key`.",
    )


def _healthy(port: int) -> bool:
    try:
        url = f"http://{LOOPBACK}:{port}/health"
        return httpx.get(url, timeout=_HEALTH_S, trust_env=False).is_success
    except httpx.HTTPError:
        return False
