"""One git worktree for each run: the commit, params and dvc.lock that it began with, and what is kept when it ends.

`<runs>/<name>/` is the worktree, `<runs>/records/<name>/` what is kept of it, `<runs>/good` a link to the record of the
last run that went well. Worktrees share DVC's cache (and with it the run-cache) and the store of their workspace.
"""

import configparser
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from places import Places

Facts = dict[str, Any]  # of a run, as `prepare` leaves them for its tasks
CURRENT = "current"  # the preset that is the workspace's own params.yaml

_FACTS = Path(".locks/run.json")  # written last: a worktree without it was left half made
_LONGEST_NAME = 60
_CODE = ("stages", "dvc.yaml", "lists", "weights")
_REMOTE = re.compile(r"(?m)^remote\.(.+)\.url=(.+)$")
_KEPT = ("params.yaml", "dvc.lock", "reports/metrics.json", "reports/admission", "reports/register")


class WorktreeError(RuntimeError):
    """Git or DVC could not do what a worktree needs."""


class FormError(ValueError):
    """What was filled in when the run was started cannot be run."""


def name_of(run_id: str) -> str:
    """Name of a run's folder: its id, fit for a path, and a hash that keeps ids apart that then look alike."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", run_id).strip("-")[:_LONGEST_NAME]
    return f"{plain}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def prepare(places: Places, run_id: str, form: Mapping[str, Any]) -> Facts:
    """Make a run's worktree at the workspace's HEAD with the params that the form asks for; again, it only answers.

    Args:
        places: Where.
        run_id: Airflow's.
        form: preset (CURRENT: the workspace's params.yaml as it is, committed or not), models, overrides.

    Raises:
        FormError: The form gives no valid params.
        WorktreeError: Git or DVC failed.
    """
    folder = places.runs / name_of(run_id)
    with _alone(folder):
        if (found := _facts(folder)) is not None:
            return found
        remove(places, folder.name)
        commit = _answer(places, places.workspace, "git", "rev-parse", "HEAD").strip()
        _check_out(places, folder, commit)
        if lock := _newest_lock(places):
            shutil.copyfile(lock, folder / "dvc.lock")
        _configure(places, folder, form)
        params = (folder / "params.yaml").read_text(encoding="utf-8")
        left = _answer(places, places.workspace, "git", "status", "--porcelain", "--", *_CODE).splitlines()
        facts = {"name": folder.name, "commit": commit, "params": params, "uncommitted": left, "form": dict(form)}
        _write(folder / _FACTS, facts)
        return facts


def ensure(places: Places, facts: Facts) -> Path:
    """The worktree of a run; made from its facts where another host prepared it, or where it was removed."""
    folder = places.runs / facts["name"]
    with _alone(folder):
        if _facts(folder) is None:
            remove(places, folder.name)
            _check_out(places, folder, facts["commit"])
            record = places.runs / "records" / facts["name"] / "dvc.lock"
            if record.exists():
                shutil.copyfile(record, folder / "dvc.lock")
            (folder / "params.yaml").write_text(facts["params"], encoding="utf-8")
            _write(folder / _FACTS, facts)
    return folder


def keep(places: Places, facts: Facts, summary: str) -> Path:
    """Keep what a run was made of and what it found, and let `good` name it; returns the record's folder."""
    folder, record = places.runs / facts["name"], places.runs / "records" / facts["name"]
    record.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        _copy(folder / name, record / Path(name).name)
    (record / "summary.md").write_text(summary, encoding="utf-8")
    _write(record / "run.json", {name: value for name, value in facts.items() if name != "params"})
    link = places.runs / f".good-{facts['name']}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("records") / facts["name"])
    link.replace(places.runs / "good")
    return record


def is_kept(places: Places, facts: Facts) -> bool:
    """Whether the record of a run is whole and its worktree need not be there any more."""
    return (places.runs / "records" / facts["name"] / "run.json").exists()


def last_good(places: Places) -> Path | None:
    """Record of the last run that went well."""
    link = places.runs / "good"
    return link.resolve() if link.exists() else None


def remove(places: Places, name: str) -> None:
    """Remove a run's worktree, whole or half made; outs stay in DVC's cache, finished work in the store."""
    folder = places.runs / name
    if folder.exists():
        _call(places, places.workspace, "git", "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    _call(places, places.workspace, "git", "worktree", "prune")


def has_remote(places: Places, folder: Path) -> bool:
    """Whether DVC has a remote to hand results over by."""
    return _call(places, folder, "dvc", "remote", "default").returncode == 0


def lock_entries(folder: Path, addresses: Sequence[str]) -> dict[str, Any]:
    """What dvc.lock says of some stages, those left out that it does not know."""
    stages = _lock(folder)["stages"]
    return {address: stages[address] for address in addresses if address in stages}


def take_entries(folder: Path, entries: Mapping[str, Any]) -> None:
    """Put into dvc.lock what tasks on other hosts made, so that `dvc pull` knows it."""
    with _alone(folder):
        lock = _lock(folder)
        if any(lock["stages"].get(address) != entry for address, entry in entries.items()):
            lock["stages"] |= entries
            _write(folder / "dvc.lock", lock)  # JSON is YAML, too


def _check_out(places: Places, folder: Path, commit: str) -> None:
    """A worktree without hooks (DVC's own would check out data), wired to the workspace's cache and remotes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    quiet = ("-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", "--force")
    _answer(places, places.workspace, "git", *quiet, str(folder), commit)
    _wire(places, folder)


def _wire(places: Places, folder: Path) -> None:
    """Let a worktree use the workspace's cache and remotes: what is not in git, and paths that hold only there."""
    local = configparser.ConfigParser(interpolation=None)
    local.read(places.workspace / ".dvc" / "config.local", encoding="utf-8")
    listed = _answer(places, places.workspace, "dvc", "config", "--list").splitlines()
    merged = dict(line.split("=", 1) for line in listed if "=" in line)
    own = {"cache": ("dir", merged.get("cache.dir", str(places.workspace / ".dvc" / "cache")))}
    for name, address in _REMOTE.findall("\n".join(listed)):
        if Path(address).is_absolute():  # or was made so by DVC: as written it is relative to the workspace
            own[f"'remote \"{name}\"'"] = ("url", address)
    for section, (option, value) in own.items():
        local.read_dict({section: {option: value}})
    with (folder / ".dvc" / "config.local").open("w", encoding="utf-8") as handle:
        local.write(handle)


def _configure(places: Places, folder: Path, form: Mapping[str, Any]) -> None:
    preset = form["preset"]
    if preset == CURRENT:
        shutil.copyfile(places.workspace / "params.yaml", folder / "params.yaml")
    chosen = [] if preset == CURRENT else ["--preset", preset]
    models = [part for name in form["models"] for part in ("--model", name)]
    changes = [part for change in form["overrides"] for part in ("--set", change)]
    if not (chosen or models or changes):
        return
    done = _call(places, folder, "python", "-m", "stages", "configure", *chosen, *models, *changes)
    if done.returncode:
        raise FormError(done.stdout.strip())


def _newest_lock(places: Places) -> Path | None:
    """Of the workspace's own dvc.lock and that of the last good run the one that was written last."""
    found = [path for path in (places.workspace / "dvc.lock", places.runs / "good" / "dvc.lock") if path.exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _lock(folder: Path) -> dict[str, Any]:
    import yaml

    path = folder / "dvc.lock"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {"schema": "2.0", "stages": {}}


def _facts(folder: Path) -> Facts | None:
    path = folder / _FACTS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(content, indent=2) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        shutil.copyfile(source, target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One task at a time makes or changes a worktree."""
    path = folder.parent / ".locks" / f"{folder.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _answer(places: Places, folder: Path, *command: str) -> str:
    done = _call(places, folder, *command)
    if done.returncode:
        raise WorktreeError(f"`{' '.join(command)}` in {folder} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _call(places: Places, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=folder, env=places.environment(), capture_output=True, text=True, check=False, timeout=600
    )
