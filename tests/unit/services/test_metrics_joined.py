"""What all processes counted is told as prometheus-client itself would tell it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

from services.metrics.exposition import Dead
from services.metrics.joined import Joined
from services.metrics.mapped import MappedFile

MODES = ("livesum", "livemax", "livemin", "liveall", "mostrecent", "sum", "all", "min", "max")
LABELS = ("a", "b", 'c "quoted"\\\n', "é")


class Process:
    """One process's families, kept in ``folder`` as those of process number ``number``."""

    def __init__(self, folder: Path, number: int, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        patch.setattr(values, "ValueClass", MultiProcessValue(lambda: number))
        patch.setattr("prometheus_client.metrics.values.ValueClass", values.ValueClass)
        registry = CollectorRegistry()
        self.counter = Counter("t_counted", "Says \\ and\nmore.", ["b", "a"], registry=registry)
        self.plain = Counter("t_plain", "Says.", registry=registry)
        self.gauges = [
            Gauge(f"t_{mode}", "Says.", ["a"], registry=registry, multiprocess_mode=mode)
            for mode in MODES
        ]
        self.unset = Gauge("t_unset", "Says.", registry=registry, multiprocess_mode="mostrecent")
        self.seconds = Histogram("t_seconds", "Says.", ["a"], buckets=(0.1, 1), registry=registry)
        self.alone = Histogram("t_alone", "Says.", buckets=(1, 2_000_000), registry=registry)
        Counter("other", "Of a library.", registry=registry).inc()

    def see(self, kind: int, label: str, value: float) -> None:
        """Observe something."""
        if kind == 0:
            self.counter.labels(label, "x").inc(abs(value))
        elif kind == 1:
            self.seconds.labels(label).observe(value)
        elif kind == 2:
            self.alone.observe(value)
        elif kind == 3:
            self.plain.inc()
        else:
            self.gauges[kind - 4].labels(label).set(value)


class Ours:
    """What prometheus-client would tell of a folder, without other libraries' families."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def collect(self):
        for family in MultiProcessCollector(None, self._folder).collect():
            if family.name.startswith("t_"):
                yield family


def expected(folder: Path) -> list[str]:
    registry = CollectorRegistry()
    registry.register(Ours(folder))
    return sorted(generate_latest(registry).decode().splitlines())


seen = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3 + len(MODES)),
        st.sampled_from(LABELS),
        st.one_of(st.integers(-3, 9_000_000).map(float), st.floats(-5, 20)),
    ),
    max_size=40,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seen, seen)
def test_several_processes_are_told_together_as_the_library_does(
    tmp_path_factory, first, second
) -> None:
    folder = tmp_path_factory.mktemp("metrics")
    joined = Joined(folder, "t_")
    with pytest.MonkeyPatch.context() as patch:
        processes = [Process(folder, number, patch) for number in (11, 12, 13)]
        for portion in (first, second):
            for process, kind, label, value in portion:
                processes[process].see(kind, label, value)
            # sums of fractions depend on the order of the files in their last place
            ours = sorted(joined.render().decode().splitlines())
            theirs = expected(folder)
            assert [line.rpartition(" ")[0] for line in ours] == [
                line.rpartition(" ")[0] for line in theirs
            ]
            for one, other in zip(ours, theirs, strict=True):
                if one != other:
                    assert number(one) == pytest.approx(number(other), rel=1e-5, abs=1e-9)


def number(line: str) -> float:
    return float(line.rpartition(" ")[2])


def test_a_file_that_was_made_anew_is_read_anew(tmp_path, monkeypatch) -> None:
    joined = Joined(tmp_path, "t_")
    Process(tmp_path, 11, monkeypatch).plain.inc(3)
    assert "t_plain_total 3.0" in joined.render().decode()
    for file in tmp_path.glob("*.db"):
        file.unlink()
    Process(tmp_path, 11, monkeypatch).counter.labels("a", "x").inc(2)
    text = joined.render().decode()
    assert 't_counted_total{a="x",b="a"} 2.0' in text
    assert "t_plain_total 0.0" in text


def test_a_file_without_a_header_yet_has_nothing_to_tell(tmp_path) -> None:
    (tmp_path / "counter_11.db").touch()
    (tmp_path / "counter_12.db").write_bytes(bytes(65_536))
    assert Joined(tmp_path, "t_").render() == b""


def test_a_damaged_file_is_an_error_and_no_endless_loop(tmp_path) -> None:
    path = tmp_path / "counter_11.db"
    path.write_bytes((64).to_bytes(8, "little") + (-8).to_bytes(4, "little", signed=True) * 14)
    with pytest.raises(ValueError, match="damaged"):
        MappedFile(path).read()
    path.write_bytes((640).to_bytes(8, "little") + bytes(56))
    with pytest.raises(ValueError, match="damaged"):
        MappedFile(path).read()


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_of_a_dead_process_its_counts_stay_and_its_live_gauges_go(
    tmp_path, monkeypatch, ended
) -> None:
    Process(tmp_path, ended, monkeypatch).see(3, "a", 1.0)
    Process(tmp_path, ended, monkeypatch).see(4, "a", 1.0)
    Process(tmp_path, os.getpid(), monkeypatch).see(4, "a", 2.0)
    dead = Dead(tmp_path)
    for _ in range(2):
        dead.forget()
        names = {file.name for file in tmp_path.glob("*.db")}
        assert f"counter_{ended}.db" in names
        assert not [name for name in names if name.startswith("gauge_live") and str(ended) in name]
        assert f"gauge_livesum_{os.getpid()}.db" in names


def test_a_dead_process_that_counted_nothing_leaves_no_file(tmp_path, monkeypatch, ended) -> None:
    Process(tmp_path, ended, monkeypatch)
    for file in tmp_path.glob("counter_*.db"):
        file.unlink()  # the library's own family counted something
    Dead(tmp_path).forget()
    assert list(tmp_path.glob("*.db")) == []
