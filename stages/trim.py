"""What DVC's cache may lose: outs that no workspace, branch, tag or registered version needs."""

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from stages import layout
from stages.keeping.projects import cache_folder
from stages.keeping.trimming import AtWorkError, Trimmed, trim
from stages.tracking.server import Client, TrackingError, connect, has_records
from stages.tracking.versions import files_of, named

_GB = 1e9
_LOCKED = "Unable to acquire lock"  # how DVC says that it works in one of the workspaces


def report(*, keep_days: float, dry_run: bool, as_json: bool) -> int:
    """Trim the cache, or only say what that would do; the exit status.

    Returns:
        3: nothing was removed since another workspace is at work; os.EX_TEMPFAIL (75): MLflow is away, or DVC holds
        this workspace's lock.
    """
    kept_because = ""
    try:
        oldest = datetime.now(UTC) - timedelta(days=keep_days)
        versions = locks_of_versions(connect()) if has_records() else {}
        locks, since = {**versions, **locks_of_runs(oldest.timestamp())}, oldest.date()
        try:
            trimmed = trim(layout.store(), locks, since=since, dry_run=dry_run)
        except AtWorkError as error:
            kept_because = str(error)
            trimmed = Trimmed(cache_folder(), 0, 0, ())
    except (ValueError, OSError) as error:
        print(f"trim: {error}; nothing was removed", file=sys.stderr)
        return os.EX_TEMPFAIL if isinstance(error, TrackingError) or _LOCKED in str(error) else 1
    if as_json:
        content = {"dry_run": dry_run, "kept_because": kept_because, **asdict(trimmed), "cache": str(trimmed.cache)}
        print(json.dumps(content, indent=2))
    else:
        freed = f"{trimmed.num_objects} objects, {trimmed.freed_bytes / _GB:.3f} GB"
        print(f"{trimmed.cache}: {'would free' if dry_run else 'freed'} {freed}")
        print(kept_because or "kept besides: what is needed by", *(f"  {who}" for who in trimmed.kept_for), sep="\n")
    return 3 if kept_because else 0


def locks_of_versions(client: Client) -> dict[str, bytes]:
    """The dvc.lock of every registered version, its hash checked; a version that was made without DVC has none."""
    name = layout.LOCK.name
    found: dict[str, bytes] = {}
    for version in named(client, []):
        if "dvc_lock" in version.tags:
            with files_of(client, version, [name]) as folder:
                found[version.address] = (folder / name).read_bytes()
    return found


def locks_of_runs(oldest_s: float) -> dict[str, bytes]:
    """The dvc.lock that was kept of each run since a moment (Unix time), and of the last good one however old."""
    records, good = layout.runs() / "records", layout.runs() / "good"
    young = [path for path in sorted(records.glob(f"*/{layout.LOCK}")) if path.stat().st_mtime >= oldest_s]
    last = [good.resolve() / layout.LOCK] if (good / layout.LOCK).is_file() else []
    return {f"run {path.parent.name}": path.read_bytes() for path in (*young, *last)}
