"""The table of attacks in docs/security.md; `python -m tests.security.table` writes it anew."""

from pathlib import Path

from tests.security.attacks import CLASSES
from tests.security.mechanisms import MECHANISMS

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attacks: begin -->\n", "<!-- attacks: end -->\n"


def mechanisms() -> str:
    """What each mechanism does."""
    return "".join(f"- **{name}.** {one.says}\n" for name, one in MECHANISMS.items())


def attacks() -> str:
    """Class, attack and mechanism."""
    rows = [
        f"| {kind} | {attack.id} | {attack.says} | {' + '.join(attack.stopped_by)} |\n"
        for kind, known in CLASSES.items()
        for attack in known
    ]
    return "| class | attack | what it tries | what stops it |\n|---|---|---|---|\n" + "".join(rows)


def section() -> str:
    """Both, as they stand in the page."""
    return f"\n{mechanisms()}\n## The attacks\n\n{attacks()}\n"


def parts(page: str) -> tuple[str, str, str]:
    """What stands before the section, in it, and after it."""
    before, _, rest = page.partition(BEGIN)
    inside, _, after = rest.partition(END)
    return before, inside, after


def main() -> None:
    """Write the page anew."""
    before, _, after = parts(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(before + BEGIN + section() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
