"""Everything that a run writes to knows a secret that turns up late."""

import io
from pathlib import Path

import pytest

from oi_deploy.desk import Desk
from oi_deploy.limits import Stop
from oi_deploy.record import Record
from oi_deploy.redact import Redactor
from oi_deploy.report import DeployLog, Transcript
from oi_deploy.workflow import Workflow

KEY = "b2f9-made-by-the-server"


def lost(error: OSError) -> None:
    raise error


def test_a_secret_that_turns_up_during_the_run_is_masked_and_taken_out(tmp_path: Path) -> None:
    redactor, out = Redactor(["of-the-inputs"]), io.StringIO()
    log = DeployLog(tmp_path / "log", redactor, lost)
    transcript = Transcript(tmp_path / "transcript", redactor, lost)
    desk = Desk(Workflow({}, out, redactor), log, transcript, Record(), redactor, Stop())
    desk.hide(KEY)
    assert out.getvalue() == f"::add-mask::{KEY}\n"

    desk.say(f"key {KEY}")
    desk.log.event("engine.ready", model=KEY)
    desk.transcript.add("prompt", text=f"{KEY} of-the-inputs")
    written = out.getvalue().partition("\n")[2]
    written += (tmp_path / "log").read_text() + (tmp_path / "transcript").read_text()
    assert written.count("***") == 4
    assert KEY not in written
    assert "of-the-inputs" not in written


@pytest.mark.parametrize("key", ["", "of-the-inputs"])
def test_an_endpoint_without_a_key_or_with_a_known_one_adds_nothing(
    key: str, tmp_path: Path
) -> None:
    redactor, out = Redactor(["of-the-inputs"]), io.StringIO()
    log = DeployLog(tmp_path / "log", redactor, lost)
    transcript = Transcript(tmp_path / "transcript", redactor, lost)
    Desk(Workflow({}, out, redactor), log, transcript, Record(), redactor, Stop()).hide(key)
    assert out.getvalue() == ""
