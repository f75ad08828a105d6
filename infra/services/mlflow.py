"""The MLflow server of a workspace: its sqlite file and its folder of artifacts, on the loopback address alone."""

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

from infra.services.service import LOOPBACK, Part, Service

PORT = 5000
SERVER = "server"
_TIMEOUT_S = 5.0


def database(workspace: Path) -> str:
    """The address under which stages use it when there is no server."""
    return f"sqlite:///{workspace / 'mlflow.db'}"


def address(port: int) -> str:
    """What to open, and what MLFLOW_TRACKING_URI is with a server."""
    return f"http://{LOOPBACK}:{port}"


def start(service: Service, workspace: Path, inherited: Mapping[str, str], *, port: int) -> list[str]:
    """Start it; names of its parts. Clients write artifacts themselves: the same files with and without a server."""
    service.sweep(SERVER)  # its worker outlives it, and holds the port
    service.require_port(port)
    options = {
        "backend-store-uri": database(workspace),
        "default-artifact-root": (workspace / "mlartifacts").as_uri(),
        "host": LOOPBACK,
        "port": str(port),
        "workers": "1",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = (sys.executable, "-m", "mlflow", "server", *flags, "--no-serve-artifacts")
    quick = {**inherited, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # else ten processes more
    service.start(Part(SERVER, command), quick, port=port, folder=workspace)
    return [SERVER]


def unhealthy(port: int) -> str:
    """Why it is of no use yet; empty: it is."""
    try:
        urlopen(f"{address(port)}/health", timeout=_TIMEOUT_S).close()
    except OSError as error:
        return f"it does not answer ({error})"
    return ""


def card(service: Service, workspace: Path) -> str:
    """What one must know to use it."""
    lines = {
        "used by": f"whatever runs with MLFLOW_TRACKING_URI={address(service.port or PORT)}",
        "data": f"{database(workspace)}, {workspace / 'mlartifacts'}",
        "log": str(service.log(SERVER)),
        "end it": "make down",
    }
    return "\n".join([address(service.port or PORT), *(f"  {name:9} {text}" for name, text in lines.items())])
