"""E06xx: `use`."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class UnknownModule(Problem):
    """The catalogue has no module of this name.

    A name without quotes is a module of the catalogue that ships with the compiler; `lossdsl list` shows what it has.
    Files are named in quotes.

    Wrong: `use regresion: huber`

    Right: `use regression: huber`
    """

    code = "E0601"
    title = "unknown module"


class FileMissing(Problem):
    """The file that `use` names cannot be read.

    The path is relative to the file that it stands in.

    Wrong: `use "./rhos.loss": huber_rho` where there is no such file

    Right: the path of a file that exists.
    """

    code = "E0602"
    title = "the file cannot be read"


class OutsideFolder(Problem):
    """`use` names a file outside the folder of the root file.

    A `.loss` file reaches no file but those in the folder of the file that is compiled, and below it.

    Wrong: `use "../../secret.loss": f`

    Right: copy the file into the folder.
    """

    code = "E0603"
    title = "the file is outside the folder"


class ImportCycle(Problem):
    """Files take items from one another in a circle.

    A file is read, with all that it uses, before anything can be taken from it.

    Wrong: `a.loss` uses `b.loss`, which uses `a.loss`

    Right: move what both need into a third file.
    """

    code = "E0604"
    title = "files use one another in a circle"


class NotInModule(Problem):
    """The module or file has no item of this name.

    What can be taken are the `def`s and losses of the file, and what it takes from others itself.

    Wrong: `use regression: hubert`

    Right: `use regression: huber`
    """

    code = "E0605"
    title = "no such item"


class NoFolder(Problem):
    """A text that comes from no file names a file.

    The path of a file is relative to the file that names it, and this text has no place of its own.

    Wrong: `use "./mine.loss": f` in a text that was passed as a string

    Right: save the text beside `mine.loss`, or say which path it has; a module of the catalogue can be used from
    anywhere.
    """

    code = "E0606"
    title = "the text has no folder"


class ChainTooLong(Problem):
    """More than fifty files use one another in a chain.

    Each `use` of a file that uses another is a link of the chain.  Nobody can follow fifty of them, and neither does
    the compiler.

    Wrong: `use "./f2.loss": f` in f1.loss, `use "./f3.loss": f` in f2.loss, and so on to f99.loss

    Right: `use "./f99.loss": f` where `f` is needed
    """

    code = "E0607"
    title = "the chain of files is too long"
