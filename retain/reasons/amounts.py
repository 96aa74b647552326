"""Values as people read them: days, money, shares and counts, in every language."""

import math

from retain.reasons.words import Language, words

_NO_CENTS = {"KRW", "JPY", "VND", "CLP", "ISK", "HUF", "IDR"}
_PLAIN = {"score", "hour", "code", "text", "category", ""}


def told(value: float | str, unit: str, language: Language, currency: str | None = None) -> str:
    """A known value with its unit.

    Days are told without their sign: the sentence says whether they passed or are to come.
    A currency that is not known is left out.
    """
    if isinstance(value, str):
        return value
    if unit == "days":
        return _days(abs(value), language)
    if unit == "share":
        return _share(value)
    if unit == "ratio":
        return str(getattr(words().phrases["times"], language)).format(value=_number(value))
    if unit == "currency":
        return _money(value, currency)
    if unit == "flag":
        return str(getattr(words().phrases["yes" if value else "no"], language))
    if unit == "hour":
        return f"{value:02.0f}:00 UTC"
    return _counted(value, unit, language)


def _counted(value: float, unit: str, language: Language) -> str:
    number, known = _number(value), words().units.get(unit)
    if unit in _PLAIN or known is None:
        return number
    if language == "ko":
        return f"{number}{known.ko}"
    return f"{number} {known.one if number == '1' else known.many}"


def _days(value: float, language: Language) -> str:
    if value < 1:
        return str(getattr(words().phrases["less_than_a_day"], language))
    return _counted(float(round(value)), "days", language)


def _share(value: float) -> str:
    percent = 100 * value
    if 0 < abs(percent) < 1:
        return "<1%" if percent > 0 else ">-1%"
    return f"{percent:.0f}%"


def _money(value: float, currency: str | None) -> str:
    whole = currency in _NO_CENTS or abs(value) >= 100 or float(value).is_integer()
    cents = 0 if whole else 2
    amount = f"{value:,.{cents}f}"
    return f"{amount} {currency}" if currency else amount


def _number(value: float) -> str:
    """A count as it is; else two significant digits, thousands grouped."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 10 else 1 - math.floor(math.log10(abs(value)))
    short = f"{value:.{min(digits, 3)}f}"
    return short.rstrip("0").rstrip(".") if "." in short else short
