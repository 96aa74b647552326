"""Where a customer stands."""

from pydantic import Field

from services.schemas.base import Answer


class Segment(Answer):
    """Where the customer stands: named RFM group, priority and journey stage."""

    name: str | None = Field(
        description="The RFM group, as `segments.yaml` names it (`champions`, `at_risk` …); null "
        "where what decides it is too old."
    )
    priority: str | None = Field(
        description="The group's priority: `A` is served before `B`, `B` before `C`; null with "
        "`name`."
    )
    stage: str | None = Field(
        description="The stage of the journey, as `segments.yaml` names it: `awareness`, "
        "`consideration`, `purchase`, `use`, `loyalty`, `advocacy`, `lapsing`, `lapsed`; null with "
        "`name`."
    )
    tags: list[str] = Field(
        description="Every tag whose rule holds (`vip`, `unhappy` …); empty with a null `name`."
    )
