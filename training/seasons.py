"""The season: what the shop as a whole did a year ago says how much the coming days will bring.

A model of customers is fitted on the windows that have passed, and knows nothing of the calendar:
after the busy months it expects twice too much. The shop's own record of the same days a year
before is the steadier guide to a total:

    expected total = last year's total of these days, times growth since,
        times the share of known customers

where growth compares the last quarter with the same quarter a year before, and known customers
are those who had ordered in the year before the window began (:mod:`training.known_share`). Where
holidays, promotions and closures that were known at the moment moved, both totals are compared
without them, and this year's are put in again (:mod:`training.occasions`). The model's total is
moved towards this by as much as the record can be trusted (a precision-weighted mean of
logarithms): little where few customers make the total, or where the shop today is another one
than a year ago, as one that has only a single cohort of customers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retain.clock import MICROSECONDS_PER_DAY
from retain.predictors.survival import LONGEST_DAYS, Clock, Hazards
from retain.predictors.trees import Floats
from retain.predictors.yearly import WEEKS, Yearly
from training import known_share, occasions
from training.occasions import Known, Occasions, Worth, nothing_known
from training.trade import Trade

YEAR_DAYS = 365.0
GROWTH_DAYS = 90.0
FEWEST_GROWTH_DAYS = 28.0
HORIZONS = (7.0, 30.0, 90.0)

_SEASON_VARIANCE = 0.25  # of a season's logarithm, as shops go: a factor of 1.6 either way
_GROWTH_VARIANCE = 0.09  # of a year's growth that lasts
_PASSING_VARIANCE = 0.0225  # of what a quarter's growth says about the next quarter
_MOST = np.log(4.0)
_MOST_CUSTOMERS = 5_000
_FEWEST_BUYERS = 20.0

Total = Callable[[Trade], float]
Part = Callable[[Worth], Any]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the coming year will bring by the record of the last.

    Attributes:
        moment: when it was made, epoch microseconds.
        horizons: lengths of windows in days, (k,).
        buyers: customers already known who will order within each window, (53, k), and how far
            that is to be trusted, (k,), from 0 to 1.
        net: what customers already known will bring within the last of the horizons, (53,).
        growth: of orders and of net revenue over a year, as factors.
        occasions: the calendar's, as far as it was known.
        moved: what they change in the horizon that begins now, of buyers and of net revenue.
    """

    moment: int
    horizons: Floats
    buyers: Floats
    buyers_trust: Floats
    net: Floats
    net_trust: float
    growth: tuple[float, float]
    occasions: Occasions = field(default_factory=Occasions)
    moved: tuple[float, float] = (1.0, 1.0)

    def trust_within(self, days: float) -> float:
        """How far the number of buyers within one of the horizons is to be trusted."""
        return float(self.buyers_trust[np.flatnonzero(self.horizons == days)[0]])


def horizons_of(horizon_days: float) -> Floats:
    """The windows a season is learned for; none is longer than a year."""
    every = {*HORIZONS, float(horizon_days)}
    return np.array(sorted(days for days in every if days <= YEAR_DAYS))


def outlook(
    trade: Trade,
    moment: int,
    horizon_days: float,
    drawn: float = 1.0,
    known: Known = nothing_known,
) -> Outlook | None:
    """From what was known at ``moment``; None without a year of history and a month to spare.

    ``drawn`` is the share of all customers that the model is asked about, ``known`` the calendar.
    """
    trade = trade.until(moment)
    spare = (moment - trade.first) / MICROSECONDS_PER_DAY - YEAR_DAYS
    if not len(trade.moments) or horizon_days > YEAR_DAYS or spare < FEWEST_GROWTH_DAYS:
        return None
    last_year = moment - YEAR_DAYS * MICROSECONDS_PER_DAY
    compared = min(spare, GROWTH_DAYS)
    lately, before = (
        trade.within(end - compared * MICROSECONDS_PER_DAY, compared) for end in (moment, last_year)
    )
    if min(lately.buyers, before.buyers) < _FEWEST_BUYERS or min(lately.net, before.net) <= 0:
        return None
    horizons = horizons_of(horizon_days)
    again, found = trade.repeated(YEAR_DAYS), occasions.read(known, trade, moment)

    def yearly(total: Total, days: float, part: Part) -> Floats:
        starts = last_year + 7.0 * np.arange(-1, WEEKS + 2) * MICROSECONDS_PER_DAY
        weekly = np.array([total(again.within(start, days)) for start in starts])
        weekly = weekly / part(found.last_year(starts, days))
        # the days of a week and of Easter move: a window is taken with its neighbours
        smooth = 0.25 * weekly[:-2] + 0.5 * weekly[1:-1] + 0.25 * weekly[2:]
        return np.asarray(smooth * part(found.this_year(starts[1:-1], days)))

    def moved(start: float, days: float, part: Part) -> float:
        this, last = found.this_year(start, days), found.last_year(start, days)
        return float(part(this) / part(last))

    quarter = last_year - compared * MICROSECONDS_PER_DAY
    noise = 1.0 / lately.buyers + 1.0 / before.buyers
    grown = moved(quarter, compared, _buyers_of(before)), moved(quarter, compared, _net)
    buyers_growth = _lasting(np.log(lately.buyers / before.buyers / grown[0]), noise)
    net_growth = _lasting(
        np.log(lately.net / before.net / grown[1]), lately.net_noise + before.net_noise
    )
    windows = [again.within(last_year, days) for days in horizons]
    buyers = np.column_stack(
        [
            yearly(lambda one: one.buyers, days, _buyers_of(window))
            * known_share.of(trade, moment, days, known_share.bought)
            for days, window in zip(horizons, windows, strict=True)
        ]
    )
    net = yearly(lambda one: one.net, horizon_days, _net) * known_share.of(
        trade, moment, horizon_days, known_share.brought
    )
    return Outlook(
        moment,
        horizons,
        drawn * buyers * np.exp(buyers_growth[0]),
        np.array([_trust(1.0 / max(one.buyers, 1.0), buyers_growth[1]) for one in windows]),
        drawn * net * np.exp(net_growth[0]),
        _trust(again.within(last_year, horizon_days).net_noise, net_growth[1]),
        (float(np.exp(buyers_growth[0])), float(np.exp(net_growth[0]))),
        found,
        (
            moved(last_year, horizon_days, _buyers_of(again.within(last_year, horizon_days))),
            moved(last_year, horizon_days, _net),
        ),
    )


def clock(found: Outlook | None, hazards: Hazards, score: Floats, since: int) -> Clock:
    """What days are worth, so that these customers' curves meet the expected number of buyers.

    Without an outlook every day is worth one. ``score`` is that of the population at ``since``
    (epoch microseconds), (n,), as the hazards read it.
    """
    moment = np.datetime64(since, "us")
    if found is None or not len(score):
        return Clock.even(moment, float(hazards.ends[-1]))
    step = max(1, len(score) // _MOST_CUSTOMERS)
    cumulative = hazards.cumulative(score[::step])
    days = np.concatenate([np.linspace(0.0, 4.0 * found.horizons[-1], 481), [LONGEST_DAYS]])
    reached = np.array([_mean_probability(hazards.days, cumulative, at) for at in days])
    reached = np.maximum.accumulate(reached)
    plain = np.interp(found.horizons, days, reached)
    wanted = _moved(plain, found.buyers / len(score), found.buyers_trust)
    worth = np.interp(np.minimum(wanted, reached[-1]), reached, days)
    worth = np.maximum.accumulate(np.maximum(worth, 1e-3), axis=1)
    return Clock(found.horizons, Yearly(moment, worth))


def factor(found: Outlook | None, total: float, since: int) -> Yearly:
    """What an amount is multiplied by, so that a predicted ``total`` meets the expected one."""
    moment = np.datetime64(since, "us")
    if found is None or total <= 0:
        return Yearly.constant(moment, np.ones(1))
    wanted = _moved(np.full(1, total), found.net[:, None], np.array([found.net_trust]))
    return Yearly(moment, wanted / total)


def described(found: Outlook | None) -> dict[str, Any]:
    """For a manifest."""
    if found is None:
        return {"learned": False}
    return {
        "learned": True,
        "buyers_growth": found.growth[0],
        "net_growth": found.growth[1],
        "buyers_trust": found.buyers_trust.tolist(),
        "net_trust": found.net_trust,
        "calendar": {
            "day_worth": found.occasions.described(),
            "buyers_moved": found.moved[0],
            "net_moved": found.moved[1],
        },
    }


def sentence(found: Outlook | None) -> str:
    """For a reader of the evaluation."""
    if found is None:
        return (
            "There is no year of history with a month to spare: no season was learned, and a "
            "busy or a slow time of the year shows as an error of level."
        )
    return (
        "The level follows the same days of last year (orders "
        f"{found.growth[0]:.2f} times, net revenue {found.growth[1]:.2f} times as much since; "
        f"trusted by {found.buyers_trust[-1]:.0%} and {found.net_trust:.0%})."
        + _calendar_sentence(found)
    )


def unlike(judged: Outlook | None, registered: Outlook | None) -> tuple[str, ...]:
    """What to say where the model that is judged knew no season and the registered one does."""
    if judged is not None or registered is None:
        return ()
    said = (
        "Before the holdout there was no year of history: the evaluated model knew no season, the "
        "registered one does. The errors of level and of calibration here are those without one."
    )
    return (said,)


def _calendar_sentence(found: Outlook) -> str:
    worth = found.occasions.worth
    if not worth:
        return (
            " The calendar knew no holiday, promotion or closure that holds everywhere: they are "
            "taken to fall as they did last year."
        )
    kinds = ", ".join(f"{kind} {one.net:.2f} ({days})" for kind, (one, days) in worth.items())
    return (
        f" Of the calendar, as it was known: a day's net revenue over an ordinary day's is {kinds} "
        "(days it was measured on); what moved changes the horizon's buyers "
        f"{found.moved[0]:.2f} times and its net revenue {found.moved[1]:.2f} times."
    )


def _moved(plain: Floats, expected: Floats, trust: Floats) -> Floats:
    logs = np.log(np.maximum(expected, 1e-9) / np.maximum(plain, 1e-9))
    return np.asarray(plain * np.exp(trust * np.clip(logs, -_MOST, _MOST)))


def _mean_probability(days: Floats, cumulative: Floats, at: float) -> float:
    right = int(np.clip(np.searchsorted(days, at), 1, len(days) - 1))
    share = (at - days[right - 1]) / (days[right] - days[right - 1])
    reached = cumulative[:, right - 1] * (1.0 - share) + cumulative[:, right] * share
    return float(-np.expm1(-reached).mean())


def _lasting(growth: float, noise: float) -> tuple[float, float]:
    """Of a measured growth in logarithms: what of it will last, and the growth itself."""
    kept = _GROWTH_VARIANCE / (_GROWTH_VARIANCE + _PASSING_VARIANCE + noise)
    return float(kept * growth), float(growth)


def _trust(noise: float, growth: float) -> float:
    # overdispersed: customers come in waves; and half of a change may be of another kind
    return float(_SEASON_VARIANCE / (_SEASON_VARIANCE + 2.0 * noise + 0.5 * growth**2))


def _net(worth: Worth) -> Any:
    return worth.net


def _buyers_of(window: Trade) -> Part:
    """Of more orders, as many more buyers as there are buyers to an order: others come anyway."""
    each = window.buyers / max(float(window.is_order.sum()), 1.0)
    return lambda worth: worth.orders**each
