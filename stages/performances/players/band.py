"""All instruments by their name in params.yaml."""

from stages.performances.players.accordion import ACCORDION
from stages.performances.players.acoustic_guitar import ACOUSTIC_GUITAR
from stages.performances.players.cello import CELLO
from stages.performances.players.clarinet import CLARINET
from stages.performances.players.flute import FLUTE
from stages.performances.players.instrument import Instrument
from stages.performances.players.saxophone import SAXOPHONE
from stages.performances.players.trumpet import TRUMPET
from stages.performances.players.tuba import TUBA
from stages.performances.players.violin import VIOLIN
from stages.performances.players.xylophone import XYLOPHONE

BAND: dict[str, Instrument] = {
    "violin": VIOLIN,
    "acoustic_guitar": ACOUSTIC_GUITAR,
    "xylophone": XYLOPHONE,
    "trumpet": TRUMPET,
    "cello": CELLO,
    "accordion": ACCORDION,
    "tuba": TUBA,
    "flute": FLUTE,
    "clarinet": CLARINET,
    "saxophone": SAXOPHONE,
}


def instrument(name: str) -> Instrument:
    """The instrument called `name`; ValueError lists those that exist."""
    if name not in BAND:
        raise ValueError(
            f"params.yaml: perform.instruments: {name!r} cannot be played; there are {', '.join(sorted(BAND))}"
        )
    return BAND[name]
