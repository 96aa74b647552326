"""Budgets: which of them an action takes from, and whether they have room for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil, floor

from retain.decisions.actions import Action
from retain.decisions.catalogues import Catalogue
from retain.decisions.constraints import Budget
from retain.decisions.state import Spent

BUDGET = "budget"
MICROS = 1_000_000
"""Money is counted in whole millionths: sums of it are exact in any order."""
UNLIMITED = 2**62
_NOTHING = Spent()
_QUARTER_SECONDS = 900


def to_money(amount: float) -> int:
    """Millionths, rounded up: what is spent is never counted as less."""
    return ceil(amount * MICROS)


def limits(budget: Budget) -> tuple[int, int]:
    """The most millionths and the most decisions of ``budget``."""
    amount = UNLIMITED if budget.amount is None else floor(budget.amount * MICROS)
    return amount, UNLIMITED if budget.count is None else budget.count


def has_room(budget: Budget, spent: Spent, micros: int) -> bool:
    """Whether one more decision that costs ``micros`` fits."""
    amount, count = limits(budget)
    return spent.micros + micros <= amount and spent.decisions + 1 <= count


class Budgets:
    """The budgets of one catalogue.

    Attributes:
        declared: all of them, by the part of their key that is the same in every period.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._zone = catalogue.config.zone
        self._config = catalogue.config
        self._of_action = {each.id: tuple(self._scopes(each)) for each in catalogue.actions}
        self.declared: Mapping[str, Budget] = {
            scope: one for held in self._of_action.values() for scope, one in held
        }

        self._known: tuple[int, Mapping[str, Sequence[tuple[str, Budget]]]] | None = None

    def __bool__(self) -> bool:
        return bool(self.declared)

    def keys(self, now: datetime) -> list[str]:
        """The keys of every budget in the periods that ``now`` lies in."""
        local = now.astimezone(self._zone)
        return [_key(scope, budget, local) for scope, budget in self.declared.items()]

    def of(self, action: Action, now: datetime) -> Sequence[tuple[str, Budget]]:
        """What an action takes from at ``now``, in the one order everybody locks in."""
        return self._held(now)[action.id] if self._of_action[action.id] else ()

    def _held(self, now: datetime) -> Mapping[str, Sequence[tuple[str, Budget]]]:
        # midnight is at a quarter of an hour everywhere: until the next one all keys stay
        quarter = int(now.timestamp() // _QUARTER_SECONDS)
        known = self._known
        if known is None or known[0] != quarter:
            local = now.astimezone(self._zone)
            held = {
                action_id: sorted(
                    ((_key(scope, one, local), one) for scope, one in several),
                    key=lambda each: each[0],
                )
                for action_id, several in self._of_action.items()
            }
            known = self._known = quarter, held
        return known[1]

    def forbid(
        self,
        action: Action,
        spent: Mapping[str, Spent],
        cost: Callable[[Action], float],
        now: datetime,
    ) -> str | None:
        """:data:`BUDGET` where one of the action's budgets has no room for its ``cost`` more."""
        if not self._of_action[action.id]:
            return None
        micros = to_money(cost(action))
        for key, budget in self._held(now)[action.id]:
            if not has_room(budget, spent.get(key, _NOTHING), micros):
                return BUDGET
        return None

    def as_json(self, spent: Mapping[str, Spent], now: datetime) -> list[dict[str, object]]:
        """Where every budget stands, for the receipt."""
        local = now.astimezone(self._zone)
        stands = []
        for scope, budget in self.declared.items():
            key = _key(scope, budget, local)
            so_far = spent.get(key, _NOTHING)
            stands.append(
                {
                    "budget": key,
                    "spent": so_far.micros / MICROS,
                    "amount": budget.amount,
                    "decisions": so_far.decisions,
                    "count": budget.count,
                }
            )
        return stands

    def _scopes(self, action: Action) -> Iterator[tuple[str, Budget]]:
        if action.transactional or action.channel == "none":
            return
        config = self._config
        scoped: list[tuple[str, Sequence[Budget]]] = [
            (f"action/{action.id}", action.budget),
            ("all", config.budget),
            (f"channel/{action.channel}", config.channel_budgets.get(action.channel, ())),
            *((f"tag/{tag}", config.tag_budgets.get(tag, ())) for tag in action.tags),
        ]
        for scope, declared in scoped:
            yield from ((f"{scope}/{budget.per}", budget) for budget in declared)


def _key(scope: str, budget: Budget, local: datetime) -> str:
    return scope if budget.per == "total" else f"{scope}/{budget.period(local)}"
