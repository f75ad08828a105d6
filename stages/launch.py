"""Runs one stage as DVC and Airflow call it: reads its params, holds its lock, dies with its parent, names errors."""

import ctypes
import fcntl
import importlib
import inspect
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stages import layout
from stages.exits import status_of
from stages.params import At, Params, ParamsError, read
from stages.shards.files import write_json

_PR_SET_PDEATHSIG = 1


def launch(stage: str, item: str | None) -> None:
    """Run `stages.<stage>.run` with the sections that its signature names.

    Input errors end the process with status 1; what may be gone at another try (a full disk, a server that is away)
    with 75, EX_TEMPFAIL.

    Args:
        stage: Module name under `stages`.
        item: Item of a `foreach` stage (a model's or an arrival folder's name).
    """
    die_with_parent()
    # Threads of torch wait for each other between operations. Where they spin for long they take the core from whoever
    # works: on two busy cores a step of training took 1.8 CPU-seconds instead of 0.6. Where they sleep at once it takes
    # a third longer on idle ones. So they spin for a moment. Read when torch is loaded, hence set before.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    name = stage if item is None else f"{stage}@{item}"
    try:
        params = read(layout.PARAMS)
        with stage_lock(name), store_in_use(stage):
            run = importlib.import_module(f"stages.{stage}").run
            values = arguments(run, params, item)
            started_s = time.monotonic()
            run(**values)
            write_json(layout.runtime(name), {"seconds": round(time.monotonic() - started_s, 1)})
    except (ValueError, OSError) as error:
        if os.environ.get("PIXELS_TRACEBACK"):
            raise
        print(f"{name}: {error}\n(PIXELS_TRACEBACK=1 shows where)", file=sys.stderr)
        raise SystemExit(status_of(error)) from error


def arguments(run: Any, params: Params, item: str | None) -> dict[str, Any]:
    """The values of `run`'s parameters: `name` is the item, all others come from params.yaml.

    Raises:
        ParamsError: A stage for each item was called without one, another with one, or the item is not in params.yaml.
    """
    takes_item = "name" in inspect.signature(run).parameters
    if takes_item != (item is not None):
        wanted = "one item, such as a model's name" if takes_item else "no item"
        raise ParamsError(f"this stage takes {wanted}, found {item!r}; the commands of dvc.yaml show how it is called")
    addresses = parameter_addresses(run)
    found = {name: lookup(params, address.format(item=item)) for name, address in addresses.items()}
    return found | ({"name": item} if takes_item else {})


def parameter_addresses(run: Any) -> dict[str, str]:
    """Where in params.yaml each parameter of `run` lives: a section of its own name unless annotated with `At`."""
    hints = get_type_hints(run, include_extras=True)
    names = [name for name in inspect.signature(run).parameters if name != "name"]
    return {name: next((a.address for a in get_args(hints[name]) if isinstance(a, At)), name) for name in names}


def lookup(params: Params, address: str) -> Any:
    """Follow a dotted address through sections and mappings."""
    value: Any = params
    for part in address.split("."):
        if isinstance(value, Mapping):
            if part not in value:
                raise ParamsError(f"{layout.PARAMS}: no {address}; there are {', '.join(map(str, value))}")
            value = value[part]
        else:
            value = getattr(value, "register_" if part == "register" else part)
    return value


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies: a killed `dvc repro` must not leave a stage writing.

    SIGTERM, not SIGKILL: training then leaves a checkpoint, and the stage's lock makes a rerun wait for its end.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # DVC calls a shell, and some (dash) stay between it and us and outlive it.
    if "DVC_STAGE" in os.environ and b"-c" in _proc(os.getppid(), "cmdline").split(b"\0"):
        starter = int(_proc(os.getppid(), "stat").rpartition(b") ")[2].split()[1])
        threading.Thread(target=_die_with, args=[starter], daemon=True).start()


def _die_with(pid: int) -> None:
    """Wait until a process is gone, then end this one."""
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        select.select([watched], [], [])
    os.kill(os.getpid(), signal.SIGTERM)


def _proc(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


@contextmanager
def stage_lock(name: str) -> Iterator[None]:
    """One process a stage and workspace; a second one says that it waits, and waits for the first to end."""
    path = layout.stage_lock(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: already running in this workspace; waiting for it to end", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def store_in_use(stage: str) -> Iterator[None]:
    """Keep `gc` from removing what this stage may be about to link; any number of workspaces may hold this at once."""
    path = layout.store_lock(stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
