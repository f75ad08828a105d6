"""Stage `register`: record a model with its scores in MLflow, as a run and as a version of a registered model."""

from typing import Annotated

from stages import layout
from stages.judging.assessment import assess
from stages.params import At, Clip, Evaluate, Register, Spectrogram, Train
from stages.separators import Model
from stages.shards.files import sha256_json, write_json
from stages.tracking.evidence import Evidence
from stages.tracking.provenance import circumstances, flow_tags, left_out, licences, made_of
from stages.tracking.registry import Record, find_or_publish, point
from stages.tracking.server import connect, how_to_look, public_address
from stages.tracking.versions import find


def run(  # noqa: PLR0913, PLR0917 - all sections that decide a model stand in its record
    name: str,
    clip: Clip,
    spectrogram: Spectrogram,
    model: Annotated[Model, At("models.{item}")],
    train: Train,
    evaluate: Evaluate,
    register: Register,
) -> None:
    """Make sure that the registry holds a version of what was trained and scored; name and judge it.

    Weights, params, data, mixes and scores name a version: registering the same again finds it. How many examples it
    carries, under which commit it was made, which alias it got and how the gate judged it do not.
    """
    sections = {"clip": clip, "spectrogram": spectrogram, "model": model, "train": train.of(name), "evaluate": evaluate}
    params = {section: value.model_dump(mode="json") for section, value in sections.items()}
    hashes = made_of(name)
    inputs = sha256_json({"name": name, "params": params, **hashes})
    record = Record(
        name=name,
        inputs=inputs,
        tags={**hashes, **circumstances(), **licences(name), **left_out(name), **flow_tags(), "seed": str(train.seed)},
        params={**params, "register": register.model_dump(mode="json")},
        evidence=Evidence(name, num_examples=register.examples, mask=evaluate.mask),
    )
    client = connect()
    version = find_or_publish(client, record)
    point(client, name, register.alias, version)
    verdict = assess(client, find(client, f"{name}/{version}"), register.gate)
    receipt = {"model": name, "version": version, "alias": register.alias, "inputs": inputs, **hashes}
    write_json(layout.receipt(name), receipt)
    print(f"registered {name} version {version}, alias {register.alias}, at {public_address()}")
    print(f"{verdict.outcome}: {'; '.join(verdict.reasons)}")
    print(f"to look at it: {how_to_look()}")
