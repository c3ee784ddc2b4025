"""What `make bench-engine` makes of what it has seen."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.engine import figures
from bench.engine.figures import Figures, Jobs, Load, Server
from bench.engine.picture import picture

LOG = """\
2026-11-28T01:00:03.250000000Z (APIServer pid=1) INFO [api_utils.py:286] non-default args: {}
2026-11-28T01:00:10.000000000Z (EngineCore pid=9) INFO Initializing a V1 LLM engine (v0.32.0)
2026-11-28T01:00:20.500000000Z (Worker pid=2) INFO Starting to load model x...
2026-11-28T01:00:21.500000000Z (Worker pid=2) INFO Loading safetensors checkpoint shards:  50%
2026-11-28T01:00:25.500000000Z (Worker pid=2) INFO Loading weights took 4.9 seconds
2026-11-28T01:00:25.600000000Z (Worker pid=2) INFO Model loading took 7.6 GiB and 5.1 seconds
2026-11-28T01:00:30.500000000Z (APIServer pid=1) INFO Starting vLLM server on http://127.0.0.1:8000
2026-11-28T01:00:32.000000000Z INFO Received request chatcmpl-1: params: SamplingParams(n=1, max_tokens=1, x)
2026-11-28T01:00:40.125000000Z INFO Received request chatcmpl-2: params: SamplingParams(n=1, max_tokens=2048, x)
"""  # noqa: E501 - as vLLM writes them
LINES = figures.timed(LOG)
STARTED = figures.instant("2026-11-28T01:00:00.000000001Z")

OURS = Server({"starting": 3.0, "loading weights": 5.0}, Load({1: 10.0, 8: 40.0}, 100.0, 4.0))
PLAIN = Server({"starting": 4.0, "compiling": 12.0}, Load({1: 8.0, 8: 50.0}, 50.0, 16.0))
FIGURES = Figures(
    machine="x86_64, 2 cores",
    model="Tiny <1B>",
    first_job=80.0,
    second_job=3.0,
    bare=0.5,
    gone=20.25,
    keep_warm=20.0,
    starts=[1.25, 9.0, 1.5],
    naive=[6.0, 5.0, 7.0],
    ours=OURS,
    plain=PLAIN,
)


def test_phases_follow_each_other_and_fill_the_whole_start() -> None:
    ready = STARTED + 32.5
    found = figures.phases(STARTED, LINES, ready)

    assert {name: round(seconds, 2) for name, seconds in found.items()} == {
        "starting": 3.25,
        "reading the model's configuration": 6.75,
        "starting its workers": 10.5,
        "loading weights": 5.0,
        "warming up": 5.0,
        "serving": 2.0,
    }
    assert sum(found.values()) == pytest.approx(32.5)


def test_a_phase_that_is_announced_after_the_first_token_is_no_part_of_the_start() -> None:
    assert list(figures.phases(STARTED, LINES, STARTED + 5)) == [
        "starting",
        "reading the model's configuration",
    ]


def test_a_probe_for_one_token_is_no_question() -> None:
    (asked,) = figures.questions(LINES, STARTED)
    assert asked - STARTED == pytest.approx(40.125)
    assert figures.questions(LINES, STARTED + 41) == []


def test_the_memory_s_limit_is_bandwidth_over_weights() -> None:
    weights = figures.weights_bytes(LINES)

    assert weights == pytest.approx(7.6 * 1024**3)
    limit = figures.memory_limit("NVIDIA H100 80GB HBM3", weights)
    assert limit == pytest.approx(3.35e12 / (7.6 * 1024**3))
    pcie = figures.memory_limit("NVIDIA H100 PCIe", weights)
    assert pcie is not None and limit is not None and pcie < limit
    assert figures.memory_limit("", weights) is None
    assert figures.memory_limit("NVIDIA H100 80GB HBM3", figures.weights_bytes([])) is None


def cells(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell.strip()]


def test_the_table_has_medians_ratios_and_what_only_one_of_the_two_does() -> None:
    rows = {cells(line)[0].strip(): cells(line)[1:] for line in figures.table(FIGURES).splitlines()
            if len(cells(line)) == 4}  # fmt: skip
    stripped = {name: [cell.strip() for cell in row] for name, row in rows.items()}

    first = "container's start to the first question (median)"
    assert stripped[first] == ["1.50", "6.00", "0.25"]
    assert stripped["server's start to the first token"] == ["8.0", "16.0", "0.50"]
    assert stripped["compiling"] == ["0.0", "12.0", "0.00"]
    assert stripped["loading weights"] == ["5.0", "0.0", "-"]
    assert stripped["tokens/s, 8 at once"] == ["40.0", "50.0", "0.80"]
    assert stripped["memory, GB"] == ["4.0", "16.0", "0.25"]


def test_the_table_says_what_the_action_costs_beyond_the_model() -> None:
    text = figures.table(FIGURES)
    assert "second: 3.0 s, of which the model's own 0.5 s; beyond that 2.5 s" in text
    assert "gone 20.2 s after its last user (keep-warm: 20 s)" in text
    assert "memory allows" not in text
    assert "10.0 tokens/s, 5% of the 200 that" in figures.table(replace(FIGURES, limit=200.0))


def test_without_a_plain_server_its_columns_stay_empty() -> None:
    text = figures.table(replace(FIGURES, plain=None))
    (line,) = [line for line in text.splitlines() if "8 at once" in line]
    assert line.split()[-3:] == ["40.0", "-", "-"]


def test_jobs_are_compared_by_their_whole_time() -> None:
    jobs = Jobs("x", "m", [30.0, 50.0], [35.0, 40.0], 40.0, 1, ["deployed"] * 3 + ["failed"])
    assert jobs.ratio == 0.5
    assert not jobs.good
    assert replace(jobs, statuses=["deployed"] * 4).good
    assert not replace(jobs, statuses=["deployed"] * 4, servers=2).good
    text = figures.jobs_table(jobs)
    assert "ratio 0.50; deployed: 3 of 4; servers started: 1" in text


def test_the_picture_is_svg_with_a_bar_for_everything_that_was_measured() -> None:
    def bars(shown: Figures) -> list[float]:
        root = ElementTree.fromstring(picture(shown))
        found = root.findall("{http://www.w3.org/2000/svg}rect")
        return [float(rect.get("width", "0")) for rect in found if rect.get("height") == "12"]

    # Two for the colours, and each pair; the second job and the model alone have no other.
    assert len(bars(FIGURES)) == 2 + 2 + 2 + 1 + 1 + 2 * 2 + 2
    assert len(bars(replace(FIGURES, plain=None))) == 2 + 2 + 1 + 1 + 1 + 2 + 1
    assert max(bars(FIGURES)) == 420


def test_a_bar_of_progress_is_one_line() -> None:
    text = "2026-01-31T10:00:00.5Z Loading: 0%\rLoading: 100%\n2026-01-31T10:00:01.5Z done\n"
    (first, bar), (second, done) = figures.timed(text)
    assert (bar, done, second - first) == ("Loading: 0%\rLoading: 100%", "done", 1.0)
