"""Whether the processes that write an MLflow run are still there, as far as this machine can see."""

from pathlib import Path

PROCESS = "process"  # tag of a run: who writes it, see `signature`
_PROC = Path("/proc")


def signature(*pids: int) -> str:
    """Names processes of this machine for good: boot, process namespace, id and start time of each.

    A process that is gone, or a machine without /proc, adds nothing.
    """
    return " ".join(found for pid in pids if (found := _name(pid)))


def is_alive(names: str) -> bool | None:
    """Whether any process of a signature runs; None where nobody can tell: of another machine or boot, or empty."""
    try:
        here = _place()
    except OSError:
        return None
    ours = [name for name in names.split() if name.startswith(f"{here}/")]
    if any(_name(int(name.split("/")[2])) == name for name in ours):
        return True
    return False if ours and len(ours) == len(names.split()) else None


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
