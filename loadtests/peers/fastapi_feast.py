"""FastAPI + Feast SDK + LightGBM: scores of customers over HTTP.

    PEER_STORE=folder uvicorn fastapi_feast:app --app-dir loadtests/peers --no-access-log

``PEER_STORE`` is what ``prepare.py`` wrote. ``/predict/threaded`` is what FastAPI advises for code
that blocks, and what Feast's own server does: a plain ``def``, run in a thread. ``/predict`` blocks
the event loop instead: all work is in the interpreter, over which threads only fight, so that it
answers twice as many requests, and while it does nothing else, not even its probe.
``/predict/limited`` has one thread, by a limiter of anyio's that FastAPI's documentation does not
tell of: between the two.
"""

import os
from pathlib import Path

from answers import Many, One, Prediction, Predictions, predictions
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from heads import Heads

heads = Heads(Path(os.environ["PEER_STORE"]))
app = FastAPI()
one_at_a_time = CapacityLimiter(1)


@app.post("/predict")
async def predict(asked: One) -> Prediction:
    """Scores of one customer."""
    return predictions([asked.customer_id], heads.scores([asked.customer_id]))[0]


@app.post("/predict/threaded")
def predict_threaded(asked: One) -> Prediction:
    """Scores of one customer, from a thread."""
    return predictions([asked.customer_id], heads.scores([asked.customer_id]))[0]


@app.post("/predict/limited")
async def predict_limited(asked: One) -> Prediction:
    """Scores of one customer, from the only thread there is."""
    return await to_thread.run_sync(predict_threaded, asked, limiter=one_at_a_time)


@app.post("/predict/many")
async def predict_many(asked: Many) -> Predictions:
    """Scores of up to a thousand."""
    found = predictions(asked.customer_ids, heads.scores(asked.customer_ids))
    return Predictions(predictions=found)


@app.get("/livez")
async def livez() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "ok"}
