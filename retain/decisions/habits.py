"""What the whole base is used to, counted at training, for who is not known better."""

from retain.decisions.channels import ChannelPreference
from retain.decisions.hours import Habits
from retain.errors import CorruptModel
from retain.manifest import Manifest
from retain.rfm import HABITS

__all__ = ["HABITS", "of_base"]


def of_base(manifest: Manifest | None) -> tuple[Habits, ChannelPreference]:
    """The hours and channels of the base, from the manifest of the head ``rfm``.

    Without it, or from before they were counted, nothing is known of the base.

    Raises:
        CorruptModel: these are no habits.
    """
    told = {} if manifest is None else manifest.parameters.get(HABITS, {})
    try:
        hours = tuple(float(count) for count in told.get("hours", ()))
        rates = {str(name): float(rate) for name, rate in told.get("channels", {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise CorruptModel(f"the habits cannot be read: {error}", remedy="train again") from error
    return Habits(hours), ChannelPreference(rates)
