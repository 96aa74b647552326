"""`retain demo`: from nothing to live predictions, and a real answer for a real customer."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.context import settings_of
from cli.preparation import SEED, Shop, prepare
from cli.progress import counter
from cli.screen import say, shown
from cli.service_process import ServiceProcess
from cli.steps import Steps, digest_of
from retain.clock import iso
from retain.errors import InvalidInput, StoreUnavailable
from retain.settings import load
from services.ports import require_free

CUSTOMERS = 10_000
FORMATS = "retain, online-retail, cdnow, retailrocket, segment or csv"
NO_MODEL = "no_model"
_SCORES = {"churn": "probability", "next_purchase": "probability_30d", "ltv": "value"}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(demo)


def demo(
    context: typer.Context,
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Your own file; default: a simulated shop.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help=f"Of PATH: {FORMATS}.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", help="Your columns, for --format csv.")
    ] = None,
    customers: Annotated[int, typer.Option(min=1_000, help="Of the simulated shop.")] = CUSTOMERS,
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 3000,
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where state goes; by default one per data.")
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Prepare, start nothing.")] = False,
    exit_after_ready: Annotated[
        bool, typer.Option("--exit-after-ready", help="Stop once the answer is shown.")
    ] = False,
) -> None:
    """Simulate or import, build features, train, promote, serve, and ask for a real customer.

    A second run reuses what is there; a killed one goes on where it was.

    Example: retain demo --data shop.parquet --format online-retail
    """
    if (data is None) != (file_format is None):
        raise InvalidInput(
            "--data and --format belong together",
            remedy="give both, or neither for a simulated shop",
            field="--data" if data is None else "--format",
        )
    if not no_serve:
        require_free(port)
    began = time.monotonic()
    shop = Shop(customers, data, file_format or "retain", mapping)
    source, suffix = _source(shop)
    base = settings_of(context).home
    settings = load(home=home or base.with_name(base.name + suffix))
    prepared = prepare(settings, Steps(settings.home, source), shop)
    say(f"prepared in {time.monotonic() - began:.0f} s; state is in {shown(settings.home)}")
    if not no_serve:
        # a file's clock is its own, also where it was written today
        live = data is None and prepared.is_live
        as_of = None if live else iso(prepared.as_of)
        _serve(settings.home, prepared.candidates, port, as_of, stop=exit_after_ready)


def _source(shop: Shop) -> tuple[dict[str, Any], str]:
    """What tells one demo from another, and how its home differs from the default one."""
    if shop.data is None:
        suffix = "" if shop.customers == CUSTOMERS else f"-{shop.customers}"
        return {"simulated_customers": shop.customers, "seed": SEED}, suffix
    source = {"data": digest_of(shop.data), "format": shop.file_format}
    if shop.mapping is not None:
        source["mapping"] = digest_of(shop.mapping)
    return source, f"-{shop.data.stem}-{source['data'][:8]}"


def _serve(home: Path, candidates: list[str], port: int, as_of: str | None, *, stop: bool) -> None:
    # a demo that is told to stop takes its service along
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ServiceProcess(home, port, as_of=as_of) as service:
        with counter("start the service"):
            service.wait_until_ready()
        if as_of:
            say(f"its clock stands at the data's last event, {as_of}")
        _show_an_answer(service, candidates)
        _show_what_next(service, home)
        if stop:
            return
        say("Ctrl-C stops the service")
        try:
            code = service.wait()
        except KeyboardInterrupt:
            say("stopping")
            return
        if code:
            raise StoreUnavailable(
                f"the service ended with exit code {code}", remedy=f"read {shown(service.log)}"
            )


def _show_an_answer(service: ServiceProcess, candidates: list[str]) -> None:
    answers = service.predict(candidates)
    full = [answer for answer in answers if _is_full(answer)]
    if not full:
        say("no customer of this data has every score; here is what one of them has")
    customer_id = (full or answers)[0]["customer_id"]
    body = json.dumps({"customer_id": customer_id})
    say()
    say(f"curl -s {service.url}/predict -H 'content-type: application/json' -d '{body}'")
    say(json.dumps(service.predict_one(customer_id), indent=2, ensure_ascii=False))


def _is_full(answer: dict[str, Any]) -> bool:
    heads = {head: answer.get(head) or {} for head in _SCORES}
    return all(
        one.get("status") == NO_MODEL or one.get(_SCORES[head]) is not None
        for head, one in heads.items()
    )


def _show_what_next(service: ServiceProcess, home: Path) -> None:
    say()
    say(f"API      {service.url}/docs")
    say(f"metrics  {service.url}/metrics")
    say(f"log      {shown(service.log)}")
    say()
    say("next, in another terminal (. .venv/bin/activate):")
    for command in ("doctor", "models list", "report", "score --out scores.parquet"):
        say(f"  retain --home {shown(home)} {command}")
