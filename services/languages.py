"""The language an answer's words are in, of those Retain speaks."""

from retain.reasons.words import LANGUAGES, Language

DEFAULT: Language = "en"


def preferred(accepted: str | None) -> Language | None:
    """The language an ``Accept-Language`` header likes best, or None where it names none of ours.

    Regions are ignored and equal weights keep their order (RFC 9110, 12.5.4); what cannot be read
    counts for nothing.
    """
    best: Language | None = None
    highest = 0.0
    for part in (accepted or "").split(","):
        tag, _, parameters = part.strip().lower().partition(";")
        known = next((one for one in LANGUAGES if one == tag.partition("-")[0].strip()), None)
        weight = _weight(parameters)
        if known is not None and weight > highest:
            best, highest = known, weight
    return best


def headers(language: Language | None, *, negotiated: bool) -> dict[str, str]:
    """What an answer says of its language (RFC 9110, 8.5 and 12.5.5).

    ``negotiated`` where the request's body named none: another ``Accept-Language`` may then have
    brought other words.
    """
    found: dict[str, str] = {"Content-Language": language or DEFAULT}
    if negotiated:
        found["Vary"] = "Accept-Language"
    return found


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
