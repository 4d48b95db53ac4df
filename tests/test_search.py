"""The search for losses: what is proposed, what is rejected and why, what wins, and that it is the same every time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lossdsl
from lossdsl import LossError
from lossdsl.analysis import analyze
from lossdsl.cli.commands import commands
from lossdsl.comparison import ComparisonError, Dataset, Training
from lossdsl.comparison.contenders import Contender
from lossdsl.diagnostics.explain import registry
from lossdsl.search import WORDS, Found, SearchError, Template, search, template
from lossdsl.search.fingerprint import FAMILIES, Known, catalogued, fingerprint, same_gradient
from lossdsl.search.order import GRID, Order, order_of
from lossdsl.search.proposals import Proposals, proposals
from lossdsl.search.ranking import Candidate, Round, ranked, rounds
from lossdsl.search.screen import (
    BLIND,
    CONSTANT,
    EARLIER,
    FALLS,
    FLAT,
    JUMPS,
    KNOWN,
    NO_LOSS,
    NOT_FINITE,
    NOT_LEAST,
    UNBOUNDED,
    WRONG_SIDE,
    Gradients,
    Rejected,
    by_numbers,
    by_proof,
)
from lossdsl.search.words import FUNCTIONS, OPERATORS, USUAL
from lossdsl.syntax.printer import format_expr
from lossdsl.tuning.objective import Objective

FOLDER = Path(__file__).parent / "bad" / "searching"
PROGRAMS = sorted(FOLDER.glob("*.loss"))

RNG = np.random.default_rng(6)
X = RNG.normal(size=(160, 2))
FAR = np.where(RNG.random(160) < 0.25, 12.0, 0.0)
DATA = Dataset("heavy", "y", X, X[:, 0] - X[:, 1] + 0.2 * RNG.normal(size=160) + FAR, ("a", "b"))
"""A line, and a quarter of the targets far above it."""


# ---------------------------------------------------------------- proposals


def proposed(words: list[str], size: int, most: int = 10_000, seed: int = 0) -> Proposals:
    return proposals(template("residual").holes[0], words, size, most, np.random.default_rng(seed))


def formulas(found: Proposals) -> list[str]:
    return [format_expr(term.tree) for term in found.terms]


def test_all_formulas_up_to_a_size_are_proposed_once() -> None:
    found = proposed(["square", "-"], 3)
    assert formulas(found) == [
        "r", "r^2", "(r^2)^2", "r - r", "r - delta", "r - 1", "r - 2", "delta - r", "1 - r", "2 - r",
    ]  # fmt: skip
    assert found.proposed == len(found.terms)
    assert not found.dropped
    longer = proposed(["abs", "square"], 3)
    assert formulas(longer) == ["r", "|r|", "r^2", "(r^2)^2"]
    assert longer.dropped == {"the same numbers as a shorter one": 3}, "||r||, |r|^2, |r^2|"


def test_conditions_compare_what_varies_with_what_does_not() -> None:
    found = formulas(proposed(["if", "abs"], 7, 4000))
    assert "r if |r| <= delta else 1" in found
    assert "1 if r <= 2 else r" in found
    assert not any("delta <=" in each for each in found)


def test_formulas_that_are_not_finite_are_not_built_upon() -> None:
    found = proposed(["sqrt", "exp"], 3)
    assert "sqrt(r)" not in formulas(found)
    assert "sqrt(exp(r))" in formulas(found)
    assert found.dropped["not finite"] >= 1


def test_samples_follow_from_the_seed() -> None:
    one, other, third = (proposed(list(USUAL), 5, 300, seed) for seed in (1, 1, 2))
    assert one.sampled
    assert one.proposed <= 310
    assert formulas(one) == formulas(other) != formulas(third)
    assert max(term.size for term in one.terms) == 5, "there is room for every size"


@pytest.mark.parametrize("word", WORDS)
def test_numbers_at_probes_are_those_of_the_language(word: str) -> None:
    """A word whose numbers were another function's would be told apart by the wrong ones."""
    hole = template("residual").holes[0]
    size = 6 if word == "if" else 3
    terms = proposals(hole, [word, "square"], size, 400, np.random.default_rng(3)).terms[:40]
    leaf = {format_expr(t.tree): t.values for t in proposals(hole, [word], 1, 9, np.random.default_rng(3)).terms}
    longest = [t for t in terms if word in FUNCTIONS or word in OPERATORS or "if" in format_expr(t.tree)][-1]
    rng = np.random.default_rng(3)
    r, delta = 2.0 * rng.normal(size=24), np.exp(rng.normal(size=24))
    np.testing.assert_array_equal(leaf["r"], r)
    text = f"loss l(p[n] | y[n], delta[n]):\n    r = p - y\n    return mean[n]({format_expr(longest.tree)})\n"
    got = lossdsl.loss(text).numpy()(r, np.zeros(24), delta, reduction="none")
    np.testing.assert_allclose(got, longest.values, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- rejections


@pytest.fixture(scope="module")
def residual() -> tuple[Template, Order]:
    return template("residual"), order_of(template("residual"))


@pytest.fixture(scope="module")
def margin() -> tuple[Template, Order]:
    return template("margin"), order_of(template("margin"))


def verdict(given: tuple[Template, Order], body: str, gradients: Gradients | None = None) -> Rejected | None:
    filled, order = given
    program = filled.loss({"hole": body}).program
    values = by_numbers(program, order)
    if isinstance(values, Rejected):
        return values
    met = (gradients or Gradients(catalogued(order.kind))).met(Known(body, program, order), values)
    return met if met is not None else by_proof(program, order)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        ("r^3", UNBOUNDED, "the limit is -infinity"),
        ("-r^2", UNBOUNDED, "the limit is -infinity"),
        ("-log1p(|r|)", UNBOUNDED, "the limit is -infinity"),
        ("tanh(r)", NOT_LEAST, "-1.0 at -30, 0.0 at 0"),
        ("(r - 1)^2", NOT_LEAST, "0.998 at 1/1000, 1.0 at 0"),
        ("exp(-r^2)", NOT_LEAST, ""),
        ("r^2/(1 + r^4)", FALLS, "from 0.5 to"),
        ("sin(r)^2", FALLS, ""),
        ("max(r, 0)^2", BLIND, "negative residuals cost nothing"),
        ("max(tanh(r), delta)", CONSTANT, ""),
        ("r - r", CONSTANT, ""),
        ("sqrt(r)", NOT_FINITE, ""),
        ("1/r", NOT_FINITE, ""),
        ("exp(exp(r))", NOT_FINITE, ""),
        ("[|r| > 1]", FLAT, ""),
        ("0.5*r^2", KNOWN, "that of mse"),
        ("3*|r| - 7", KNOWN, "that of mae"),
        ("r^2 if |r| <= 1 else 2*|r| - 1", KNOWN, "that of huber"),
        ("r^2 if |r| <= 1 else 3*r^2", JUMPS, ""),
    ],
)
def test_degenerate_residuals(residual: tuple[Template, Order], body: str, reason: str, detail: str) -> None:
    found = verdict(residual, body)
    assert isinstance(found, Rejected)
    assert found.reason == reason
    assert detail in found.detail


@pytest.mark.parametrize("body", ["log1p(r^2)", "r*tanh(r)", "(r^2)^2", "r^2 if r >= 0 else 3*r^2", "sqrt(|r|)"])
def test_residuals_that_nothing_is_found_against(residual: tuple[Template, Order], body: str) -> None:
    assert verdict(residual, body) is None


def test_what_happens_between_the_points_of_the_grid_is_proved(residual: tuple[Template, Order]) -> None:
    body = "r^2 if |r| <= 9 else r^2 - 40 if |r| <= 10 else r^2"
    program = residual[0].loss({"hole": body}).program
    assert not isinstance(by_numbers(program, residual[1]), Rejected), "the grid has 8 and 15"
    found = by_proof(program, residual[1])
    assert isinstance(found, Rejected)
    assert found.reason in (JUMPS, FALLS)
    bump = residual[0].loss({"hole": "max(r^2, 150 - |r - 10|*50)"}).program
    assert isinstance(by_proof(bump, residual[1]), Rejected)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("-m", UNBOUNDED),
        ("m^2", WRONG_SIDE),
        ("m", UNBOUNDED),
        ("exp(m)", WRONG_SIDE),
        ("softplus(-m)", KNOWN),
        ("relu(1 - m)", KNOWN),
    ],
)
def test_degenerate_margins(margin: tuple[Template, Order], body: str, reason: str) -> None:
    found = verdict(margin, body)
    assert isinstance(found, Rejected)
    assert found.reason == reason


def test_earlier_proposals_are_known(residual: tuple[Template, Order]) -> None:
    gradients = Gradients({})
    assert verdict(residual, "log1p(r^2)", gradients) is None
    again = verdict(residual, "2*log1p(r^2) + 3", gradients)
    assert again == Rejected(EARLIER, "that of log1p(r^2)")
    assert verdict(residual, "log1p(2*r^2)", gradients) is None


def test_equal_fingerprints_are_confirmed_elsewhere(residual: tuple[Template, Order]) -> None:
    """Two losses that agree on the whole grid and nowhere else."""
    filled, order = residual
    one, other = (filled.loss({"hole": body}).program for body in ("r^2", "r^2 + relu(1 - |r - 10|)"))
    values = [order.values(each, GRID) for each in (one, other)]
    assert values[0] is not None
    assert values[1] is not None
    assert fingerprint(values[0]) == fingerprint(values[1])
    assert same_gradient(Known("a", one, order), Known("b", one, order))
    dense = filled.loss({"hole": "r^2*(1 + 1e-30*r^2)"}).program
    assert not same_gradient(Known("a", one, order), Known("c", dense, order)), "one part in 10^30 is seen"


def test_the_catalogue_is_known_by_its_gradients() -> None:
    names = {kind: {each.name for group in catalogued(kind).values() for each in group} for kind in FAMILIES}
    assert {"mse", "mae", "huber", "log_cosh", "tukey_biweight", "quantile"} <= names["residual"]
    assert {"hinge", "logistic", "squared_hinge", "exponential"} <= names["margin"]
    together = [{each.name for each in group} for group in catalogued("residual").values()]
    assert {"huber", "smooth_l1"} in together


# ---------------------------------------------------------------- templates


def failure(path: Path) -> LossError:
    with pytest.raises(LossError) as caught:
        search(str(path), DATA)
    return caught.value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_report(path: Path, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    golden(path.with_suffix(".txt"), str(failure(Path(path.name))) + "\n")


def test_every_code_has_a_program() -> None:
    met = {problem.code for path in PROGRAMS for problem in failure(path).problems}
    assert met == {code for code in registry() if code.startswith("E111")}


def test_holes_of_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.loss"
    path.write_text(
        "# mine\ndef rho(r) = r^2  # here\ndef w(r) = 1\n\n"
        "loss first(p[n] | y[n]):\n    return mean[n](rho(p - y)*w(p - y))\n\n"
        "loss second(p[n] | y[n]):\n    return mean[n](rho(p - y))\n"
    )
    found = template(f"{path}:first", ["rho", "w"])
    assert found.start == {"rho": "r^2", "w": "1"}
    assert found.filled({"rho": "|r|", "w": "exp(-r)"}) == path.read_text().replace("r^2 ", "|r| ").replace(
        "= 1", "= exp(-r)"
    )
    assert order_of(found) == Order("residual", "p", "y")
    assert template(str(path), ["rho"]).name == "second"
    result = search(
        found, DATA, words=["abs"], size=2, proposed=30, candidates=2, top=1, folds=1, baselines=[], parts=2
    )
    assert result.winners == ()
    assert result.reasons[KNOWN] >= 1, "r = |r|*1 in two holes"
    assert any("rho = |r|, w = " in each.formula for each in result.rejections)


def test_formulas_that_make_no_loss_are_rejected(tmp_path: Path, unchecked: None) -> None:
    path = tmp_path / "mine.loss"
    path.write_text("def hole(k, r) = k*r^2\n\nloss l(p[n] | y[n]; w > 0 = 1):\n    return mean[n](hole(w, p - y))\n")
    found = search(str(path), DATA, words=["square"], size=2, top=1, folds=1, baselines=[], parts=2)
    example = found.example(NO_LOSS)
    assert example is not None
    assert example.formula == "k"
    assert "the index `n` occurs neither" in example.detail
    assert found.example(KNOWN).formula == "r^2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "residue"}, "no template 'residue'"),
        ({"source": "none.loss"}, "can't read none.loss"),
        ({"words": ["cosh"]}, "no word 'cosh'"),
        ({"size": 0}, "size must be at least 1"),
        ({"seed": -1}, "seed is a whole number"),
        ({"parts": 60}, "40 rows for testing, too few for 60 parts"),
        ({"metric": "accuracy"}, "no metric 'accuracy'"),
        ({"baselines": ["msee"]}, "did you mean mse"),
    ],
)
def test_requests(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ComparisonError, match=message):
        search(**{"source": "residual", "data": DATA, **given})


def test_losses_of_a_file_without_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.loss"
    path.write_text("def hole(r) = r\n")
    with pytest.raises(SearchError, match="has no loss"):
        template(str(path))
    path.write_text("def hole(r) = r\nloss l(p[n] | y[n]):\n    return mean[n](hole(p - y))\n")
    with pytest.raises(SearchError, match="no loss 'k', only l"):
        template(f"{path}:k")


# ---------------------------------------------------------------- ranking


def test_rounds_halve() -> None:
    assert rounds(40, 8, 3, None) == (Round(40, 1, None), Round(14, 2, None), Round(5, 4, None), Round(3, 8, None))
    assert rounds(2, 3, 3, 100) == (Round(2, 1, 25), Round(2, 2, 100), Round(2, 3, 100))
    assert rounds(5, 1, 3, 100) == (Round(5, 1, 100),)


def test_the_best_go_on_and_baselines_always_do(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {"a": 3.0, "b": 1.0, "c": 2.0, "base": 9.0, "away": float("nan")}
    monkeypatch.setattr(Objective, "score", lambda self, _: scores[self.contender.label])
    mse = lossdsl.catalogue["regression"]["mse"]
    given = [Candidate(name, mse, () if name == "base" else ("x",)) for name in ("base", "a", "b", "c", "away")]
    objective = Objective(Contender("", mse, {}), DATA, "linear", "mae", Training(), (None, None))  # type: ignore[arg-type]
    told: list[str] = []
    found = ranked(given, objective, (Round(4, 1, None), Round(2, 2, None)), told.append)
    assert [(each.candidate.label, each.round) for each in found] == [
        ("b", 2),
        ("c", 2),
        ("base", 2),
        ("a", 1),
        ("away", 1),
    ]
    assert found[-1].score == float("inf")
    assert Counter(each.split(",")[0] for each in told) == {"round 1": 5, "round 2": 3}
    better = ranked(
        given[1:4],
        Objective(objective.contender, DATA, "linear", "accuracy", Training(), ()),
        (Round(3, 1, None),),
        told.append,
    )
    assert [each.candidate.label for each in better] == ["a", "c", "b"], "of accuracies, the largest"


# ---------------------------------------------------------------- all of it

REQUEST: dict[str, Any] = {"words": ["square", "log1p", "cube"], "size": 3, "top": 1, "folds": 2, "parts": 3}


@pytest.fixture(scope="module")
def found() -> Found:
    return search("residual", DATA, baselines=["mse"], **REQUEST)


def test_a_planted_good_loss_is_found(found: Found) -> None:
    (winner,) = found.winners
    assert winner.label == "log1p(r^2)"
    order = [each.candidate.label for each in found.ranking]
    assert order.index("log1p(r^2)") < order.index("mse") < order.index("(r^2)^2")
    run = found.comparison.run("linear", winner.label)
    change = run.difference(found.comparison.run("linear", "mse"), "median_ae")
    assert change is not None
    assert change.mean < 0, "on rows that the search has not seen, too"
    mae = run.difference(found.comparison.run("linear", "mse"), "mae")
    assert mae is not None
    assert found.difference == mae
    assert found.verdict.startswith("log1p(r^2) ")
    assert f"MAE differs by {mae.mean:+.4g} ± {mae.half:.4g}" in found.verdict
    assert ("can not be told from mse" in found.verdict) != mae.excludes_zero


def test_every_proposal_is_accounted_for(found: Found) -> None:
    assert found.proposed == sum(found.reasons.values()) + found.trained
    assert found.reasons[UNBOUNDED] >= 2, "r and r^3"
    assert found.example(KNOWN).formula == "r^2"  # type: ignore[union-attr]


def test_winners_are_losses_that_check_and_are_analysed(found: Found, tmp_path: Path) -> None:
    (path,) = found.write(tmp_path / "new")
    loss = lossdsl.load(path)["found"]
    assert "def hole(r; delta > 0) = log1p(r^2)" in path.read_text()
    assert loss.text == found.winners[0].loss.text
    assert found.winners[0].facts["redescending"] == analyze(loss.program)["redescending"]


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks take seconds: that winners pass theirs is seen of `found`."""

    class Passed:
        ok = True

    monkeypatch.setattr(lossdsl.Loss, "check", lambda self: Passed())


def test_rows_for_testing_are_parts_that_share_none(found: Found, unchecked: None) -> None:
    assert len(found.comparison.seeds) == 3
    again = search("residual", DATA, baselines=["mse"], **{**REQUEST, "candidates": 1})
    assert again.reasons["not tried: enough shorter ones"] >= 1
    assert again.trained == 1
    assert again.comparison.run("linear", "mse") == found.comparison.run("linear", "mse"), (
        "the same rows, the same numbers"
    )


def test_table_and_json(found: Found) -> None:
    text = str(found)
    assert f"hole = r^2 in the template; {found.proposed} formulas were proposed" in text
    assert "unbounded below" in text
    assert "1. log1p(r^2)\n   convex: no; " in text
    assert "mse (baseline)" in text
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["winners"][0]["text"] == found.winners[0].text
    assert told["reasons"] == found.reasons


def test_the_picture_calls_winners_by_their_formulas(found: Found) -> None:
    (winner,) = found.winners
    other = replace(winner, label="r^2", loss=found.template.loss({}))
    figure = replace(found, winners=(winner, other)).figure()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["log1p(r^2)", "r^2"]
    assert figure.get_suptitle() == "found on heavy: the best 2"


def test_what_does_not_pass_its_check_does_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        ok = False

    monkeypatch.setattr(lossdsl.Loss, "check", lambda self: Failed())
    found = search("residual", DATA, baselines=["mse"], **{**REQUEST, "folds": 1})
    assert found.winners == ()
    assert found.difference is None
    assert found.verdict == "Nothing was found."
    assert found.reasons["fails its check"] == found.trained


def test_command(tmp_path: Path, unchecked: None) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("a,b,y\n" + "".join(f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}\n" for a, b in X[:60]))
    request = [
        "search",
        "margin",
        "--data",
        str(table),
        "--target",
        "y",
        "--words",
        "tanh,-",
        "--size",
        "4",
        "--top",
        "1",
    ]
    request += ["--folds", "1", "--candidates", "2", "--baselines", "squared_hinge", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(commands, request)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["search.json", "winner_1.loss", "winners.png"]
    told = json.loads((tmp_path / "out" / "search.json").read_text())
    assert told["order"] == "margin"
    assert told["metric"] == "accuracy"
    assert told["winners"][0]["formula"] in done.stdout
    assert done.stderr.count("wrote ") == 3
    wrong = CliRunner().invoke(commands, ["search", "residue"])
    assert wrong.exit_code == 2
    assert "no template 'residue'" in wrong.output
