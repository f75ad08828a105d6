"""Runs one stage as DVC and Airflow call it: read its params, hold its lock, die with the parent, say errors plainly."""

import ctypes
import fcntl
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stages import layout
from stages.params import At, Params, read

_PR_SET_PDEATHSIG = 1


def launch(stage: str, item: str | None) -> None:
    """Run `stages.<stage>.run` with the sections that its signature names; input errors end the process with status 1.

    Args:
        stage: Module name under `stages`.
        item: Item of a `foreach` stage (a model's or an arrival folder's name).
    """
    die_with_parent()
    try:
        params = read(layout.PARAMS)
        with stage_lock(stage if item is None else f"{stage}@{item}"):
            run = importlib.import_module(f"stages.{stage}").run
            run(**arguments(run, params, item))
    except (ValueError, OSError) as error:
        if os.environ.get("PIXELS_TRACEBACK"):
            raise
        print(f"{stage}: {error}\n(PIXELS_TRACEBACK=1 shows where)", file=sys.stderr)
        raise SystemExit(1) from error


def arguments(run: Any, params: Params, item: str | None) -> dict[str, Any]:
    """The values of `run`'s parameters: `name` is the item, all others come from params.yaml."""
    addresses = parameter_addresses(run)
    found = {name: lookup(params, address.format(item=item)) for name, address in addresses.items()}
    return found | ({"name": item} if "name" in inspect.signature(run).parameters else {})


def parameter_addresses(run: Any) -> dict[str, str]:
    """Where in params.yaml each parameter of `run` lives: a section of its own name unless annotated with `At`."""
    hints = get_type_hints(run, include_extras=True)
    names = [name for name in inspect.signature(run).parameters if name != "name"]
    return {name: next((a.address for a in get_args(hints[name]) if isinstance(a, At)), name) for name in names}


def lookup(params: Params, address: str) -> Any:
    """Follow a dotted address through sections and mappings."""
    value: Any = params
    for part in address.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, "register_" if part == "register" else part)
    return value


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies: a killed `dvc repro` must not leave a stage writing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def stage_lock(name: str) -> Iterator[None]:
    """One process a stage and workspace; a second one waits for the first to end."""
    folder = Path(".locks")
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
