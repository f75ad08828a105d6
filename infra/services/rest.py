"""As much of Airflow's REST interface as is needed to see that all is well."""

import json
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

_TIMEOUT_S = 20.0
_ALL = "limit=1000"


class Rest:
    """A user's session with an API server."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address, self._user, self._password = address, user, password
        self._token: str | None = None

    def health(self) -> dict[str, Any] | None:
        """Of each part; None where the server does not answer."""
        try:
            with urlopen(f"{self._address}/api/v2/monitor/health", timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            return None

    @staticmethod
    def beats_since(part: dict[str, Any], name: str, began_s: float) -> bool:
        """Whether a part of `health` is healthy, and by a sign that came after a moment, in seconds since 1970."""
        latest = part.get(f"latest_{name}_heartbeat") or "1970-01-01T00:00:00Z"
        return part.get("status") == "healthy" and datetime.fromisoformat(latest).timestamp() > began_s

    def dags(self) -> list[dict[str, Any]]:
        """All DAGs, with `dag_id`, `relative_fileloc` and `is_paused`."""
        return self.call("GET", f"dags?{_ALL}")["dags"]

    def import_errors(self) -> dict[str, str]:
        """The end of what Python said, by file in dags/."""
        found = self.call("GET", f"importErrors?{_ALL}")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def pools(self) -> dict[str, int]:
        """Number of slots by pool."""
        return {pool["name"]: pool["slots"] for pool in self.call("GET", f"pools?{_ALL}")["pools"]}

    def make_pool(self, name: str, *, slots: int, description: str) -> None:
        """Create a pool."""
        self.call("POST", "pools", {"name": name, "slots": slots, "description": description})

    def call(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request below /api/v2; what it was answered with, or an `HTTPError` that says why it was refused."""
        if self._token is None:
            who = {"username": self._user, "password": self._password}
            self._token = self._send("POST", "/auth/token", who)["access_token"]
        return self._send(method, f"/api/v2/{path}", content)

    def _send(self, method: str, path: str, content: dict[str, Any] | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        body = None if content is None else json.dumps(content).encode()
        request = Request(self._address + path, body, headers, method=method)
        with urlopen(request, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read() or b"{}")
