"""Whatever the words are, flags are read as pflag reads them, or the command is refused."""

from collections.abc import Sequence
from typing import get_args

from hypothesis import assume, example, given
from hypothesis import strategies as st

from oi_deploy.broker import flags
from oi_deploy.broker.flags import Flag, Parsed, Table, Takes
from oi_deploy.broker.request import Refused
from tests.unit.broker import pflag
from tests.unit.broker.settings import steady

NAMES = ("tag", "quiet", "qui", "file", "force", "dry-run", "v", "test", "host")
LETTERS = "tqfvnh"
VALUES = st.sampled_from(
    ["", "-", "--", "-t", "-q", "--tag", "=", "=x", "a=b", "true", "F", "no", "est.x", "a b", "é"]
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Some flags, a few of them refused; no letter twice, as pflag panics on that."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    letters = draw(st.permutations([*LETTERS, "", "", ""]))
    table = {}
    for name, letter in zip(names, letters, strict=False):
        takes: Takes = draw(st.sampled_from(get_args(Takes)))
        table[name] = Flag(takes, letter, draw(st.sampled_from(("", "", "", "no"))))
    return table


LONG = st.tuples(st.sampled_from(NAMES), st.none() | VALUES).map(
    lambda pair: f"--{pair[0]}" if pair[1] is None else f"--{pair[0]}={pair[1]}"
)
SHORT = st.tuples(st.text(LETTERS + "=.", min_size=1, max_size=4), VALUES).map(
    lambda pair: f"-{pair[0]}{pair[1]}"
)
WORDS = st.lists(
    st.one_of(LONG, SHORT, VALUES, st.sampled_from(["app", "-", "--", "---", "--=x", "-test.v"])),
    max_size=8,
)


def registered(table: Table) -> list[pflag.Known]:
    """The same flags as pflag has them."""
    default = {"value": "", "switch": "true", "optional": "unchanged"}
    return [
        pflag.Known(name, flag.short, default[flag.takes], flag.takes == "switch")
        for name, flag in table.items()
    ]


def ours(words: Sequence[str], table: Table, interspersed: bool) -> Parsed | None:
    try:
        return flags.parse(words, table, "rule", interspersed=interspersed)
    except Refused:
        return None


def theirs(words: Sequence[str], table: Table, interspersed: bool) -> pflag.Result | None:
    try:
        return pflag.parse(words, registered(table), interspersed=interspersed)
    except pflag.PflagError:
        return None


def meaning(parsed: Parsed, table: Table) -> pflag.Result:
    """What we understood, in the words of the other."""
    bare = {"switch": "true", "optional": "unchanged"}
    return pflag.Result(
        [(n, bare[table[n].takes] if v is None else v) for n, v in parsed.flags],
        list(parsed.arguments),
    )


@steady(500)
@example({"tag": Flag("value", "t")}, ["-t="], True)
@example({"quiet": Flag("switch", "q")}, ["-q", "app", "--", "-q"], False)
@given(tables(), WORDS, st.booleans())
def test_every_command_line_is_read_as_pflag_reads_it(
    table: Table, words: list[str], interspersed: bool
) -> None:
    # pflag leaves out what looks like a flag of Go's test runner; we read it as a cluster.
    assume(not any(".test" in f".{word.lstrip('-')}" for word in words))
    own, reference = ours(words, table, interspersed), theirs(words, table, interspersed)
    if own is not None:
        assert meaning(own, table) == reference
    else:
        # A refusal is for flags that are wrong for pflag too, or refused by the table.
        assert reference is None or any(table[name].refused for name, _ in reference.flags)


@steady(500)
@example({"tag": Flag("value", "t")}, ["-test.v", "app"], True)
@given(tables(), WORDS, st.booleans())
def test_what_is_put_together_again_has_one_meaning(
    table: Table, words: list[str], interspersed: bool
) -> None:
    own = ours(words, table, interspersed)
    assume(own is not None)
    assert own is not None
    assert not any(table[name].refused for name, _ in own.flags)
    again = [*own.command_line(), "--", *own.arguments]
    assert ours(again, table, interspersed) == own
    assert theirs(again, table, interspersed) == meaning(own, table)
    if not any(word.startswith("-") and word != "-" for word in own.arguments):
        # The commands leave `--` out, having refused arguments that look like flags.
        again.remove("--")
        assert theirs(again, table, interspersed) == meaning(own, table)


@steady(300)
@given(tables(), st.data())
def test_a_shortened_name_is_refused(table: Table, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(table)))
    short = name[: data.draw(st.integers(1, len(name) - 1) if len(name) > 1 else st.just(1))]
    assume(short not in table)
    value = data.draw(st.sampled_from(["", "=x", "=true"]))
    assert ours([f"--{short}{value}", "x"], table, True) is None
    assert ours([f"--{name.upper()}{value}", "x"], table, True) is None


@steady(300)
@given(tables(), WORDS, st.data())
def test_a_refused_flag_is_found_wherever_it_stands(
    table: Table, words: list[str], data: st.DataObject
) -> None:
    assume(ours(words, table, True) is not None and "--" not in words)
    name = data.draw(st.sampled_from(sorted(table)))
    refused = {**table, name: Flag(table[name].takes, table[name].short, "no")}
    spelled = data.draw(
        st.sampled_from(
            [[f"--{name}=true"], *([[f"--{name}", "x"]] if table[name].takes == "value" else [])]
            + ([[f"-{table[name].short}=true"]] if table[name].short else [])
        )
    )
    place = data.draw(st.integers(0, len(words)))
    # In the place of a value it would be the value; there, the flag before it must not want one.
    before = ours(words[:place], table, True)
    assume(before is not None)
    assert ours([*words[:place], *spelled, *words[place:]], refused, True) is None
