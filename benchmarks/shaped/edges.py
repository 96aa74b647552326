"""Shops at the edges: few customers, a short history, no orders, no prices."""

from pathlib import Path

import numpy as np
import pandas as pd

from retain.settings import load
from shaped.shop import Case, File, Rows, Shop, orders_of, repeating

_PLAIN = """
name: shop
type: {constant: order_completed}
customer_id: who
time: when
currency: EUR
properties: {total: total}
"""


def tiny(folder: Path, size: float, seed: int = 4) -> Shop:
    """Thirty customers over two years."""
    case = Case("2024-10-01", 90, "customers")
    return _small(folder / "tiny.csv", int(30 * max(size, 1)), 730, case, seed)


def young(folder: Path, size: float, seed: int = 5) -> Shop:
    """Six hundred customers, three months of history."""
    case = Case("2023-04-01", 30)
    return _small(folder / "young.csv", int(600 * size), 120, case, seed)


def _small(path: Path, customers: int, days: int, case: Case, seed: int) -> Shop:
    rng = np.random.default_rng(seed)
    bought = repeating(rng, customers, days, per_year=8.0)
    bought["value"] = np.round(rng.gamma(2.0, 20.0, len(bought)), 2)
    when = pd.Timestamp("2023-01-01") + pd.to_timedelta(bought["day"], unit="D")
    who = "c" + bought["customer"].astype(str)
    pd.DataFrame({"who": who, "when": when, "total": bought["value"]}).to_csv(path, index=False)
    orders = orders_of(who, when, bought["value"])
    files = (File(path, "csv", _PLAIN, kept=len(bought)),)
    return Shop(path.stem, files, orders, (case,), int(orders["customer_id"].nunique()))


_MEMBERS = """
name: club
type: {column: what, values: {start: subscription_started, renew: subscription_renewed,
       cancel: subscription_cancelled, login: logged_in}}
customer_id: member
time: when
properties: {subscription_id: contract, plan: {constant: monthly}, term_end: until}
"""


def club(folder: Path, size: float) -> Shop:
    """Monthly subscriptions and log-ins; nobody orders anything."""
    data = _members(folder, size)
    nothing = orders_of(pd.Series([], dtype=str), pd.Series([], dtype="datetime64[ns]"),
                        pd.Series([], dtype=float))  # fmt: skip
    files = (File(folder / "members.csv", "csv", _MEMBERS, kept=len(data)),)
    refused = (Case("2024-09-01", 90, "nobody ordered"),)
    return Shop("club", files, nothing, refused, int(data["member"].nunique()))


def members(folder: Path, size: float) -> Shop:
    """The same club with its payments as orders; to leave is not to renew."""
    data = _members(folder, size)
    paid = data[data["what"].isin(["start", "renew"])]
    path = folder / "payments.csv"
    pd.DataFrame({"who": paid["member"], "when": paid["when"], "total": 9.99}).to_csv(
        path, index=False
    )
    orders = orders_of(paid["member"], paid["when"], paid["day"] * 0 + 9.99)
    files = (
        File(folder / "members.csv", "csv", _MEMBERS, kept=len(data)),
        File(path, "csv", _PLAIN, kept=len(paid)),
    )
    words = ("--churn-label", "subscription_not_renewed")
    case = Case("2024-09-01", 90, words=words, last_days=30)
    return Shop("members", files, orders, (case,), int(data["member"].nunique()))


def _members(folder: Path, size: float, seed: int = 6) -> Rows:
    rng = np.random.default_rng(seed)
    rows = []
    for one in range(int(1_500 * size)):
        day, fade = float(rng.integers(0, 600)), rng.beta(1, 12)
        begun = "start"
        visits = rng.gamma(2.0, 3.0)
        while day < 730:
            rows.append((f"m{one}", begun, day, day + 30))
            logins = rng.poisson(visits)
            rows += [(f"m{one}", "login", day + d, None) for d in rng.uniform(0, 30, logins)]
            if rng.random() < fade * (2 if logins < visits / 2 else 1):
                if rng.random() < 0.6:
                    rows.append((f"m{one}", "cancel", day + 25, day + 30))
                break
            day, begun = day + 30, "renew"
    data = pd.DataFrame(rows, columns=["member", "what", "day", "end"])
    data = data[data["day"] < 730].sort_values("day", ignore_index=True)
    origin = pd.Timestamp("2023-01-01")
    data["when"] = (origin + pd.to_timedelta(data["day"], unit="D")).dt.floor("s")
    data["until"] = (origin + pd.to_timedelta(data["end"], unit="D")).dt.floor("s")
    data["contract"] = "s-" + data["member"]
    data = data.drop_duplicates(["member", "what", "when"])
    data[["member", "what", "when", "until", "contract"]].to_csv(
        folder / "members.csv", index=False
    )
    return data


def retailrocket(folder: Path, _size: float) -> Shop:
    """Views, carts and purchases of a real shop without prices (Retailrocket, CC BY-NC-SA 4.0).

    Raises:
        FileNotFoundError: the public data are not there.
    """
    path = load().data / "retailrocket_events.parquet"
    data = pd.read_parquet(path)
    sold = data[data["event"] == "transaction"]
    when = pd.to_datetime(sold["timestamp_s"], unit="s")
    orders = orders_of(sold["user_idx"].astype(str), when, sold["timestamp_s"] * 0.0)
    files = (File(path, "retailrocket", kept=len(data.drop_duplicates()),
                  aside=_repeats(data)),)  # fmt: skip
    cases = (Case("2015-09-03", 14), Case("2015-08-18", 30))
    folder.mkdir(exist_ok=True)
    return Shop("retailrocket", files, orders, cases, int(data["user_idx"].nunique()))


def _repeats(data: Rows) -> dict[str, int]:
    again = len(data) - len(data.drop_duplicates())
    return {"duplicate": again} if again else {}
