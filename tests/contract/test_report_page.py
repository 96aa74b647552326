"""What anybody may rely on in a report: one file, nothing from outside, well formed, all said."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.clock import iso
from retain.errors import InvalidInput
from tests.command_line import home, retain
from training import holdout, rolling_files
from training.baselines import Answers
from training.report import build
from training.rolling import OURS, Rolled, Scored
from training.rolling_cutoffs import RollingCutoff

__all__ = ["home", "retain"]
AS_OF = datetime(2011, 3, 9, tzinfo=UTC)
ROWS = 600
rng = np.random.default_rng(9)
CHANCE = rng.random(ROWS)
CHURNED = (rng.random(ROWS) < CHANCE).astype(float)
DAYS = np.where(CHURNED > 0, np.nan, rng.uniform(0, 90, ROWS))
REVENUE = np.where(CHURNED > 0, 0.0, rng.gamma(1, 100, ROWS))
NOISY = np.clip(CHANCE + rng.normal(0, 0.2, ROWS), 0, 1)
CUSTOMERS = [f"<c{at}>" for at in range(ROWS)]
EMPTY = {"br", "hr", "meta"}


def an_entry(head):
    auc = {"value": 0.8, "low": 0.78, "high": 0.82}
    return {
        "model": f"{head}:ab12",
        "label": "no order in the 90 days <after>",
        "population": "customers & others",
        "rows": 1234,
        "beats_baseline": True,
        "metrics": {"auc": auc},
        "baselines": {"recency.auc": auc, "difference.recency.auc": auc},
        "parameters": {
            "importance": {
                "rows": 9,
                "groups": [{"name": "order_frequency", "mean": 0.3, "share": 1.0}],
                "features": [{"name": "orders_90d", "mean": 0.3, "share": 1.0}],
            }
        },
        "notes": ["A note <b>."],
    }


def an_evaluation():
    cutoffs = [iso(AS_OF - timedelta(days=90 + 30 * back)) for back in range(5)][::-1]
    items = an_entry("next_items") | {
        "metrics": {
            "recall_at_10": {"value": 0.2, "low": 0.1, "high": 0.3},
            "category_recall_at_3": {"value": 0.5, "low": 0.4, "high": 0.6},
        },
        "baselines": {
            "popular.recall_at_10": {"value": 0.1, "low": 0.05, "high": 0.15},
            "difference.popular.recall_at_10": {"value": 0.1, "low": 0.04, "high": 0.16},
            "most_bought.category_recall_at_3": {"value": 0.6, "low": 0.5, "high": 0.7},
            "difference.most_bought.category_recall_at_3": {
                "value": -0.1,
                "low": -0.2,
                "high": -0.01,
            },
        },
    }
    response = an_entry("response") | {
        "metrics": {"qini": {"value": 0.017, "low": 0.009, "high": 0.025}},
        "baselines": {
            "random.qini": {"value": 0.0, "low": 0.0, "high": 0.0},
            "difference.random.qini": {"value": 0.017, "low": 0.009, "high": 0.025},
        },
    }
    return {
        "run_id": "run-1",
        "as_of": iso(AS_OF),
        "horizon_days": 90,
        "seed": 7,
        "split": "Judged later.",
        "cutoffs": cutoffs,
        "fit_cutoffs": cutoffs[:2],
        "validation_cutoffs": cutoffs[2:3],
        "refit_cutoffs": cutoffs[:3],
        "holdout_cutoffs": cutoffs[4:],
        "heads": {head: an_entry(head) for head in holdout.HEADS}
        | {"next_items": items, "response": response},
        "skipped": {"rfm": "nobody ordered"},
        "abnormal_customers": {},
        "leakage_checks": [{"name": "duplicates", "passed": True, "sentence": "None twice."}],
        "data": {
            "customers": 600,
            "currency": "GBP",
            "currencies": {"GBP": 600},
            "cutoffs": [
                {
                    "as_of": cutoffs[0],
                    "holdout": False,
                    "rows": 9,
                    "left_share": 0.5,
                    "net_revenue": 5.0,
                }
            ],
        },
        "reasons_for_leaving": {
            "since": cutoffs[0],
            "until": iso(AS_OF),
            "usual_share_left": 0.5,
            "least_customers": 5,
            "kinds": {
                "competitor": {
                    "meaning": "competitor named",
                    "recorded": [
                        {
                            "value": "<rival>",
                            "customers": 7,
                            "mentions": 9,
                            "judged": 6,
                            "share_left": 0.5,
                            "interval": [0.2, 0.8],
                        }
                    ],
                }
            },
        },
    }


def a_holdout(head):
    rows = {
        "customer_id": CUSTOMERS,
        "as_of": np.full(ROWS, round(AS_OF.timestamp() * 1e6)),
        "inactivity_days": CHANCE * 90,
        "tenure_days": rng.uniform(0, 800, ROWS),
        "net_spend_365d": REVENUE,
        "country": ["GB", "DE"] * (ROWS // 2),
        "age_band": ["<young>", "old"] * (ROWS // 2),
        "churned": CHURNED,
        "days_to_order": DAYS,
        "net_revenue": REVENUE,
    }
    if head == "churn":
        return rows | {"retain.leaves": CHANCE, "blend.leaves": NOISY, "recency.leaves_rank": NOISY}
    if head == "ltv":
        ends = {"retain.low": REVENUE / 2 - 1, "retain.high": REVENUE * 2}
        return rows | {"retain.value": REVENUE + 10 * NOISY, "blend.value": 50 * NOISY, **ends}
    said = {f"retain.by_{day}d": (1 - CHANCE) * day / 90 for day in (7, 30, 90)}
    return rows | said | {"blend.soon": 1 - NOISY, "rfm.soon_rank": NOISY}


def a_month(month, horizon_days):
    ours = Answers(CHANCE, 1 - CHANCE, REVENUE + NOISY, probability=True, amount=True)
    blend = Answers(NOISY, 1 - NOISY, 90 * NOISY + 1, probability=True, amount=True)
    outcomes = {
        "churned": CHURNED,
        "ordered": 1 - CHURNED,
        "days_to_order": DAYS,
        "net_revenue": REVENUE,
    }
    return Scored(
        RollingCutoff(datetime(2011, month, 9, tzinfo=UTC), horizon_days),
        CUSTOMERS,
        {OURS: ours, "blend": blend, "bgnbd": blend, "recency": Answers(leaves=NOISY)},
        REVENUE / 2,
        REVENUE * 2,
        outcomes,
        {"tenure_days": CHANCE},
        {"revenue": 1000.0, "buyers": 90.0},
        "Fitted before.",
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run-1")
    (folder / "evaluation.json").write_text(json.dumps(an_evaluation()))
    (folder / holdout.FOLDER).mkdir()
    for head in holdout.HEADS:
        pq.write_table(pa.table(a_holdout(head)), folder / holdout.FOLDER / f"{head}.parquet")
    months = (a_month(1, 90), a_month(2, 90), a_month(1, 30))
    rolling_files.write(folder, Rolled(months, {"2010-12-09, 90 d": "too short"}), 7)
    return build.build(folder, sensitive=["age_band"])


@pytest.fixture(scope="module")
def page(built):
    return built.html.read_text("utf-8")


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.linked = [], [], [], []

    def handle_starttag(self, name, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.linked += [given[key] for key in ("href", "src", "xlink:href") if key in given]
        self.targets += given.get("aria-labelledby", "").split()
        if name not in EMPTY:
            self.open.append(name)

    def handle_startendtag(self, name, attrs):
        self.handle_starttag(name, attrs)
        if name not in EMPTY:
            self.open.pop()

    def handle_endtag(self, name):
        assert self.open.pop() == name


def read(page):
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


def test_every_element_is_closed_and_every_id_stands_once(page):
    reader = read(page)
    assert len(set(reader.ids)) == len(reader.ids)
    assert set(reader.targets) <= set(reader.ids)


def test_nothing_outside_the_file_is_needed(page):
    reader = read(page)
    assert all(link.startswith("#") for link in reader.linked)
    assert {link.removeprefix("#") for link in reader.linked} <= set(reader.ids)
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)


def test_light_dark_phone_and_paper_are_thought_of(page):
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert 'name="viewport"' in page


def test_every_plot_has_a_title_and_a_description(page):
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) > 20
    assert all("<title" in one and "<desc" in one and 'role="img"' in one for one in plots)


@pytest.mark.parametrize(
    "section",
    [
        "design",
        "churn",
        "next_purchase",
        "ltv",
        "next_items",
        "response",
        "rolling",
        "slices",
        "importance",
        "reasons",
        "leaks",
        "data",
        "method",
    ],
)
def test_every_section_is_there(page, section):
    assert f'<section id="{section}">' in page


def test_the_menu_leads_to_every_section_in_order(page):
    menu = re.search(r"<nav.*?</nav>", page)[0]
    assert re.findall(r'href="#(\w+)"', menu) == re.findall(r'<section id="(\w+)"', page)


def test_amounts_name_their_currency(page):
    for said in ("Mean net revenue, GBP", "Predicted mean, GBP", "Net revenue that came, GBP"):
        assert said in page
    assert (
        "Net revenue, GBP" in re.search(r'<section id="rolling".*?</section>', page, re.DOTALL)[0]
    )


def test_a_head_behind_one_of_its_rules_says_so_in_its_own_plot(page):
    assert "Recall@3, categories 0.500, behind the categories bought most" in page


def test_no_internal_name_is_shown(page):
    shown = re.sub(r"<code>.*?</code>|<[^>]+>", " ", page.split("</style>")[1])
    raw = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", shown))
    assert raw == set()


def test_titles_state_the_finding_and_cards_the_grade(page):
    assert re.search(r"<h2>Churn: AUC 0\.\d\d, ahead of every baseline</h2>", page)
    assert '<span class="grade A">A</span>' in page


def test_what_was_missed_is_said_plainly(page, built):
    bars = built.content["rolling"]["verdict"]["bars"]
    assert any(not bar["met"] for bar in bars)
    assert "missed" in page


def test_what_customers_are_called_is_escaped(page):
    assert "<rival>" not in page
    assert "&lt;rival&gt;" in page
    assert "&lt;young&gt;" in page


def test_the_fairness_table_shows_the_declared_attribute(page):
    assert "Churn, age band: widest gap" in page


def test_the_model_card_has_the_sections_of_its_source(built):
    card = built.card.read_text("utf-8")
    for section in (
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Ethical considerations",
        "Caveats and recommendations",
    ):
        assert f"\n## {section}\n" in card


def test_the_model_card_has_the_numbers_of_the_heads_without_a_blend(built):
    card = built.card.read_text("utf-8")
    assert "### Next products and categories: better than its dumb rule" in card
    assert "| Recall@3, categories | **Retain** | 0.500 [0.400, 0.600] |" in card
    assert "|  | Popularity | 0.100 [0.050, 0.150] | 0.100 [0.040, 0.160] | better |" in card
    assert "| Qini coefficient | **Retain** | 0.017 [0.009, 0.025] |" in card


def test_rolling_cutoffs_alone_have_a_page(tmp_path):
    rolling_files.write(tmp_path, Rolled((a_month(1, 90), a_month(2, 90)), {}), 7)
    alone = build.build_rolling(tmp_path)
    page = alone.html.read_text("utf-8")
    read(page)
    assert '<section id="rolling">' in page
    assert "There is no training run beside it" in page
    assert alone.card is None


def test_the_command_rolls_without_any_training_run(retain, home, monkeypatch):
    def rolled(_settings, folder, _chosen):
        return rolling_files.write(folder, Rolled((a_month(1, 90), a_month(2, 90)), {}), 7)

    monkeypatch.setattr("cli.report._roll", rolled)
    monkeypatch.setattr("cli.report._cutoffs", lambda *_: [])
    answered = retain("report", "--rolling")
    assert answered.code == 0, answered.err
    assert "Rolling cutoffs: 2 counted" in answered.out
    assert list(home.glob("evaluations/rolling-*/report.html"))


@pytest.mark.parametrize("words", [(), ("run-0", "--rolling")])
def test_without_a_run_the_command_names_the_one_that_makes_one(retain, words):
    answered = retain("report", *words)
    assert answered.code == 1
    assert "retain train" in answered.err


def test_json_says_the_same_as_the_page(built):
    assert built.content["grades"]["churn"]["grade"] == "A"
    assert built.content["against_baselines"]["churn"]["auc"]["retain"]["value"] > 0.7
    json.dumps(built.content)


def test_an_attribute_that_was_not_kept_is_refused_with_a_remedy(built):
    with pytest.raises(InvalidInput) as raised:
        build.build(built.card.parent, sensitive=["income"])
    assert "training.yaml" in raised.value.remedy


def test_a_run_without_rolling_or_holdout_still_has_a_page(tmp_path):
    (tmp_path / "evaluation.json").write_text(json.dumps(an_evaluation()))
    page = build.build(tmp_path).html.read_text("utf-8")
    assert "not made for this run" in page
    read(page)
