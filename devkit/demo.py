"""`make demo`: a sentence becomes a running Deployment, on real parts, without a GPU or GitHub."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from devkit import images, world
from devkit.runner import Action, Folders, StepResult, start
from devkit.shell import ROOT, STATE, DevkitError, call, say, step

IMAGE = "oi-deploy-action:dev"
PROMPT = """\
构建当前项目的Docker镜像,标签为 myapp:$(git rev-parse --short HEAD)
推送到 {registry}/library/myapp:$(git rev-parse --short HEAD)
然后更新Kubernetes集群中的deployment myapp,使用新镜像
记录操作日志到 deploy.log
"""


def build_action() -> None:
    """Build the action's image."""
    with step("building the action's image"):
        images.build(IMAGE, ROOT, "--label", "oi-deploy.devkit=action")


def inputs_for(values: dict[str, str], prompt: str) -> dict[str, str]:
    """The step's `with:` for the world that `values` describe."""
    return {
        "prompt": prompt,
        "engine": "sibling",
        "gpus": "none",
        "vllm-image": values["VLLM_IMAGE"],
        "model": values["MODEL_PATH"],
        "max-model-len": "8192",
        "keep-warm": "0s",  # what the demo starts, it stops
        "registry": f"{values['REGISTRY']}/library",
        "registry-username": values["REGISTRY_USERNAME"],
        "registry-password": values["REGISTRY_PASSWORD"],
        "registry-ca": Path(values["REGISTRY_CA"]).read_text(encoding="utf-8"),
        "kubeconfig": Path(values["KUBECONFIG"]).read_text(encoding="utf-8"),
        "namespace": values["NAMESPACE"],
    }


def demo() -> bool:
    """Run the action once and look at the result; return whether everything holds.

    Raises:
        DevkitError: the world cannot be had.
    """
    values = world.up()
    build_action()
    folder = Path(tempfile.mkdtemp(prefix="oi-deploy-demo-"))
    folder.chmod(0o755)
    try:
        folders = Folders(folder)
        version = time.strftime("2.%m%d.%H%M%S")
        commit = world.make_repository(
            folders.workspace,
            version,
            with_dockerfile=os.environ.get("DEMO_DOCKERFILE") != "missing",
            owner=(folders.uid, folders.gid),
        )
        say(f"made a repository with version {version}, commit {commit}")
        given = os.environ.get("DEMO_PROMPT") or PROMPT
        prompt = given.replace("{registry}", values["REGISTRY"])
        print(f"\nThe prompt:\n{prompt}\n", flush=True)
        running = start(
            Action.load(ROOT),
            folders,
            inputs_for(values, prompt),
            image=IMAGE,
            masks=(values["REGISTRY_PASSWORD"],),
            sha=commit,
            on_line=lambda line: print(line, flush=True),
        )
        try:
            result = running.wait()
        except KeyboardInterrupt:
            say("interrupted: cancelling the run as GitHub would")
            running.cancel()
            running.wait()
            raise
        kept = STATE / "demo"
        kept.mkdir(exist_ok=True)
        for name in ("log-path", "transcript-path"):
            path = result.outputs.get(name)
            if path:
                shutil.copy(folders.workspace / path, kept)
        (kept / "summary.md").write_text(result.summary, encoding="utf-8")
        say(f"log, transcript and job summary are in {kept}")
        return _confirm(result, values, version)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _confirm(result: StepResult, values: dict[str, str], version: str) -> bool:
    """Look at registry, cluster and program without the action's help."""
    if result.outputs.get("status") != "deployed":
        say(f"the action ended with status {result.outputs.get('status')!r}")
        return False
    repository, _, tag = result.outputs["image-tag"].rpartition(":")
    path = repository.partition("/")[2]
    shown = (
        'curl --cacert "$REGISTRY_CA" -u "$REGISTRY_USERNAME:$REGISTRY_PASSWORD" -sI '
        "-H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "
        f'"https://$REGISTRY/v2/{path}/manifests/{tag}"'
    )
    answer = _shell(shown, values)
    digest = result.outputs["image-digest"]
    asked = f'"$KUBECTL" -n {values["NAMESPACE"]} get deployment {values["DEPLOYMENT"]} -o wide'
    listing = _shell(asked, values)
    pods = _pods(values)
    answers = [httpx.get(f"http://{pod}:8080/", timeout=10, trust_env=False).text for pod in pods]
    for pod, text in zip(pods, answers, strict=True):
        print(f"$ curl http://{pod}:8080/\n{text}", flush=True)
    return (
        digest in answer
        and result.outputs["image-tag"] in listing
        and bool(answers)
        and all(text.strip().endswith(version) for text in answers)
    )


def _pods(values: dict[str, str]) -> list[str]:
    """Addresses of the Deployment's pods, without those of the old version that are ending."""
    answer = call(
        values["KUBECTL"], "-n", values["NAMESPACE"], "get", "pods",
        "-l", f"app={values['DEPLOYMENT']}", "-o", "json",
        env={"KUBECONFIG": values["KUBECONFIG"]},
    )  # fmt: skip
    return [
        item["status"]["podIP"]
        for item in json.loads(answer)["items"]
        if "deletionTimestamp" not in item["metadata"]
    ]


def _shell(line: str, values: dict[str, str]) -> str:
    print(f"$ {line}", flush=True)
    result = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, **values},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(result.stdout, flush=True)
    return result.stdout


def main() -> int:
    """Run the demo; what it started is stopped, unless KEEP=1."""
    # A terminated `make demo` cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        good = demo()
    except DevkitError as error:
        say(str(error))
        good = False
    except KeyboardInterrupt:
        say("interrupted")
        good = False
    finally:
        if os.environ.get("KEEP") == "1":
            say(f"the world stays up; see {world.ENV_FILE}; end it with `make world-down`")
        else:
            world.down()
    say("the demo's Deployment is confirmed" if good else "the demo failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
