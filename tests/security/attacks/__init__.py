"""All attacks, by class."""

from collections.abc import Mapping

from tests.security.attack import Attack
from tests.security.attacks import (
    bypass,
    escape,
    exhaustion,
    injection,
    manifests,
    network,
    output,
    scope,
    theft,
)

CLASSES: Mapping[str, tuple[Attack, ...]] = {
    "secret theft": theft.ATTACKS,
    "escape": escape.ATTACKS,
    "scope": scope.ATTACKS,
    "manifest abuse": manifests.ATTACKS,
    "network egress": network.ATTACKS,
    "output injection": output.ATTACKS,
    "exhaustion": exhaustion.ATTACKS,
    "shim bypass": bypass.ATTACKS,
    "injection": injection.ATTACKS,
}
ALL = tuple(attack for attacks in CLASSES.values() for attack in attacks)
