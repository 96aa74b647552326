import numpy as np

from training import currencies


def test_several_currencies_are_named_with_their_shares_the_most_common_first():
    (sentence,) = currencies.sentences({"currency": np.array(["USD", "EUR", "EUR", None, "EUR"])})
    assert "2 currencies (EUR 75%, USD 25%)" in sentence
    assert "nothing is converted" in sentence


def test_of_one_currency_or_none_there_is_nothing_to_say():
    assert currencies.sentences({"currency": np.array(["EUR", "EUR", None])}) == ()
    assert currencies.sentences({"currency": np.array([None, None])}) == ()
