"""`retain identity`: which ids are one customer, and joining and parting them by hand."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import AsJson, AsOf, filled_log, settings_of, time_of
from cli.screen import answer, pairs, say, table
from retain.clock import iso, to_micros
from retain.errors import InvalidInput, UnknownCustomer

if TYPE_CHECKING:
    from retain.eventlog import EventLog
    from retain.identity import Member
    from retain.people import People

app = typer.Typer(
    name="identity",
    no_args_is_help=True,
    help="Show which ids are one customer; merge customers, and undo it.",
)

Anonymous = Annotated[
    bool, typer.Option("--anonymous", help="The id is a visitor's (a cookie), no customer's.")
]
Reason = Annotated[str, typer.Option(help="Why; the sentence stands in the log.")]
SOURCE = "cli"


@app.command()
def show(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="A customer's or a visitor's id.")],
    *,
    anonymous: Anonymous = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Say which customer an id is, the customer's other ids, and since when.

    Example: retain identity show 17850
    """
    settings = settings_of(context)
    moment = time_of(as_of, settings)
    log = filled_log(settings)
    member = _member(id_, anonymous=anonymous)
    found = _shown(_known(log, member), member, moment)
    if as_json:
        answer(found)
        return
    pairs({name: found[name] for name in ("id", "kind", "customer", "as_of")})
    if found["identities"]:
        say()
        names = ("kind", "id", "since", "linked_to", "event_id")
        table(names, [[one[name] for name in names] for one in found["identities"]])


@app.command()
def merge(
    context: typer.Context,
    from_: Annotated[str, typer.Argument(metavar="FROM", help="The id that is given up.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The customer it becomes part of.")],
    *,
    reason: Reason,
    anonymous: Anonymous = False,
    as_json: AsJson = False,
) -> None:
    """Make one customer of two: from now on the whole history of FROM is INTO's.

    It is an event like any other, and `retain identity unmerge` undoes it.

    Example: retain identity merge 17851 17850 --reason "same loyalty card"
    """
    settings = settings_of(context)
    log, member = filled_log(settings), _member(from_, anonymous=anonymous)
    _require(log, [into] if anonymous else [from_, into])
    people = _known(log, member)
    if member.id == into and not anonymous:
        raise InvalidInput("a customer cannot be merged into itself", field="INTO")
    if people and people.whose(member) == people.customer(into):
        raise InvalidInput(f"{from_} is {people.customer(into)} already", field="FROM")
    moment = time_of(None, settings)
    _tell(log, "identity_linked", member, into=into, reason=reason, at=moment)
    _report(log, member, moment, as_json=as_json)


@app.command()
def unmerge(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id that was merged away.")],
    *,
    reason: Reason,
    anonymous: Anonymous = False,
    as_json: AsJson = False,
) -> None:
    """Undo the merge of ID: features of both are again what they would have been without it.

    Example: retain identity unmerge 17851 --reason "two people, one household"
    """
    settings = settings_of(context)
    log, member = filled_log(settings), _member(id_, anonymous=anonymous)
    link = _known(log, member).told_by(member)
    if link is None or link.customer_id is None:
        raise InvalidInput(
            f"{id_} is not merged into another customer",
            remedy=f"see who it is: retain identity show {id_}",
            field="ID",
        )
    moment = time_of(None, settings)
    _tell(log, "identity_unlinked", member, into=link.customer_id, reason=reason, at=moment)
    _report(log, member, moment, as_json=as_json)


def _member(id_: str, *, anonymous: bool) -> "Member":
    from retain.identity import Member
    from retain.identity_links import ANONYMOUS, CUSTOMER

    return Member(ANONYMOUS if anonymous else CUSTOMER, id_)


def _known(log: "EventLog", member: "Member") -> "People":
    from retain import identities
    from retain.database import reading

    with reading(log.engine) as connection:
        return identities.people_of(connection, [member])


def _require(log: "EventLog", customer_ids: list[str]) -> None:
    known = log.known(customer_ids)
    for one in customer_ids:
        if one not in known:
            raise UnknownCustomer(
                f"no event of customer {one!r} is known", remedy="check the id", field="ID"
            )


def _tell(
    log: "EventLog", event_type: str, member: "Member", *, into: str, reason: str, at: datetime
) -> None:
    from retain import clock, ulid
    from retain.event import Event, read_event, to_table

    record = {
        # of one moment the later id has the last word: a pinned clock stands still, this does not
        "event_id": ulid.new(clock.now()),
        "type": event_type,
        "timestamp": at,
        "customer_id": into,
        "source": SOURCE,
        "properties": {"linked_id": member.id, "link_type": member.kind, "reason": reason},
    }
    event = read_event(record, at)
    if not isinstance(event, Event):
        raise InvalidInput(event.detail)
    log.append(to_table([event]), mark_pending=True)


def _report(log: "EventLog", member: "Member", moment: datetime, *, as_json: bool) -> None:
    found = _shown(_known(log, member), member, moment)
    if as_json:
        answer(found)
    elif found["customer"] in (member.id, None):
        say(f"{member.id} is on its own again")
    else:
        say(f"{member.id} is {found['customer']} from {found['as_of']} on")


def _shown(people: "People", member: "Member", moment: datetime) -> dict[str, Any]:
    from retain.identity_links import CUSTOMER

    at = to_micros(moment)
    customer = people.whose(member, at) or (member.id if member.kind == CUSTOMER else None)
    found = [] if customer is None else people.identities(customer, at)
    return {
        "id": member.id,
        "kind": member.kind,
        "customer": customer,
        "as_of": iso(moment),
        "identities": [one.as_json() for one in found],
    }
