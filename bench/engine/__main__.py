"""`python -m bench.engine run|jobs`: what the engine brings, on the real vLLM."""

import argparse
import json
import os
import platform
import re
import secrets
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import docker
import yaml

from bench.deploybench.world import Container, manifest
from bench.engine import figures, jobs, load, naive, server
from bench.engine.picture import picture
from devkit import demo, world
from devkit.runner import StepResult
from devkit.shell import STATE, DevkitError, call, say, step, works
from oi_deploy.agent.completions import Completions
from oi_deploy.agent.loop import system_message
from oi_deploy.engine import Endpoint
from oi_deploy.engine.sibling import LABEL, NAME
from oi_deploy.limits import Stop

OUT = STATE / "bench-engine"
_JOBS = 8
_NAIVE_RUNS = 5
_KEEP_WARM_S = 20.0


class _Nobody:
    def write(self, text: str) -> None:
        """Show nothing."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("what", choices=("run", "jobs"), help="one server, or eight jobs at once")
    parser.add_argument("--model", default="", help="a folder or a hub name; the demo's if empty")
    parser.add_argument("--gpus", default="none", help="as the input of that name")
    parser.add_argument("--vllm-image", default="", help="the devkit's, for the CPU, if empty")
    parser.add_argument("--vllm-args", default="", help="for both servers: --load-format dummy")
    parser.add_argument("--max-model-len", type=int, default=8192)
    parser.add_argument("--runs", type=int, default=9, help="starts of the action")
    parser.add_argument("--no-plain", action="store_true", help="leave `vllm serve` out")
    return parser


@contextmanager
def _site(options: argparse.Namespace) -> Iterator[jobs.Site]:
    """A world of our own, the action's image, and no server that others have left.

    Raises:
        DevkitError: the world cannot be had, or a server is in use.
    """
    if world.read():
        raise DevkitError("a world is up: `make world-down` ends it")
    own = not (options.model and options.vllm_image)
    try:
        values = world.up(with_model=own)
        values["VLLM_IMAGE"] = options.vllm_image or values["VLLM_IMAGE"]
        values["MODEL_PATH"] = options.model or values["MODEL_PATH"]
        demo.build_action()
        name = f"{NAME}-{options.gpus.replace(',', '-')}"
        if works("docker", "container", "inspect", name):
            raise DevkitError(f"a model server is there: `docker rm --force {name}`")
        inputs = {
            "gpus": options.gpus,
            "keep-warm": f"{_KEEP_WARM_S:.0f}s",
            "max-model-len": str(options.max_model_len),
            # The log then says when a question came in.
            "vllm-args": f"--enable-log-requests {options.vllm_args}".strip(),
            "timeout": "20m",
        }
        try:
            yield jobs.Site(values, demo.IMAGE, inputs)
        finally:
            works("docker", "rm", "--force", "--volumes", name)
    finally:
        world.down()


def _run(options: argparse.Namespace) -> figures.Figures:
    with _site(options) as site:
        with step("the first job, without a server"), _first_token(site, options, 2) as (job, it):
            reached, at = it
            first_job = at - job.started
            # The readiness probe is the first request that is answered.
            ready = job.await_line(f"engine: {reached.model} answers")
        with server.ours(options.gpus, keep_warm_s=_KEEP_WARM_S) as reached:
            phases = figures.phases(reached.started, reached.log(), ready)
            before = reached.first_tokens()
            with step("the second job"), _first_token(site, options, before + 2) as (job, it):
                second_job = it[1] - job.started
                message = _question(job)
            bare = _bare(reached, message, options.max_model_len)
            starts = [_start(site, reached, number) for number in range(options.runs)]
            with step("tokens a second"):
                loaded = load.measure(reached)
            ours = figures.Server(phases, loaded)
            gpu = ", ".join(name for name, _ in server.gpus_of(reached.container))
            limit = figures.memory_limit(gpu, figures.weights_bytes(reached.log()))
            container = reached.container
        with step(f"waiting until the idle server ends (keep-warm: {_KEEP_WARM_S:g} s)"):
            gone = server.gone_after(container)
        with naive.image() as image, step("Open Interpreter's own command"):
            naives = [naive.first_question(image, demo.PROMPT) for _ in range(_NAIVE_RUNS)]
        plain = None if options.no_plain else _plain(site, options)
        return figures.Figures(
            machine=_machine(gpu),
            model=site.values["MODEL_PATH"].rpartition("/")[2],
            first_job=first_job,
            second_job=second_job,
            bare=bare,
            gone=gone,
            keep_warm=_KEEP_WARM_S,
            starts=starts,
            naive=naives,
            ours=ours,
            plain=plain,
            limit=limit,
        )


@contextmanager
def _first_token(
    site: jobs.Site, options: argparse.Namespace, number: int
) -> Iterator[tuple[jobs.Job, tuple[server.Reached, float]]]:
    """A job, and when the model had written its first token for it; then it is cancelled."""
    with jobs.running(site, "myapp", f"2.0.{secrets.randbelow(10**6)}") as job:
        job.await_line("##[group]Engine")
        with server.ours(options.gpus) as reached:
            yield job, (reached, server.await_first_token(reached, number))


def _question(job: jobs.Job) -> str:
    """What a job has asked the model first; it is cancelled for that."""
    job.end()
    text = (job.folders.workspace / "deploy.transcript.jsonl").read_text(encoding="utf-8")
    lines = map(json.loads, text.splitlines())
    return next(str(line["message"]) for line in lines if line["kind"] == "request")


def _bare(reached: server.Reached, message: str, max_model_len: int) -> float:
    """Seconds to the first token of a job's question, as another job would ask it.

    The commit is another one: what the server's cache knows is the same as for the next job.
    """
    commits = re.findall(r"commit ([0-9a-f]{7,})", message)
    for commit in commits[:1]:
        message = message.replace(commit, secrets.token_hex(4)[: len(commit)])
    endpoint = Endpoint(reached.base_url, reached.model, reached.key, max_model_len)
    ask = Completions(endpoint, stop=Stop(), max_tokens=1, show=lambda: nullcontext(_Nobody()))
    messages = [
        {"role": "system", "content": system_message()},
        {"role": "user", "content": message},
    ]
    begun = time.perf_counter()
    for _ in ask(messages=messages):
        pass
    return time.perf_counter() - begun


def _start(site: jobs.Site, reached: server.Reached, number: int) -> float:
    """Seconds from a job's start until its first question has come in at the server."""
    with jobs.running(site, "myapp", f"2.1.{number}") as job:
        job.await_line("##[group]Turn 1 of")
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            if asked := figures.questions(reached.log(job.started), job.started):
                say(f"start {number + 1}: the first question after {asked[0] - job.started:.2f} s")
                return asked[0] - job.started
            time.sleep(0.1)
    raise DevkitError("the server's log has no question")


def _plain(site: jobs.Site, options: argparse.Namespace) -> figures.Server:
    with server.plain(
        site.values["VLLM_IMAGE"],
        site.values["MODEL_PATH"],
        gpus=options.gpus,
        max_model_len=options.max_model_len,
        # On a CPU, compiling takes minutes and a C++ compiler, which an image need not have.
        more=[*shlex.split(options.vllm_args), *["--enforce-eager"] * (options.gpus == "none")],
    ) as reached:
        phases = figures.phases(reached.started, reached.log(), time.time())
        with step("tokens a second of a plain vLLM"):
            return figures.Server(phases, load.measure(reached))


def _jobs(options: argparse.Namespace) -> figures.Jobs:
    with _site(options) as site, _servers() as servers:
        names = [f"shop-{number}" for number in range(1, _JOBS + 1)]
        with step(f"making {_JOBS} Deployments"):
            for name in names:
                _deployment(site, name)
        with step("a job that starts the server"):
            jobs.deploy(site, names[0], "2.0.0")
        row = []
        for number, name in enumerate(names):
            done = jobs.deploy(site, name, f"2.1.{number}")
            say(f"{name}: {done.outputs.get('status')} after {done.seconds:.0f} s")
            row.append(done)
        calls: list[Callable[[], StepResult]] = [
            partial(jobs.deploy, site, name, f"2.2.{number}") for number, name in enumerate(names)
        ]
        with step(f"{_JOBS} jobs at once"):
            at_once, total = jobs.together(calls)
        return figures.Jobs(
            machine=_machine(""),
            model=site.values["MODEL_PATH"].rpartition("/")[2],
            row=[done.seconds for done in row],
            at_once=[done.seconds for done in at_once],
            total=total,
            servers=len(servers),
            statuses=[str(done.outputs.get("status")) for done in (*row, *at_once)],
        )


def _deployment(site: jobs.Site, name: str) -> None:
    """A Deployment with one pod, of an image of its own."""
    values = site.values
    first = f"{values['REGISTRY']}/library/{world.DEPLOYMENT}:{world.FIRST_VERSION}"
    own = f"{values['REGISTRY']}/library/{name}:{world.FIRST_VERSION}"
    call("docker", "tag", first, own)
    call("docker", "--config", STATE / "docker", "push", "--quiet", own)
    containers = {"app": Container(f"library/{name}:{world.FIRST_VERSION}")}
    document = manifest(
        values["REGISTRY"], name, containers, replicas=1, namespace=values["NAMESPACE"]
    )
    environment = {"KUBECONFIG": values["KUBECONFIG_ADMIN"]}
    text = yaml.safe_dump(document).encode()
    call(values["KUBECTL"], "apply", "-f", "-", env=environment, stdin=text)


@contextmanager
def _servers() -> Iterator[set[str]]:
    """The model servers that are started while the block runs; filled in as it goes on.

    Read as they happen: the engine remembers its last 256 events only.
    """
    client = docker.from_env()
    seen: set[str] = set()
    events: Any = client.events(filters={"label": LABEL, "event": "start"}, decode=True)

    def note() -> None:
        for event in events:
            seen.add(str(event["id"]))

    threading.Thread(target=note, daemon=True).start()
    try:
        yield seen
    finally:
        events.close()
        client.close()


def _machine(gpu: str) -> str:
    load_now = f"load {os.getloadavg()[0]:.1f} at the end"
    return f"{gpu or platform.machine()}, {os.cpu_count()} cores, {load_now}"


def _write(name: str, document: object, drawn: str = "") -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if drawn:
        path.with_suffix(".svg").write_text(drawn, encoding="utf-8")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, and write figures and picture."""
    options = _parser().parse_args(argv)
    # A terminated benchmark cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.what == "jobs":
            many = _jobs(options)
            print(f"\n{figures.jobs_table(many)}\n")
            say(f"the figures are in {_write('jobs', {**asdict(many), 'ratio': many.ratio})}")
            return 0 if many.good else 1
        found = _run(options)
        print(f"\n{figures.table(found)}\n")
        say(f"figures and picture are in {_write('engine', asdict(found), picture(found))}")
    except DevkitError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
