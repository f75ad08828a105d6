"""Writes the note of a DAG run by Airflow's public interface, since tasks have no other way to it."""

import json
import logging
import os
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from airflow.sdk import conf

_TIMEOUT_S = 10.0
_LONGEST = 1000  # characters that Airflow keeps
_LOG = logging.getLogger(__name__)


def write_note(dag_id: str, run_id: str, text: str) -> bool:
    """Set a run's note; False, with the reason in the log, where that cannot be done: nothing depends on it.

    It needs Airflow's own simple accounts: their generated passwords lie in a file that tasks of this host can read.
    """
    try:
        address = _address()
        token = _ask("POST", f"{address}/auth/token", _account())["access_token"]
        run = "/".join(urllib.parse.quote(part, safe="") for part in (dag_id, "dagRuns", run_id))
        _ask("PATCH", f"{address}/api/v2/dags/{run}", {"note": _shortened(text)}, token)
    except Exception as error:  # whatever it is, a run must not fail for want of a note
        _LOG.warning("the run has no note: %s", error)
        return False
    return True


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}\n..."


def _address() -> str:
    """Where Airflow answers: where its tasks find it, or else what its users are told."""
    tasks = conf.get("core", "execution_api_server_url", fallback="")
    shown = tasks.removesuffix("/").removesuffix("/execution") or conf.get("api", "base_url", fallback="")
    if not shown.startswith(("http://", "https://")):
        raise ValueError("neither core.execution_api_server_url nor api.base_url says where Airflow answers")
    return shown.rstrip("/")


def _account() -> dict[str, str]:
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    given = conf.get("core", "simple_auth_manager_passwords_file", fallback=None)
    path = Path(given or home / "simple_auth_manager_passwords.json.generated")
    passwords: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    name, password = next(iter(passwords.items()))
    return {"username": name, "password": password}


def _ask(method: str, address: str, content: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = urllib.request.Request(address, json.dumps(content).encode(), headers, method=method)
    with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)
