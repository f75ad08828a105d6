"""Stage `register`: record a model with its scores in MLflow, as a run and as a version of a registered model."""

from typing import Annotated

from stages import layout
from stages.params import At, Clip, Evaluate, Model, Register, Spectrogram, Train
from stages.shards.files import sha256_json, write_json
from stages.tracking.evidence import Evidence
from stages.tracking.provenance import circumstances, flow_tags, licences, made_of
from stages.tracking.registry import Record, find_or_publish, point
from stages.tracking.server import connect, how_to_look, public_address


def run(  # noqa: PLR0913, PLR0917 - all sections that decide a model stand in its record
    name: str,
    clip: Clip,
    spectrogram: Spectrogram,
    model: Annotated[Model, At("models.{item}")],
    train: Train,
    evaluate: Evaluate,
    register: Register,
) -> None:
    """Make sure that the registry holds a version of what was trained and scored, and point `register.alias` to it.

    Weights, params, data, mixes and scores name a version: registering the same again finds it. How many examples it
    carries, under which commit it was made and which alias it got do not.
    """
    sections = {"clip": clip, "spectrogram": spectrogram, "model": model, "train": train, "evaluate": evaluate}
    params = {section: value.model_dump(mode="json") for section, value in sections.items()}
    hashes = made_of(name)
    inputs = sha256_json({"name": name, "params": params, **hashes})
    record = Record(
        name=name,
        inputs=inputs,
        tags={**hashes, **circumstances(), **licences(name), **flow_tags(), "seed": str(train.seed)},
        params={**params, "register": register.model_dump(mode="json")},
        evidence=Evidence(name, num_examples=register.examples, mask=evaluate.mask),
    )
    client = connect()
    version = find_or_publish(client, record)
    point(client, name, register.alias, version)
    receipt = {"model": name, "version": version, "alias": register.alias, "inputs": inputs, **hashes}
    write_json(layout.receipt(name), receipt)
    print(f"registered {name} version {version}, alias {register.alias}, at {public_address()}")
    print(f"to look at it: {how_to_look()}")
