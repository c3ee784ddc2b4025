"""Something that a prompt asks for and that cannot be done here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands in the way.

    Attributes:
        text: what is so, in a sentence.
        certain: whether the prompt surely means it.
        refused: whether it is the policy that stands in the way.
    """

    text: str
    certain: bool
    refused: bool = False
