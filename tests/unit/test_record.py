"""What a run's outputs are made from."""

import pytest

from oi_deploy.errors import RunError, Status
from oi_deploy.record import Record
from oi_deploy.result import RunResult
from oi_deploy.verify.finding import Finding, Verdict
from oi_deploy.verify.rollback import Restored

GOOD = Finding(True, "registry.digest", "the registry", "has it")
BAD = Finding(False, "pods.ready", "the Deployment web", "has no ready pod")


def result(*findings: Finding) -> RunResult:
    record = Record()
    record.verdict = Verdict(findings, image="r/web:1", digest="sha256:a", deployment="web")
    return record.result(log_path="deploy.log", transcript_path="t")


def test_an_image_is_named_only_when_everything_about_it_was_verified() -> None:
    assert (result(GOOD).image_tag, result(GOOD).image_digest) == ("r/web:1", "sha256:a")
    assert (result(GOOD, BAD).image_tag, result(GOOD, BAD).image_digest) == ("", "")
    assert [line.ok for line in result(GOOD, BAD).checks] == [True, False]


def test_a_failure_is_kept_with_its_remedy() -> None:
    record = Record()
    record.fail(RunError("it broke", why="a cause", remedy="mend it", status=Status.TIMED_OUT))
    ended = record.result(log_path="", transcript_path="")
    assert (ended.status, ended.error, ended.remedy) == (
        Status.TIMED_OUT,
        "it broke: a cause",
        "mend it",
    )


def test_phases_are_measured_even_when_they_fail() -> None:
    record = Record()
    try:
        with record.phase("engine"):
            raise RunError("no engine")
    except RunError:
        pass
    assert [phase.name for phase in record.phases] == ["engine"]


@pytest.mark.parametrize(
    ("ending", "restored", "status"),
    [
        (Status.FAILED, (True, True), Status.ROLLED_BACK),
        (Status.FAILED, (True, False), Status.FAILED),
        (Status.FAILED, (), Status.FAILED),
        (Status.CANCELLED, (True,), Status.CANCELLED),
        (Status.TIMED_OUT, (True,), Status.TIMED_OUT),
    ],
)
def test_rolled_back_is_a_failure_after_which_all_is_as_before(
    ending: Status, restored: tuple[bool, ...], status: Status
) -> None:
    record = Record(rollback=tuple(Restored(ok, "x") for ok in restored))
    record.fail(RunError("no", status=ending))
    assert record.status is status
    assert not record.status.ok
    result = record.result(log_path="", transcript_path="")
    assert [line.ok for line in result.rollback] == list(restored)
