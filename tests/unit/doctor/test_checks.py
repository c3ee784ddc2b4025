"""Checks are made at the same time, in bounded time, and each error is a finding."""

import threading
from pathlib import Path

import pytest

from oi_deploy.doctor import CHECKS, Context, Finding, examine
from oi_deploy.doctor.context import Once
from tests.unit.doctor.contexts import context, fails


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    replaced: dict[str, object] = {}
    monkeypatch.setattr("oi_deploy.doctor.checks.CHECKS", replaced)
    return replaced


def test_a_check_that_hangs_is_left_behind(tmp_path: Path, checks: dict[str, object]) -> None:
    checks["registry"] = lambda context: threading.Event().wait()
    checks["disk"] = lambda context: Finding("disk", "ok", "room")
    found = examine(context(tmp_path), ("registry", "disk"), within_s=0.2)
    assert [item.state for item in found] == ["FAILED", "ok"]
    assert "no answer within" in found[0].found and "`registry`" in found[0].remedy


def test_what_waits_for_a_check_that_hangs_does_not_fail_too(
    tmp_path: Path, checks: dict[str, object]
) -> None:
    checks.update(dict.fromkeys(("registry", "push"), lambda context: threading.Event().wait()))
    found = examine(context(tmp_path), ("registry", "push"), within_s=0.2)
    assert [item.state for item in found] == ["FAILED", "not checked"]


def test_they_do_not_wait_for_each_other(tmp_path: Path, checks: dict[str, object]) -> None:
    together = threading.Barrier(3)

    def check(context: Context) -> Finding:
        together.wait(10)
        return Finding("x", "ok", "")

    checks.update(dict.fromkeys("abc", check))
    assert len(examine(context(tmp_path), "abc", within_s=20)) == 3


def test_errors_are_findings(tmp_path: Path, checks: dict[str, object]) -> None:
    checks["push"] = lambda context: fails()
    checks["disk"] = lambda context: Path("/nonexistent").stat()
    found = examine(context(tmp_path), ("push", "disk"), within_s=10)
    assert [(item.name, item.state) for item in found] == [("push", "FAILED"), ("disk", "FAILED")]
    assert (found[0].found, found[0].remedy) == ("it is not there", "put it there")


def test_what_several_checks_need_is_opened_once() -> None:
    calls: list[int] = []
    opened = Once(lambda: calls.append(1))
    threads = [threading.Thread(target=opened) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    failing = Once(fails)
    for _ in range(2):
        with pytest.raises(Exception, match="it is not there"):
            failing()


def test_each_check_names_itself(tmp_path: Path) -> None:
    """The name in the table of checks is the one in the row."""
    given = context(
        tmp_path, registry=fails, cluster=fails, deployments=fails, expect="none", env={"HOME": "/"}
    )
    names = tuple(name for name in CHECKS if name not in ("sandbox", "endpoint"))
    assert tuple(item.name for item in examine(given, names, within_s=30)) == names
