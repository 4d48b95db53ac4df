"""`python -m lossdsl.accuracy -o docs/accuracy.md`."""

from lossdsl.accuracy.command import command

if __name__ == "__main__":
    command(prog_name="python -m lossdsl.accuracy")
