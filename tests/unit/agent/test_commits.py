"""The subjects of commits between git tags, in a file."""

import pytest

from tests.unit.agent.worlds import facts

GIT = {"--list": "v1.4.0\nv1.5.0\nv1.6.0"}


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        (
            "Write the subjects of all commits after v1.4.0 into NOTES.md, one per line.",
            "git log --format='%s' v1.4.0..HEAD > NOTES.md",
        ),
        (
            "Put the commit titles from v1.4.0 to v1.5.0 into CHANGES.md as bullets, oldest first.",
            "git log --reverse --format='- %s' v1.4.0..v1.5.0 > CHANGES.md",
        ),
        (
            "把 v1.5.0 之后的提交标题写进 CHANGES.md,每行一个,不带哈希和作者。",
            "git log --format='%s' v1.5.0..HEAD > CHANGES.md",
        ),
    ],
)
def test_their_subjects_are_listed(prompt: str, line: str) -> None:
    assert facts(prompt, expect="none", git=GIT).commands == (line,)


@pytest.mark.parametrize(
    "prompt",
    [
        "Write the subjects of the commits after v1.4.0 into NOTES.md with their short hash.",
        "Write NOTES.md from the commit subjects after v1.4.0, in two sections: feat and fix.",
        "Write the subjects of the last five commits into NOTES.md.",
        "Write the commit subjects of v1.4.0, v1.5.0 and v1.6.0 into NOTES.md.",
    ],
)
def test_more_than_that_is_left_to_the_model(prompt: str) -> None:
    assert not facts(prompt, expect="none", git=GIT).commands
