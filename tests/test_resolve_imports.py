"""`use`: what a file can reach, and what it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from checked_text import show

from lossdsl.diagnostics import LossError
from lossdsl.meaning import core, resolve
from lossdsl.syntax import parse

HUBER = "def huber(r; delta > 0) = r^2/2 if |r| <= delta else delta*(|r| - delta/2)\n"
MAIN = "\nloss l(x[n]):\n    return mean[n](huber(x; 1))\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path, catalogue: Path | None = None) -> core.Checked:
    return resolve(parse(path.read_bytes(), str(path)), catalogue=catalogue)


def codes(path: Path, catalogue: Path | None = None) -> list[str]:
    with pytest.raises(LossError) as caught:
        load(path, catalogue)
    return [problem.code for problem in caught.value.problems]


def test_a_file_beside_this_one(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    main = write(tmp_path / "main.loss", 'use "./rhos.loss": huber\n' + MAIN)
    assert "if (abs(x[n]) <= 1)" in show(load(main).losses["l"])


def test_another_name(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    text = 'use "rhos.loss": huber as rho\n\ndef huber(x) = rho(x; 2)\n\nloss l(x[n]):\n    return mean[n](huber(x))\n'
    assert "if (abs(x[n]) <= 2)" in show(load(write(tmp_path / "main.loss", text)).losses["l"])


def test_what_is_used_keeps_the_names_of_its_own_file(tmp_path: Path) -> None:
    write(tmp_path / "parts" / "a.loss", "def half(x) = x/2\n\ndef quarter(x) = half(half(x))\n")
    text = 'use "parts/a.loss": quarter\n\ndef half(x) = x*100\n\nloss l(x[n]):\n    return mean[n](half(quarter(x)))\n'
    assert show(load(write(tmp_path / "main.loss", text)).losses["l"]) == "mean[n in 0..n]: (((x[n] / 2) / 2) * 100)"


def test_only_losses_of_the_file_itself_are_its_losses(tmp_path: Path) -> None:
    write(tmp_path / "mse.loss", "loss mse(p[n] | t[n]):\n    return (p - t)^2\n")
    text = '"A file."\n\nuse "mse.loss": mse\n\nloss l(x[n] | y[n]):\n    return 2*mse(x | y)\n'
    text += "\nloss m(x[n]):\n    return x\n"
    found = load(write(tmp_path / "main.loss", text))
    assert list(found.losses) == ["l", "m"]
    assert found.doc == "A file."


def test_files_of_a_folder_below_reach_up_to_the_root(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    write(tmp_path / "sub" / "a.loss", 'use "../rhos.loss": huber\n\ndef twice(x) = 2*huber(x; 1)\n')
    main = write(tmp_path / "main.loss", 'use "sub/a.loss": twice\n\nloss l(x[n]):\n    return mean[n](twice(x))\n')
    assert "l" in load(main).losses


def test_a_module_of_the_catalogue(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    write(catalogue / "robust.loss", HUBER)
    main = write(tmp_path / "elsewhere" / "main.loss", "use robust: huber\n" + MAIN)
    assert "l" in load(main, catalogue).losses
    text = "use robust: huber\n" + MAIN
    assert "l" in resolve(parse(text), catalogue=catalogue).losses, "a text without a path uses the catalogue, too"


def test_the_shipped_catalogue() -> None:
    assert "l" in resolve(parse("use regression: huber\n\nloss l(x[n] | y[n]):\n    return 2*huber(x | y)\n")).losses


def test_one_file_by_two_names_is_one_file(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    text = 'use "rhos.loss": huber\nuse "./sub/../rhos.loss": huber as other\n' + MAIN
    (tmp_path / "sub").mkdir()
    assert "l" in load(write(tmp_path / "main.loss", text)).losses


@pytest.mark.parametrize("path", ["../rhos.loss", "/etc/passwd", "sub/../../rhos.loss"])
def test_no_file_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    assert codes(write(tmp_path / "root" / "main.loss", f'use "{path}": huber\n' + MAIN)) == ["E0603"]


def test_no_link_out_of_the_folder(tmp_path: Path) -> None:
    outside = write(tmp_path / "rhos.loss", HUBER)
    main = write(tmp_path / "root" / "main.loss", 'use "inside.loss": huber\n' + MAIN)
    (tmp_path / "root" / "inside.loss").symlink_to(outside)
    assert codes(main) == ["E0603"]


def test_a_file_of_the_catalogue_stays_in_the_catalogue(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    write(tmp_path / "catalogue" / "robust.loss", 'use "../rhos.loss": huber\n')
    assert codes(write(tmp_path / "main.loss", "use robust: huber\n" + MAIN), tmp_path / "catalogue") == ["E0603"]


def test_circles(tmp_path: Path) -> None:
    write(tmp_path / "b.loss", 'use "c.loss": f\n')
    write(tmp_path / "c.loss", 'use "a.loss": f\n')
    assert codes(write(tmp_path / "a.loss", 'use "b.loss": f\n\ndef g(x) = f(x)\n')) == ["E0604"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert codes(write(tmp_path / "main.loss", 'use "none.loss": huber\n' + MAIN)) == ["E0602"]
    write(tmp_path / "binary.loss", "x")
    (tmp_path / "binary.loss").write_bytes(b"\xff\xfe\x00")
    assert codes(write(tmp_path / "main.loss", 'use "binary.loss": huber\n' + MAIN)) == ["E0101"]


def test_a_path_that_is_none(tmp_path: Path) -> None:
    long = "a/" * 3000
    assert codes(write(tmp_path / "main.loss", f'use "{long}x.loss": huber\n' + MAIN)) == ["E0602"]


def test_each_missing_item_is_a_problem_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", HUBER)
    assert codes(write(tmp_path / "main.loss", 'use "rhos.loss": hubert, tukey, huber\n' + MAIN)) == ["E0605", "E0605"]


def test_problems_of_an_item_that_is_used(tmp_path: Path) -> None:
    write(tmp_path / "rhos.loss", "def huber(r; delta) = r*q\n\ndef unused(x) = x*q2\n")
    assert codes(write(tmp_path / "main.loss", 'use "rhos.loss": huber\n' + MAIN)) == ["E0201"]


def test_a_long_chain_of_files(tmp_path: Path) -> None:
    for k in range(600):
        (tmp_path / f"f{k}.loss").write_text(f'use "./f{k + 1}.loss": g{k + 1}\ndef g{k}(x) = g{k + 1}(x)\n')
    (tmp_path / "f600.loss").write_text("def g600(x) = x\n")
    module = parse((tmp_path / "f0.loss").read_bytes(), str(tmp_path / "f0.loss"))
    with pytest.raises(LossError) as caught:
        resolve(module)
    assert "E0607" in [problem.code for problem in caught.value.problems]
    resolve(parse((tmp_path / "f560.loss").read_bytes(), str(tmp_path / "f560.loss")))


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "huge.loss").open("wb") as huge:
        huge.truncate(20_000_000_000)
    with pytest.raises(LossError) as caught:
        resolve(parse('use "./huge.loss": f\n', str(tmp_path / "main.loss")))
    assert [problem.code for problem in caught.value.problems] == ["E0901"]


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.loss")
    with pytest.raises(LossError, match="no ordinary file"):
        resolve(parse('use "./pipe.loss": f\n', str(tmp_path / "main.loss")))
