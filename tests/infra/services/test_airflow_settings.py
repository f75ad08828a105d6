"""What infra/services/airflow.py writes down before anything starts, and which files it waits for."""

import configparser
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.services.__main__ import say_import_errors
from infra.services.airflow import USER, configure, environment, home, password_file, sign_in, unread

SECRETS = (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret"))


def read(workspace: Path) -> configparser.ConfigParser:
    """As Airflow does."""
    parser = configparser.ConfigParser()
    parser.read(home(workspace) / "airflow.cfg", encoding="utf-8")
    return parser


def test_secrets_are_random_kept_and_for_the_owner_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    configure(one, 18080)
    before = read(one)
    configure(one, 18081)
    configure(other, 18080)
    after, theirs = read(one), read(other)
    for section, name in SECRETS:
        assert before[section][name] == after[section][name] != theirs[section][name]
        assert len(after[section][name]) >= 43  # 32 bytes
    assert len({after[section][name] for section, name in SECRETS}) == 3
    assert (home(one) / "airflow.cfg").stat().st_mode & 0o777 == 0o600
    assert after["api"]["port"] == "18081"
    assert after["core"]["execution_api_server_url"] == "http://127.0.0.1:18081/execution/"


def test_everything_stays_on_this_machine(tmp_path: Path) -> None:
    configure(tmp_path, 18080)
    settings = read(tmp_path)
    assert settings["api"]["host"] == settings["scheduler"]["scheduler_health_check_server_host"] == "127.0.0.1"
    assert settings["usage_data_collection"]["enabled"] == "False"
    assert settings["core"]["load_examples"] == "False"


def test_a_percent_sign_in_the_path_survives(tmp_path: Path) -> None:
    workspace = tmp_path / "100% mine"
    configure(workspace, 18080)
    assert read(workspace)["logging"]["base_log_folder"] == str(workspace / "airflow-home/logs")


def test_a_password_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    sign_in(tmp_path, 18080)
    before = json.loads(password_file(tmp_path).read_text())
    assert len(before[USER]) >= 24
    password_file(tmp_path).chmod(0o644)
    sign_in(tmp_path, 18080)
    assert json.loads(password_file(tmp_path).read_text()) == before
    assert password_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_the_users_own_tracking_server_comes_first(tmp_path: Path) -> None:
    ours = environment(tmp_path, "sqlite:///ours", {"PATH": "/bin"})
    assert ours["MLFLOW_TRACKING_URI"] == "sqlite:///ours"
    theirs = environment(tmp_path, "sqlite:///ours", {"MLFLOW_TRACKING_URI": "https://theirs"})
    assert theirs["MLFLOW_TRACKING_URI"] == "https://theirs"
    assert theirs["AIRFLOW_HOME"] == str(tmp_path / "airflow-home")


@dataclass
class Answers:
    """What Airflow says of its files."""

    files: list[str]
    errors: dict[str, str]

    def dags(self) -> list[dict[str, str]]:
        return [{"relative_fileloc": file} for file in self.files]

    def import_errors(self) -> dict[str, str]:
        return self.errors


def test_files_that_define_a_dag_are_waited_for_until_they_are_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.services.airflow.DAGS", tmp_path)
    (tmp_path / "one.py").write_text('with DAG("one"):\n    pass\n')
    (tmp_path / "two.py").write_text("@dag(schedule=None)\ndef two() -> None: ...\n")
    (tmp_path / "helper.py").write_text('"""Draws arrows of a DAG(s)."""\n')
    assert unread(Answers([], {})) == "one.py, two.py"
    assert unread(Answers(["one.py"], {})) == "two.py"
    assert unread(Answers(["one.py"], {"two.py": "SyntaxError"})) == ""


def test_every_dag_of_the_project_is_waited_for() -> None:
    assert "retrain.py" in unread(Answers([], {})).split(", ")
    assert not {"graph.py", "places.py"} & set(unread(Answers([], {})).split(", "))


def test_a_file_that_cannot_be_loaded_is_told_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert say_import_errors({}) == 0
    assert say_import_errors({"two.py": "SyntaxError: no"}) == 1
    assert capsys.readouterr().err == "dags/two.py cannot be loaded:\nSyntaxError: no\n"
