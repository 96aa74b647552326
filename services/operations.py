"""The operations the service offers: routes and OpenAPI document are made of this one list."""

from retain.keys import Scope
from services.delivery_operations import ACK, ACK_MANY, DELIVERIES
from services.operation import BODY_PROBLEMS, ID, JSON, Operation, Parameter, Reply
from services.schemas import (
    events,
    feedback,
    health,
    models,
    prediction_examples,
    predictions,
    profiles,
    ranking,
)

_FLAG = {"type": "boolean", "default": False}
_METRICS = """\
# HELP retain_requests_total Requests answered.
# TYPE retain_requests_total counter
retain_requests_total{route="/predict",status="200"} 1280.0
"""
_PAGE = "<!DOCTYPE html>…"
_DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Retain", "version": "0.1.0"}, "paths": {}}

PREDICT = Operation(
    "predict",
    "POST",
    "/predict",
    "scores",
    "Score one customer or many",
    "Churn, next purchase, lifetime value, segment and a preview of the next best action. A head "
    "that cannot answer keeps its object, with a status and null scores. One unknown customer is "
    "a 404; in a list an unknown one is answered in its place.",
    (
        Reply(
            200,
            "The prediction, or `predictions` for a list.",
            predictions.PredictAnswer,
            {
                "one": prediction_examples.EXAMPLE,
                "explained": prediction_examples.EXPLAINED_EXAMPLE,
                "degraded": prediction_examples.DEGRADED_EXAMPLE,
                "many": prediction_examples.MANY_EXAMPLE,
            },
            headers={
                "Content-Language": "The language of signals and reasons, `en` or `ko`.",
                "Vary": "`Accept-Language`, where the body names no `language`.",
            },
        ),
    ),
    request=predictions.PredictRequest,
    problems=(404, *BODY_PROBLEMS),
    scope=Scope.score,
)
RANK = Operation(
    "rank",
    "POST",
    "/rank",
    "decisions",
    "Decide the next best action",
    "Filters the catalogue by consent, eligibility and caps, ranks what is left by expected "
    "incremental value, reserves the caps and writes the receipt before it answers. Unknown and "
    "anonymous visitors get the actions that pay on average.",
    (
        Reply(
            200,
            "The decision.",
            ranking.Decision,
            {"decision": ranking.EXAMPLE, "with_receipt": ranking.RECEIPT_EXAMPLE},
        ),
    ),
    request=ranking.RankRequest,
    parameters=(
        Parameter(
            "Idempotency-Key",
            "header",
            "The same key with the same body answers the same decision.",
            ID,
            "order-77-page-2",
        ),
    ),
    problems=(409, *BODY_PROBLEMS),
    scope=Scope.score,
)
DECISION = Operation(
    "decision",
    "GET",
    "/decisions/{decision_id}",
    "decisions",
    "Replay a decision",
    "The receipt as it was written: candidates, terms, and the rule that removed each loser.",
    (Reply(200, "The receipt.", ranking.Receipt, {"receipt": ranking.STORED_EXAMPLE}),),
    parameters=(Parameter("decision_id", "path", "From `/rank` or `/predict`.", ID, "01JD0Z6Y"),),
    problems=(404, 422, 500, 503),
    scope=Scope.score,
)
EVENTS = Operation(
    "events",
    "POST",
    "/events",
    "events",
    "Report what happened",
    "Retain events, a CloudEvents batch or Segment `track` calls, up to 1,000. Idempotent by "
    "event id; durable before the answer.",
    (
        Reply(
            200,
            "All were handled.",
            events.EventResults,
            {"accepted": events.EXAMPLE, "explained": events.DRY_RUN_EXAMPLE},
        ),
        Reply(207, "Some were rejected.", events.EventResults, {"mixed": events.MIXED_EXAMPLE}),
    ),
    request="EventBatch",
    parameters=(
        Parameter(
            "wait",
            "query",
            "Answer once the online features reflect them; where they do not within ten seconds, a "
            "503 says so, and the events are stored.",
            _FLAG,
            example=True,
        ),
        Parameter(
            "dry_run",
            "query",
            "Store nothing; answer what would become of each event, with an `explanation`.",
            _FLAG,
            example=True,
        ),
    ),
    problems=BODY_PROBLEMS,
    scope=Scope.ingest,
)
FEEDBACK = Operation(
    "feedback",
    "POST",
    "/feedback",
    "events",
    "Report what became of a decision",
    "One outcome or a list of up to 1,000, each taken or rejected by itself; idempotent by "
    "`feedback_id`.",
    (
        Reply(200, "All were handled.", feedback.FeedbackResults, {"accepted": feedback.EXAMPLE}),
        Reply(
            207, "Some were rejected.", feedback.FeedbackResults, {"mixed": feedback.MIXED_EXAMPLE}
        ),
    ),
    request=feedback.FeedbackRequest,
    problems=BODY_PROBLEMS,
    scope=Scope.ingest,
)
CUSTOMER = Operation(
    "customer",
    "GET",
    "/customers/{customer_id}",
    "customers",
    "What is known about a customer",
    "Every feature with its age, the segment, and what the customer consented to.",
    (Reply(200, "The profile.", profiles.Profile, {"profile": profiles.EXAMPLE}),),
    parameters=(Parameter("customer_id", "path", "The customer's id.", ID, "17850"),),
    problems=(404, 422, 500, 503),
    scope=Scope.admin,
)
MODELS = Operation(
    "models",
    "GET",
    "/models",
    "service",
    "Which models answer",
    "The champion of each head with the summary of its manifest.",
    (Reply(200, "The champions.", models.Models, {"models": models.EXAMPLE}),),
    scope=Scope.admin,
)
METRICS = Operation(
    "metrics",
    "GET",
    "/metrics",
    "service",
    "Prometheus metrics",
    "Exposition format 0.0.4.",
    (Reply(200, "The metrics.", None, {"text": _METRICS}, "text/plain"),),
    scope=Scope.metrics,
)
LIVEZ = Operation(
    "livez",
    "GET",
    "/livez",
    "service",
    "Is the process alive?",
    "Nothing but the process is checked.",
    (Reply(200, "It is.", health.Alive, {"alive": health.ALIVE_EXAMPLE}),),
    scope=None,
)
READYZ = Operation(
    "readyz",
    "GET",
    "/readyz",
    "service",
    "Is the service ready?",
    "Models loaded and verified, feature fingerprints matching, every store reached once. Where a "
    "store dies later, the service stays ready and says `degraded`. This never waits for a store.",
    (
        Reply(
            200,
            "It is.",
            health.Readiness,
            {"ready": health.READY_EXAMPLE, "degraded": health.DEGRADED_EXAMPLE},
        ),
        Reply(503, "Not now.", health.Readiness, {"not_ready": health.NOT_READY_EXAMPLE}),
    ),
    scope=None,
)
DOCS = Operation(
    "docs",
    "GET",
    "/docs",
    "service",
    "This documentation, to read and to try",
    "Works offline.",
    (Reply(200, "The page.", None, {"page": _PAGE}, "text/html"),),
    scope=None,
)
DOCUMENT = Operation(
    "document",
    "GET",
    "/docs.json",
    "service",
    "This documentation as OpenAPI 3.1",
    "The document itself.",
    (Reply(200, "The document.", None, {"document": _DOCUMENT}, JSON),),
    scope=None,
)

OPERATIONS = (
    PREDICT,
    RANK,
    DECISION,
    EVENTS,
    FEEDBACK,
    DELIVERIES,
    ACK,
    ACK_MANY,
    CUSTOMER,
    MODELS,
    METRICS,
    LIVEZ,
    READYZ,
    DOCS,
    DOCUMENT,
)
