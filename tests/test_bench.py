"""The machinery of benchmarks: who takes turns, who agrees, what is bound and peak.  No test looks at a time."""

from __future__ import annotations

import json
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lossdsl
from benchmarks import page
from benchmarks.child import CASES
from benchmarks.competitors import ORDER, contenders
from lossdsl import cli
from lossdsl.bench import table
from lossdsl.bench.bound import bytes_moved, memory_bound
from lossdsl.bench.clock import BATCH, interleaved
from lossdsl.bench.contenders import Contender, NotHere
from lossdsl.bench.measure import distance, measure, prepared
from lossdsl.bench.memory import peak_above
from lossdsl.bench.subject import Subject

EXAMPLES = Path(__file__).parent.parent / "examples"
HUBER = str(EXAMPLES / "huber_mse.loss")


class Clock:
    """A clock that calls move forward."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def takes(self, name: str, seconds: float) -> Callable[[], None]:
        def call() -> None:
            self.now += seconds
            self.calls.append(name)

        return call


def timed(clock: Clock, calls: dict[str, float], seconds: float, **more: int) -> dict[str, tuple[float, int]]:
    taken = interleaved(
        {name: clock.takes(name, each) for name, each in calls.items()},
        seconds,
        clock=clock,
        pause=lambda _: None,
        **more,
    )
    return {name: (each.seconds, each.rounds) for name, each in taken.items()}


def test_medians_of_calls_that_take_turns() -> None:
    clock = Clock()
    found = timed(clock, {"a": 0.1, "b": 0.2, "c": 0.1}, 3.0)
    assert found["a"] == (pytest.approx(0.1), 10)  # a share of one second
    assert found["b"] == (pytest.approx(0.2), 5)
    rounds = "".join(clock.calls[3:])  # after the calls that find out how long each takes
    assert rounds[:9] == "abcbcacab"


def test_slow_calls_are_measured_three_times_or_until_patience_ends() -> None:
    found = timed(Clock(), {"slow": 1.5, "very slow": 100.0, "fast": 0.25}, 3.0)
    assert {name: rounds for name, (_, rounds) in found.items()} == {"slow": 3, "very slow": 1, "fast": 4}
    assert timed(Clock(), {"fast": 0.01}, 1e9, most=7)["fast"][1] == 7


def test_short_calls_are_repeated() -> None:
    clock = Clock()
    found = timed(clock, {"short": BATCH / 10}, BATCH * 5)
    assert found["short"] == (pytest.approx(BATCH / 10), 5)
    assert len(clock.calls) == 2 + 5 * 10


# ---------------------------------------------------------------- agreement


def contender(name: str, *results: object) -> Contender:
    return Contender(name, lambda: lambda: results)


def missing() -> Callable[[], tuple[object, ...]]:
    raise NotHere("it is not installed")


def test_who_disagrees_is_left_out_and_named() -> None:
    right = (2.0, np.array([1.0, -4.0]))
    ready, left_out = prepared(
        [
            contender("right", 2.0, np.array([1.0, -4.001])),
            contender("of another shape", 2.0, np.array([[1.0], [-4.0]])),
            contender("wrong value", 2.1, np.array([1.0, -4.0])),
            contender("wrong gradient", 2.0, np.array([1.1, -4.0])),
            contender("nan", 2.0, np.array([np.nan, -4.0])),
            Contender("missing", missing),
        ],
        right,
    )
    assert [each.name for each in ready] == ["right", "of another shape"]
    assert ready[0].error == pytest.approx(0.001 / 4)
    assert left_out == {
        "wrong value": "different results: off by 5.0%",
        "wrong gradient": "different results: off by 2.5%",
        "nan": "different results: off by nan%",
        "missing": "it is not installed",
    }


def test_distance_of_nothing_and_of_zeros() -> None:
    assert distance((0.0, np.zeros(0)), (0.0, np.zeros(0))) == 0.0
    assert distance((1.0,), (0.0,)) == 1.0


def test_an_outcome_has_ratios_to_the_bound() -> None:
    outcome = measure("case", "x[2]", [contender("one", 1.0)], (1.0,), lambda: None, 16, 0.001)
    (entry,) = outcome.entries
    assert entry.ratio == entry.seconds / outcome.bound_seconds
    assert json.loads(json.dumps(outcome.to_json()))["entries"][0]["name"] == "one"


# ---------------------------------------------------------------- bound, memory


def test_the_bound_reads_and_writes_everything_once() -> None:
    pred, target, label = np.ones((4, 3), np.float32), np.ones((4, 3), np.float32), np.ones(4, np.int64)
    assert bytes_moved([pred], [target, label]) == 3 * 48 + 32
    assert bytes_moved([pred, target], []) == 4 * 48
    for predictions, data in (
        ([pred], [target, label]),
        ([pred, target], []),
        ([pred], []),
        ([], [label]),
        ([], [label[:0]]),
    ):
        memory_bound(predictions, data)()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_peak_memory_is_what_a_call_takes() -> None:
    def call() -> np.ndarray:
        first = np.ones(8_000_000)  # 64 MB, twice at once
        return first + 1

    found = peak_above(call)
    assert found is not None
    assert 120e6 < found < 140e6
    kept = np.ones(8_000_000)
    assert (peak_above(lambda: kept.sum()) or 0) < 8e6


# ---------------------------------------------------------------- lossdsl bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lossdsl", "bench", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


FAST = ("--seconds", "0.05", "--no-memory")


def test_bench_of_a_file(bench: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = bench(HUBER, "--size", "n=1000", *FAST, "--competitors", "NumPy,native,PyTorch", "--json")
    assert status == 0
    (row,) = json.loads(out)
    assert (row["loss"], row["shapes"], row["bytes_moved"]) == ("huber_mse", "pred[1000] target[1000]", 12_000)
    names = [entry["name"] for entry in row["entries"]]
    assert names == ["NumPy", "native", "PyTorch", "PyTorch, native kernel", "PyTorch, no autograd"]
    assert all(entry["rounds"] >= 3 and 0 < entry["error"] < 1e-5 for entry in row["entries"])
    assert row["left_out"] == {}


def test_bench_of_a_loss_of_the_catalogue_as_markdown(bench: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = bench("classification:cross_entropy", "--size", "c=7", "--size", "..=5", *FAST, "--competitors", "num")
    assert out.startswith("**cross_entropy: logits[5, 7] label[5]; memory bound ")
    assert re.search(r"^\| NumPy \| [\d.]+ \S+ \| ", out, re.MULTILINE)
    _, out, _ = bench(str(EXAMPLES / "mse_mae.loss"), "--loss", "mae", "--loss", "mse", *FAST, "--competitors", "NumPy")
    assert re.findall(r"\*\*(\w+):", out) == ["mae", "mse"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_bench_measures_memory_in_another_process(bench: Callable[..., tuple[int, str, str]]) -> None:
    """An output of 8 MB is the least; the NumPy code is allowed ten times as much."""
    options = ("--size", "2000000", "--seconds", "0.01", "--competitors", "NumPy", "--json")
    _, out, _ = bench(HUBER, *options)
    (row,) = json.loads(out)
    assert 8e6 <= row["peak_bytes"]["NumPy"] <= 80e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([HUBER, "--size", "m=10"], "huber_mse has no axis 'm', only n"),
        ([HUBER, "--size", "many"], "--size takes a whole number or AXIS=NUMBER, not 'many'"),
        ([HUBER, "--size", "0"], "--size takes a whole number or AXIS=NUMBER, not '0'"),
        (["no_such.loss"], "can't read no_such.loss"),
        ([HUBER, "--loss", "mse"], "no loss 'mse', only huber_mse"),
    ],
)
def test_bench_says_what_is_wrong(
    bench: Callable[..., tuple[int, str, str]], arguments: list[str], message: str
) -> None:
    status, out, err = bench(*arguments, *FAST)
    assert (status, out) == (2, "")
    assert message in err


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    loss = lossdsl.load(HUBER)["huber_mse"]
    left_out = Subject(loss, 10, {}, ("pytorch", "autograd")).outcome(0.01).left_out
    assert set(left_out.values()) == {"PyTorch is not installed"}
    assert len(left_out) == 5


def test_names_that_python_has_itself_are_timed_too() -> None:
    loss = lossdsl.loss("loss f(lambda[n] | class[n]):\n    return mean[n]((lambda - class)^2)")
    outcome = Subject(loss, 10, {}, ("numpy", "native", "pytorch", "autograd, eager")).outcome(0.01)
    assert outcome.left_out == {}
    assert len(outcome.entries) == 6


# ---------------------------------------------------------------- python -m benchmarks


def test_the_cases_are_those_of_the_table() -> None:
    names = "E1a E1b E1c E2 E3 E4 E5 E6 R1a R1b R1c R2 R3 P1 P2 P3 P4"
    assert [case.name for case in CASES] == names.split()
    sizes = {case.name: case.shape for case in CASES}
    assert (sizes["E1c"], sizes["R1c"], sizes["P3"]) == ((10_000_000,), (1_024, 32_000), (4_096,))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_everybody_agrees(case) -> None:
    """On small inputs: what is typed by hand for other tools is the same loss.  PyTorch's compiler has the same text."""
    arrays = case.arrays(quick=True)
    tools = ("torch, built-in", "torch, formula", "JAX", "numexpr", "lambdify", "NumPy", "native", "PyTorch")
    taking_part = [each for each in contenders(case, arrays) if each.name in tools]
    ready, left_out = prepared(taking_part, case.reference(arrays))
    assert [why for why in left_out.values() if "different" in why] == []
    assert {"torch, formula", "NumPy", "native", "PyTorch"} <= {each.name for each in ready}
    assert max(each.error for each in ready) < 1e-5


def test_a_run_as_a_page(tmp_path: Path) -> None:
    case = replace(CASES[0], shape=(8,))
    arrays = case.arrays(quick=False)
    few = [each for each in contenders(case, arrays) if each.name in ("naive NumPy", "NumPy", "JAX")]
    few.append(Contender("torch, built-in", missing))
    outcome = measure(case.name, "", few, case.reference(arrays), lambda: None, 96, 0.01)
    run = page.Run(threads=None, quick=True)
    run.add("as it is", {"first_uses": {"NumPy": 0.5}})
    run.add("as it is", outcome.to_json())
    run.add("memory", {"case": "E1a", "peaks": {"NumPy": 123_000_000, "naive NumPy": None}})
    text = page.markdown(run)
    assert "| E1a 0.7 Huber + 0.3 MSE, 1,000 |" in text
    assert "- torch, built-in: it is not installed (E1a)" in text
    assert "**500 ms**" in text
    assert "**123 MB**" in text
    page.plot(run, tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 5_000
    assert set(page.OURS) == {"NumPy", "native", "PyTorch", "PyTorch, native kernel", "PyTorch, no autograd"}
    assert set(page.OURS) < set(ORDER)


def test_the_commands_of_the_page_exist() -> None:
    from benchmarks.__main__ import arguments
    from lossdsl.cli.command_bench import command

    page_text = (Path(__file__).parent.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(python -m benchmarks|lossdsl bench)( [^#\n]*)?", page_text, re.MULTILINE)
    assert len(lines) >= 7
    for start, rest in lines:
        if start == "lossdsl bench":
            assert command.make_context("bench", rest.split()).params["name"]
        else:
            assert set(arguments(rest.split()).cases) <= {"E1c", "R1"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.5 s"), (0.0123, "12.3 ms"), (4.2e-6, "4.2 µs"), (99.94e-3, "99.9 ms")]
)
def test_times_have_units(seconds: float, text: str) -> None:
    assert table.milliseconds(seconds) == text


def test_ratios_and_bytes_have_the_digits_that_repeat() -> None:
    assert [table.ratio(x) for x in (1.234, 12.34, 1234.5)] == ["1.2", "12", "1,234"]
    assert [table.megabytes(x) for x in (None, 10, 41_234_567)] == ["-", "< 0.1 MB", "41.2 MB"]
    assert table.markdown(["", "a|b"], [["x", "1"]]) == "|  | a\\|b |\n| --- | ---: |\n| x | 1 |\n"


def test_threads_of_numpy_code(monkeypatch: pytest.MonkeyPatch) -> None:
    f = lossdsl.load(HUBER)["huber_mse"].numpy(threads=3)
    seen = []
    inner = f.module._in_blocks
    monkeypatch.setattr(f.module, "_in_blocks", lambda *given: (seen.append(f.module._threads.get()), inner(*given))[1])
    value = f([1.0, 2.0], [0.0, 5.0])
    assert seen == [3]
    assert f.module._threads.get() is None
    again = pickle.loads(pickle.dumps(f))
    assert (again.threads, again([1.0, 2.0], [0.0, 5.0])) == (3, value)
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        lossdsl.load(HUBER)["huber_mse"].numpy(threads=0)
