"""What runs in another namespace is to run here, too."""

import pytest

from tests.unit.agent.worlds import JOBS, WEB, deployment, facts, short

POLICY = (
    "version: 1\nnamespaces:\n"
    "  production:\n  - {kinds: [deployment], verbs: [set-image, rollout]}\n"
    "  staging:\n  - {kinds: ['*'], verbs: [read]}\n"
)
STAGING = {"staging": [deployment("web", "app=web:2.0.0-b7"), deployment("jobs", "worker=jobs:9")]}
TAGS = {"web": ["1.0.0", "2.0.0-b7", "2.0.0-b8"]}


@pytest.mark.parametrize(
    "prompt",
    [
        "Put exactly the image that deployment web is running in the namespace staging on the "
        "deployment web in production. Nothing gets built; newer builds are not for us.",
        "把 staging 里 deployment web 现在跑的那个镜像原样上到 production 的 web,不要重新构建。",
    ],
)
def test_the_image_of_another_namespace_is_set_here(prompt: str) -> None:
    found = facts(prompt, policy=POLICY, elsewhere=STAGING, tags=TAGS)
    assert short(found.commands) == [
        "set image deployment/web app=web:2.0.0-b7",
        "rollout status deployment/web",
    ]
    assert not found.obstacles


def test_a_namespace_that_the_policy_has_no_word_for_is_not_looked_at() -> None:
    prompt = "Put the image that web is running in the namespace staging on web in production."
    found = facts(prompt, elsewhere=STAGING, tags=TAGS, deployments=[WEB, JOBS])
    assert not found.commands and all(it.refused for it in found.obstacles)


def test_staging_that_is_only_told_of_gives_no_image() -> None:
    prompt = "Build {registry}/web, push it and roll out web. The namespace staging is not ours."
    found = facts(prompt, policy=POLICY, elsewhere=STAGING, tags=TAGS)
    assert "2.0.0-b7" not in " ".join(found.commands)
    assert short(found.commands)[0].startswith("docker build ")


def test_a_deployment_that_the_run_may_not_read_gives_none() -> None:
    prompt = "Put the image that web is running in the namespace staging on web in production."
    other = POLICY.replace("verbs: [read]", "names: [jobs], verbs: [read]")
    found = facts(prompt, policy=other, elsewhere=STAGING, tags=TAGS)
    assert "2.0.0-b7" not in " ".join([*found.commands, *found.registry, *found.deployments])
