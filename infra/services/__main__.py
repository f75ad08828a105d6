"""`make airflow`, `make mlflow`, `make down`, `make services`: servers of this workspace, which outlive the command.

Exit status: 0 all is well, 1 something is not, and is said.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.environment import ROOT
from infra.run import settings
from infra.services import airflow, mlflow
from infra.services.service import LOOPBACK, Service, ServiceError

_STARTS_WITHIN_S = 300.0  # 40 s on an idle machine


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="services", description=__doc__)
    parser.add_argument("command", choices=list(_COMMANDS))
    parser.add_argument("--port", type=int, help=f"default: {airflow.PORT} for airflow, {mlflow.PORT} for mlflow")
    parser.add_argument("--within", type=float, default=_STARTS_WITHIN_S, help="seconds in which it must be healthy")
    asked = parser.parse_args(arguments)
    workspace = Path(os.environ.get("PIXELS_WORKSPACE", ROOT)).resolve()
    try:
        return _COMMANDS[asked.command](workspace, asked)
    except ServiceError as problem:
        print(f"{asked.command}: {problem}", file=sys.stderr)
        return 1


def _airflow(workspace: Path, asked: argparse.Namespace) -> int:
    service = Service("airflow", workspace)
    with service.alone(), _undone(service, first=airflow.SCHEDULER):
        port = _port(service, asked.port, airflow.PORT)
        surroundings = airflow.environment(workspace, _tracking_uri(workspace), settings(os.environ))
        started = airflow.start(service, workspace, surroundings, port=port)
        rest = airflow.sign_in(workspace, port)
        for missing in (lambda: airflow.unhealthy(service, rest), lambda: airflow.without_pools(rest)):
            service.wait(missing, asked.within)
        service.wait(lambda: airflow.unread(rest), asked.within)
    _say("Airflow", started, airflow.card(service, workspace, rest))
    return say_import_errors(rest.import_errors())


def _mlflow(workspace: Path, asked: argparse.Namespace) -> int:
    service = Service("mlflow", workspace)
    with service.alone(), _undone(service):
        port = _port(service, asked.port, mlflow.PORT)
        started = [] if service.alive else mlflow.start(service, workspace, settings(os.environ), port=port)
        service.wait(lambda: mlflow.unhealthy(port), asked.within)
    _say("MLflow", started, mlflow.card(service, workspace))
    return 0


def _down(workspace: Path, asked: argparse.Namespace) -> int:  # noqa: ARG001 - as the others
    for name, first in (("airflow", airflow.SCHEDULER), ("mlflow", None)):
        service = Service(name, workspace)
        with service.alone():
            ended = service.end(first)
        print(f"{name}: {ended} processes ended" if ended else f"{name}: did not run")
    return 0


def _status(workspace: Path, asked: argparse.Namespace) -> int:  # noqa: ARG001 - as the others
    healthy = True
    for name, unhealthy in (("airflow", _airflow_trouble), ("mlflow", _mlflow_trouble)):
        service = Service(name, workspace)
        dead = sorted(service.started.keys() - service.alive)
        trouble = f"{', '.join(dead)} died; `make {name}` starts it again" if dead else ""
        if service.started:
            trouble = trouble or unhealthy(service, workspace)
            print(f"{name}: {trouble or f'healthy, http://{LOOPBACK}:{service.port}'}")
            healthy = healthy and not trouble
        else:
            print(f"{name}: does not run")
    return 0 if healthy else 1


@contextmanager
def _undone(service: Service, first: str | None = None) -> Iterator[None]:
    """A service that did not run before is ended again where it cannot be started whole."""
    fresh = not service.alive
    try:
        yield
    except BaseException:
        if fresh:
            service.end(first)
        raise


def _port(service: Service, asked: int | None, default: int) -> int:
    """Where it runs, or is to run; `ServiceError` where it runs elsewhere than asked."""
    if not service.alive:
        return asked or default
    if asked not in (None, service.port):
        raise ServiceError(f"runs on port {service.port} already; `make down` first to have it on {asked}")
    return service.port or default


def _tracking_uri(workspace: Path) -> str:
    """The MLflow server if it runs, so that links lead to it; else its file."""
    server = Service("mlflow", workspace)
    return mlflow.address(server.port or mlflow.PORT) if server.alive else mlflow.database(workspace)


def _airflow_trouble(service: Service, workspace: Path) -> str:
    return airflow.unhealthy(service, airflow.sign_in(workspace, service.port or airflow.PORT))


def _mlflow_trouble(service: Service, workspace: Path) -> str:  # noqa: ARG001 - as the other
    return mlflow.unhealthy(service.port or mlflow.PORT)


def _say(name: str, started: list[str], card: str) -> None:
    how = f"started: {', '.join(started)}" if started else "was running already"
    print(f"{name} ({how}): {card}")


def say_import_errors(errors: dict[str, str]) -> int:
    """Tell which DAG files Airflow refuses, and why; the exit status."""
    for file, trace in errors.items():
        print(f"dags/{file} cannot be loaded:\n{trace}", file=sys.stderr)
    return 1 if errors else 0


_COMMANDS = {"airflow": _airflow, "mlflow": _mlflow, "down": _down, "status": _status}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
