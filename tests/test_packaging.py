"""What is installed is the whole package: every folder, the grammar, the catalogue, the type marker."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import lossdsl

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "lossdsl").rglob("__init__.py")}
    found = {".".join(folder.parts) for folder in folders} | {"lossdsl.grammar"}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_the_version_is_said_once() -> None:
    assert PROJECT["project"]["version"] == lossdsl.__version__


def test_constraints_lie_within_the_ranges_of_the_project() -> None:
    """What `./run` and `./test` install is something that `pip install lossdsl` could have chosen."""
    from packaging.requirements import Requirement

    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    pinned = {requirement.name: str(requirement.specifier).removeprefix("==") for requirement in map(Requirement, pins)}
    extras = PROJECT["project"]["optional-dependencies"].values()
    for text in [*PROJECT["project"]["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        assert requirement.name in pinned, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(pinned[requirement.name]), text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("lossdsl", "grammar"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", ".."]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=300)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "lossdsl").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= names
    assert "lossdsl/grammar/lossdsl.lark" in names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


def test_the_wheel_compiles_a_loss_of_its_catalogue(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import lossdsl;"
        f"assert {str(tmp_path)!r} in lossdsl.__file__;"
        "print(float(lossdsl.catalogue['regression']['huber'].numpy()([0.0, 3.0], [1.0, 1.0])))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "1.0", done.stderr
