"""A git tag whose code is to be built, where HEAD has another one."""

import pytest

from tests.unit.agent.worlds import facts


@pytest.mark.parametrize(
    "prompt",
    [
        "Build git tag v1.3.0 as {registry}/web:1.3.0 and deploy it to web.",
        "Build {registry}/web:1.3.0 from the code of git tag 1.3.0, push it, and update web.",
        "把 git 标签 v1.3.0 对应的代码构建成 {registry}/web:1.3.0 并推送,然后更新 deployment web。",
    ],
)
def test_the_code_of_a_git_tag_is_built_and_not_what_is_checked_out(prompt: str) -> None:
    git = {"--list": "v1.2.0\nv1.3.0", "--points-at": ""}
    assert facts(prompt, git=git).commands[0] == "git checkout --quiet v1.3.0"
    # HEAD is that.
    here = {**git, "--points-at": "v1.3.0"}
    assert facts(prompt, git=here).commands[0].startswith("docker build ")


def test_a_git_tag_that_only_names_the_image_is_not_checked_out() -> None:
    git = {"--list": "v1.3.0", "--points-at": ""}
    for prompt in (
        "Build web and push it as {registry}/web with the git tag v1.3.0 as its tag, update web.",
        "Build web, not the code of git tag v1.3.0, and update it.",
    ):
        assert not any("checkout" in line for line in facts(prompt, git=git).commands)


def test_the_hash_of_head_is_not_that_of_a_git_tag() -> None:
    git = {"--list": "v1.3.0", "--points-at": ""}
    prompt = "Build git tag v1.3.0, push it as {registry}/web:<short sha>, and update web."
    assert not facts(prompt, git=git).commands
