"""Files that are whole or absent: temporary name, fsync, rename; and their sha256."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(OSError):
    """A disk has no room for a file; whatever stood under the file's name is as it was."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is fsynced and renamed to `path`, else removed.

    Its name is the same each time, so a rerun uses what a killed writer left; a second living writer waits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    descriptor = _claim(temporary)
    try:
        with naming_a_full_disk(path, lambda: os.fstat(descriptor).st_size):
            yield temporary
            sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
        sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _claim(temporary: Path) -> int:
    """Descriptor of an empty file that is locked by this process and still bears its name."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), temporary.stat()):
                os.ftruncate(descriptor, 0)
                return descriptor
        os.close(descriptor)  # whoever had it has renamed or removed it meanwhile


@contextmanager
def naming_a_full_disk(path: Path, num_written: Callable[[], int]) -> Iterator[None]:
    """Turn whatever a library says of a full disk into a `DiskFullError` on `path`.

    Args:
        path: What is being written.
        num_written: Tells how many bytes of it had been written when the disk was full.
    """
    try:
        yield
    except Exception as error:  # safetensors has an error of its own
        if not isinstance(error, DiskFullError) and _tells_of_a_full_disk(error):
            raise _disk_full(path, num_written() + 1, "more than ") from error
        raise


def check_room(path: Path, num_bytes: int) -> None:
    """`DiskFullError` unless the disk of `path`, which need not exist, has room for so many bytes."""
    if num_bytes > shutil.disk_usage(path.parent).free:
        raise _disk_full(path, num_bytes, "")


def _disk_full(path: Path, num_bytes: int, about: str) -> DiskFullError:
    free_bytes = shutil.disk_usage(path.parent).free
    return DiskFullError(
        errno.ENOSPC,
        f"{path}: the disk is full: {about}{num_bytes} bytes are needed, {free_bytes} are free in {path.parent}; "
        f"make room and run it again, what is finished stays",
    )


def _tells_of_a_full_disk(error: Exception) -> bool:
    return getattr(error, "errno", None) in _FULL or os.strerror(errno.ENOSPC) in str(error)


def write_json(path: Path, content: Any) -> None:
    """Write sorted, indented JSON, whole or not at all; NaN is refused because JSON has none."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Content of a JSON file; a ValueError that names it where it holds none."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON ({error}): damaged; remove it and run `dvc repro`") from error


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file's bytes; `target` appears whole or not at all."""
    check_room(target, source.stat().st_size)
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_json(content: Any) -> str:
    """Hex digest of a JSON value, equal for equal values whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
