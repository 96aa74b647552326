"""Each event type's own numbers: how much of it is missing, its range, and how far it moved."""

import numpy as np

from retain.quality.drift import Shift, shifts
from retain.quality.event_source import Events, rows
from retain.quality.findings import Findings, Sample
from retain.quality.profile import Profile, number_profile_of
from retain.vocabulary import vocabulary

ROWS = 200_000


def findings(events: Events) -> Findings:
    """Samples only: what is wrong with a number is judged by its own rule.

    Reads the relation ``lately`` of :func:`retain.quality.values.prepare`, of which a sample
    of :data:`ROWS` values. Drift is that of the recent days against the days before.
    """
    return Findings(samples=(*_null_rates(events), *_numbers(events)))


def _null_rates(events: Events) -> list[Sample]:
    """Of the properties a type's events do carry, the mean share that is missing now."""
    return [
        Sample("retain_event_null_rate", {"type": event_type}, float(rate))
        for event_type, rate in rows(events, _MISSING)
        if event_type in vocabulary().types and rate is not None
    ]


def _numbers(events: Events) -> list[Sample]:
    query = " UNION ALL ".join(
        f"SELECT type, '{name}' AS name, recent, "
        f"TRY_CAST(properties->>'{name}' AS DOUBLE) AS value "
        f"FROM lately WHERE type IN ({', '.join(types)})"
        for name, types in _numeric().items()
    )
    found = events.sql(
        f"SELECT type || '.' || name AS subject, recent, value FROM ({query}) "
        f"WHERE isfinite(value) USING SAMPLE reservoir({ROWS} ROWS) REPEATABLE (7)"
    ).fetchnumpy()
    subjects, of = np.unique(np.asarray(found["subject"]).astype(str), return_inverse=True)
    recent = np.asarray(found["recent"]).astype(bool)
    values = np.asarray(found["value"]).astype(np.float64)
    samples: list[Sample] = []
    for at, subject in enumerate(subjects.tolist()):
        now, before = values[(of == at) & recent], values[(of == at) & ~recent]
        event_type, name = subject.split(".", 1)
        labels = {"type": event_type, "property": name}
        if len(now):
            samples += [
                Sample("retain_event_minimum", labels, float(now.min())),
                Sample("retain_event_median", labels, float(np.median(now))),
                Sample("retain_event_maximum", labels, float(now.max())),
            ]
        if shift := _shift(subject, before, now):
            # what chance reaches in samples of this size is no drift
            psi = shift.psi if shift.psi > shift.noise else 0.0
            samples.append(Sample("retain_event_psi", labels, psi))
    return samples


def _shift(subject: str, before: np.ndarray, now: np.ndarray) -> Shift | None:
    if not len(before) or not len(now):
        return None
    past = number_profile_of(before)
    return shifts(
        Profile(rows=len(before), numbers={subject: past}, texts={}),
        Profile(rows=len(now), numbers={subject: number_profile_of(now, past)}, texts={}),
    )[0]


def _numeric() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for event_type in vocabulary().types.values():
        for name, kind in event_type.properties.items():
            if kind == "number":
                names.setdefault(name, []).append(f"'{event_type.name}'")
    return names


_MISSING = """
    WITH sent AS (
        SELECT type, name, count(*) FILTER (WHERE recent) AS with_now
        FROM (SELECT type, recent, unnest(json_keys(properties)) AS name FROM lately)
        GROUP BY type, name
    ), events_now AS (
        SELECT type, count(*) AS now FROM lately WHERE recent GROUP BY type
    )
    SELECT type, 1 - avg(with_now / now) FROM sent JOIN events_now USING (type)
    GROUP BY type ORDER BY type
"""
