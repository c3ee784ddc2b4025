"""One Open Interpreter, set up so that nothing leaves the machine, and one turn at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from oi_deploy.agent.completions import LANGUAGES, Completions, Reply
from oi_deploy.agent.interpreter_import import OpenInterpreter
from oi_deploy.agent.languages import Runner, language_classes
from oi_deploy.agent.plain import Plain
from oi_deploy.errors import RunError
from oi_deploy.limits import Stop
from oi_deploy.sandbox import Result


@dataclass(frozen=True)
class Turn:
    """One model answer and, if it was code, its execution."""

    reply: Reply
    result: Result | None


class Session:
    """Open Interpreter with our completions, our languages and no memory of its own."""

    def __init__(
        self,
        completions: Completions,
        *,
        run: Runner,
        stop: Stop,
        system_message: str,
        model: str,
    ) -> None:
        """Set Open Interpreter up; no request is sent."""
        self._completions = completions
        self._stop = stop
        self._result: Result | None = None
        agent = OpenInterpreter(
            auto_run=True,
            offline=True,
            disable_telemetry=True,
            conversation_history=False,
            import_computer_api=False,
            system_message=system_message,
        )
        agent.llm.model = f"openai/{model}"
        agent.llm.supports_functions = True
        agent.llm.supports_vision = False
        # A turn's message is cut by us; with no window given, Open Interpreter would trim to 8000.
        agent.llm.context_window = 10**9
        agent.llm.completions = completions
        terminal = agent.computer.terminal
        terminal.languages = language_classes(run, self._keep)
        # Terminal.run would answer code that begins with `apt install` by running apt itself, as
        # this process's user (core/computer/terminal/terminal.py, sudo_install).
        terminal.run = partial(_run_in_language, terminal)
        self._agent = agent

    def _keep(self, result: Result) -> None:
        self._result = result

    def turn(
        self,
        message: str,
        *,
        variation: int = 0,
        languages: Sequence[str] = LANGUAGES,
        plain: Plain | None = None,
        brief: bool = False,
        may_finish: bool = True,
    ) -> Turn:
        """Put one message to the model, in a fresh context, and run the code it answers with.

        Args:
            message: the whole of what the model reads besides its standing instruction.
            variation: 0 for the likeliest answer; each other number may give another one.
            languages: those that the code may be in.
            plain: what is asked for as plain text; None for a call.
            brief: whether the answer is to end early.
            may_finish: whether the answer may say that the task is done, or cannot be done.

        Raises:
            RunError: the server failed, or the run has to stop.
        """
        self._result = None
        self._agent.messages = []
        self._completions.reply = None
        self._completions.variation = variation
        self._completions.languages = languages
        self._completions.plain = plain
        self._completions.brief = brief
        self._completions.may_finish = may_finish
        # The events are not needed: code, output and answer are kept by the parts that are ours.
        # They end soon after a stop, and are read to their end: to leave Open Interpreter's
        # generators half-way prints tracebacks.
        for _ in self._agent.chat(message, stream=True, display=False):
            pass
        self._stop.check()
        reply = self._completions.reply
        if reply is None:
            raise RunError("The model gave no answer")
        if reply.kind == "execute" and self._result is None:
            raise RunError("Open Interpreter did not run the model's code")
        return Turn(reply, self._result)


def _run_in_language(
    terminal: Any, language: str, code: str, stream: bool = False, display: bool = False
) -> Any:
    return terminal._streaming_run(language, code)
