"""The attacks, the mechanisms, the source and docs/security.md fit together."""

import re

import pytest

from devkit.shell import ROOT
from tests.security.attacks import ALL, CLASSES
from tests.security.mechanisms import MECHANISMS
from tests.security.mutation import mutated
from tests.security.table import PAGE, parts, section


def test_every_attack_has_a_name_of_its_own() -> None:
    names = [attack.id for attack in ALL]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_every_class_has_attacks() -> None:
    assert len(ALL) >= 60
    assert all(CLASSES.values())


def test_every_mechanism_stops_an_attack_and_every_attack_is_stopped_by_known_ones() -> None:
    assert {name for attack in ALL for name in attack.stopped_by} == set(MECHANISMS)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_mechanism_can_still_be_switched_off(name: str) -> None:
    mechanism = MECHANISMS[name]
    changed = mutated(ROOT, mechanism.off)

    assert changed or mechanism.unconfined
    for file, text in changed.items():
        compile(text, file, "exec")


def test_docs_security_md_lists_them_all() -> None:
    """If this fails: python -m tests.security.table."""
    assert parts(PAGE.read_text(encoding="utf-8"))[1] == section()
