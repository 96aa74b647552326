"""Every shop by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from shaped.baskets import households, market
from shaped.edges import club, members, retailrocket, tiny, young
from shaped.sellers import cd_buyers, european, grocer
from shaped.shop import Shop

SHOPS: Mapping[str, Callable[[Path, float], Shop]] = {
    "cd-buyers": cd_buyers,
    "grocer": grocer,
    "households": households,
    "market": market,
    "european": european,
    "tiny": tiny,
    "young": young,
    "club": club,
    "members": members,
    "retailrocket": retailrocket,
}
