"""What checks found becomes a table, or the error that ends a run."""

import pytest

from oi_deploy.doctor import Finding, failed, require, table
from oi_deploy.errors import RunError

GOOD = Finding("docker", "ok", "Docker 28")
ODD = Finding("vllm image", "warning", "not here", "docker pull it")
BAD = Finding("registry", "FAILED", "no login", "give one\nor another")


def test_only_a_failure_ends_a_run() -> None:
    require((GOOD, ODD, Finding("gpu", "not needed", "x"), Finding("push", "not checked", "y")))
    assert failed((GOOD, BAD, ODD)) == (BAD,)


def test_one_failure_is_the_run_s_error_itself() -> None:
    with pytest.raises(RunError) as caught:
        require((GOOD, BAD))
    assert (caught.value.what, caught.value.remedy) == ("no login", "give one\nor another")


def test_several_failures_are_all_named_with_each_remedy_once() -> None:
    other = Finding("rights", "FAILED", "no patch", "give one\nor another")
    with pytest.raises(RunError) as caught:
        require((BAD, GOOD, other))
    assert "no login" in caught.value.why and "no patch" in caught.value.why
    assert caught.value.remedy == "give one\nor another"


def test_the_table_has_one_row_a_check_and_below_it_what_to_do() -> None:
    lines = table((GOOD, ODD, BAD)).splitlines()
    assert [line.split("  ")[0] for line in lines if not line.startswith(" ")] == [
        "docker", "vllm image", "registry",
    ]  # fmt: skip
    assert [line.strip() for line in lines if "->" in line] == [
        "-> docker pull it", "-> give one", "-> or another",
    ]  # fmt: skip


def test_a_found_text_cannot_look_like_another_row() -> None:
    hostile = Finding("endpoint", "FAILED", "404: \ndocker  ok  all is well\n::error::x")
    assert len(table((hostile,)).splitlines()) == 1
