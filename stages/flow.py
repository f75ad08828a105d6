"""Estimates how pictures move: displacements from each frame of a clip to the next, as shards."""

from dataclasses import asdict
from pathlib import Path

from stages import layout
from stages.compute.crew import Share
from stages.compute.pool import make_all
from stages.motion.estimator import deciding, find_origin
from stages.motion.fields import FieldMaker
from stages.params import Clip, Flow, RejectShare
from stages.progress import progress
from stages.shards.flow_jobs import FlowMaker, assemble_flow, flow_summary, most_deaths, plan_flow
from stages.shards.flow_origin import write_origin
from stages.shards.flow_schema import FlowFormat
from stages.shards.reader import ClipReader
from stages.shards.store import Store, source_digest

_MOTION = (
    "consistency",
    "correlation",
    "estimator",
    "fields",
    "grid",
    "layouts",
    "looks",
    "opencv_flow",
    "pwcnet",
    "warp",
    "weights",
)
_SHARDS = ("flow_jobs", "flow_schema", "flow_writer")
CODE = ("flow.py", *(f"motion/{name}.py" for name in _MOTION), *(f"shards/{name}.py" for name in _SHARDS))


def run(clip: Clip, flow: Flow, max_reject_share: RejectShare) -> None:
    """Estimate the flow of all decoded clips, shards side by side -> shards, clips, rejects, manifest, origin."""
    origin = find_origin(flow, layout.WEIGHTS)
    code = source_digest(*(Path(__file__).parent / name for name in CODE))
    jobs = plan_flow(layout.DECODE, ClipReader().clips)
    store, decoded = Store(layout.store().resolve()), layout.DECODE.resolve()
    with store.tidying("flow"), store.workplace("flow", "tries") as tries:
        maker = FlowMaker(
            store=store.root,
            decoded=decoded,
            recipe={"code": code, "origin": asdict(origin), "params": deciding(flow)},
            about=FlowFormat(clip.frame_rate_hz, origin.backend, origin.weights_sha256, origin.weights_licence),
            estimate=FieldMaker(flow, origin, layout.WEIGHTS.resolve()),
            tries=tries,
        )
        share = Share(flow.num_cpus, flow.num_gpus if origin.device == "cuda" else 0.0, (decoded, tries))
        with progress(f"flow: {origin}", total=sum(job.num_pairs for job in jobs), unit="pairs") as meter:
            made = make_all(
                maker, jobs, lambda n: meter.advance(jobs[n].num_pairs), max_deaths=most_deaths(jobs), share=share
            )
    store.note_use("flow", [result.folder for result in made])
    assemble_flow(layout.FLOW, made, max_reject_share)
    write_origin(layout.FLOW_ORIGIN, origin)
    print(f"flow by {origin}: {flow_summary(made)}")
