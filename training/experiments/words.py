"""What an analysis says in words: the same sentences on the page and on the screen."""

from collections.abc import Callable

from training.experiments.analysis import Analysis, Guarded
from training.experiments.balance import ALARM
from training.experiments.effects import Effect, Path

SHARES = frozenset({"conversion", "unsubscribes", "complaints"})
"""Metrics that are shares of customers."""
_POINTS = " points"
_SAYS = {
    "better": "better",
    "worse": "worse",
    "open": "not decided",
    "too_early": "too early to say",
}


def headline(analysis: Analysis) -> str:
    """One sentence: may the numbers be believed, and what do they say."""
    name = analysis.experiment.name
    if analysis.balance.sound is False:
        return f"{name}: do not use it, customers do not arrive in the declared shares"
    harmed = [one for one in analysis.guardrails if one.verdict == "harmed"]
    told = "; ".join(finding(one) for one in _deciding(analysis))
    if harmed:
        metrics = ", ".join(sorted({_words(one.guardrail.metric) for one in harmed}))
        return f"{name}: {told}. Harm: {metrics}"
    return f"{name}: {told}"


def finding(effect: Effect) -> str:
    """What one comparison says of its metric."""
    shown = lift(effect) or difference(effect)
    numbers = f" {shown}" if shown else ""
    return f"{effect.contrast.name}, {effect.metric}{numbers}: {verdict(effect)}"


def verdict(effect: Effect) -> str:
    """The verdict in words."""
    return _SAYS[effect.verdict]


def lift(effect: Effect) -> str:
    """The relative lift with its interval, empty where there is none."""
    return _bounds(effect.lift, lambda value: f"{value:+.1%}")


def difference(effect: Effect) -> str:
    """The difference per customer with its interval, empty where nothing is said."""
    if effect.metric in SHARES:
        return _bounds(effect.difference, lambda value: f"{100 * value:+.2f}") + _POINTS * (
            effect.difference.last() is not None
        )
    return _bounds(effect.difference, lambda value: f"{value:+.3g}")


def balance(analysis: Analysis) -> str:
    """Whether customers arrive in the declared shares."""
    found = analysis.balance
    if found.sound is None:
        return "too few customers to check the shares"
    state = "as declared" if found.sound else "NOT as declared"
    return (
        f"shares {state}: chi-square {found.chi_square:.2f}, p {found.p:.2g} "
        f"(alarm below {ALARM:g}; looked at daily p {found.always_valid_p:.2g})"
    )


def progress(analysis: Analysis) -> str:
    """How many customers there are, of how many."""
    exposed = f"{len(analysis.exposures):,} exposed, {analysis.complete:,} with their window over"
    if analysis.sample is None:
        return f"{exposed}; no sample was stated in advance"
    need = analysis.sample.always_valid
    return f"{exposed}, {analysis.complete / need:.0%} of the {need:,} stated in advance"


def guarded(one: Guarded) -> str:
    """What a guardrail says."""
    says = {
        "harmed": "harmed",
        "safe": "within what is tolerated",
        "open": "no harm shown",
        "too_early": "too few to say",
    }
    return says[one.verdict]


def _deciding(analysis: Analysis) -> list[Effect]:
    return [one for one in analysis.primary if one.contrast.kind != "interaction"]


def _bounds(path: Path | None, write: Callable[[float], str]) -> str:
    found = None if path is None else path.last()
    if found is None:
        return ""
    return f"{write(found.value)} [{write(found.low)}, {write(found.high)}]"


def _words(metric: str) -> str:
    return metric.replace("_", " ")
