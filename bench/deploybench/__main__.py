"""`python -m bench.deploybench`: run tasks, or check them, or show results."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.deploybench import model, results, selfcheck
from bench.deploybench.agents import Agent, Ours, Run
from bench.deploybench.ground import Ground, opened
from bench.deploybench.model import Server
from bench.deploybench.others import RECIPES, Other
from bench.deploybench.picture import picture
from bench.deploybench.results import Result
from bench.deploybench.task import Task, TaskError, folders, load
from bench.deploybench.world import World
from devkit.shell import STATE, DevkitError, say
from oi_deploy.agent import parts

OUT = STATE / "deploybench" / "results.jsonl"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.deploybench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run tasks with a model and write results")
    run.add_argument("--runs", type=int, default=1, help="how often each task is run")
    run.add_argument("--agent", choices=("ours", *RECIPES), default="ours")
    run.add_argument(
        "--without", nargs="*", choices=parts.NAMES, default=[], help="parts of ours to switch off"
    )
    run.add_argument("--minutes", type=int, default=60, help="for one run, at most")
    run.add_argument("--model", default="", help="the name that the endpoint serves")
    run.add_argument("--api-base", default="", help="an endpoint; the demo's model if empty")
    # Not an argument: those can be seen by everybody on the machine.
    run.set_defaults(api_key=os.environ.get("BENCH_API_KEY", ""))
    run.add_argument("--verbose", action="store_true", help="show the log of each run")
    check = commands.add_parser("check", help="show that each verifier can pass and can fail")
    report = commands.add_parser("report", help="show the results that there are")
    for command in (run, check):
        command.add_argument("--tasks", default="", help="globs of ids, or paths of folders")
    for command in (run, report):
        command.add_argument("--out", type=Path, default=OUT, help="the results, as JSON lines")
    return parser


def missing(
    tasks: Sequence[Task], runs: int, done: Sequence[Result], *, agent: str, model_name: str
) -> list[tuple[Task, int]]:
    """The runs that are not in the results yet: all first runs, then all second ones."""
    keys = {item.key for item in done}
    return [
        (task, number)
        for number in range(1, runs + 1)
        for task in tasks
        if (agent, model_name, task.id, number) not in keys
    ]


def run(options: argparse.Namespace) -> int:
    """Run what is missing; show everything."""
    tasks = [load(folder).within(options.minutes) for folder in folders(options.tasks)]
    if bool(options.api_base) != bool(options.model):
        raise TaskError("MODEL and API_BASE belong together")
    if options.without and options.agent != "ours":
        raise TaskError("WITHOUT is for our own agent")
    with ExitStack() as stack:
        ground = stack.enter_context(opened(with_model=not options.api_base))
        server = model.Server(options.api_base, options.model, options.api_key)
        if not options.api_base:
            server = stack.enter_context(model.served(ground.values))
        agent = _agent(options, ground.image, server)
        todo = missing(
            tasks, options.runs, results.read(options.out), agent=agent.name, model_name=agent.model
        )
        say(f"{len(todo)} of {len(tasks) * options.runs} runs are to do")
        for place, (task, number) in enumerate(todo, 1):
            kept = options.out.parent / "runs" / f"{agent.name}-{task.id}-{number}"
            result = _one(ground, agent, task, number, kept)
            results.append(options.out, result)
            word = "passed" if result.passed else f"failed: {result.failures[0]}"
            say(
                f"{place}/{len(todo)} {task.id} run {number}: {word} ({result.status}, "
                f"{result.turns} turns, {result.seconds:.0f} s)"
            )
    return show(options.out)


def _agent(options: argparse.Namespace, image: str, server: Server) -> Agent:
    if options.agent != "ours":
        return Other(options.agent, server)
    return Ours(
        image,
        api_base=server.api_base,
        model=server.model,
        api_key=server.api_key,
        without=options.without,
        on_line=(lambda line: print(line, flush=True)) if options.verbose else lambda line: None,
    )


def _one(ground: Ground, agent: Agent, task: Task, number: int, kept: Path) -> Result:
    with ground.fresh(task, number) as world:
        done = agent.run(task, world)
        _keep(done, world, kept)
        problems = task.verify(world, done)
        return results.judge(task, number, done, problems, agent=agent.name, model=agent.model)


def _keep(done: Run, world: World, kept: Path) -> None:
    """Keep what explains a run: its console, its log and its transcript."""
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "console.txt").write_text(done.log, encoding="utf-8")
    for name in ("log-path", "transcript-path"):
        path = done.outputs.get(name, "")
        if (text := world.read(path)) is not None:
            (kept / Path(path).name).write_text(text, encoding="utf-8")


def check(options: argparse.Namespace) -> int:
    """Check every task; say what is wrong with it."""
    tasks = [load(folder) for folder in folders(options.tasks)]
    bad = 0
    with opened(with_model=False) as ground:
        for task in tasks:
            for item in selfcheck.check(ground, task):
                bad += not item.good
                word = "ok  " if item.good else "BAD "
                print(f"{word} {item.task:32} {item.what:9} {item.detail}", flush=True)
    say(f"{len(tasks)} tasks, {bad} checks failed")
    return 1 if bad else 0


def show(path: Path) -> int:
    """Print the table of a file of results, and draw the picture beside it."""
    found = results.read(path)
    if not found:
        say(f"there are no results in {path}")
        return 1
    for agent, name in sorted({(item.agent, item.model) for item in found}):
        print(f"\n{agent}, {name}:\n")
        print(results.table([item for item in found if (item.agent, item.model) == (agent, name)]))
    drawn = path.with_suffix(".svg")
    drawn.write_text(picture(found), encoding="utf-8")
    say(f"results: {path}, picture: {drawn}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; what it started is stopped."""
    options = _parser().parse_args(argv)
    # Terminated, it cleans up as it does when it is interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.command == "report":
            return show(options.out)
        return run(options) if options.command == "run" else check(options)
    except (TaskError, DevkitError, ValueError) as error:
        say(str(error))
    except KeyboardInterrupt:
        say("interrupted")
    return 1


if __name__ == "__main__":
    sys.exit(main())
