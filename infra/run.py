"""`make run`: environment, doctor, `dvc repro`, and the results. Standard library only: it starts before .venv exists.

Exit status: 0 done, 1 a problem that is named, 3 a system package is missing, else what dvc returned.
(make itself turns every failure into 2; `python3.11 infra/run.py` keeps the number.)
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Run as a program, this file's folder is where imports are looked for; from the tests it is the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra import environment

QUIET = environment.ROOT / "infra" / "quiet.env"


def settings(inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of every command: the user's own, quiet tools, and .venv first on PATH."""
    quiet = dict(re.findall(r"(?m)^export (\w+)=(.*)$", QUIET.read_text()))
    path = f"{environment.VENV / 'bin'}{os.pathsep}{inherited.get('PATH', os.defpath)}"
    return {**inherited, **quiet, "PATH": path, "VIRTUAL_ENV": str(environment.VENV)}


def is_up_to_date(status: str) -> bool:
    """Whether `dvc status --json` found nothing to do."""
    return json.loads(status) == {}


def results(root: Path) -> str:
    """Scores, where everything lies, and what the registry holds."""
    table = (root / "reports/table.txt").read_text(encoding="utf-8").rstrip()
    models = sorted(str(path.parent.relative_to(root)) for path in root.glob("models/*/weights.safetensors"))
    files = [name for name in ("reports/metrics.json", "reports/scores.parquet") if (root / name).exists()]
    versions = [_version(path) for path in sorted(root.glob("reports/register/*.json"))]
    return "\n".join([table, "", f"results    {' '.join(files)}", f"models     {' '.join(models)}", *versions])


def _version(receipt: Path) -> str:
    content = json.loads(receipt.read_text(encoding="utf-8"))
    alias = f" alias {content['alias']}" if content.get("alias") else ""
    return f"registered {content['model']} version {content['version']}{alias} ({receipt.name} says more)"


def duration(seconds: float) -> str:
    """`75` -> `1 min 15 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def main() -> int:
    """Do what is missing, then show the results."""
    # An exception makes subprocess.run kill dvc; a stage dies with its dvc, so that nothing goes on unseen.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        return _run()
    except KeyboardInterrupt:
        print("interrupted: `make run` goes on where this one ended", file=sys.stderr)
        return 128 + signal.SIGINT


def _run() -> int:
    if status := environment.ensure():
        return status
    surroundings = settings(os.environ)
    if status := _call(["python", "-m", "stages", "doctor"], surroundings):
        return status
    if not _is_in_git(environment.ROOT):
        _call(["dvc", "config", "--quiet", "--local", "core.no_scm", "true"], surroundings)
    with alone(environment.ROOT / ".locks"):
        return _reproduce(surroundings)


def _reproduce(surroundings: dict[str, str]) -> int:
    if is_up_to_date(_output(["dvc", "--wait-for-lock", "status", "--json"], surroundings)):
        print("\nEverything is up to date: nothing was run.\n")
    else:
        started_s = time.monotonic()
        if status := _call(["dvc", "--wait-for-lock", "repro"], surroundings):
            print("stopped: `make run` goes on where this one ended", file=sys.stderr)
            return status
        print(f"\nThe pipeline ran in {duration(time.monotonic() - started_s)}.\n")
    print(results(environment.ROOT))
    return 0


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One run a workspace; a second waits for the first to end: dvc would end it, since paths of a stage are busy."""
    folder.mkdir(exist_ok=True)
    with (folder / "run.lock").open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another `make run` is at work here; waiting for it to end", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _is_in_git(root: Path) -> bool:
    """A downloaded archive is no clone; dvc then has to be told to do without git."""
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def _call(command: list[str], surroundings: dict[str, str]) -> int:
    sys.stdout.flush()
    return subprocess.run(_found(command), cwd=environment.ROOT, env=surroundings, check=False).returncode


def _output(command: list[str], surroundings: dict[str, str]) -> str:
    return subprocess.run(
        _found(command), cwd=environment.ROOT, env=surroundings, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _found(command: list[str]) -> list[str]:
    return [str(environment.VENV / "bin" / command[0]), *command[1:]]


if __name__ == "__main__":
    sys.exit(main())
