"""Files that the model is asked to write alone, before the lines that need them."""

from dataclasses import dataclass, field

from oi_deploy.agent import plain
from oi_deploy.agent.completions import Reply
from oi_deploy.agent.facts import Facts
from oi_deploy.agent.plain import Plain
from oi_deploy.agent.progress import render_edit, tokens

# A program is mended by trial: the build with its tests says whether it is right.
_MOST_TRIALS = 4


@dataclass(frozen=True)
class Request:
    """What the model is asked for.

    Attributes:
        path: of the file.
        message: the whole of what it reads.
        plain: how its answer is read.
        variation: 0 for the likeliest answer.
    """

    path: str
    message: str
    plain: Plain
    variation: int


@dataclass
class Editing:
    """Which files were asked for, and how often.

    Attributes:
        task: the prompt.
        trials: by file.
        said: what the last answer without a file said, by file.
        builds: what the build had printed when a file was last asked for.
    """

    task: str
    trials: dict[str, int] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    builds: dict[str, str] = field(default_factory=dict)

    def next(self, first: Facts, known: Facts, budget: int) -> Request | None:
        """The next file to ask for; None if there is none.

        Args:
            first: the facts of the first turn: a line may have changed other files since.
            known: the facts as they are now.
            budget: tokens that a message may have.
        """
        for path in known.edits:
            if path not in first.edits or not self._is_due(path, first, known):
                continue
            trial = self.trials.get(path, 0)
            self.trials[path] = trial + 1
            self.builds[path] = known.failed
            said = self.said.pop(path, "")
            message = render_edit(self.task, known, path, said)
            if tokens(message) <= budget:
                mends = path in known.beside
                read = plain.mended(path, known.edits[path]) if mends else plain.new_text(path)
                return Request(path, message, read, 0 if said else trial)
        return None

    def heard(self, path: str, reply: Reply) -> None:
        """Keep what an answer without a file says is wrong in it."""
        if reply.kind == "malformed":
            self.said[path] = reply.text.strip()

    def _is_due(self, path: str, first: Facts, known: Facts) -> bool:
        """Whether a file was not asked for, or is a program that is not right yet."""
        trials = self.trials.get(path, 0)
        if not trials or path not in known.beside:
            return not trials
        unchanged = known.edits[path] == first.edits[path]
        failed_since = known.failed not in ("", self.builds[path])
        return trials < _MOST_TRIALS and (unchanged or failed_since)
