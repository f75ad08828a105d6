"""`make airflow`: a real Airflow, healthy, closed to others, mended when a part of it dies."""

import stat
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from infra.services import airflow
from infra.services.ports import listeners, sockets_of
from infra.services.rest import Rest
from tests.synth.services import Servers, passwords

pytestmark = pytest.mark.services
DAGS = Path(__file__).resolve().parents[2] / "dags"


def test_it_is_healthy_with_all_dags_no_import_error_and_its_pools(servers: Servers) -> None:
    assert airflow.unhealthy(servers.airflow, servers.rest) == ""
    assert servers.rest.import_errors() == {}
    found = {dag["dag_id"]: dag["relative_fileloc"] for dag in servers.rest.dags()}
    assert found["retrain"] == "retrain.py"
    assert {servers.rest.pools()[name] for name in ("workspace", "gpu")} == {1}


def test_nobody_gets_in_without_the_password_which_only_the_owner_can_read(servers: Servers) -> None:
    for path in (airflow.password_file(servers.workspace), airflow.home(servers.workspace) / "airflow.cfg"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    address = f"http://127.0.0.1:{servers.airflow_port}"
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{address}/api/v2/dags")
    with pytest.raises(HTTPError, match="401"):
        Rest(address, airflow.USER, passwords(servers.workspace)[airflow.USER][:-1]).dags()
    logs = [servers.airflow.log(part.name) for part in airflow.PARTS]
    assert not [log for log in logs if passwords(servers.workspace)[airflow.USER] in log.read_text()]


def test_it_listens_on_the_loopback_address_alone(servers: Servers) -> None:
    ours = {
        inode
        for service in (servers.airflow, servers.mlflow)
        for process in service.processes
        for inode in sockets_of(process.pid)
    }
    listening = [one for one in listeners() if one.inode in ours]
    assert {servers.airflow_port, servers.mlflow_port} <= {one.port for one in listening}
    assert [one for one in listening if not one.is_loopback] == []


def test_a_second_start_says_that_it_runs_and_leaves_it_alone(servers: Servers) -> None:
    before = servers.airflow.started
    said = servers.start("airflow")
    assert said.startswith(f"Airflow (was running already): http://127.0.0.1:{servers.airflow_port}\n")
    assert str(airflow.password_file(servers.workspace)) in said
    assert servers.airflow.started == before
    other = servers.call("airflow", "--port", "1")
    assert (other.returncode, f"runs on port {servers.airflow_port} already" in other.stdout) == (1, True)


def test_a_part_that_died_is_named_and_started_again_alone(servers: Servers) -> None:
    before = servers.airflow.started
    servers.kill(servers.airflow, "triggerer")
    status = servers.call("status")
    assert (status.returncode, "airflow: triggerer died; `make airflow` starts it again" in status.stdout) == (1, True)
    assert servers.start("airflow").startswith("Airflow (started: triggerer)")
    after = servers.airflow.started
    assert {name for name in after if after[name] != before[name]} == {"triggerer"}
    assert servers.call("status").returncode == 0
