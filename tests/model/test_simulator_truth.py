"""The simulated shop behaves like one, and its truth is what its events show."""

from collections.abc import Iterator

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest

from retain.simulator import blocks

CUSTOMERS = 10_000
END = "TIMESTAMP '2026-10-31'"
STANDARD_ERRORS = 4  # fixed seeds: wide enough to hold through a change of the seed too


@pytest.fixture(scope="module")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    drawn = list(blocks(CUSTOMERS))
    tables = {
        "events": pa.concat_tables(block.events for block in drawn),
        "truth": pa.concat_tables(block.truth for block in drawn),
        "campaigns": pa.concat_tables(block.campaign_truth for block in drawn),
    }
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, without_zone(table))
        connection.execute(
            "CREATE TABLE orders AS SELECT customer_id, ts, (properties->>'total')::DOUBLE AS total,"
            " properties->>'coupon' AS coupon FROM events WHERE type = 'order_completed'"
        )
        yield connection


@pytest.fixture(scope="module")
def last_quarter(shop: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Customers with an order in the year before the last 90 days, and what they did then."""
    return shop.execute(
        f"""
        SELECT customer_id, epoch({END} - INTERVAL 90 DAY - max(ts)) / 86400 AS recency_days,
          customer_id NOT IN (SELECT customer_id FROM orders WHERE ts > {END} - INTERVAL 90 DAY) AS churned,
          (SELECT count(*) FROM events e WHERE e.customer_id = o.customer_id AND e.type = 'page_viewed'
             AND e.ts BETWEEN {END} - INTERVAL 120 DAY AND {END} - INTERVAL 90 DAY) AS pages_30d
        FROM orders o
        WHERE ts <= {END} - INTERVAL 90 DAY AND ts > {END} - INTERVAL 455 DAY
        GROUP BY customer_id
        """
    ).df()


def without_zone(table: pa.Table) -> pa.Table:
    """UTC times as plain times: DuckDB's zone arithmetic lives in an extension."""
    plain = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def auc(label: pd.Series, score: pd.Series) -> float:
    positives = int(label.sum())
    ranks = score.rank()[label.astype(bool)].sum()
    return float(ranks - positives * (positives + 1) / 2) / (positives * (len(label) - positives))


def one(shop: duckdb.DuckDBPyConnection, query: str) -> float:
    row = shop.execute(query).fetchone()
    assert row is not None
    return float(row[0])


def within_error(observed: npt.ArrayLike, expected: npt.ArrayLike) -> bool:
    """Whether a share of coin flips is near the mean of their probabilities."""
    flips, chances = np.asarray(observed, dtype=float), np.asarray(expected)
    error = np.sqrt((chances * (1 - chances)).sum()) / len(chances)
    return bool(abs(flips.mean() - chances.mean()) <= STANDARD_ERRORS * error)


def test_ten_thousand_customers_make_about_a_million_events(shop):
    assert 900_000 < one(shop, "SELECT count(*) FROM events") < 1_150_000


def test_a_plausible_share_of_last_years_buyers_bought_in_the_last_quarter(shop):
    share = one(
        shop,
        f"SELECT avg((last > {END} - INTERVAL 90 DAY)::INT) FROM (SELECT max(ts) AS last FROM orders"
        f" WHERE ts > {END} - INTERVAL 365 DAY GROUP BY customer_id)",
    )
    assert 0.25 < share < 0.60


def test_recency_predicts_leaving_well_but_not_perfectly(last_quarter):
    assert 0.70 < auc(last_quarter["churned"], last_quarter["recency_days"]) < 0.83


def test_visits_alone_do_not_give_leaving_away(last_quarter):
    assert 0.65 < auc(last_quarter["churned"], -last_quarter["pages_30d"]) < 0.83


def test_nobody_orders_after_the_end_of_the_relation(shop):
    assert (
        one(
            shop,
            "SELECT count(*) FROM orders JOIN truth USING (customer_id) WHERE ts >= churned_at",
        )
        == 0
    )


def test_nobody_orders_before_joining(shop):
    assert (
        one(shop, "SELECT count(*) FROM orders JOIN truth USING (customer_id) WHERE ts < joined_at")
        == 0
    )


def test_browsers_never_buy(shop):
    assert (
        one(
            shop,
            "SELECT count(*) FROM orders JOIN truth USING (customer_id) WHERE customer_type = 'browser'",
        )
        == 0
    )


def test_orders_come_at_the_rate_the_truth_says(shop):
    """Natural and campaign orders of who was there all along, over the full window."""
    ratio = one(
        shop,
        f"""
        SELECT sum(coalesce(n, 0)) / sum(orders_per_year * epoch({END} - TIMESTAMP '2025-05-01') / 86400 / 365.25)
        FROM truth LEFT JOIN (SELECT customer_id, count(*) AS n FROM orders GROUP BY 1) USING (customer_id)
        WHERE joined_at < TIMESTAMP '2025-05-01' AND churned_at IS NULL AND customer_type <> 'occasional_gift_buyer'
        """,
    )
    assert 0.95 < ratio < 1.15


def test_orders_are_worth_what_the_truth_expects_but_for_sales(shop):
    ratio = "SELECT avg(total) / avg(spend_per_order) FROM orders JOIN truth USING (customer_id)"
    assert 0.97 < one(shop, ratio) < 1.01
    by_type = shop.execute(f"{ratio} GROUP BY customer_type").fetchall()
    assert all(0.90 < row[0] < 1.06 for row in by_type)


def test_refunds_stay_below_a_tenth_of_revenue(shop):
    refunded = one(
        shop, "SELECT sum((properties->>'total')::DOUBLE) FROM events WHERE type = 'order_refunded'"
    )
    assert 0.02 < refunded / one(shop, "SELECT sum(total) FROM orders") < 0.10


def test_december_is_busier_than_october(shop):
    busy = one(
        shop,
        "SELECT count(*) FILTER (WHERE month(ts) = 12 AND year(ts) = 2025)"
        " / count(*) FILTER (WHERE month(ts) = 10 AND year(ts) = 2025) FROM orders",
    )
    assert busy > 1.3


def test_saturday_is_busier_than_sunday(shop):
    assert one(
        shop,
        "SELECT count(*) FILTER (WHERE isodow(ts) = 6) / count(*) FILTER (WHERE isodow(ts) = 7) FROM orders",
    ) > 1.1  # fmt: skip


def test_replenishers_are_more_regular_than_bargain_hunters(shop):
    variation = dict(
        shop.execute(
            """
            WITH gaps AS (SELECT customer_id, epoch(ts - lag(ts) OVER (PARTITION BY customer_id ORDER BY ts)) AS gap
                          FROM orders),
                 spread AS (SELECT customer_id, stddev(gap) / avg(gap) AS cv FROM gaps GROUP BY 1 HAVING count(gap) > 5)
            SELECT customer_type, median(cv) FROM spread JOIN truth USING (customer_id) GROUP BY 1
            """
        ).fetchall()
    )
    assert variation["regular_replenisher"] < 0.85 * variation["bargain_hunter"]


def test_bargain_hunters_use_most_coupons(shop):
    rates = dict(
        shop.execute(
            "SELECT customer_type, count(coupon) / count(*) FROM orders JOIN truth USING (customer_id) GROUP BY 1"
        ).fetchall()
    )
    assert rates["bargain_hunter"] > 2 * max(
        rate for name, rate in rates.items() if name != "bargain_hunter"
    )


def test_visits_thin_out_before_the_end_of_a_relation(shop):
    query = """
        SELECT count(DISTINCT session_id) FILTER (WHERE ts BETWEEN churned_at - INTERVAL 30 DAY AND churned_at)
             / count(DISTINCT session_id) FILTER (WHERE ts BETWEEN churned_at - INTERVAL 150 DAY AND churned_at - INTERVAL 120 DAY)
        FROM events JOIN truth USING (customer_id)
        WHERE churned_at > TIMESTAMP '2025-10-15' AND joined_at < churned_at - INTERVAL 150 DAY
    """
    assert 0.5 < one(shop, query) < 0.85


def test_tickets_rise_and_turn_bitter_before_the_end(shop):
    late, early, late_mood, early_mood = shop.execute(
        """
        SELECT count(*) FILTER (WHERE days < 65) / 65, count(*) FILTER (WHERE days BETWEEN 65 AND 150) / 85,
               avg(mood) FILTER (WHERE days < 65), avg(mood) FILTER (WHERE days BETWEEN 65 AND 150)
        FROM (SELECT epoch(churned_at - ts) / 86400 AS days, (properties->>'sentiment')::DOUBLE AS mood
              FROM events JOIN truth USING (customer_id)
              WHERE type = 'ticket_opened' AND ts < churned_at
                AND churned_at > TIMESTAMP '2025-10-15' AND joined_at < churned_at - INTERVAL 150 DAY)
        """
    ).fetchall()[0]
    assert late > 2 * early
    assert late_mood < early_mood - 0.1


@pytest.mark.parametrize("answer", ["review_submitted", "nps_submitted"])
def test_scores_follow_satisfaction(shop, answer):
    assert one(
        shop,
        "SELECT corr((properties->>'score')::DOUBLE, satisfaction) FROM events JOIN truth USING (customer_id)"
        f" WHERE type = '{answer}'",
    ) > 0.5  # fmt: skip


def test_the_content_leave_later(shop):
    lost = dict(
        shop.execute(
            "SELECT satisfaction > 0, count(churned_at) / count(*) FROM truth GROUP BY 1"
        ).fetchall()
    )
    assert lost[True] < lost[False] - 0.03


def test_a_quarter_to_a_third_of_each_campaign_is_held_out(shop):
    rows = shop.execute(
        "SELECT avg((NOT treated)::INT) FROM campaigns GROUP BY campaign_id"
    ).fetchall()
    assert len(rows) >= 8
    assert all(0.22 < share < 0.33 for (share,) in rows)


def test_assignment_is_random(shop):
    """Treated and held-out customers were equally likely to order anyway."""
    difference, error = shop.execute(
        """
        SELECT avg(control_probability) FILTER (WHERE treated) - avg(control_probability) FILTER (WHERE NOT treated),
               sqrt(variance(control_probability) * (1 / count(*) FILTER (WHERE treated) + 1 / count(*) FILTER (WHERE NOT treated)))
        FROM campaigns
        """
    ).fetchall()[0]
    assert abs(difference) < STANDARD_ERRORS * error


@pytest.mark.parametrize("treated", [True, False])
def test_probabilities_are_those_of_the_orders_that_came(shop, treated):
    name = "treated_probability" if treated else "control_probability"
    rows = shop.execute(
        f"SELECT {name} AS p, ordered_14d FROM campaigns WHERE treated = {treated}"
    ).df()
    for _, fifth in rows.groupby(pd.qcut(rows["p"].rank(method="first"), 5, labels=False)):
        assert within_error(fifth["ordered_14d"], fifth["p"])


def test_the_lift_of_each_action_is_the_mean_of_the_true_uplifts(shop):
    rows = shop.execute("SELECT action_id, treated, uplift, ordered_14d FROM campaigns").df()
    for _, action in rows.groupby("action_id"):
        lift, error = observed_lift(action)
        assert abs(lift - action["uplift"].mean()) < STANDARD_ERRORS * error


def test_persuadables_gain_and_sleeping_dogs_lose(shop):
    rows = shop.execute("SELECT treated, uplift, ordered_14d FROM campaigns").df()
    assert observed_lift(rows[rows["uplift"] > 0.10])[0] > 0.08
    assert observed_lift(rows[rows["uplift"] < -0.03])[0] < -0.02


def test_every_campaign_has_customers_it_moves_and_customers_it_does_not(shop):
    shares = shop.execute(
        "SELECT avg((uplift > 0.05)::INT), avg((abs(uplift) < 0.01)::INT) FROM campaigns GROUP BY action_id"
    ).fetchall()
    assert len(shares) == 4
    assert all(moved > 0.1 and unmoved > 0.1 for moved, unmoved in shares)


def test_an_assigned_order_is_an_order_in_the_log(shop):
    disagreeing = one(
        shop,
        """
        SELECT count(*) FROM campaigns c WHERE ordered_14d <> EXISTS (
          SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id
            AND o.ts > c.assigned_at AND o.ts <= c.assigned_at + INTERVAL 14 DAY)
        """,
    )
    assert disagreeing == 0


def observed_lift(rows: pd.DataFrame) -> tuple[float, float]:
    """Treated less control, and its standard error."""
    shares = rows.groupby("treated")["ordered_14d"].agg(["mean", "count"])
    error = np.sqrt((shares["mean"] * (1 - shares["mean"]) / shares["count"]).sum())
    return float(shares["mean"][True] - shares["mean"][False]), float(error)
