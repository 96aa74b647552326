"""Links told one after the other, and the memberships they make and end."""

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

_CUSTOMER = "customer"
_Node = tuple[str, str]
_Row = tuple[str, int, int, str, str]


class Told(Protocol):
    """A link or unlink (:class:`retain.identity.Link`)."""

    @property
    def linked(self) -> bool: ...
    @property
    def member_kind(self) -> str: ...
    @property
    def member_id(self) -> str: ...
    @property
    def customer_id(self) -> str | None: ...


class Replay:
    """The state of one component: a forest whose roots are the surviving customers.

    Links are taken in their order; :meth:`settle` ends a moment, since only what holds after
    everything of that moment was told is ever seen.
    """

    def __init__(self, forever: int) -> None:
        self._forever = forever
        # what holds of each member, oldest first; customers among each other in one list
        self._leaves: dict[_Node, list[str]] = {}
        self._merges: list[tuple[_Node, str]] = []
        self._parent: dict[_Node, str] = {}
        self._others: Counter[str] = Counter()
        self._open: dict[_Node, tuple[str, int]] = {}
        self._touched: set[_Node] = set()
        self._rows: list[_Row] = []

    def take(self, link: Told) -> None:
        """Take the next link or unlink."""
        member = (link.member_kind, link.member_id)
        if member[0] == _CUSTOMER:
            self._merge(member, link.customer_id, linked=link.linked)
            return
        held = self._leaves.setdefault(member, [])
        if link.linked and link.customer_id is not None:
            held.append(link.customer_id)
        else:
            held[:] = [] if link.customer_id is None else [c for c in held if c != link.customer_id]
        self._move(member, held[-1] if held else None)

    def settle(self, ts: int) -> None:
        """All of moment ``ts`` was told."""
        for node in self._touched:
            root = self._root(node)
            joined = root is not None and (node != (_CUSTOMER, root) or self._others[root] > 0)
            before = self._open.get(node)
            if before is not None and joined and before[0] == root:
                continue
            if before is not None:
                del self._open[node]
                self._close(node, before, ts)
            if joined and root is not None:
                self._open[node] = (root, ts)
        self._touched.clear()

    def finish(self) -> list[_Row]:
        """Rows of :data:`retain.identity.MEMBERSHIPS_SCHEMA`."""
        for node, since in self._open.items():
            self._close(node, since, self._forever)
        self._open.clear()
        return self._rows

    def _close(self, node: _Node, since: tuple[str, int], until: int) -> None:
        root, start = since
        if start < until:
            self._rows.append((root, start, until, *node))

    def _move(self, member: _Node, to: str | None) -> None:
        """A member without members of its own goes to another customer, or to none."""
        if (before := self._root(member)) is not None:
            self._others[before] -= 1
            self._touched.add((_CUSTOMER, before))
        if to is None:
            self._parent.pop(member, None)
        else:
            self._parent[member] = to
            root = self._top(to)
            self._others[root] += 1
            self._touched.add((_CUSTOMER, root))
        self._touched.add(member)

    def _merge(self, member: _Node, customer_id: str | None, *, linked: bool) -> None:
        if linked and customer_id is not None:
            self._merges.append((member, customer_id))
            fresh = member not in self._parent and not self._others[member[1]]
            if fresh and self._top(customer_id) != member[1]:
                self._parent[member] = customer_id
                root = self._top(customer_id)
                self._others[root] += 1
                self._touched |= {member, (_CUSTOMER, root)}
                return
        else:
            self._merges = [
                (one, target)
                for one, target in self._merges
                if one != member or (customer_id is not None and target != customer_id)
            ]
        self._rebuild()

    def _rebuild(self) -> None:
        nodes = set(self._parent) | {(_CUSTOMER, target) for target in self._parent.values()}
        leaves = {node: to for node, to in self._parent.items() if node[0] != _CUSTOMER}
        self._parent = {**leaves, **_forest(self._merges)}
        nodes |= set(self._parent) | {(_CUSTOMER, target) for target in self._parent.values()}
        self._others = Counter(
            root for node in nodes if (root := self._root(node)) and node != (_CUSTOMER, root)
        )
        self._touched |= nodes

    def _root(self, node: _Node) -> str | None:
        to = self._parent.get(node)
        if to is not None:
            return self._top(to)
        return node[1] if node[0] == _CUSTOMER else None

    def _top(self, customer_id: str) -> str:
        while (above := self._parent.get((_CUSTOMER, customer_id))) is not None:
            customer_id = above
        return customer_id


def _forest(merges: list[tuple[_Node, str]]) -> dict[_Node, str]:
    parent: dict[_Node, str] = {}
    told: dict[_Node, int] = {}
    for order, (member, target) in enumerate(merges):
        circle = [member, *_path(parent, target, member)]
        parent[member], told[member] = target, order
        if len(circle) > 1:
            oldest = min(circle[1:], key=told.__getitem__)
            del parent[oldest]
    return parent


def _path(parent: dict[_Node, str], start: str, end: _Node) -> Iterator[_Node]:
    """The members from ``start`` up to just below ``end``; nothing where it is not above."""
    path, node = [], (_CUSTOMER, start)
    while node != end:
        if node not in parent:
            return
        path.append(node)
        node = (_CUSTOMER, parent[node])
    yield from path
