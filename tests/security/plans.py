"""Which runs there are: each with its attacks, its policy, and what is switched off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.security.attack import Attack, Solo
from tests.security.attacks import ALL, CLASSES

_POLICIES: Mapping[str, str] = {
    "manifest abuse": """\
version: 1
namespaces:
  production:
    - {kinds: ["*"], verbs: [read]}
    # Every attack's id has a hyphen in it.
    - {kinds: [deployment], names: [myapp, "*-*"], verbs: [set-image, scale, apply, create, patch]}
    - {kinds: [service, configmap], verbs: [apply, create]}
""",
    "exhaustion": """\
version: 1
run: {memory: 64Mi, seconds: 2}
limits:
  {processes: 128, memory: 256Mi, disk: 512Mi, file-size: 64Mi, open-files: 256, cpu-seconds: 2}
""",
}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "exhaustion": {"command_timeout": "8s"},
    "manifest abuse": {"allowed_deployments": ""},
}
# These classes end with a real deployment: whatever was printed, its outputs must be right.
_DEPLOYING = ("output injection", "injection")


@dataclass(frozen=True)
class Plan:
    """One run to do.

    Attributes:
        name: of the class, or of the attack that has a run for itself, or of what is off.
        attacks: one turn each.
        off: names of the mechanisms that are switched off.
    """

    name: str
    attacks: tuple[Attack, ...]
    off: tuple[str, ...] = ()

    @property
    def solo(self) -> Solo | None:
        """Set if the one attack must end the run."""
        return self.attacks[0].solo if len(self.attacks) == 1 else None

    @property
    def kinds(self) -> frozenset[str]:
        """The classes of its attacks."""
        return frozenset(kind for kind, known in CLASSES.items() if set(known) & set(self.attacks))

    @property
    def policy(self) -> str:
        """The policy file; empty where the inputs are enough."""
        return _POLICIES.get(self._settings, "")

    @property
    def options(self) -> Mapping[str, str]:
        """Inputs that differ from the other runs'."""
        return _OPTIONS.get(self._settings, {})

    @property
    def _settings(self) -> str:
        """The class whose policy and options the run has."""
        if "manifest abuse" in self.kinds:
            return "manifest abuse"
        return "exhaustion" if self.kinds == {"exhaustion"} else ""

    @property
    def deploys(self) -> bool:
        """Whether the sample application is deployed at the end."""
        return not self.off and not self.solo and bool(self.kinds & set(_DEPLOYING))


def plans() -> tuple[Plan, ...]:
    """One run for each class, and one for each solo."""
    return tuple(plan for kind, attacks in CLASSES.items() for plan in _split(kind, attacks, ()))


def plans_without() -> tuple[Plan, ...]:
    """The runs in which mechanisms are off: each with the attacks that these alone stop."""
    groups: dict[tuple[str, ...], list[Attack]] = {}
    for attack in ALL:
        groups.setdefault(attack.stopped_by, []).append(attack)
    return tuple(
        plan
        for off, attacks in groups.items()
        for plan in _split(f"without {' and '.join(off)}", attacks, off)
    )


def _split(name: str, attacks: Sequence[Attack], off: tuple[str, ...]) -> Iterator[Plan]:
    shared = tuple(attack for attack in attacks if attack.solo is None)
    if shared:
        yield Plan(name, shared, off)
    for attack in attacks:
        if attack.solo:
            yield Plan(f"{attack.id} {name}" if off else attack.id, (attack,), off)
