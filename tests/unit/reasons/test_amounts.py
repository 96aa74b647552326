"""Numbers as people read them, in both languages."""

import pytest

from retain.reasons.amounts import told


@pytest.mark.parametrize(
    ("value", "unit", "english", "korean"),
    [
        (46.2, "days", "46 days", "46일"),
        (1.2, "days", "1 day", "1일"),
        (0.3, "days", "less than a day", "하루 미만"),
        (-5.0, "days", "5 days", "5일"),
        (2.3149, "ratio", "2.3\N{MULTIPLICATION SIGN}", "2.3배"),
        (12.4, "ratio", "12\N{MULTIPLICATION SIGN}", "12배"),
        (0.456, "ratio", "0.46\N{MULTIPLICATION SIGN}", "0.46배"),
        (1.0, "orders", "1 order", "1건"),
        (0.0, "orders", "0 orders", "0건"),
        (1.94, "orders", "1.9 orders", "1.9건"),
        (1234.0, "views", "1,234 views", "1,234회"),
        (0.354, "share", "35%", "35%"),
        (0.004, "share", "<1%", "<1%"),
        (0.0, "share", "0%", "0%"),
        (1.0, "flag", "yes", "예"),
        (0.0, "flag", "no", "아니요"),
        (14.0, "hour", "14:00 UTC", "14:00 UTC"),
        (-0.35, "score", "-0.35", "-0.35"),
        ("GB", "text", "GB", "GB"),
        (3.0, "a unit nobody declared", "3", "3"),
    ],
)
def test_a_value_is_told_with_its_unit(value, unit, english, korean) -> None:
    assert told(value, unit, "en") == english
    assert told(value, unit, "ko") == korean


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (1234.56, "GBP", "1,235 GBP"),
        (39.5, "GBP", "39.50 GBP"),
        (-12.5, "EUR", "-12.50 EUR"),
        (0.0, "EUR", "0 EUR"),
        (39000.4, "KRW", "39,000 KRW"),
        (56.0, "KRW", "56 KRW"),
        (39.5, None, "39.50"),
    ],
)
def test_money_is_told_in_the_customers_currency(value, currency, text) -> None:
    assert told(value, "currency", "en", currency) == text
    assert told(value, "currency", "ko", currency) == text
