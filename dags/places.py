"""Where unattended runs happen, and with which environment: the workspace, the folder of runs, the inbox."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_QUIET = {
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders, absolute, and the environment that they were read from."""

    workspace: Path  # the checkout whose HEAD, params and videos runs are made of
    runs: Path  # a worktree for each run, and what is kept of it
    inbox: Path  # where new videos are put
    inherited: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """Of every command of a run: all worktrees share store and registry, and use the workspace's own Python."""
        own = self.workspace / ".venv" / "bin"
        tools = own if own.is_dir() else Path(sys.executable).parent
        shared = {
            "PATH": f"{tools}{os.pathsep}{self.inherited.get('PATH', os.defpath)}",
            "PIXELS_STORE": str(self.workspace / self.inherited.get("PIXELS_STORE", ".store")),
            "MLFLOW_TRACKING_URI": self.tracking_uri(),
        }
        return {**self.inherited, **_QUIET, **shared}

    def tracking_uri(self) -> str:
        """Address of MLflow; a sqlite file is that of the workspace, wherever one stands."""
        uri = self.inherited.get("MLFLOW_TRACKING_URI", f"{_SQLITE}mlflow.db")
        is_file = uri.startswith(_SQLITE)
        return f"{_SQLITE}{self.workspace / uri.removeprefix(_SQLITE)}" if is_file else uri


def places(inherited: Mapping[str, str] | None = None) -> Places:
    """Read PIXELS_WORKSPACE (else the checkout that holds this file), PIXELS_RUNS and PIXELS_INBOX."""
    given = dict(os.environ if inherited is None else inherited)
    workspace = Path(given.get("PIXELS_WORKSPACE", Path(__file__).resolve().parents[1])).resolve()
    runs, inbox = given.get("PIXELS_RUNS", ".runs"), given.get("PIXELS_INBOX", "inbox")
    return Places(workspace, workspace / runs, workspace / inbox, given)
