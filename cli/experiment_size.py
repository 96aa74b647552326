"""`retain experiments size`: how many customers an experiment takes, before it begins."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import AsJson, AsOf, settings_of, time_of
from cli.screen import answer, pairs, say
from retain.errors import InvalidInput, NotEnoughData
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.experiments.declaration import Experiment
    from retain.experiments.loading import Experiments


def declared(settings: Settings) -> "Experiments":
    """What the home's configuration declares.

    Raises:
        InvalidInput: experiments.yaml or actions.yaml is wrong.
    """
    from retain.decisions import catalogues
    from retain.experiments import loading

    return loading.load(settings.config, catalogues.load(settings.config / "actions.yaml"))


def size(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A declared one; else two even arms.")
    ] = None,
    *,
    baseline: Annotated[
        float | None, typer.Option(help="Conversion without it; default: declared, else measured.")
    ] = None,
    lift: Annotated[
        float | None, typer.Option(help="Smallest relative lift worth finding (default 0.1).")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Chance of a false alarm.")] = None,
    power: Annotated[float | None, typer.Option(help="Chance to find that lift.")] = None,
    window_days: Annotated[int | None, typer.Option(min=1, help="Outcomes count so long.")] = None,
    per_day: Annotated[
        float | None, typer.Option(help="New customers a day who could take part.")
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """How many customers an experiment takes, and how many days, before it begins.

    What is not named is measured from the history: conversion and revenue of customers with an
    order in the year before, traffic from the decisions of the last 28 days.

    Example: retain experiments size --baseline 0.05 --lift 0.1 --per-day 400
    """
    settings = settings_of(context)
    given = {
        "baseline_conversion": baseline,
        "minimum_lift": lift,
        "alpha": alpha,
        "power": power,
        "window_days": window_days,
    }
    asked = _asked(
        settings, name, {key: value for key, value in given.items() if value is not None}
    )

    from training.experiments import reading, sizes

    found = None
    if not asked.design.is_sized or per_day is None:
        try:
            found = reading.base(settings, asked.design.window_days, time_of(as_of, settings))
        except NotEnoughData:
            if not asked.design.is_sized:
                raise
    if found is not None:
        asked = reading.filled(asked, found)
        per_day = per_day or found.per_day
    sample = sizes.required(asked)
    if sample is None:
        raise NotEnoughData(
            "there is no baseline: nobody ordered within the window",
            remedy="name it: --baseline 0.05",
        )
    taken = asked.traffic[1] - asked.traffic[0]
    days = None
    if per_day:
        days = sizes.days(sample.always_valid, per_day * taken, asked.design.window_days)
    design = asked.design.model_dump(mode="json", exclude_none=True)
    if as_json:
        answer({"design": design, **sample.as_json(), "per_day": per_day, "days": days})
        return
    pairs({key.replace("_", " "): f"{value:g}" if isinstance(value, float) else value
           for key, value in design.items()})  # fmt: skip
    say()
    pairs(
        {
            "customers": f"{sample.always_valid:,} at most, looked at on any day",
            "of one look": f"{sample.fixed:,}, and not looked at before",
            "each arm": ", ".join(f"{arm} {count:,}" for arm, count in sample.arms.items()),
            "days": "name the traffic: --per-day 400"
            if days is None
            else f"{days:,.0f}, of {per_day:,.0f} new customers a day and {taken:.0%} of the layer",
        }
    )


def _asked(settings: Settings, name: str | None, design: dict[str, Any]) -> "Experiment":
    """The declared experiment, or two even arms, with what the call says about the design."""
    from pydantic import ValidationError

    from retain.experiments.declaration import Arm, Design, Experiment

    try:
        if name is not None:
            found = declared(settings).named(name)
            told = Design.model_validate({**found.design.model_dump(), **design})
            return found.model_copy(update={"design": told})
        told = Design.model_validate({"minimum_lift": 0.1, **design})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(first["msg"], field=str(first["loc"][0])) from error
    even = (Arm(name="control", share=0.5), Arm(name="treatment", share=0.5))
    return Experiment(
        name="asked", question="", layer="asked", traffic=(0.0, 1.0), arms=even, design=told
    )
