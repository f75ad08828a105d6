"""A task that failed for good is told of: in the run's note by Airflow's interface, and to whoever wants to know."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from alarms import ring, send
from notes import write_note

from tests.synth.runs import context_of

ALARM = {"task": "train.pixels", "why": "no videos"}


class Server(HTTPServer):
    """Answers as Airflow does, and remembers what it was asked."""

    asked: list[tuple[str, str, Any, str | None]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Server)
        self.server.asked.append((self.command, self.path, content, self.headers["Authorization"]))
        answer = json.dumps({"access_token": "token"}).encode()
        self.send_response(401 if content.get("password") == "wrong" else 201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PATCH = do_POST  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Handler)
    found.asked = []
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    (tmp_path / "passwords.json").write_text('{"admin": "generated"}', encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(tmp_path / "passwords.json"))
    url = f"http://127.0.0.1:{found.server_port}/execution/"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", url)
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def test_a_note_is_written_with_the_generated_password(server: Server) -> None:
    assert write_note("retrain", "manual__2026-01-02T03:00:00+00:00", "it went well")
    assert server.asked == [
        ("POST", "/auth/token", {"username": "admin", "password": "generated"}, None),
        (
            "PATCH",
            "/api/v2/dags/retrain/dagRuns/manual__2026-01-02T03%3A00%3A00%2B00%3A00",
            {"note": "it went well"},
            "Bearer token",
        ),
    ]


def test_a_note_is_as_long_as_airflow_takes_it(server: Server) -> None:
    assert write_note("retrain", "run", "word " * 1000)
    note = server.asked[-1][2]["note"]
    assert len(note) <= 1000
    assert note.endswith("...")


def test_nothing_fails_for_want_of_a_note(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "passwords.json").write_text('{"admin": "wrong"}', encoding="utf-8")
    assert not write_note("retrain", "run", "text")
    assert "401" in caplog.text
    assert len(server.asked) == 1
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(tmp_path / "nowhere"))
    assert not write_note("retrain", "run", "text")
    assert "wrong" not in caplog.text


def test_an_alarm_reaches_a_command_or_an_address(server: Server, tmp_path: Path) -> None:
    assert not send(ALARM, "")
    assert send(ALARM, f"cat > {tmp_path}/alarm.json")
    assert json.loads((tmp_path / "alarm.json").read_text()) == ALARM
    assert send(ALARM, f"http://127.0.0.1:{server.server_port}/hook")
    assert server.asked == [("POST", "/hook", ALARM, None)]


@pytest.mark.parametrize("receiver", ["exit 3", "http://127.0.0.1:9/nobody"])
def test_an_alarm_that_nobody_takes_is_in_the_log(receiver: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not send(ALARM, receiver)
    assert "did not take the alarm" in caplog.text


def test_a_failed_task_rings_with_the_last_lines_of_its_command(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PIXELS_ALERT", f"cat > {tmp_path}/alarm.json")
    ring(context_of("run", {}) | {"exception": RuntimeError("decode ended with status 1:\nno videos at all")})
    alarm = json.loads((tmp_path / "alarm.json").read_text())
    assert (alarm["dag"], alarm["task"], alarm["try"]) == ("retrain", "decode", 1)
    assert alarm["why"].endswith("no videos at all")
    assert "no videos at all" in caplog.text
    assert "no videos at all" in server.asked[-1][2]["note"]


def test_a_task_that_was_killed_rings_without_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_ALERT", f"cat > {tmp_path}/alarm.json")
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(tmp_path / "nowhere"))
    ring(context_of("run", {}))
    assert "killed" in json.loads((tmp_path / "alarm.json").read_text())["why"]
