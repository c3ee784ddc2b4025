"""With what stops it switched off, each attack succeeds: so no test of an attack is empty.

The action's image is copied with one change of its source for each mechanism.
"""

import pytest

from tests.security.attack import Attack, breaches, is_tried
from tests.security.attacks import ALL
from tests.security.conftest import Outcomes

pytestmark = [pytest.mark.docker, pytest.mark.mutation]


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.id)
def test_it_succeeds_without_what_stops_it(attack: Attack, without: Outcomes) -> None:
    outcome = without.with_attack(attack)
    seen = outcome.seen[attack.id]

    assert is_tried(attack, seen), outcome.result.log[-3000:]
    assert breaches(attack, seen) != [], seen.output[-3000:]
