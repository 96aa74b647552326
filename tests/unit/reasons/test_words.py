"""The words of reasons: complete, the same in every language, and grammatical beside any number."""

import re

import pytest

from retain.columns import READ_TIME
from retain.features.catalogue import FEATURES, RATIOS
from retain.reasons.bands import BANDS, meaning
from retain.reasons.words import LANGUAGES, Names, Sentence, Words, places, words

WORDS = words()
SENTENCES = [(group.name, one) for group in WORDS.groups for one in group.sentences]
PAIRS: list[tuple[str, Names]] = [
    *((one.code, one) for _, one in SENTENCES),
    *WORDS.phrases.items(),
    *WORDS.labels.items(),
    *WORDS.signals.items(),
    *((group.name, group.names) for group in WORDS.groups),
    *((name, band.means) for name, band in WORDS.bands.items()),
    *((name, band.do) for name, band in WORDS.bands.items()),
]
NAMES = [name for name, _ in PAIRS]
HANGUL = re.compile(r"[가-힣]")
CHANGING_PARTICLE = re.compile(r"\}['\")]?(을|를|은|는|이|가|과|와|로|으로|이나|나)(?![가-힣])")


def test_every_feature_of_the_catalogue_has_exactly_one_meaning() -> None:
    declared = {one.name for one in (*FEATURES, *RATIOS)}
    assert declared == set(WORDS.by_feature)


@pytest.mark.parametrize("feature", [*FEATURES, *RATIOS], ids=lambda one: one.name)
def test_a_feature_is_called_something_in_every_language(feature) -> None:
    assert WORDS.label(feature.name, "en")
    assert HANGUL.search(WORDS.label(feature.name, "ko"))


def test_a_feature_nobody_named_is_called_by_its_meaning() -> None:
    unnamed = WORDS.model_copy(update={"labels": {}})
    assert unnamed.label("orders_30d", "en") == "orders in the last 30 days (frequency)"
    assert unnamed.label("orders_30d", "ko") == "구매 빈도 (orders_30d)"


def test_a_feature_in_two_groups_is_refused() -> None:
    first, second, *others = WORDS.groups
    twice = second.model_copy(update={"features": (*second.features, first.features[0])})
    fields = {name: getattr(WORDS, name) for name in Words.model_fields}
    with pytest.raises(ValueError, match="two groups"):
        Words(**{**fields, "groups": (first, twice, *others)})


@pytest.mark.parametrize(("name", "pair"), PAIRS, ids=NAMES)
def test_both_languages_tell_the_same_values(name, pair) -> None:
    assert places(pair.en) == places(pair.ko)


@pytest.mark.parametrize(("name", "pair"), PAIRS, ids=NAMES)
def test_korean_is_korean_and_no_changing_particle_follows_a_value(name, pair) -> None:
    text = re.sub(r"\{\w+\}", "{}", pair.ko)
    assert HANGUL.search(text) or not re.search(r"[A-Za-z가-힣]", text), pair.ko
    assert not CHANGING_PARTICLE.search(text), pair.ko


@pytest.mark.parametrize("wrong", ["{}을 넘김", "{}이 지남", "{}로 감소", "({})가"])
def test_a_changing_particle_would_be_found(wrong) -> None:
    assert CHANGING_PARTICLE.search(wrong)


@pytest.mark.parametrize(("group", "sentence"), SENTENCES, ids=[s.code for _, s in SENTENCES])
def test_a_sentence_is_about_features_of_its_group_and_its_rule_can_be_read(
    group, sentence
) -> None:
    assert {WORDS.by_feature[name].name for name in sentence.about} == {group}
    assert sentence.rule().columns <= set(READ_TIME)


def test_codes_are_unique_so_that_a_program_can_rely_on_them() -> None:
    codes = [one.code for _, one in SENTENCES] + [group.name for group in WORDS.groups]
    repeated = {code for code in codes if codes.count(code) > 1}
    assert repeated <= {"returns"}


def test_a_sentence_that_differs_between_languages_is_refused() -> None:
    known = SENTENCES[0][1]
    with pytest.raises(ValueError, match="every language"):
        Sentence(**{**dict(known), "ko": "값 없음"})


def test_a_sentence_of_no_feature_is_refused() -> None:
    known = SENTENCES[0][1]
    with pytest.raises(ValueError, match="no feature"):
        Sentence(**{**dict(known), "value": "favorite_colour"})


def test_a_band_says_what_it_means_at_the_models_own_edges_and_what_to_do() -> None:
    told = meaning({"medium": 0.2, "high": 0.5})
    assert list(told) == list(BANDS)
    assert told["medium"]["means"]["en"] == "20 to 50 of 100 such customers leave"
    assert (told["medium"]["from"], told["medium"]["to"]) == (0.2, 0.5)
    assert all(told[band]["do"][language] for band in BANDS for language in LANGUAGES)
