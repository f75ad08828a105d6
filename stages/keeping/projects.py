"""Git worktrees of this repository, and the DVC projects that share one cache."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


class ProjectError(ValueError):
    """Git or DVC refused."""


@dataclass(frozen=True, slots=True)
class Worktree:
    """One checkout; `locked`: somebody told git to keep it."""

    path: Path
    locked: bool


def worktrees() -> list[Worktree]:
    """All worktrees of the repository that this process is in, the main one first; none outside git."""
    said = called("git", "worktree", "list", "--porcelain")
    found: list[Worktree] = []
    for block in said.split("\n\n"):
        lines = block.splitlines()
        if lines:
            locked = any(line == "locked" or line.startswith("locked ") for line in lines)
            found.append(Worktree(Path(lines[0].removeprefix("worktree ")), locked))
    return found


def cache_folder() -> Path:
    """DVC's cache of this workspace."""
    return Path(called("dvc", "cache", "dir").strip())


def called(*command: str) -> str:
    """What a command prints; `ProjectError` with what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProjectError(
            f"`{' '.join(command[:3])}` ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    return done.stdout
