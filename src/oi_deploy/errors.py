"""How a run ends, and the one exception that ends it."""

from enum import StrEnum


class Status(StrEnum):
    """The `status` output: one word for the way a run ended."""

    DEPLOYED = "deployed"
    PUSHED = "pushed"
    COMPLETED = "completed"
    READY = "ready"
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"

    @property
    def ok(self) -> bool:
        """Whether the step is green."""
        return self in (Status.DEPLOYED, Status.PUSHED, Status.COMPLETED, Status.READY)


class RunError(Exception):
    """A run cannot go on; written for the person who has to fix it.

    Attributes:
        what: what failed, in one clause.
        why: the cause, as far as it is known.
        remedy: what to do, if possible as the line to put into the workflow.
        status: the `status` output that this ending gets.
    """

    def __init__(
        self, what: str, *, why: str = "", remedy: str = "", status: Status = Status.FAILED
    ) -> None:
        """Join the parts into one message; empty parts are left out."""
        self.what = what
        self.why = why
        self.remedy = remedy
        self.status = status
        head = f"{what}: {why}" if why else what
        super().__init__(f"{head}\n{remedy}" if remedy else head)
