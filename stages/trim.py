"""What DVC's cache may lose: outs that no workspace, branch, tag or registered version needs."""

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from stages import layout
from stages.keeping.trimming import trim
from stages.tracking.server import Client, TrackingError, connect, has_records
from stages.tracking.versions import files_of, named

_GB = 1e9
_LOCKED = "Unable to acquire lock"  # how DVC says that it works in one of the workspaces


def report(*, keep_days: float, dry_run: bool, as_json: bool) -> int:
    """Trim the cache, or only say what that would do; the exit status.

    Returns:
        os.EX_TEMPFAIL (75): MLflow is away, or DVC is at work just now.
    """
    try:
        locks = locks_of_versions(connect()) if has_records() else {}
        since = (datetime.now(UTC) - timedelta(days=keep_days)).date()
        trimmed = trim(layout.store(), locks, since=since, dry_run=dry_run)
    except (ValueError, OSError) as error:
        print(f"trim: {error}; nothing was removed", file=sys.stderr)
        return os.EX_TEMPFAIL if isinstance(error, TrackingError) or _LOCKED in str(error) else 1
    if as_json:
        print(json.dumps({"dry_run": dry_run, **asdict(trimmed), "cache": str(trimmed.cache)}, indent=2))
    else:
        freed = f"{trimmed.num_objects} objects, {trimmed.freed_bytes / _GB:.3f} GB"
        print(f"{trimmed.cache}: {'would free' if dry_run else 'freed'} {freed}")
        print("kept besides: what is needed by", *(f"  {who}" for who in trimmed.kept_for), sep="\n")
    return 0


def locks_of_versions(client: Client) -> dict[str, bytes]:
    """The dvc.lock of every registered version, its hash checked; a version that was made without DVC has none."""
    name = layout.LOCK.name
    found: dict[str, bytes] = {}
    for version in named(client, []):
        if "dvc_lock" in version.tags:
            with files_of(client, version, [name]) as folder:
                found[version.address] = (folder / name).read_bytes()
    return found
