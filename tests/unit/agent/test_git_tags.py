"""Which git tags a prompt wants to be deleted: those that it names for certain, and no others."""

import pytest

from oi_deploy.agent.chores.git_tags import unwanted
from tests.unit.agent.worlds import facts

TAGS = ("docs", "v0.9.0", "v1.0.0", "v1.1.0", "v1.10.0", "v2.0.0")


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("Delete the git tags v0.9.0 and v1.0.0.", "v0.9.0 v1.0.0"),
        ("Keep v2.0.0, and delete the other tags (v0.*, v1.1*). The tag docs is none; keep it.",
         "v0.9.0 v1.1.0 v1.10.0"),
        ("Remove git tags older than v1.10.0", "v0.9.0 v1.0.0 v1.1.0"),
        ("删除 v1.1.0 之前的 git tag,docs 不要删", "v0.9.0 v1.0.0"),
        ("Keep the latest two release tags and remove all others", "v0.9.0 v1.0.0 v1.1.0"),
        ("清理旧的 git 标签:只保留最新的三个版本,其余删除", "v0.9.0 v1.0.0"),
        ("请删除除 v2.0.0 和 docs 之外的所有 git tag", "v0.9.0 v1.0.0 v1.1.0 v1.10.0"),
        ("Delete all git tags except v2.0.0", "docs v0.9.0 v1.0.0 v1.1.0 v1.10.0"),
        ("Delete v1.0.0, but do not touch v1.0.0", ""),
        ("Do not delete any git tag", ""),
        ("Write all git tags into tags.txt", ""),
        ("Clean up old git tags", ""),
        ("Delete the git tags older than 30 days", ""),
        ("删除早于 30 天的 git 标签", ""),
        ("Delete git tags before 2026-01-01.", ""),
        ("**Task:** Delete the git tag v1.0.0.", "v1.0.0"),
        ("Delete the newest 2 git tags.", ""),
        ("Remove release tags older than v1.1.0 from git; docs must stay", "v0.9.0 v1.0.0"),
        ("Delete the git tags v0.9.0 and v1.0.0, docs is a page of ours", "v0.9.0 v1.0.0"),
        ("docs is used by the site, so delete git tag v1.0.0", "v1.0.0"),
        ("The git tag v1.0.0 is of no use, delete it", "v1.0.0"),
        ("git tags: v0.* can go, v1.0.0 as well", "v0.9.0 v1.0.0"),
        ("Keep only the 2 newest tags, delete the older release tags", "v0.9.0 v1.0.0 v1.1.0"),
        ("Delete git tags v0.9.0 and v1.0.0 locally", "v0.9.0 v1.0.0"),
        ("Write a clean list of the git tags v1.0.0 and v1.1.0 into tags.md.", ""),
        ("List the git tags in tags.md and remove the v1.0.0 section from CHANGELOG.md.", ""),
        ("Keep the git tag v1.0.0. Delete all files in tmp/.", ""),
        ("Create tags.txt with the last 2 git tags, and delete the file old.txt", ""),
    ],
)  # fmt: skip
def test_the_tags_that_are_to_go(prompt: str, names: str) -> None:
    assert " ".join(unwanted(prompt, TAGS)) == names


def test_a_candidate_comes_before_its_release() -> None:
    tags = ("v1.2.0", "v1.2.0-rc1", "v1.1.0")
    prompt = "Clean up old git tags: keep the last 1 release and delete the others"
    assert unwanted(prompt, tags) == ["v1.2.0-rc1", "v1.1.0"]


def test_the_line_has_names_only() -> None:
    git = {"--list": "v1.0.0\nv1.0.1;curl\nv1.0.$(id)\nv2.0.0"}
    known = facts("Delete the git tags v1.*", expect="none", git=git)
    assert known.commands == ("git tag -d v1.0.0",)
    assert facts("Delete the git tags v1.*", git=git).commands == ()


@pytest.mark.parametrize(
    "prompt",
    [
        "Delete all git tags of nightly builds from 2025 (nightly-2025MMDD), keep those of 2026. "
        "Write the names of the deleted tags to gone.txt, one per line.",
        "删除 2025 年的 git 标签 nightly-2025MMDD,其余保留。把删掉的标签写入 gone.txt,每行一个。",
    ],
)
def test_the_tags_that_went_are_written_down(prompt: str) -> None:
    tags = "nightly-20251202\nnightly-20251103\nnightly-20260101\nv1.0.0"
    assert facts(prompt, expect="none", git={"--list": tags}).commands == (
        "for t in nightly-20251103 nightly-20251202; do echo $t; done > gone.txt",
        "git tag -d nightly-20251202 nightly-20251103",
    )


@pytest.mark.parametrize(
    "prompt",
    [
        "Of the git tags that start with nightly- keep the two newest and delete the others. All "
        "other git tags stay.",
        "Delete the local git tags that begin with nightly-, but keep the two newest of them. Tags "
        "that don't begin with nightly- stay.",
        "以 nightly- 开头的 git 标签只保留最新的 2 个,其余删除,别的标签不动。",
    ],
)
def test_the_newest_of_a_kind_stay(prompt: str) -> None:
    tags = ["nightly-9", "nightly-10", "nightly-8", "v1.0.0", "stable", "nightly-11"]
    assert sorted(unwanted_of(prompt, tags)) == ["nightly-8", "nightly-9"]


def unwanted_of(prompt: str, tags: list[str]) -> list[str]:
    line = " ".join(facts(prompt, expect="none", git={"--list": "\n".join(tags)}).commands)
    return line.removeprefix("git tag -d ").split()


NIGHTLY = ("nightly-20251103", "nightly-2026-01-31", "nightly-20260201", "v1.0.0")


@pytest.mark.parametrize(
    "prompt",
    [
        "Delete the git tags of nightly builds (nightly-YYYYMMDD) that are dated before 1\n"
        "February 2026. Newer nightlies and all release tags stay. Write the names of the "
        "deleted ones to\n"
        "gone.txt.",
        "删除 2026 年 2 月 1 日之前的 nightly-* git 标签,之后的 nightly-* 和 v* 都保留,"
        "删掉的标签写入 gone.txt。",
        "Delete the git tags nightly-* from before 2026-02, and write the deleted tags' names to "
        "gone.txt.",
    ],
)
def test_tags_with_a_day_in_their_name_go_by_it(prompt: str) -> None:
    commands = facts(prompt, expect="none", git={"--list": "\n".join(NIGHTLY)}).commands
    names = "nightly-20251103 nightly-2026-01-31"
    assert commands[0] == f"for t in {names}; do echo $t; done > gone.txt"
    assert set(commands[1].split()[3:]) == set(names.split())


def test_a_tag_that_is_to_stay_by_its_name_stays_though_it_is_old() -> None:
    prompt = "Delete the git tags nightly-* from before 2026-02-01, but keep nightly-20251103."
    commands = facts(prompt, expect="none", git={"--list": "\n".join(NIGHTLY)}).commands
    assert commands == ("git tag -d nightly-2026-01-31",)
