"""Says that a task has failed for good: in the log, as the run's note, and to whoever PIXELS_ALERT names."""

import json
import logging
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from typing import Any

from notes import write_note

_TIMEOUT_S = 30
_LOG = logging.getLogger(__name__)


def ring(context: Mapping[str, Any]) -> None:
    """What Airflow calls when a task has failed and is not tried again."""
    task, run = context["ti"], context["dag_run"]
    alarm = {
        "dag": task.dag_id,
        "run": run.run_id,
        "task": task.task_id,
        "try": task.try_number,
        "why": str(context.get("exception") or "it was killed, or ended without a word"),
        "log": getattr(task, "log_url", ""),
    }
    text = f"{alarm['dag']}: {alarm['task']} failed at try {alarm['try']} of run {alarm['run']}\n{alarm['why']}"
    _LOG.error("%s", text)
    write_note(task.dag_id, run.run_id, text)
    send(alarm, os.environ.get("PIXELS_ALERT", ""))


def send(alarm: Mapping[str, Any], receiver: str) -> bool:
    """Hand an alarm over as JSON; False where nobody took it, which the log says.

    Args:
        alarm: dag, run, task, try, why, log.
        receiver: An http(s) address, which it is posted to, or a shell command, which reads it from stdin; "": nobody.
    """
    if not receiver:
        return False
    content = json.dumps(alarm).encode()
    try:
        if receiver.startswith(("http://", "https://")):
            asked = urllib.request.Request(receiver, content, {"Content-Type": "application/json"}, method="POST")
            urllib.request.urlopen(asked, timeout=_TIMEOUT_S).close()
        else:
            subprocess.run(["/bin/sh", "-c", receiver], input=content, check=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.warning("PIXELS_ALERT did not take the alarm: %s", error)
        return False
    return True
