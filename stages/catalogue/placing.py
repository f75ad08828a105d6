"""What a file's name and folder say of it before it is opened: label, licence, and by lists whether it is wanted."""

from collections.abc import Sequence

from stages.catalogue.availability import Availability, availability
from stages.catalogue.licences import licence_of
from stages.catalogue.matching import Catalogue, Listed
from stages.media.listing import arrival_of, label_of
from stages.params import Index
from stages.shards.census import Place
from stages.shards.schema import ClipRow, Split
from stages.shards.splits import split_of, train_or_validation


def place_of(path: str, catalogue: Catalogue, index: Index) -> Place | None:
    """Place of a file; None where lists are given and none names it. Built-in videos need no list."""
    arrival, licence = arrival_of(path), licence_of(path, index.licences)
    if not index.lists or arrival in index.builtin:
        return Place(path, arrival, label_of(path), licence, split=None)
    listed = catalogue.find(path)
    if listed is None:
        return None
    return Place(path, arrival, listed.label, licence, split=_split(listed, arrival, catalogue, index))


def account(catalogue: Catalogue, places: Sequence[Place], clips: Sequence[ClipRow]) -> list[Availability]:
    """How many of the listed videos have a file, and how many of these give clips."""
    taken = {clip.path for clip in clips}
    found = [(place.path in taken, catalogue.find(place.path)) for place in places]
    present = {entry for _, listed in found if listed for entry in listed.entries}
    used = {entry for is_taken, listed in found if is_taken and listed for entry in listed.entries}
    return availability(catalogue.entries, present, used)


def _split(listed: Listed, arrival: str, catalogue: Catalogue, index: Index) -> Split:
    """As listed, or by the hash of the id: all segments and all downloads of a video then go together."""
    if listed.split is None or arrival in index.shifted:
        return split_of(listed.youtube_id, arrival, index)
    if listed.split == "train" and not catalogue.has_validation:
        return train_or_validation(listed.youtube_id, index)
    return listed.split
