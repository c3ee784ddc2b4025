"""Orders for several Deployments, some of which are only spoken of."""

import pytest

from oi_deploy.agent.referents import named
from oi_deploy.verify.state import DeploymentState
from tests.unit.agent.worlds import REGISTRY, deployment, facts, short

SHOP = deployment("shop", "web=shop:1.9.0", replicas=3)
MAILER = deployment("mailer", "app=mailer:4.2.0")
CANARY = deployment("shop-canary", "web=shop:2.0.0", replicas=1)
TAGS = {"shop": ["1.8.0", "1.9.0", "2.0.0", "2.1.0"], "mailer": ["4.1.0", "4.2.0", "4.3.0"]}
REVISIONS = {
    "shop": {str(n): (f"{REGISTRY}/shop:1.{n + 6}.0",) for n in (1, 2, 3)},
    "mailer": {"1": (f"{REGISTRY}/mailer:4.1.0",), "2": (f"{REGISTRY}/mailer:4.2.0",)},
}
SET_SHOP = "set image deployment/shop web=shop:2.1.0"
SET_MAILER = "set image deployment/mailer app=mailer:4.3.0"


def lines(prompt: str, *items: DeploymentState) -> list[str]:
    found = facts(
        prompt, tags=TAGS, revisions=REVISIONS, deployments=items or (SHOP, MAILER, CANARY)
    )
    return [it for it in short(found.commands) if "rollout status" not in it]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("金丝雀失败了,缩到零,shop 保持原样。", ["scale deployment/shop-canary --replicas=0"]),
        ("除金丝雀外都重启。",
         ["rollout restart deployment/shop", "rollout restart deployment/mailer"]),
        ("Roll back shop and the canary gets scaled to zero.",
         ["scale deployment/shop-canary --replicas=0", "rollout undo deployment/shop"]),
        ("把金丝雀的版本换成和 shop 一样的。", ["set image deployment/shop-canary web=shop:1.9.0"]),
        ("Leave shop alone, restart the rest.",
         ["rollout restart deployment/mailer", "rollout restart deployment/shop-canary"]),
        ("升级 shop 到 2.1.0、mailer 到 4.3.0,前者扩到 4 个副本。",
         [SET_SHOP, SET_MAILER, "scale deployment/shop --replicas=4"]),
        ("Try 2.1.0 on shop-canary first; shop must stay at 1.9.0.",
         ["set image deployment/shop-canary web=shop:2.1.0"]),
        ("Update shop-canary to {registry}/shop:2.1.0 and scale it to 2. Leave shop at "
         "{registry}/shop:1.9.0 with 3 replicas.",
         ["set image deployment/shop-canary web=shop:2.1.0",
          "scale deployment/shop-canary --replicas=2"]),
    ],
)  # fmt: skip
def test_words_that_stand_for_a_deployment(prompt: str, found: list[str]) -> None:
    assert lines(prompt) == found


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("Update shop to 2.1.0, restart the others.",
         [SET_SHOP, "rollout restart deployment/mailer"]),
        ("Deploy shop 2.1.0. It should have 5 pods. Mailer is to be restarted.",
         [SET_SHOP, "scale deployment/shop --replicas=5", "rollout restart deployment/mailer"]),
        ("Raise shop by two pods and lower mailer by one.",
         ["scale deployment/shop --replicas=5", "scale deployment/mailer --replicas=1"]),
        ("shop 和 mailer 分别扩到 5 个和 3 个副本。",
         ["scale deployment/shop --replicas=5", "scale deployment/mailer --replicas=3"]),
        ("mailer gets 4.3.0 and 3 pods, shop gets 2.1.0 and 5 pods.",
         [SET_SHOP, SET_MAILER, "scale deployment/shop --replicas=5",
          "scale deployment/mailer --replicas=3"]),
        ("Shop is misbehaving since the last rollout: undo it. While at it, give mailer 3 pods.",
         ["scale deployment/mailer --replicas=3", "rollout undo deployment/shop"]),
        ("Roll shop back to the previous revision. Then mailer: image {registry}/mailer:4.3.0, "
         "3 replicas.",
         [SET_MAILER, "scale deployment/mailer --replicas=3", "rollout undo deployment/shop"]),
        ("Scale mailer up to 4 pods while shop goes back to revision 2.",
         ["scale deployment/mailer --replicas=4", "rollout undo deployment/shop --to-revision=2"]),
        ("mailer: 4.3.0, shop: restart", [SET_MAILER, "rollout restart deployment/shop"]),
        ("Revert mailer to 4.1.0 and bump shop to 2.1.0.",
         [SET_SHOP, "rollout undo deployment/mailer --to-revision=1"]),
        ("mailer 用 {registry}/mailer:4.3.0,shop 扩到 5 个副本。",
         [SET_MAILER, "scale deployment/shop --replicas=5"]),
        ("Instead of rolling back, deploy shop 2.1.0.", [SET_SHOP]),
        # A share is no number, and a plan is no order.
        ("Scale shop to 50% of what it has now.", []),
        ("Dry run: what changes when shop is set to 2.1.0?", []),
        ("给出把 shop 升到 2.1.0 的命令,不要执行。", []),
        ("Tell me which tag mailer runs and whether 4.3.0 is in the registry.", []),
    ],
)  # fmt: skip
def test_orders_for_two(prompt: str, found: list[str]) -> None:
    assert lines(prompt, SHOP, MAILER) == found


@pytest.mark.parametrize(
    "prompt",
    [
        "Put it beside the canary.",
        "Restart the others.",
        "做一次金丝雀发布",
        "其他键不变,重启 web",
        "Restart web, and leave the rest of the settings.",
        "Update web to Web:2",
    ],
)
def test_what_stands_for_none_stays(prompt: str) -> None:
    assert named(prompt, ["web", "api"]) == prompt
