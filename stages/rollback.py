"""Gives the previous champion of a model its place back."""

from stages.tracking.server import connect
from stages.tracking.versions import PREVIOUS, find_alias, load_version, rollback


def report(model: str) -> int:
    """Roll back, in one step; the exit status. The one that had to go is marked and never promoted again unattended."""
    try:
        client = connect()
        if (previous := find_alias(client, model, PREVIOUS)) is not None:
            load_version(client, previous)  # a damaged one must not come back
        gone, back = rollback(client, model)
    except ValueError as error:
        print(f"rollback: {error}")
        return 1
    print(f"{back.address} is the champion again; {gone.address} is marked as rolled back")
    return 0
