"""`python -m stages COMMAND [ITEM]`: what dvc.yaml calls. Slow imports happen only once a command is chosen."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stages import layout
from stages.launch import launch

STAGES = {
    "perform": "Render the built-in corpus of performances (item: arrival folder).",
    "index": "List the clips of a folder of videos; say why a video is refused.",
    "decode": "Decode indexed videos into frame, audio and motion shards.",
    "flow": "Estimate how pictures move, from each frame of a clip to the next.",
    "trajectories": "Carry points along the flow of every clip.",
    "leakage": "Look for videos that are in two splits under two names.",
    "coincidence": "Test whether sound and motion begin together; flag still pictures and foreign sound.",
    "mixes": "Draw the fixed mixes on which models are compared.",
    "train": "Train one model by mix-and-separate (item: model).",
    "baselines": "Score ideal masks and separation without pictures on the fixed mixes.",
    "evaluate": "Score one model on the fixed mixes (item: model).",
    "report": "Gather all scores into one table.",
    "register": "Record a run and a model version in MLflow (item: model).",
}

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_Registered = Annotated[str, typer.Argument(help="Registered model: pixels, ...")]

_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")]

# Without markup mode the square brackets of the docstring stay, and help comes in half the time.
app = typer.Typer(
    no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _command(stage: str) -> Callable[[str | None], None]:
    def command(item: Annotated[str | None, typer.Argument(help="Item of a foreach stage.")] = None) -> None:
        launch(stage, item)

    return command


for _stage, _summary in STAGES.items():
    app.command(_stage, help=_summary)(_command(_stage))


@app.command()
def doctor(as_json: _AsJson = False) -> None:
    """Check this machine; status 1: a problem, 3: no ffmpeg. No stage of dvc.yaml."""
    from stages.doctor import report

    raise typer.Exit(report(as_json=as_json))


@app.command()
def plan(as_json: _AsJson = False) -> None:
    """Say what each stage would do, cost and why, before anything runs. No stage of dvc.yaml."""
    from stages.plan import report

    raise typer.Exit(report(as_json=as_json))


@app.command()
def configure(
    preset: Annotated[str | None, typer.Option(help="Begin with presets/PRESET.yaml; else with params.yaml.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Keep this model, and no other; any number.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="a.b.c=value, as `dvc exp run -S` takes it; any number.")
    ] = None,
) -> None:
    """Write params.yaml: a preset, models, single values; nothing unless all of it is valid. No stage of dvc.yaml."""
    from stages.configure import report

    raise typer.Exit(report(preset=preset, models=model or [], changes=changes or []))


@app.command()
def admit(
    against: Annotated[
        Path | None, typer.Option(help="What an earlier call wrote for the last good run; else drift is not judged.")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Say whether the videos at hand may be trained on; status 3: they may not. No stage of dvc.yaml."""
    from stages.admit import report

    raise typer.Exit(report(against=against, as_json=as_json))


@app.command()
def compare(
    names: Annotated[
        tuple[str, str],
        typer.Argument(
            metavar="FIRST SECOND",
            help="Estimators, as reports/table.txt names them; or versions: pixels@champion pixels/3.",
        ),
    ],
    scores: Annotated[
        list[Path] | None, typer.Option(help=f"{layout.SCORES}, or another; twice: the second's is of another run.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of mix: different2, same2, ...; else all.")] = None,
    as_json: _AsJson = False,
    as_html: Annotated[
        bool, typer.Option("--html", help=f"Of versions: write {layout.COMPARISON}, with clips to listen to.")
    ] = False,
) -> None:
    """Say how much better one estimator, or version, is than another on the same mixes. No stage of dvc.yaml."""
    from stages.compare import of_versions, report, report_versions

    first, second = names
    if of_versions(first, second):
        raise typer.Exit(report_versions(first, second, kind=kind, as_json=as_json, as_html=as_html))
    raise typer.Exit(report(first, second, scores=scores or [layout.SCORES], kind=kind, as_json=as_json))


@app.command()
def agreement(
    model: Annotated[str, typer.Argument(help="A model of this workspace: pixels, ...")],
    kind: Annotated[str | None, typer.Option(help="Kind of test mix: same2, ...; else those of validation.")] = None,
    as_json: _AsJson = False,
) -> None:
    """Say whether a model hears sounds where they are seen to begin. No stage of dvc.yaml."""
    from stages.agreement import report

    raise typer.Exit(report(model, kind=kind, as_json=as_json))


@app.command()
def promote(
    model: _Registered,
    version: Annotated[str | None, typer.Option(help="Its number; else what register.alias names.")] = None,
    despite: Annotated[str | None, typer.Option(help="Your reason to promote it whatever the gate says.")] = None,
    as_json: _AsJson = False,
) -> None:
    """Make a version the champion if it is truly better; status 3: it is not, 4: nobody can tell. No stage."""
    from stages.promote import report

    raise typer.Exit(report(model, version=version, despite=despite, as_json=as_json))


@app.command()
def rescore(
    version: Annotated[str, typer.Argument(help="A version: pixels@champion, pixels/3.")],
    again: Annotated[bool, typer.Option("--again", help="Score it although it was scored on them before.")] = False,
) -> None:
    """Score a registered version on this workspace's mixes, so that others can be held against it. No stage."""
    from stages.rescore import report

    raise typer.Exit(report(version, again=again))


@app.command()
def standings(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models (pixels) or versions (pixels/3, pixels@champion); else all.")
    ] = None,
    as_json: _AsJson = False,
    as_html: Annotated[bool, typer.Option("--html", help=f"Write {layout.STANDINGS} as well.")] = False,
) -> None:
    """List versions with their scores on this workspace's mixes, the best first. No stage of dvc.yaml."""
    from stages.standings import report

    raise typer.Exit(report(names or [], as_json=as_json, as_html=as_html))


@app.command()
def rollback(model: _Registered) -> None:
    """Give the previous champion its place back. No stage of dvc.yaml."""
    from stages.rollback import report

    raise typer.Exit(report(model))


@app.command()
def history(model: _Registered, as_json: _AsJson = False) -> None:
    """List the versions of a model: which was champion when, and why. No stage of dvc.yaml."""
    from stages.history import report

    raise typer.Exit(report(model, as_json=as_json))


@app.command()
def gc(
    keep_days: Annotated[float, typer.Option(min=0, help="Keep what was used within so many days.")] = 30,
    dry_run: _DryRun = False,
    as_json: _AsJson = False,
) -> None:
    """Remove from the store what was not used for long and by no workspace's outs. No stage of dvc.yaml."""
    from stages.gc import report

    raise typer.Exit(report(keep_days=keep_days, dry_run=dry_run, as_json=as_json))


@app.command()
def trim(
    keep_days: Annotated[float, typer.Option(min=0, help="Keep what commits of so many days hold.")] = 30,
    dry_run: _DryRun = False,
    as_json: _AsJson = False,
) -> None:
    """Remove from DVC's cache what no workspace, branch, tag or registered version needs. No stage of dvc.yaml."""
    from stages.trim import report

    raise typer.Exit(report(keep_days=keep_days, dry_run=dry_run, as_json=as_json))


@app.command()
def tidy(
    keep_days: Annotated[float, typer.Option(min=0, help="Leave what is younger; erase what is older.")] = 30,
    dry_run: _DryRun = False,
    as_json: _AsJson = False,
) -> None:
    """Close MLflow's orphaned runs, delete empty ones, empty its bin. No stage of dvc.yaml."""
    from stages.tidy import report

    raise typer.Exit(report(keep_days=keep_days, dry_run=dry_run, as_json=as_json))


@app.command()
def clear(
    keep_days: Annotated[float, typer.Option(min=0, help="Keep what changed within so many days.")] = 14,
    dry_run: _DryRun = False,
    as_json: _AsJson = False,
) -> None:
    """Remove git worktrees of runs that ended. No stage of dvc.yaml."""
    from stages.clear import report

    raise typer.Exit(report(keep_days=keep_days, dry_run=dry_run, as_json=as_json))


@app.command()
def disk(
    low: Annotated[float, typer.Option(help="Share in use from which a disk is to be watched.")] = 0.85,
    high: Annotated[float, typer.Option(help="Share in use from which no run should begin.")] = 0.95,
    as_json: _AsJson = False,
) -> None:
    """Say how full the disks are that a run writes to; status 3: above low, 4: above high. No stage of dvc.yaml."""
    from stages.disk import report

    raise typer.Exit(report(low=low, high=high, as_json=as_json))


@app.command()
def forget(
    video: Annotated[str, typer.Argument(help="A video's id (16 hex digits), or its path.")],
    dry_run: _DryRun = False,
    as_json: _AsJson = False,
) -> None:
    """Remove what was derived from a video; say which models saw it and what is left. No stage of dvc.yaml."""
    from stages.forget import report

    raise typer.Exit(report(video, dry_run=dry_run, as_json=as_json))


@app.command("flow-weights")
def flow_weights(
    preset: Annotated[str, typer.Argument(help="Network: lite, or default, which costs 2.5 times as much.")] = "lite",
    minutes: Annotated[float, typer.Option(min=0, help="Stop after so long; the next call goes on from there.")] = 60,
    until: Annotated[
        int | None, typer.Option(help="Step at which all is done; the rate falls to nothing on the way there.")
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(help="Decoded folder: learn from its frames too, without truth; for some hundred batches."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights to begin from where the folder has no checkpoint; those of lite grow.")
    ] = None,
) -> None:
    """Teach PWC-Net from made-up pairs; each call goes on where the last one stopped. No stage of dvc.yaml."""
    from stages.flow_weights import Wishes, teach

    wishes = Wishes(minutes=minutes, until=until, frames=frames, start=start)
    raise typer.Exit(teach(preset, layout.flow_weights() / preset, wishes))


if __name__ == "__main__":
    app()
