"""Whether the processes that write an MLflow run are still there, as far as this machine can see."""

from pathlib import Path

PROCESS = "process"  # tag of a run: who writes it, see `signature`
_PROC = Path("/proc")


def signature(*pids: int) -> str:
    """Names processes of this machine for good: boot, process namespace, id and start time of each.

    A process that is gone, or a machine without /proc, adds nothing.
    """
    return " ".join(found for pid in pids if (found := _name(pid)))


def is_gone(names: str) -> bool:
    """Whether all processes of a signature ran here, and none does any more; False where nobody can tell."""
    try:
        here = _place()
    except OSError:
        return False
    places = {name.rpartition("/")[0].rpartition("/")[0] for name in names.split()}
    return places == {here} and not any(_name(int(name.split("/")[2])) == name for name in names.split())


def _name(pid: int) -> str:
    try:
        started = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
        return f"{_place()}/{pid}/{started}"
    except OSError:
        return ""


def _place() -> str:
    """This boot of this machine, and the namespace in which process ids count."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
