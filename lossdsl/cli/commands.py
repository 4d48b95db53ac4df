"""The group of commands, and which module each lives in.  A command's module is imported when it is used."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "compile": "Write a loss as a standalone NumPy or PyTorch module.",
    "check": "Compare the generated code with the meaning of the formula.",
    "analyze": "Say what can be proved of a loss: convexity, Lipschitz constants, robustness, calibration.",
    "plot": "Draw losses: value, gradient and curvature over residual, margin or prediction; contours.",
    "grad": "Print the gradient as a formula.",
    "fmt": "Format loss files.",
    "list": "List the losses of the catalogue.",
    "show": "Show a loss of the catalogue, or of a file: formula, gradient, domains, edge cases, plot.",
    "report": "Write a page about a loss for a browser: formulas, plots with sliders, facts, checks, code.",
    "compare": "Train several losses on real data, and measure what comes out.",
    "tune": "Choose hyperparameters of a loss, or weights of its terms, on real data.",
    "search": "Propose new losses from a template with holes, and rank them on real data.",
    "explain": "Tell the long story of an error code.",
    "bench": "Time the generated code against PyTorch's autograd on the same formula.",
}
"""Name and summary; `lossdsl.cli.command_NAME.command` does the work."""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"lossdsl.cli.command_{name}").command
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lossdsl")
def commands() -> None:
    """A compiler for loss functions: write the formula, get verified NumPy and PyTorch code."""
