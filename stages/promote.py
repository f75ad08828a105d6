"""Makes the candidate of a model its champion if the gate lets it through."""

import json
from dataclasses import asdict

from stages import layout
from stages.exits import status_of
from stages.judging.assessment import assess
from stages.params import read
from stages.tracking.server import connect
from stages.tracking.versions import CHAMPION, find, load_version, promote

_STATUS = {"promote": 0, "rejected": 3, "inconclusive": 4}


def report(model: str, *, version: str | None, despite: str | None, as_json: bool) -> int:
    """Judge a version anew and promote it, or say why not; 0: it is champion now, 3: rejected, 4: inconclusive,
    75: MLflow does not answer.

    Args:
        model: Its registered model.
        version: Its number; None: whatever `register.alias` names.
        despite: A person's reason to promote whatever the gate says.
        as_json: Print JSON.
    """
    try:
        register = read(layout.PARAMS).register_
        client = connect()
        challenger = find(client, f"{model}/{version}" if version else f"{model}@{register.alias}")
        if CHAMPION in challenger.aliases:
            return _say({"version": challenger.address, "outcome": "promote", "reasons": ["is the champion"]}, as_json)
        load_version(client, challenger)  # what cannot be served is no champion
        verdict = assess(client, challenger, register.gate)
        if verdict.outcome == "promote" or despite is not None:
            promote(client, challenger, despite=None if verdict.outcome == "promote" else despite)
            _say({"version": challenger.address, **asdict(verdict), "outcome": "promote"}, as_json)
            return 0
    except ValueError as error:
        print(f"promote: {error}")
        return status_of(error)
    _say({"version": challenger.address, **asdict(verdict)}, as_json)
    return _STATUS[verdict.outcome]


def _say(found: dict[str, object], as_json: bool) -> int:
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        done = {"promote": "is the champion"}.get(str(found["outcome"]), f"was not promoted: {found['outcome']}")
        print("\n".join([f"{found['version']} {done}", *(f"  {reason}" for reason in found["reasons"])]))  # pyright: ignore
    return 0
