"""Follow-ups: actions that wait for the outcome of another, and end when a goal is reached."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from retain.decisions.actions import Action
from retain.decisions.constraints import FollowUp
from retain.decisions.eligibility import GOAL_REACHED
from retain.decisions.state import Contact
from retain.decisions.tally import Tally

FOLLOWS = "follows"


def forbid(
    action: Action, tally: Tally, goals: Mapping[str, datetime], now: datetime
) -> str | None:
    """Why ``action`` may not follow now, or None: also of one that follows nothing."""
    if not action.follows:
        return None
    reached = False
    for follow in action.follows:
        for contact in tally.remembered(follow.action):
            if not _is_due(follow, contact, tally, now) or _answered(action, contact, tally):
                continue
            if not _reached(action, contact, goals):
                return None
            reached = True
    return GOAL_REACHED if reached else FOLLOWS


def _is_due(follow: FollowUp, contact: Contact, tally: Tally, now: datetime) -> bool:
    since = _since(follow.outcome, contact, tally)
    if since is None:
        return False
    waited = now - since
    after, within = timedelta(hours=follow.after_hours), timedelta(hours=follow.within_hours)
    # a wait of no time at all has still to have begun
    return waited >= timedelta(0) and after <= waited <= within


def _since(outcome: str, contact: Contact, tally: Tally) -> datetime | None:
    if outcome.startswith("not_"):
        missed = contact.happened(outcome.removeprefix("not_")) is None
        return contact.at if missed and tally.counts(contact) else None
    if outcome == "sent":
        return contact.at if tally.counts(contact) else None
    return contact.happened(outcome)


def _answered(action: Action, contact: Contact, tally: Tally) -> bool:
    """Whether the follow-up was decided since: one contact is followed once."""
    return any(
        own.decided_at >= contact.decided_at and tally.counts(own)
        for own in tally.remembered(action.id)
    )


def _reached(action: Action, contact: Contact, goals: Mapping[str, datetime]) -> bool:
    times = (goals.get(goal) for goal in action.withdrawn_by)
    return any(at is not None and at > contact.at for at in times)
