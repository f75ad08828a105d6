"""One command of the workspace, `python -m stages ...`, as an Airflow task: what it printed, as JSON, is its result."""

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from calls import KEPT_LINES, Call
from places import places

Words = Callable[[Mapping[str, Any]], Sequence[str]]  # from the run's params


class Stages(BaseOperator):
    """Run a command to its end; it ends with its task, however that ends.

    A try that may end otherwise next time (os.EX_TEMPFAIL, or a signal that killed the command) is one for Airflow's
    retries; any other failure is final, with the last lines that the command said.

    Args:
        words: What follows `python -m stages`; asked to print JSON.
        accepts: Exit statuses beside 0 that are no failure.
        pick: The part of the JSON that is the result; None: all of it.
    """

    def __init__(self, *, words: Words, accepts: Collection[int] = (), pick: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.words, self.accepts, self.pick = words, tuple(accepts), pick
        self.calls: Call | None = None

    def execute(self, context: Any) -> Any:
        """The JSON that the command printed."""
        said = self.say(self.words(context["params"]))
        found = json.loads(said)
        return found if self.pick is None else found[self.pick]

    def say(self, words: Sequence[str]) -> str:
        """What the command printed; `AirflowException` or `AirflowFailException` where it failed."""
        here = places()
        self.calls = Call(here.workspace, here.environment(), self.log.info)
        said = self.calls.ask(["python", "-m", "stages", *words])
        if said.status and said.status not in self.accepts:
            tail = "\n".join(said.lines or said.answer.splitlines()[-KEPT_LINES:])
            again = said.status in (os.EX_TEMPFAIL, 128 + signal.SIGKILL) or said.status < 0
            kind = AirflowException if again else AirflowFailException
            raise kind(f"`stages {' '.join(words)}` ended with status {said.status}:\n{tail}")
        return said.answer

    def on_kill(self) -> None:
        """End the command and all that it started."""
        if self.calls is not None:
            self.calls.stop()
