"""Features against their training snapshot: drift, null rates and impossible values."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.features.catalogue import FEATURES
from retain.quality.drift import Shift, shifts
from retain.quality.findings import Finding, Findings, Sample, Severity, findings_of, graded
from retain.quality.profile import Profile, profile_of_columns
from retain.quality.thresholds import FeatureLimits

_AGES = frozenset(feature.name for feature in FEATURES if feature.aged)  # grow with the shop
_SIGNED_UNITS = {"currency", "score", "code", "text", "ratio"}
_RETRAIN = "look at the events behind it; where the change is real, train again"


def snapshot(table: pa.Table, *, ordered_within_days: float | None = None) -> Profile:
    """The training snapshot: the last cutoff's profile, and how far it lies from the others.

    ``table`` is a feature table at one or more cutoffs (``as_of``), ``ordered_within_days`` the
    population trained on, which every later profile ``like`` this one keeps to. What moved
    between the cutoffs (ages, seasons, campaigns) the model has seen move.

    Raises:
        NotEnoughData: the table has no rows.
    """
    columns = aged(table)
    moments = table.column("as_of").cast(pa.int64()).to_numpy()
    if ordered_within_days is not None:
        within = columns["order_recency_days"].astype(np.float64) < ordered_within_days
        columns = {name: column[within] for name, column in columns.items()}
        moments = moments[within]
    return snapshot_of_columns(columns, moments, ordered_within_days=ordered_within_days)


def snapshot_of_columns(
    columns: Columns, moments: NDArray[np.int64], *, ordered_within_days: float | None
) -> Profile:
    """As :func:`snapshot`, of read-time columns of n rows that are that population already.

    ``moments`` are their cutoffs in epoch microseconds, (n,).

    Raises:
        NotEnoughData: there are no rows.
    """
    if not len(moments):
        raise NotEnoughData(
            "a snapshot of no customers says nothing", remedy="train on a time with customers"
        )

    def at(moment: int) -> Columns:
        return {name: column[moments == moment] for name, column in columns.items()}

    *earlier, last = np.unique(moments)
    profile = profile_of_columns(at(last))
    usual: dict[str, float] = {}
    null_rates = {name: profile.null_rate(name) for name in (*profile.numbers, *profile.texts)}
    for cutoff in earlier:
        before = profile_of_columns(at(cutoff), profile)
        for shift in shifts(profile, before):
            usual[shift.feature] = max(usual.get(shift.feature, 0.0), shift.psi)
        null_rates = {name: max(rate, before.null_rate(name)) for name, rate in null_rates.items()}
    return profile.model_copy(
        update={
            "ordered_within_days": ordered_within_days,
            "usual_psi": usual,
            "usual_null_rates": null_rates,
        }
    )


def findings(training: Profile, current: Profile, limits: FeatureLimits) -> Findings:
    """Every feature's drift, null rate and range.

    ``current`` is a profile of the same population now, made ``like`` the training's.

    Raises:
        InvalidInput: it was not made like the training's.
    """
    moved = shifts(training, current, false_alarm_rate=limits.false_alarm_rate)
    found = [finding for shift in moved if (finding := _drift(shift, training, limits))]
    found += [
        finding
        for name in (*training.numbers, *training.texts)
        if name in current and (finding := _nulls(name, training, current, limits))
    ]
    found += ranges(current)
    usual = [
        Sample("retain_feature_usual_psi", {"feature": name}, psi)
        for name, psi in training.usual_psi.items()
        if name in current
    ]
    return findings_of(found, [*_samples(current, moved), *usual])


def without_snapshot(current: Profile) -> Findings:
    """What can be told without a training snapshot: impossible values, and the numbers."""
    return findings_of(ranges(current), _samples(current, ()))


def ranges(current: Profile) -> list[Finding]:
    """Values that the declared unit of a feature does not allow: a fault of the events."""
    found = []
    for feature in FEATURES:
        part = current.numbers.get(feature.name)
        if part is None or not part.deciles or feature.dtype not in {"number", "since"}:
            continue
        low, high = part.deciles[0], part.deciles[-1]
        if low < 0 and feature.unit not in _SIGNED_UNITS:
            found.append(_impossible(feature.name, low, 0.0, f"below zero ({low:g})"))
        if high > 1 and feature.unit in {"share", "flag"}:
            found.append(_impossible(feature.name, high, 1.0, f"above one ({high:g})"))
    return found


def _impossible(name: str, value: float, limit: float, what: str) -> Finding:
    sentence = (
        f"{name} is {what} for some customers: events are missing or counted twice "
        "(a refund without its order, an opening without its sending)"
    )
    return Finding("warn", "range", name, value, limit, sentence)


def _drift(shift: Shift, training: Profile, limits: FeatureLimits) -> Finding | None:
    usual = limits.usual_factor * training.usual_psi.get(shift.feature, 0.0)
    if shift.rows < limits.least_rows or shift.psi <= max(shift.noise, usual):
        return None
    severity = graded(shift.psi, warn=limits.psi.warn, fail=limits.psi.fail)
    if severity == "ok":
        return None
    if shift.feature in limits.moving or shift.feature in _AGES:
        severity = "warn"
    sentence = (
        f"{shift.feature} has drifted (PSI {shift.psi:.2f}): {shift.moved} holds "
        f"{shift.actual:.0%} of customers, {shift.expected:.0%} at training; {_RETRAIN}"
    )
    threshold = max(getattr(limits.psi, severity), usual)
    return Finding(severity, "drift", shift.feature, shift.psi, threshold, sentence)


def _nulls(name: str, training: Profile, current: Profile, limits: FeatureLimits) -> Finding | None:
    if min(training.rows, current.rows) < limits.least_rows:
        return None
    before = training.usual_null_rates.get(name, training.null_rate(name))
    now = current.null_rate(name)
    severity: Severity = graded(
        now - before, warn=limits.null_rate_rise.warn, fail=limits.null_rate_rise.fail
    )
    if severity == "ok":
        return None
    sentence = (
        f"{name} is missing for {now:.0%} of customers, at most {before:.0%} at training: "
        "events or properties behind it no longer arrive"
    )
    threshold = before + getattr(limits.null_rate_rise, severity)
    return Finding(severity, "null_rate", name, now, threshold, sentence)


def _samples(current: Profile, moved: Sequence[Shift]) -> list[Sample]:
    samples = [Sample("retain_feature_rows", {}, float(current.rows))]
    samples += [
        Sample("retain_feature_null_rate", {"feature": name}, current.null_rate(name))
        for name in (*current.numbers, *current.texts)
    ]
    for name, part in current.numbers.items():
        if part.deciles:
            labels = {"feature": name}
            samples.append(Sample("retain_feature_minimum", labels, part.deciles[0]))
            samples.append(Sample("retain_feature_median", labels, part.deciles[5]))
            samples.append(Sample("retain_feature_maximum", labels, part.deciles[-1]))
    samples += [Sample("retain_feature_psi", {"feature": s.feature}, s.psi) for s in moved]
    return samples
