"""Draws flow in colours and trajectories over frames. Run by hand.

python -m infra.motion_sheet docs/motion-performances.jpg
python -m infra.motion_sheet docs/motion-film.jpg VIDEO START_S START_S ...

The first draws performances of three instruments, each in its liveliest half second, with the true flow beside the
estimated one; the second a video of one's own, from each given time on. Flow and what is believed of it come from the
code of the stage `flow`, as `params.yaml` has it, trajectories from that of the stage `trajectories`.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
import skia
import torch
from numpy.typing import NDArray
from torch import Tensor

from infra.flow_colours import colours, wheel
from stages import layout
from stages.media.clips import decode_clips
from stages.media.clock import Window
from stages.media.source import open_source
from stages.motion.consistency import inside, leads_home
from stages.motion.estimator import build, find_origin
from stages.motion.grid import expand
from stages.motion.trajectories import Size, Tracks, follow
from stages.params import Params, read
from stages.performances.film import cast, film, perform
from stages.performances.take import Staging, Take
from stages.performances.truth import CELL_PX, displace, entry_affines, part_ids
from stages.shards.trajectory_schema import starts_px

HEIGHT_PX, RATE_HZ, STEPS = 300, 24, 12
GRID_PX, STILL_PX = 6, 2.0  # points that go less far are drawn as faint dots
INSTRUMENTS = ("violin", "cello", "xylophone")
DURATION_S = 4.0
GAP_PX, HEAD_PX, WHEEL_PX = 8, 34, 62
PAPER, INK, FAINT = 0xFFFFFFFF, 0xFF1D2F45, 0x66FFFFFF
LOST, DOUBTED = 0xC0FF4D4D, np.uint8(198)
EARLY, LATE = np.array([58, 134, 255]), np.array([255, 214, 10])
PLAIN = Staging(shifted=False, silent=None, distracted=False, idle=0.0, offset_ms=0.0, jitter_ms=0.0)

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Stretch:
    """Some frames of a film, and how what they show truly moves, where that is known."""

    frames: Tensor  # (STEPS + 1, 3, H, W), RGB in [0, 1]
    truth: Tensor | None  # (STEPS, 2, H, W), px


@dataclass(frozen=True)
class Scene:
    """A row of the sheet: a stretch, with what was found in it."""

    frames: Tensor  # (STEPS + 1, 3, H, W), RGB in [0, 1]
    truth: Tensor | None  # (STEPS, 2, H, W), px
    flow: Tensor  # (STEPS, 2, H, W), px
    valid: Tensor  # (STEPS, H, W), bool
    starts: NDArray[np.float32]  # (2, P, Q)
    tracks: Tracks

    @property
    def known(self) -> Tensor:
        """The truth, or else what is believed of the estimate."""
        return self.flow * self.valid[:, None] if self.truth is None else self.truth

    @property
    def step(self) -> int:
        """The step in which most moves."""
        return int(self.known.norm(dim=1).mean(dim=(1, 2)).argmax())

    @property
    def full_px(self) -> float:
        """The speed shown in the full colour: little is faster."""
        speeds = self.known[self.step].norm(dim=0).flatten().sort().values
        return max(1.0, math.ceil(float(speeds[int(0.997 * len(speeds))])))


def main(arguments: Sequence[str]) -> None:
    """Write the sheet that the command line asks for."""
    path, *video = arguments
    params = read(Path("params.yaml"))
    stretches = filmed(Path(video[0]), [float(start) for start in video[1:]], params) if video else performed(params)
    save(Path(path), draw([scene(stretch, params) for stretch in stretches]))


def performed(params: Params) -> list[Stretch]:
    """The liveliest stretch of a solo of each instrument."""
    return [liveliest(*rendered(instrument, params)) for instrument in INSTRUMENTS]


def rendered(instrument: str, params: Params) -> tuple[Tensor, Tensor]:
    """All frames of a take, (T, 3, H, W), and their true flow, (T - 1, 2, H, W)."""
    take = Take(
        seed=params.perform.seed,
        arrival="sheet",
        instruments=(instrument,),
        number=2,
        staging=PLAIN,
        duration_s=DURATION_S,
        frame_rate_hz=RATE_HZ,
        side_px=HEIGHT_PX,
    )
    performance = perform(take)
    drawn = cast(performance)
    ids, affines = part_ids(performance, drawn), entry_affines(drawn)
    rows, columns = np.indices(ids.shape[1:])
    x, y = np.asarray((columns + 0.5) * CELL_PX), np.asarray((rows + 0.5) * CELL_PX)
    steps = [np.stack(displace(affines, step, (x, y), ids[step])) - (x, y) for step in range(len(ids) - 1)]
    flow = torch.from_numpy(np.stack(steps)).float()
    full = flow.repeat_interleave(CELL_PX, 2).repeat_interleave(CELL_PX, 3)
    return as_tensor(list(film(performance, drawn))), full


def liveliest(frames: Tensor, truth: Tensor) -> Stretch:
    """The STEPS + 1 frames in which most moves."""
    speed = truth.norm(dim=1).mean(dim=(1, 2))
    start = int(speed.unfold(0, STEPS, 1).sum(dim=1).argmax())
    return Stretch(frames[start : start + STEPS + 1], truth[start : start + STEPS])


def filmed(video: Path, starts_s: Sequence[float], params: Params) -> list[Stretch]:
    """Stretches of a video, decoded as the stage `decode` does, at the sheet's size and rate."""
    clip = params.clip.model_copy(update={"frame_rate_hz": RATE_HZ, "frame_side_px": HEIGHT_PX})
    with open_source(video) as source:
        video_id = source.video_id
    windows = [Window(0, 1, round(start_s * RATE_HZ), STEPS + 1) for start_s in starts_s]
    cuts = list(decode_clips(video, windows, video_id=video_id, clip=clip, decode=params.decode))
    shown = [[simplejpeg.decode_jpeg(frame) for frame in cut.frames] for cut in cuts if cut is not None]
    return [Stretch(as_tensor(frames), truth=None) for frames in shown]


def as_tensor(frames: Sequence[Picture]) -> Tensor:
    """RGB in [0, 1], (T, 3, H, W)."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def scene(stretch: Stretch, params: Params) -> Scene:
    """Estimate flow, doubt it, follow a grid of points."""
    frames = stretch.frames
    size, doubts = Size(*frames.shape[-2:]), params.flow.consistency
    estimate = build(params.flow, find_origin(params.flow, layout.WEIGHTS), layout.WEIGHTS)
    flow, back = estimate(frames[:-1], frames[1:]), estimate(frames[1:], frames[:-1])
    home = leads_home(flow, back, relative=doubts.relative, absolute_px2=doubts.absolute_px2)
    valid = home & inside(flow, size.height, size.width)
    starts = starts_px(size.height, size.width, GRID_PX)
    min_valid = params.trajectories.min_valid or 0.0
    tracks = follow(flow[None], torch.from_numpy(starts), size, valid=valid[None].float(), min_valid=min_valid)
    full = expand(flow, size.height, size.width)
    believed = expand(valid.float(), size.height, size.width) > 0.5
    return Scene(frames, stretch.truth, full, believed, starts, tracks)


def draw(scenes: Sequence[Scene]) -> skia.Image:
    """Rows of pictures below a head with their titles."""
    columns = [column for column in COLUMNS if column is not TRUTH or scenes[0].truth is not None]
    height, width = scenes[0].frames.shape[-2:]
    surface = skia.Surface(len(columns) * (width + GAP_PX) + GAP_PX, HEAD_PX + GAP_PX + len(scenes) * (height + GAP_PX))
    with surface as canvas:
        canvas.clear(PAPER)
        for number, (title, show) in enumerate(columns):
            left = GAP_PX + number * (width + GAP_PX)
            write(canvas, title, left, HEAD_PX - 8, size_px=15)
            for row, one in enumerate(scenes):
                canvas.save()
                canvas.translate(left, HEAD_PX + GAP_PX + row * (height + GAP_PX))
                canvas.clipRect(skia.Rect.MakeWH(width, height))
                show(canvas, one)
                canvas.restore()
    return surface.makeImageSnapshot()


def show_frame(canvas: skia.Canvas, one: Scene) -> None:
    """The stretch's last frame, where the trajectories end."""
    canvas.drawImage(image(picture(one.frames[-1])), 0, 0)


def show_truth(canvas: skia.Canvas, one: Scene) -> None:
    """How everything truly moves in the liveliest step."""
    show_field(canvas, colours(one.known[one.step].numpy(), one.full_px), one.full_px)


def show_flow(canvas: skia.Canvas, one: Scene) -> None:
    """The estimate of the same, grey where it is not believed."""
    shown = colours(one.flow[one.step].numpy(), one.full_px)
    show_field(canvas, np.where(one.valid[one.step].numpy()[..., None], shown, DOUBTED), one.full_px)


def show_field(canvas: skia.Canvas, shown: Picture, full_px: float) -> None:
    """Flow in colours, and the wheel that explains them."""
    canvas.drawImage(image(shown), 0, 0)
    left, top = shown.shape[1] - WHEEL_PX - 10, 10
    canvas.drawCircle(left + WHEEL_PX / 2, top + WHEEL_PX / 2, WHEEL_PX / 2 + 1, skia.Paint(Color=INK, AntiAlias=True))
    canvas.drawImage(skia.Image.fromarray(wheel(WHEEL_PX), colorType=skia.kRGBA_8888_ColorType), left, top)
    write(canvas, f"rim: {full_px:g} px", left - 4, top + WHEEL_PX + 16, size_px=12)


def show_tracks(canvas: skia.Canvas, one: Scene) -> None:
    """Ways of the points over the last frame, dimmed: blue where they begin, yellow where they are now."""
    grey = one.frames[-1].mean(dim=0, keepdim=True).expand(3, -1, -1)
    canvas.drawImage(image(picture(0.12 + 0.42 * grey)), 0, 0)
    ways = np.concatenate([one.starts[None], one.starts + one.tracks.offsets[0].numpy()]) + 0.5
    gone = one.tracks.lost[0, -1].numpy()
    for row, column in np.ndindex(gone.shape):
        way = ways[:, :, row, column]
        if np.ptp(way, axis=0).max() >= STILL_PX:
            draw_way(canvas, way)
        dot = LOST if gone[row, column] else FAINT
        canvas.drawCircle(*way[-1].tolist(), 1.1 if gone[row, column] else 0.6, skia.Paint(Color=dot, AntiAlias=True))


def draw_way(canvas: skia.Canvas, way: NDArray[np.float32]) -> None:
    """A line that changes its colour with time."""
    for step in range(STEPS):
        share = (step + 0.5) / STEPS
        red, green, blue = ((1 - share) * EARLY + share * LATE).round().astype(int).tolist()
        paint = skia.Paint(Color=skia.Color(red, green, blue), AntiAlias=True, StrokeWidth=1.7)
        canvas.drawLine(*way[step].tolist(), *way[step + 1].tolist(), paint)


def write(canvas: skia.Canvas, text: str, x: float, y: float, *, size_px: float) -> None:
    """A line of text whose base line begins at (x, y)."""
    font = skia.Font(skia.Typeface("DejaVu Sans"), size_px)
    canvas.drawString(text, x, y, font, skia.Paint(Color=INK, AntiAlias=True))


def picture(frame: Tensor) -> Picture:
    """(3, H, W) in [0, 1] -> uint8 (H, W, 3)."""
    return (frame.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def image(rgb: Picture) -> skia.Image:
    """Opaque."""
    opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    return skia.Image.fromarray(np.concatenate([rgb, opaque], 2), colorType=skia.kRGBA_8888_ColorType)


TRUTH = ("true flow in one step", show_truth)
COLUMNS = (
    ("frame", show_frame),
    TRUTH,
    ("estimated flow (grey: not believed)", show_flow),
    (f"{STEPS} steps, blue to yellow; red: lost", show_tracks),
)


def save(path: Path, sheet: skia.Image) -> None:
    """PNG, or JPEG where the name asks for it."""
    if path.suffix == ".jpg":
        sheet.save(str(path), skia.kJPEG, 88)
    else:
        sheet.save(str(path), skia.kPNG)


if __name__ == "__main__":
    main(sys.argv[1:])
