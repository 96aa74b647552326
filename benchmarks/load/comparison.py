"""The table of a comparison, and its bars."""

from collections.abc import Mapping

from load.bar import Bar
from load.cases import CASES, Case, Summary
from load.contestants import NAMES


def judged(found: Mapping[str, Summary]) -> list[Bar]:
    """Every bar that can be judged by what was measured."""

    def times(one: str, other: str) -> float:
        return found[one].rate / found[other].rate

    def quicker(one: str, other: str) -> float:
        return found[one].p99 / found[other].p99

    bars = []
    if {"heads", "fastapi"} <= found.keys():
        bars.append(Bar("three heads, times FastAPI", times("heads", "fastapi"), 15))
        bars.append(
            Bar("three heads, p99 over FastAPI's", quicker("heads", "fastapi"), 0.125, True)
        )
    if {"heads", "fastapi_threads"} <= found.keys():
        slower = times("heads", "fastapi_threads")
        bars.append(Bar("for comparison: times FastAPI in threads", slower, 15, aspired=True))
    if {"heads", "mount"} <= found.keys():
        bars.append(Bar("three heads, times an empty mount", times("heads", "mount"), 0.5))
        bars.append(
            Bar(
                "moonshot: three heads, times an empty mount",
                times("heads", "mount"),
                0.7,
                aspired=True,
            )
        )
    if {"heads", "echo"} <= found.keys():
        bars.append(
            Bar(
                "moonshot: three heads, times a bare echo",
                times("heads", "echo"),
                0.25,
                aspired=True,
            )
        )
    if {"preview", "fastapi"} <= found.keys():
        bars.append(Bar("decision preview, times FastAPI", times("preview", "fastapi"), 10))
        bars.append(
            Bar("decision preview, p99 over FastAPI's", quicker("preview", "fastapi"), 0.125, True)
        )
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
        base = "fastapi_1000" if case.several else "fastapi"
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
