"""The operations of deliveries: taking what is held for pulling, and acknowledging it."""

from retain.keys import Scope
from services.operation import BODY_PROBLEMS, ID, Operation, Parameter, Reply
from services.schemas import deliveries

DELIVERIES = Operation(
    "deliveries",
    "GET",
    "/deliveries",
    "decisions",
    "Take the decisions that triggers had made",
    "What is held for pulling, longest waiting first. What is given out is hidden from others "
    "until it is acknowledged or its lease is over; then it is given out again, under the same "
    "`delivery_id`. What a reached goal ended is never given out.",
    (
        Reply(
            200,
            "What is due now; an empty list where nothing is.",
            deliveries.DeliveriesAnswer,
            {"one": deliveries.EXAMPLE, "none": deliveries.EMPTY_EXAMPLE},
        ),
    ),
    parameters=(
        Parameter(
            "limit",
            "query",
            "At most so many.",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": deliveries.MAX_DELIVERIES,
                "default": 10,
            },
            10,
        ),
        Parameter(
            "lease_seconds",
            "query",
            "How long they are yours; by default what `triggers.yaml` says.",
            {"type": "integer", "minimum": 1, "maximum": deliveries.LONGEST_LEASE_SECONDS},
            120,
        ),
    ),
    problems=(422, 500, 503),
    scope=Scope.admin,
)
ACK = Operation(
    "acknowledge",
    "POST",
    "/deliveries/{delivery_id}/ack",
    "decisions",
    "Acknowledge one delivery",
    "It is not given out again. To say it twice does no harm.",
    (
        Reply(200, "It is yours.", deliveries.AckResults, {"one": deliveries.ACK_EXAMPLE}),
        Reply(
            207,
            "It was over, or there is none: do not act on it.",
            deliveries.AckResults,
            {"withdrawn": {"results": deliveries.MIXED_ACK_EXAMPLE["results"][1:]}},
        ),
    ),
    parameters=(
        Parameter("delivery_id", "path", "From `GET /deliveries`.", ID, "01JD0Z6ZC4M1W9T3"),
    ),
    problems=(422, 500, 503),
    scope=Scope.admin,
)
ACK_MANY = Operation(
    "acknowledge_many",
    "POST",
    "/deliveries/ack",
    "decisions",
    "Acknowledge deliveries",
    "Up to 1,000; one result for each.",
    (
        Reply(200, "All are yours.", deliveries.AckResults, {"all": deliveries.ACK_EXAMPLE}),
        Reply(
            207,
            "Some were over: do not act on those.",
            deliveries.AckResults,
            {"mixed": deliveries.MIXED_ACK_EXAMPLE},
        ),
    ),
    request=deliveries.AckRequest,
    problems=BODY_PROBLEMS,
    scope=Scope.admin,
)
