"""Airflow of a workspace: API server, scheduler, DAG processor and triggerer, on the loopback address alone.

Its four parts rather than `airflow standalone`, which leaves children behind, hides who died, and lets scheduler and
triggerer serve their logs on all addresses of the machine. Settings stand in airflow-home/airflow.cfg, so that every
`airflow` command with AIRFLOW_HOME set to that folder sees the same ones; AIRFLOW__... variables still come first.
"""

import configparser
import io
import json
import os
import re
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from infra.environment import ROOT
from infra.services.rest import Rest
from infra.services.service import LOOPBACK, Part, Service, ServiceError, write_private

PORT = 8080
USER = "admin"
SCHEDULER = "scheduler"
DAGS = ROOT / "dags"
PARTS = tuple(
    Part(name, (sys.executable, "-m", "airflow", name, *options))
    for name, options in (
        ("api-server", ()),
        (SCHEDULER, ("--skip-serve-logs",)),
        ("dag-processor", ()),
        ("triggerer", ("--skip-serve-logs",)),
    )
)
# One stage at a time in a workspace, since DVC locks it; one at a time on a GPU.
POOLS = {"workspace": "stages of a workspace, one at a time", "gpu": "stages that want the GPU"}

_SECRETS = (("api", "secret_key"), ("api_auth", "jwt_secret"), ("core", "fernet_key"))
_HEARTBEATS = {"scheduler": SCHEDULER, "dag_processor": "dag-processor", "triggerer": "triggerer"}
_DEFINES_A_DAG = re.compile(r"(?m)^\s*(with DAG\(|@dag\b|\w+ = DAG\()")


def home(workspace: Path) -> Path:
    """Airflow's folder: settings, database, logs of tasks."""
    return workspace / "airflow-home"


def password_file(workspace: Path) -> Path:
    """JSON, user to password; readable by its owner alone."""
    return home(workspace) / "passwords.json"


def environment(workspace: Path, tracking_uri: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """What its parts, and with them all tasks, inherit.

    Args:
        workspace: In which tasks run DVC.
        tracking_uri: Where they record runs and versions, unless `inherited` says another.
        inherited: What to add to.
    """
    own = {"AIRFLOW_HOME": str(home(workspace)), "PIXELS_WORKSPACE": str(workspace)}
    return {"MLFLOW_TRACKING_URI": tracking_uri, **inherited, **own}


def configure(workspace: Path, port: int) -> None:
    """Write the settings; secrets stay what they were."""
    path = home(workspace) / "airflow.cfg"
    former = configparser.ConfigParser(interpolation=None)
    former.read(path, encoding="utf-8")
    settings = _settings(workspace, port)
    for section, name in _SECRETS:
        settings[section][name] = former.get(section, name, fallback=urlsafe_b64encode(os.urandom(32)).decode())
    parser = configparser.ConfigParser(interpolation=None)
    # Airflow reads its file with interpolation, in which a percent sign is written twice.
    parser.read_dict({name: {k: v.replace("%", "%%") for k, v in part.items()} for name, part in settings.items()})
    text = io.StringIO()
    parser.write(text)
    write_private(path, text.getvalue())


def _settings(workspace: Path, port: int) -> dict[str, dict[str, str]]:
    address = f"http://{LOOPBACK}:{port}"
    return {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": "4",  # as many workers are forked at once
            "dags_folder": str(DAGS),
            "load_examples": "False",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": str(password_file(workspace)),
            "execution_api_server_url": f"{address}/execution/",
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home(workspace) / 'airflow.db'}"},
        "api": {"host": LOOPBACK, "port": str(port), "workers": "1", "base_url": address},
        "api_auth": {},
        "logging": {"base_log_folder": str(home(workspace) / "logs")},
        "scheduler": {
            "orphaned_tasks_check_interval": "30",  # s, instead of 300: who takes over from a scheduler that died
            "scheduler_health_check_server_host": LOOPBACK,
        },
        "dag_processor": {"parsing_processes": "1", "min_file_process_interval": "60", "refresh_interval": "60"},
        "workers": {"execution_api_timeout": "60"},  # s, instead of 5: on a busy machine tasks failed before they began
        "usage_data_collection": {"enabled": "False"},
    }


def start(service: Service, workspace: Path, surroundings: Mapping[str, str], *, port: int) -> list[str]:
    """Start the parts that do not run; their names."""
    missing = [part for part in PARTS if part.name not in service.alive]
    for part in missing:
        service.sweep(part.name)
    if "api-server" in {part.name for part in missing}:
        service.require_port(port)
    if len(missing) == len(PARTS):
        configure(workspace, port)
        _migrate(service, workspace, surroundings)
    for part in missing:
        # Triggers that dags/ brings along are imported here, the only part that does not look there by itself.
        own = {"PYTHONPATH": str(DAGS)} if part.name == "triggerer" else {}
        service.start(part, {**surroundings, **own}, port=port, folder=home(workspace))
    return [part.name for part in missing]


def _migrate(service: Service, workspace: Path, surroundings: Mapping[str, str]) -> None:
    """Make the database, or bring it to the version of this Airflow."""
    log = service.log("migrate")
    with log.open("wb") as said:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            cwd=home(workspace),
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            check=False,
        )
    if done.returncode:
        said = service.last_lines("migrate")
        raise ServiceError(f"`airflow db migrate` ended with status {done.returncode}:\n{said}")


def sign_in(workspace: Path, port: int) -> Rest:
    """Its REST interface. A password is made where there is none; the API server reads it at each login."""
    if not password_file(workspace).exists():
        write_private(password_file(workspace), json.dumps({USER: secrets.token_urlsafe(18)}) + "\n")
    password_file(workspace).chmod(0o600)
    password = json.loads(password_file(workspace).read_text(encoding="utf-8"))[USER]
    return Rest(f"http://{LOOPBACK}:{port}", USER, password)


def unhealthy(service: Service, rest: Rest) -> str:
    """Which part gives no sign of life since it was started; empty: none."""
    health = rest.health()
    if health is None:
        return "the API server does not answer"
    if health.get("metadatabase", {}).get("status") != "healthy":
        return "the database does not answer"
    silent = [
        part
        for name, part in _HEARTBEATS.items()
        if not rest.beats_since(health.get(name, {}), name, service.started[part].began_s)
    ]
    return f"no heartbeat of {', '.join(silent)} yet" if silent else ""


class Files(Protocol):
    """What Airflow says of the files in dags/."""

    def dags(self) -> list[dict[str, Any]]:
        """All DAGs, with `relative_fileloc`."""
        ...

    def import_errors(self) -> dict[str, str]:
        """Why a file was refused, by file."""
        ...


def unread(rest: Files) -> str:
    """Which files of dags/ were not read yet; empty: none. A file that cannot be read counts as read."""
    wanted = {path.name for path in DAGS.glob("*.py") if _DEFINES_A_DAG.search(path.read_text(encoding="utf-8"))}
    found = {dag["relative_fileloc"] for dag in rest.dags()} | set(rest.import_errors())
    return ", ".join(sorted(wanted - found))


def without_pools(rest: Rest) -> str:
    """Create the pools that are not there, and say which these were; those that are keep their number of slots."""
    missing = sorted(POOLS.keys() - rest.pools().keys())
    for name in missing:
        rest.make_pool(name, slots=1, description=POOLS[name])
    return ", ".join(missing)


def card(service: Service, workspace: Path, rest: Rest) -> str:
    """What one must know to use it."""
    dags = [f"{dag['dag_id']}{' (paused)' if dag['is_paused'] else ''}" for dag in rest.dags()]
    lines = {
        "user": f"{USER}, password in {password_file(workspace)}",
        "DAGs": ", ".join(sorted(dags)),
        "commands": f"AIRFLOW_HOME={home(workspace)} airflow dags unpause retrain",
        "logs": ", ".join(str(service.log(part.name)) for part in PARTS),
        "end it": "make down",
    }
    return "\n".join([f"http://{LOOPBACK}:{service.port}", *(f"  {name:9} {text}" for name, text in lines.items())])
