"""An image and something else in one prompt."""

import pytest

from tests.unit.agent.worlds import COMMIT, deployment, facts, short

TAGS = {"web": ["1.0.0", "2.0.0"]}
NEW = [
    f"docker build -t web:{COMMIT} .",
    f"docker push web:{COMMIT}",
    f"set image deployment/web app=web:{COMMIT}",
]
SET = ["set image deployment/web app=web:2.0.0"]
SCALE = ["scale deployment/web --replicas=3"]
RESTART = ["rollout restart deployment/web"]


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("Scale web to 3 and put 2.0.0 on it.", [*SET, *SCALE]),
        ("把 web 扩到 3 个副本,并换成 2.0.0 版本。", [*SET, *SCALE]),
        ("Restart web on version 2.0.0.", [*SET, *RESTART]),
        ("Scale web to 3 and deploy the new version.", [*NEW, *SCALE]),
        ("Release web and scale it to 3.", [*NEW, *SCALE]),
        ("Deploy web with 3 replicas.", [*NEW, *SCALE]),
        ("Ship the current commit to web, three replicas please", [*NEW, *SCALE]),
        ("把 web 更新到当前提交,再扩到 3 个副本", [*NEW, *SCALE]),
        ("发布 web,然后重启 jobs", [*NEW, "rollout restart deployment/jobs"]),
        # Nothing but the change.
        ("web is on 1.0.0, scale it to 3", SCALE),
        ("Scale web to 3 before the release on Friday", SCALE),
        ("升级到 2.0.0 之前先把 web 扩到 3 个副本", SCALE),
        ("Please restart web after the deploy. Deploy notes are in the wiki.", RESTART),
        ("Restart the deploy web", RESTART),
    ],
)
def test_both_are_done(prompt: str, lines: list[str]) -> None:
    found = short(facts(prompt, tags=TAGS).commands)
    assert [line for line in found if "rollout status" not in line] == lines


JOBS = {
    "set": "set image deployment/jobs worker=jobs:8",
    "up": "scale deployment/jobs --replicas=4",
}


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("Release web 2.0.0, scale it to 3, and restart jobs",
         [*SET, *SCALE, "rollout restart deployment/jobs"]),
        ("Set web to 3 pods and deploy {registry}/jobs:8", [JOBS["set"], *SCALE]),
        ("Set web to 3 pods and jobs to image 8.", [JOBS["set"], *SCALE]),
        ("Scale jobs to 4. Put web on 2.0.0.", [*SET, JOBS["up"]]),
        ("Set jobs to 4 pods; web gets 2.0.0", [*SET, JOBS["up"]]),
        ("web 换 2.0.0,jobs 扩到 4 个副本", [*SET, JOBS["up"]]),
        ("重启 jobs,再上 {registry}/web:2.0.0", [*SET, "rollout restart deployment/jobs"]),
        ("Roll back jobs and deploy {registry}/web:2.0.0.", [*SET, "rollout undo deployment/jobs"]),
    ],
)  # fmt: skip
def test_each_order_is_for_its_own_deployment(prompt: str, lines: list[str]) -> None:
    found = short(facts(prompt, tags={**TAGS, "jobs": ["7", "8"]}).commands)
    assert [line for line in found if "rollout status" not in line] == lines


CANARY = (
    deployment("shop", "app=shop:1.9.0"),
    deployment("shop-canary", "app=shop:2.0.0", replicas=1),
)
PROMOTED = "set image deployment/shop app=shop:2.0.0"
AWAY = "scale deployment/shop-canary --replicas=0"


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [
        ("Put shop on whatever shop-canary runs and scale shop-canary to 0.", [PROMOTED, AWAY]),
        ("Promote the canary's image to shop, then scale shop-canary down to 0.", [PROMOTED, AWAY]),
        ("把 shop 切到 shop-canary 的镜像,再把 shop-canary 缩到 0", [PROMOTED, AWAY]),
        ("把 shop 的镜像换成 shop-canary 的", [PROMOTED]),
        # The newest of the registry; a candidate is none.
        ("Deploy the newest tag of shop that the registry has.",
         ["set image deployment/shop app=shop:2.0.1"]),
        ("把 shop 升级到仓库里最新的版本", ["set image deployment/shop app=shop:2.0.1"]),
    ],
)  # fmt: skip
def test_an_image_that_is_there_already(prompt: str, lines: list[str]) -> None:
    tags = {"shop": ["1.9.0", "1.10.0", "2.0.0", "2.0.1", "3.0.0-rc1", "latest"]}
    found = short(facts(prompt, tags=tags, deployments=CANARY).commands)
    assert [line for line in found if "rollout status" not in line] == lines


PARKED = (
    deployment("shop", "app=shop:1.9.0", replicas=3),
    deployment("shop-canary", "app=shop:1.9.0", replicas=0),
)


@pytest.mark.parametrize(
    "prompt",
    [
        "Beside the stable deployment shop there is shop-canary, which is parked at 0 replicas. "
        "Build this commit, push {registry}/shop:<short SHA>, set that image in shop-canary and "
        "scale shop-canary to 1. The stable deployment keeps its image and its 3 pods.",
        "There is a second deployment, shop-canary, parked at 0 replicas. So: build, push "
        "{registry}/shop with the short SHA as tag, put that image into shop-canary (not into "
        "shop!) and scale the canary to 1. shop itself keeps its three pods.",
        "除了稳定版 deployment shop,还有一个 shop-canary。构建并推送 {registry}/shop:<短 SHA>,"
        "把 shop-canary 换成它,再把金丝雀扩到 1 个副本。shop 不动。",
        "Build {registry}/shop:<short sha>, push it, put it into shop-canary and give the canary "
        "one pod. shop must not change.",
    ],
)
def test_a_canary_that_waits_beside_the_stable_one(prompt: str) -> None:
    found = short(facts(prompt, tags={"shop": ["1.9.0"]}, deployments=PARKED).commands)
    assert [line for line in found if "rollout status" not in line] == [
        f"docker build -t shop:{COMMIT} .",
        f"docker push shop:{COMMIT}",
        f"set image deployment/shop-canary app=shop:{COMMIT}",
        "scale deployment/shop-canary --replicas=1",
    ]


def test_a_container_whose_name_is_a_word_for_an_order() -> None:
    scale = deployment("web", "scale=web:1.0.0")
    prompt = (
        "Build and push {registry}/web:<short sha>, set it in deployment web (container scale)."
    )
    assert short(facts(prompt, deployments=(scale,)).commands)[2] == (
        f"set image deployment/web scale=web:{COMMIT}"
    )


def test_what_is_not_wanted_is_none_of_the_orders() -> None:
    prompt = (
        "What: since this morning's release web prints the wrong seal.\n"
        "Action: put web back to the revision it had before that release.\n"
        "Not wanted: a new build.\n"
    )
    earlier = {"web": {"1": ("r/web:1",), "2": ("r/web:2",)}}
    found = short(facts(prompt, revisions=earlier).commands)
    assert found == ["rollout undo deployment/web", "rollout status deployment/web"]


def test_an_image_of_the_commit_without_a_word_for_a_build() -> None:
    prompt = (
        "What's needed: an image of HEAD at {registry}/shop with the short SHA as tag, that image "
        "in the canary Deployment, and the canary at exactly 1 replica. shop must stay untouched."
    )
    found = short(facts(prompt, tags={"shop": ["1.9.0"]}, deployments=PARKED).commands)
    assert [line for line in found if "rollout status" not in line] == [
        f"docker build -t shop:{COMMIT} .",
        f"docker push shop:{COMMIT}",
        f"set image deployment/shop-canary app=shop:{COMMIT}",
        "scale deployment/shop-canary --replicas=1",
    ]


def test_another_tag_that_is_a_word_with_a_number() -> None:
    prompt = (
        "{registry}/web:rc-7 已在测试环境跑了一周,验收通过。"
        "请把这个镜像原样(不要重新构建)再打上标签\n"
        "stable-7 推到同一个镜像仓库,并让 deployment web 改用 stable-7。rc-7 标签保留。"
    )
    found = short(facts(prompt, tags={"web": ["rc-7", "1.0.0"]}).commands)
    assert found[1:4] == [
        "docker tag web:rc-7 web:stable-7",
        "docker push web:stable-7",
        "set image deployment/web app=web:stable-7",
    ]
