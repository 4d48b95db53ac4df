"""What users call from Python: losses from files, from texts and from the catalogue, and what can be made of them.

Each method is a few lines over the stage of the compiler that does the work, imported when it is called: `import
lossdsl` costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lossdsl.front import Front, front

if TYPE_CHECKING:
    from types import ModuleType

    import torch
    from matplotlib.figure import Figure
    from numpy.typing import DTypeLike

    from lossdsl.analysis import Analysis
    from lossdsl.check import Report
    from lossdsl.comparison import Dataset
    from lossdsl.compiled import NativeLoss, NumpyLoss
    from lossdsl.fitting import LinearProblem
    from lossdsl.meaning import core
    from lossdsl.tuning import Tuned


def load(path: str | Path) -> Module:
    """The losses of a `.loss` file, by name.  Raises LossError for what is wrong in it, OSError if it is unreadable.

    What compiling gives is kept in the user's cache (`lossdsl.cache`), for `loads` and `loss` too.
    """
    return _compile_front(Path(path).read_bytes(), str(path))


def loads(text: str | bytes, path: str = "<text>") -> Module:
    """The losses of a text, by name; `path` is what errors call it, and what `use "./..."` is relative to."""
    return _compile_front(text, path)


def loss(text: str, path: str = "<text>") -> Loss:
    """The one loss of a text; of several, the last, which may call the ones before it."""
    module = loads(text, path)
    if not module:
        raise ValueError("the text has no loss")
    return list(module.values())[-1]


def source(losses: Sequence[Loss], backend: str = "numpy", **options: Any) -> str:
    """One standalone module with the code of several losses of one file."""
    first = losses[0]._front
    if any(each._front is not first for each in losses):
        raise ValueError("these losses are not of one file")
    return first.source([each.name for each in losses], backend, options)


def _compile_front(text: str | bytes, path: str) -> Module:
    made = front(text, path)
    return Module({name: Loss(made, name) for name in made.facts}, made.doc, path)


class Module(Mapping[str, "Loss"]):
    """The losses of one file, in order: a mapping from names."""

    def __init__(self, losses: Mapping[str, Loss], doc: str, path: str) -> None:
        self._losses = dict(losses)
        self.doc = doc
        self.path = path

    def __getitem__(self, name: str) -> Loss:
        return self._losses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._losses)

    def __len__(self) -> int:
        return len(self._losses)

    def _repr_html_(self) -> str:
        from lossdsl.notebook import module_html

        return module_html(self)

    def __repr__(self) -> str:
        return f"<losses of {self.path}: {', '.join(self) or 'none'}>"


class Catalogue(Mapping[str, Module]):
    """The losses that ship, by the name of their file: `catalogue["regression"]["huber"]`.  Read when asked for."""

    folder = Path(__file__).parent / "catalogue"

    def __getitem__(self, name: str) -> Module:
        if name not in self._names():
            raise KeyError(f"{name!r} is not in the catalogue; there are {', '.join(self)}")
        return _catalogue_module(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.loss"))

    def __repr__(self) -> str:
        return f"<catalogue: {', '.join(self)}>"


@functools.cache
def _catalogue_module(name: str) -> Module:
    return load(Catalogue.folder / f"{name}.loss")


catalogue = Catalogue()


class Loss:
    """A checked loss; `program` is its meaning, the methods are what can be made of it."""

    def __init__(self, made: Front, name: str) -> None:
        self._front = made
        self.name = name
        self.doc = made.facts[name].doc

    @property
    def program(self) -> core.Program:
        """The checked tree.  RuntimeError if the loss was found in the cache, and a file it uses has changed since."""
        return self._front.program(self.name)

    @property
    def text(self) -> str:
        """The loss as written."""
        return self._front.facts[self.name].text

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The names that gradients can be taken with respect to: predictions, then `learn` hyperparameters."""
        return self._front.facts[self.name].differentiable

    # ------------------------------------------------------------ code

    def source(self, backend: str = "numpy", **options: Any) -> str:
        """The standalone module as text; it imports only NumPy, or only PyTorch.

        The name of a boosting library gives its objective, with the options of `objective`.
        """
        return source([self], backend, **options)

    def compile(self, backend: str = "numpy", **options: Any) -> ModuleType:
        """The same, imported."""
        from lossdsl.generated import import_generated

        return import_generated(self.source(backend, **options), self.name)

    def numpy(self, dtype: DTypeLike | None = None, threads: int | None = None) -> NumpyLoss:
        """Functions on NumPy arrays: value, gradients, Hessian diagonal, Hessian-vector product, terms.

        threads: how many a call may use, over blocks of rows of large arrays.
        """
        from lossdsl.compiled import NumpyLoss, numpy_code

        code = self._front.kept((self.name,), "numpy()", {}, lambda: numpy_code(self.program))
        return NumpyLoss(code["source"], code["name"], frozenset(code["whole"]), dtype, threads)

    def native(self, dtype: DTypeLike | None = None, threads: int | None = None) -> NativeLoss:
        """The functions of `numpy()` through fused C code, compiled at first use and kept in the user's cache.

        threads: how many a call may use; one below 100,000 elements.  Without a C compiler the NumPy code runs.
        """
        from lossdsl.compiled import NativeLoss, native_code

        code = self._front.kept((self.name,), "native()", {}, lambda: native_code(self.program))
        return NativeLoss(code["source"], code["name"], frozenset(code["whole"]), dtype, threads)

    def torch(
        self,
        *,
        backward: Literal["closed", "autograd"] = "closed",
        kernel: Literal["torch", "native"] = "torch",
        **hyperparameters: Any,
    ) -> torch.nn.Module:
        """An `nn.Module` with these hyperparameters (and `reduction=`); `learn` ones start at the value given.

        With backward="closed" the gradient is computed in closed form in the forward pass; with "autograd" the module
        is plain differentiable operations.  With kernel="native" the closed form of tensors on the CPU is computed by
        the code of `native()`.
        """
        from lossdsl.compiled import torch_code
        from lossdsl.generated import import_generated

        if kernel not in ("torch", "native"):
            raise ValueError(f'kernel must be "torch" or "native", got {kernel!r}')
        if kernel == "native" and backward != "closed":
            raise ValueError('kernel="native" computes the closed form: it has no backward="autograd"')
        options = {"kernel": kernel, "backward": backward}
        code = self._front.kept((self.name,), "torch()", options, lambda: torch_code(self.program, **options))
        made: torch.nn.Module = getattr(import_generated(code["source"], self.name), code["class"])(**hyperparameters)
        return made

    def objective(
        self,
        library: Literal["xgboost", "lightgbm", "catboost"],
        *,
        api: Literal["native", "sklearn"] = "native",
        hessian: str | None = None,
        target: str | None = None,
        coupled: bool = False,
        **hyperparameters: Any,
    ) -> Any:
        """An objective for a boosting library, with its metric, first score and inverse link (`docs/boosting.md`).

        hessian: exact, constant, abs, expected, gauss_newton, secant, upper_bound or full; left out, it is chosen from
        what is proved about the exact one, and the documentation of the module says why.  target: the data that is the
        label, the first if left out.  coupled: take the gradient of a loss that couples rows, within groups.
        hyperparameters: those of the loss, data without rows (class weights), floor, hessian_scale, check.
        LossError, located, for a loss that can not be trained so.
        """
        from lossdsl import boosting

        asked = boosting.request(library, api=api, hessian=hessian, target=target, coupled=coupled)
        return boosting.make(self.program, asked, hyperparameters)

    # ------------------------------------------------------------ fitting

    def scipy_objective(
        self,
        X: Any,
        /,
        *data: Any,
        sample_weight: Any = None,
        intercept: bool = True,
        l2: float = 0.0,
        l1: float = 0.0,
        links: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None,
        validate: bool = True,
        **named: Any,
    ) -> LinearProblem:
        """A linear model of features X, shape (rows, features), with this loss, for `scipy.optimize.minimize`.

        `data` are the data of the loss in order; `named` are data, hyperparameters and starting values of `learn` ones
        by name.  The penalty is l1*sum|w| + l2/2*sum w^2 of the coefficients w.  `links` names links of predictions
        other than those that their domains ask for, `sizes` the sizes of axes that no data have.

            p = loss.scipy_objective(X, y, l2=0.1)
            r = scipy.optimize.minimize(p, p.start, jac=True, hessp=p.hessp, method="trust-ncg")
            p.unpack(r.x).coef

        or `p.minimize()`, which also copes with kinks.  A loss without an axis of examples, or whose examples have no
        terms of their own where there are weights, is a LossError (E0801 to E0804); see docs/fitting.md.
        """
        from lossdsl.fitting import Options, linear_problem

        options = Options(intercept, l2, l1, dict(links or {}), dict(sizes or {}), validate=validate)
        return linear_problem(self.program, X, data, named, sample_weight, options)

    # ------------------------------------------------------------ formulas

    def gradient(self, wrt: str | None = None) -> Gradient:
        """The gradient with respect to `wrt` (the first prediction if left out) as a formula."""
        wrt = self.differentiable[0] if wrt is None else wrt
        if wrt not in self.differentiable:
            raise ValueError(
                f"{self.name} has no gradient with respect to {wrt!r}, only to {', '.join(self.differentiable)}"
            )
        return Gradient(self.program, wrt)

    def latex(self) -> str:
        """The formula in LaTeX."""
        from lossdsl.display import loss_latex

        return loss_latex(self.program)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        """For notebooks: the formula, its gradients and its picture."""
        from lossdsl.notebook import loss_html

        return loss_html(self)

    # ------------------------------------------------------------ checks

    def check(self, **options: Any) -> Report:
        """Compare everything that is generated with the meaning of the formula; the report says what was compared."""
        from lossdsl.check import check

        return check(self.program, **options)

    def analyze(self, **hyperparameters: float) -> Analysis:
        """What can be proved of the loss at these hyperparameters, their defaults if left out (`docs/theory.md`).

        A mapping of facts by name, each yes with its reason, no with a witness that the interpreter has confirmed, or
        unknown with what was tried.  ValueError for a name that is no hyperparameter.
        """
        from lossdsl.analysis import analyze

        return analyze(self.program, hyperparameters)

    def plot(
        self,
        *others: Loss,
        kind: Literal["lines", "contour", "surface"] = "lines",
        against: Literal["residual", "margin", "prediction"] | None = None,
        quantities: Sequence[str] = ("value", "gradient", "curvature"),
        interval: tuple[float, float] | None = None,
        inputs: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Figure:
        """A matplotlib Figure of this loss, and of others in the same panels (`docs/pictures.md`).

        Lines over the residual, margin or prediction, for one value or several of hyperparameters and data:
        `huber.plot(mae, delta=[0.5, 1, 2])`; or kind="contour" or "surface" over two `inputs`.  `settings` takes those
        whose names are keywords of this method.  ValueError for what does not exist or lies outside of its domain.
        """
        from lossdsl import plot

        given = {**(settings or {}), **more}
        return plot.plot(
            self, *others, kind=kind, against=against, quantities=quantities, interval=interval, inputs=inputs,
            settings=given,
        )  # fmt: skip

    def report(
        self,
        path: str | Path | None = None,
        *,
        check: bool = True,
        accuracy: bool = True,
        settings: Mapping[str, float] | None = None,
        **more: float,
    ) -> str:
        """A page about the loss for a browser, the text of one HTML file (`docs/reports.md`); written to `path`, too.

        Its sliders start at the hyperparameters given: `huber.report("huber.html", delta=2)`; `settings` takes those
        whose names are keywords of this method.  Without `check` and `accuracy` it takes a second, not many.
        ValueError for what is no hyperparameter, or not of its domain; OSError where the file can not be written.
        """
        from lossdsl.report import Request, report

        asked = Request({**(settings or {}), **more}, check, accuracy)
        text = report([(Path(self._front.path).name, self)], asked).text
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        return text

    # ------------------------------------------------------------ data

    def tune(self, data: str | Dataset = "diabetes", model: str = "linear", **options: Any) -> Tuned:
        """Hyperparameters chosen by a metric on data, and what the choice is worth on rows not seen (`docs/tuning.md`).

        `loss.tune("mine.csv", target="price", space=["delta=0.1:10:log"])`; options are those of `lossdsl.tuning.tune`.
        """
        from lossdsl import tuning

        return tuning.tune(self, data, model, **options)

    # ------------------------------------------------------------ as an object

    @property
    def signature(self) -> str:
        """The first line of the loss, on one line: `huber(pred[n] | target[n]; delta > 0 = 1)`."""
        return self._front.facts[self.name].signature

    def __repr__(self) -> str:
        return f"<loss {self.signature}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reload, (self._front.text, self._front.path, self.name)

    def __copy__(self) -> Loss:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Loss:
        """Itself, since nothing about a loss can change: scikit-learn copies the parameters of estimators often."""
        return self


class Gradient:
    """The gradient of a loss as a formula: `str()` is a text of the loss language."""

    def __init__(self, program: core.Program, wrt: str) -> None:
        self.program = program
        self.wrt = wrt

    def __str__(self) -> str:
        from lossdsl.display import gradient_text

        return gradient_text(self.program, self.wrt)

    def latex(self) -> str:
        from lossdsl.display import gradient_latex

        return gradient_latex(self.program, self.wrt)

    def unicode(self) -> str:
        from lossdsl.display import gradient_unicode

        return gradient_unicode(self.program, self.wrt)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __repr__(self) -> str:
        return f"<gradient of {self.program.name} with respect to {self.wrt}>"


def _reload(text: str | bytes, path: str, name: str) -> Loss:
    return loads(text, path)[name]
