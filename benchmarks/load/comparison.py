"""The table of a comparison, and its bars."""

from collections.abc import Iterator, Mapping

from load.bar import Bar
from load.cases import CASES, Case, Summary
from load.contestants import NAMES

PEER = "fastapi_threads"
"""Who the bars are set by: what FastAPI advises for code that blocks (docs/adr/0026)."""
PEERS = {
    PEER: "FastAPI",
    "fastapi_limited": "a FastAPI of one thread",
    "fastapi": "a FastAPI that blocks its loop",
}


def judged(found: Mapping[str, Summary]) -> list[Bar]:
    """Every bar that can be judged by what was measured."""
    bars = [
        *_beside(found, "heads", "three heads", 15),
        *_beside(found, "preview", "decision preview", 10),
    ]
    for other, title, bar in (("mount", "an empty mount", 0.7), ("echo", "a bare echo", 0.25)):
        if {"heads", other} <= found.keys():
            times = found["heads"].rate / found[other].rate
            if other == "mount":
                bars.append(Bar("three heads, times an empty mount", times, 0.5))
            bars.append(Bar(f"moonshot: three heads, times {title}", times, bar, aspired=True))
    if "heads_1000" in found:
        bars.append(
            Bar("1,000 customers, service time in ms (p50)", found["heads_1000"].p50, 40, True)
        )
    if {"heads_1000", "fastapi_1000"} <= found.keys():
        faster = found["fastapi_1000"].p50 / found["heads_1000"].p50
        bars.append(Bar("1,000 customers, times FastAPI", faster, 12))
    wrong = sum(one.errors + one.refusals for one in found.values())
    bars.append(Bar("answers that were errors or refusals", wrong, 0, True))
    return bars


def _beside(found: Mapping[str, Summary], name: str, title: str, times: float) -> Iterator[Bar]:
    """How many times FastAPI's answers these are, and their p99 over FastAPI's."""
    for peer, of_whom in PEERS.items():
        if {name, peer} <= found.keys():
            one, other, told = found[name], found[peer], peer != PEER
            before = "for comparison: " if told else ""
            said = f"{before}{title}, "
            rate, p99 = one.rate / other.rate, one.p99 / other.p99
            yield Bar(f"{said}times {of_whom}", rate, times, aspired=told)
            yield Bar(f"{said}p99 over {of_whom}", p99, 0.125, at_most=True, aspired=told)


def table(found: Mapping[str, Summary], bars: list[Bar]) -> str:
    """Everything that was measured, and what it means for the bars."""
    head = f"{'':<50}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'us cpu':>10}{'wrong':>7}"
    lines, server = [head + f"{'x fastapi':>11}{'x mount':>9}{'x echo':>8}"], ""
    for case in CASES:
        if case.name not in found:
            continue
        if case.server != server:
            server = case.server
            lines.append(NAMES[server])
        one = found[case.name]
        base = "fastapi_1000" if case.several else PEER
        others = (base,) if case.several else (base, "mount", "echo")
        ratios = [_ratio(case, one, found.get(name)) for name in others]
        ratios += [""] * (3 - len(ratios))
        lines.append(
            f"  {case.title:<48}{one.rate:>10,.1f}{one.p50:>9,.2f}{one.p99:>9,.2f}"
            f"{one.worst:>9,.1f}{one.cpu_us:>10,.0f}{one.errors + one.refusals:>7}"
            f"{ratios[0]:>11}{ratios[1]:>9}{ratios[2]:>8}"
        )
    return "\n".join([*lines, "", *map(str, bars)])


def _ratio(case: Case, one: Summary, other: Summary | None) -> str:
    if other is None:
        return ""
    # few long requests do not fill their time evenly
    return f"{other.p50 / one.p50 if case.several else one.rate / other.rate:.2f}"
