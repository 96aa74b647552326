"""Which operation is in which lane, how long its bodies are, and what its answers carry."""

from dataclasses import replace

from retain.settings import Settings
from services.gate.gate import LONGEST_SECONDS
from services.gate.lane import Lane
from services.gate.places import Headers, Place, Places
from services.metrics import UNKNOWN_PATH
from services.operations import OPERATIONS

MOST_BYTES = 5_000_000
"""Of a body that may hold a thousand events."""
MOST_BYTES_OF_IDS = 2_000_000
"""Of a body that may hold a thousand ids, each written in escapes."""
MOST_BYTES_OF_ONE = 262_144
_EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_DATA: Headers = (*_EVERYWHERE, (b"cache-control", b"no-store"))
_PAGE: Headers = (
    *_EVERYWHERE,
    (b"x-frame-options", b"DENY"),
    # Swagger UI styles its parts from its script and draws its icons from data
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            b"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
            b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
    ),
)
_SAFE = "it may have been taken or not: send the same again with the same ids, nothing counts twice"
_KEYED = (
    "a decision may have been reserved or not: with an Idempotency-Key, the same request is "
    "answered with the same decision"
)
_LEASED = "what was handed out comes again when its lease is over"
_A_FEW = 16
_YIELDING = 0.6
"""How much of the loop's backlog is room for what can come a little later."""


def places(settings: Settings) -> tuple[Places, tuple[Lane, ...]]:
    """Every operation's place, and the lanes they are in."""
    seconds, most = settings.timeout_ms / 1_000, settings.in_flight
    first = settings.backlog_ms / 1_000
    later = first * _YIELDING
    predict = Lane("predict", most=most, seconds=seconds)
    rank = Lane("rank", most=most, seconds=seconds)
    # these wait for the disk, and for the online features where they are told to
    events = Lane("events", most=most, seconds=min(2 * seconds, LONGEST_SECONDS))
    other = Lane("other", most=most, seconds=seconds)
    probes = Lane("probes", most=None, seconds=seconds)
    known = [
        Place("/predict", predict, MOST_BYTES_OF_IDS, _DATA, behind=first, least=_A_FEW),
        Place("/rank", rank, MOST_BYTES_OF_ONE, _DATA, late=_KEYED, behind=first, least=_A_FEW),
        Place("/events", events, MOST_BYTES, _DATA, late=_SAFE, behind=later, least=_A_FEW),
        Place("/feedback", other, MOST_BYTES, _DATA, late=_SAFE, behind=later),
        Place("/deliveries", other, MOST_BYTES_OF_ONE, _DATA, late=_LEASED, behind=later),
        *(
            Place(path, other, MOST_BYTES_OF_IDS, _DATA, late=_SAFE, behind=later)
            for path in ("/deliveries/{delivery_id}/ack", "/deliveries/ack")
        ),
        *(
            Place(path, probes, MOST_BYTES_OF_ONE, _DATA)
            for path in ("/livez", "/readyz", "/metrics")
        ),
        *(Place(path, probes, MOST_BYTES_OF_ONE, _PAGE) for path in ("/docs", "/docs.json")),
    ]
    by_route = {place.route: place for place in known}
    of_others = Place("", other, MOST_BYTES_OF_ONE, _DATA, behind=later)
    listed = [
        (one.method, by_route.get(one.path, replace(of_others, route=one.path)))
        for one in OPERATIONS
    ]
    hidden = [
        ("GET", Place(path, probes, MOST_BYTES_OF_ONE, _EVERYWHERE))
        for path in ("/", "/static_content/{name}")
    ]
    elsewhere = replace(of_others, route=UNKNOWN_PATH)
    return Places([*listed, *hidden], elsewhere), (predict, rank, events, other, probes)
