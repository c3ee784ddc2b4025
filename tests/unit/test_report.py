"""What a run leaves behind, and that hostile content stays content."""

import json
import os
from dataclasses import replace
from pathlib import Path

from oi_deploy.errors import Status
from oi_deploy.redact import Redactor
from oi_deploy.report import (
    DeployLog,
    Transcript,
    outputs_of,
    publish,
    summary_markdown,
    table,
)
from oi_deploy.result import CheckLine, CommandLine, RunResult
from oi_deploy.workflow import OUTPUTS

RESULT = RunResult(
    status=Status.DEPLOYED,
    prompt="部署 it",
    image_tag="r.example.com/a:1",
    image_digest="sha256:abc",
    deployment="web",
    namespace="production",
    revision="7",
    previous_image="r.example.com/a:0",
    changed=True,
    log_path="deploy.log",
    turns=2,
    model="m",
    phases=(("engine", 61.5), ("agent", 3.0)),
    checks=(CheckLine(True, "The registry has <b>it</b>."),),
    commands=(CommandLine("docker push a", True, 0, 1.0, True),),
)


def test_every_declared_output_is_set() -> None:
    assert list(outputs_of(RESULT)) and set(outputs_of(RESULT)) == {name for name, _ in OUTPUTS}
    assert outputs_of(RESULT)["changed"] == "true"


def test_the_log_is_one_line_an_event(tmp_path: Path) -> None:
    log = DeployLog(tmp_path / "log", Redactor(["topsecret"]))
    log.event("broker.command", command='docker push "x"\ntopsecret', exit_code=0, allowed=True)
    time, rest = (tmp_path / "log").read_text().rstrip("\n").split(" ", 1)
    assert time.endswith("Z") and "T" in time
    assert rest == 'broker.command command="docker push \\"x\\"\\n***" exit-code=0 allowed=true'


def test_the_transcript_is_redacted_json_lines(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "t", Redactor(["topsecret"]))
    transcript.add("command", argv=["a", "topsecret"], exit_code=None, seconds=1.5)
    record = json.loads((tmp_path / "t").read_text())
    assert record["argv"] == ["a", "***"]
    assert (record["kind"], record["exit_code"], record["seconds"]) == ("command", None, 1.5)


def published(tmp_path: Path, relative: str = "deploy.log") -> tuple[str, Path]:
    source = tmp_path / "private.log"
    source.write_text("our line\n")
    workspace = tmp_path / "workspace"
    workspace.mkdir(exist_ok=True)
    return publish(source, workspace, relative, redactor=Redactor(["topsecret"])), workspace


def test_the_models_own_lines_stay_apart_from_ours(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/deploy.log").write_text("forged topsecret\n")
    path, workspace = published(tmp_path)
    lines = (workspace / path).read_text().splitlines()
    assert lines[0] == "our line"
    assert lines[1].startswith("# --- written by the model's code")
    assert lines[2] == "# forged ***"


def test_a_link_in_the_logs_place_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/deploy.log").symlink_to(victim)
    path, workspace = published(tmp_path)
    assert victim.read_text() == "untouched"
    assert not (workspace / path).is_symlink()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/logs").symlink_to(outside)
    try:
        published(tmp_path, "logs/deploy.log")
    except OSError:
        pass
    else:
        raise AssertionError("the link was followed")
    assert not list(outside.iterdir())


def test_a_folder_in_the_logs_place_gets_another_name(tmp_path: Path) -> None:
    (tmp_path / "workspace/deploy.log").mkdir(parents=True)
    path, workspace = published(tmp_path)
    assert path != "deploy.log" and (workspace / path).read_text() == "our line\n"


def test_the_log_belongs_to_the_workspaces_owner(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    if os.geteuid() == 0:
        os.chown(workspace, 1001, 1001)
    path, _ = published(tmp_path, "logs/deploy.log")
    for item in (workspace / path, (workspace / path).parent):
        assert item.stat().st_uid == workspace.stat().st_uid


def test_nothing_breaks_out_of_the_summary() -> None:
    attack = "```\n# owned\n<script>alert(1)</script> | `x` [a](javascript:b)"
    hostile = replace(
        RESULT,
        prompt=attack,
        deployment="a|b`<i>",
        error=attack,
        checks=(CheckLine(False, attack),),
        commands=(CommandLine(attack, True, 0, 1.0, True),),
    )
    outside, fence = [], ""
    for line in summary_markdown(hostile).splitlines():
        if not fence and line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    text = "\n".join(outside)
    assert not fence
    assert "<script>" not in text and "# owned" not in text.splitlines()
    assert "<i>" not in text and "[a](" not in text


def test_a_failure_shows_the_cause_first() -> None:
    failed = replace(RESULT, status=Status.FAILED, error="the cause", remedy="do this")
    text = summary_markdown(failed)
    assert text.index("the cause") < text.index("do this") < text.index("r.example.com")


def test_the_table_begins_with_the_status() -> None:
    assert table(RESULT).splitlines()[0].split() == ["status", "deployed"]
