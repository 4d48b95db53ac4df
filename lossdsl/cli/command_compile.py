"""`lossdsl compile`: a file to a standalone module, or to any stage on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import click

from lossdsl.api import source
from lossdsl.cli.boosting import LIBRARIES, boosting_code, boosting_given, boosting_options
from lossdsl.cli.files import InputError, read_bytes, read_losses, write_text


@click.command()
@click.argument("file")
@click.option("--backend", "-b", default="numpy", show_default=True, help="numpy, torch, native, xgboost, ...")
@click.option(
    "--output", "-o", help="File or folder to write to (a folder gets FILE_BACKEND.py); else standard output."
)
@click.option("--loss", "wanted", multiple=True, help="Only this loss of the file; may be repeated.")
@click.option("--backward", type=click.Choice(["closed", "autograd"]), help="PyTorch: where the gradient comes from.")
@boosting_options
@click.option(
    "--emit",
    type=click.Choice(["code", "tree", "core", "program", "gradient"]),
    default="code",
    show_default=True,
    help="Print another stage of the compiler: the syntax tree, the checked tree, the stages, their gradient.",
)
def command(
    file: str,
    backend: str,
    output: str | None,
    wanted: tuple[str, ...],
    backward: str | None,
    emit: str,
    **boosting: str | bool | None,
) -> None:
    """Compile the losses of FILE (`-`: standard input) to one standalone module."""
    text = _code(file, backend, wanted, backward, boosting) if emit == "code" else _stage(file, wanted, emit)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_text(_target(output, file, backend), text)


def _code(
    file: str, backend: str, wanted: tuple[str, ...], backward: str | None, boosting: Mapping[str, str | bool | None]
) -> str:
    if backend not in LIBRARIES and not _is_backend(backend):
        from lossdsl.backends import registry

        raise InputError(f"there is no backend {backend!r}, only {', '.join((*registry.names(), *LIBRARIES))}")
    given = boosting_given(backend, boosting)
    if backward is not None and backend != "torch":
        raise InputError("--backward is an option of the torch backend")
    losses = read_losses(file, wanted)
    if backend in LIBRARIES:
        return boosting_code(losses, backend, given)
    options = {} if backward is None else {"backward": backward}
    return source(losses, backend, **options)


def _is_backend(name: str) -> bool:
    """Whether there is such a package; found without importing the compiler, which kept code does without."""
    spec = find_spec(f"lossdsl.backends.{name}") if name.isidentifier() else None
    return spec is not None and spec.submodule_search_locations is not None


def _stage(file: str, wanted: tuple[str, ...], emit: str) -> str:
    from lossdsl.cli import stages

    if emit == "tree":
        return stages.tree(read_bytes(file), file)
    show = stages.BY_NAME[emit]
    return "\n\n".join(show(loss.program) for loss in read_losses(file, wanted))


def _target(output: str, file: str, backend: str) -> Path:
    path = Path(output)
    if path.is_dir() or output.endswith(("/", "\\")):
        stem = "stdin" if file == "-" else Path(file).stem
        return path / f"{stem}_{backend}.py"
    return path
