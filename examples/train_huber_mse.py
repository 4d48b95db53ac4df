"""Train with the generated loss on real data whose targets were contaminated, against plain MSE.

    lossdsl compile examples/huber_mse.loss --backend numpy -o out/huber_mse_numpy.py
    lossdsl compile examples/huber_mse.loss --backend torch -o out/huber_mse_torch.py
    python examples/train_huber_mse.py out

The data are scikit-learn's diabetes data (442 patients, 10 measurements, the progress of the disease a year later),
split into 75 % to train and 25 % to test.  One training target in ten is replaced by one that is far too high, as a
unit that was mixed up would; the test targets stay as they are.  Features and targets are standardised with what
can be known from the contaminated training part.

Two models: a small network, trained with the PyTorch module by Adam, and a linear model, trained with the NumPy
function by SciPy's L-BFGS.  Neither generated file needs lossdsl.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import RobustScaler, StandardScaler

SEEDS = range(10)
OUTLIERS = 0.1
DELTA = 0.5  # in units of the interquartile range of the targets
ALPHAS = (0.7, 0.95)

Array = NDArray[np.float64]
Predictor = Callable[[Array], Array]
ValueAndGrad = Callable[[Array, Array], tuple[float, Array]]


@dataclass(frozen=True)
class Split:
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    unit: float
    """One unit of y in units of the data set."""


def contaminated_split(seed: int) -> Split:
    x, y = load_diabetes(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=seed)
    rng = np.random.default_rng(seed)
    hit = rng.choice(len(y_train), size=round(OUTLIERS * len(y_train)), replace=False)
    y_train[hit] += rng.uniform(5, 10, size=len(hit)) * y.std()
    features = StandardScaler().fit(x_train)
    target = RobustScaler().fit(y_train[:, None])

    def scaled(values: Array) -> Array:
        return np.asarray(target.transform(values[:, None])[:, 0])

    return Split(
        features.transform(x_train), scaled(y_train), features.transform(x_test), scaled(y_test), target.scale_[0]
    )


def train_network(loss: torch.nn.Module, data: Split, seed: int) -> Predictor:
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(data.x_train.shape[1], 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-2)
    x = torch.tensor(data.x_train, dtype=torch.float32)
    y = torch.tensor(data.y_train, dtype=torch.float32)
    for _ in range(100):
        optimizer.zero_grad()
        loss(model(x).squeeze(1), y).backward()
        optimizer.step()

    def predict(x: Array) -> Array:
        with torch.no_grad():
            return np.asarray(model(torch.tensor(x, dtype=torch.float32)).squeeze(1))

    return predict


def train_linear(value_and_grad: ValueAndGrad, data: Split, seed: int) -> Predictor:
    design = np.column_stack([data.x_train, np.ones(len(data.x_train))])

    def objective(w: Array) -> tuple[float, Array]:
        value, gradient = value_and_grad(design @ w, data.y_train)
        return float(value), design.T @ gradient

    w = minimize(objective, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    return lambda x: np.column_stack([x, np.ones(len(x))]) @ w


def squared_error(pred: Array, target: Array) -> tuple[float, Array]:
    return float(np.mean((pred - target) ** 2)), 2 * (pred - target) / len(pred)


def trainers(folder: str) -> Mapping[tuple[str, str], Callable[[Split, int], Predictor]]:
    """What is compared: (model, loss) -> how to train it."""
    sys.path.insert(0, folder)
    in_torch = importlib.import_module("huber_mse_torch")
    in_numpy = importlib.import_module("huber_mse_numpy")
    network: dict[str, torch.nn.Module] = {"MSE": torch.nn.MSELoss()}
    linear: dict[str, ValueAndGrad] = {"MSE": squared_error}
    for alpha in ALPHAS:
        name = f"huber_mse(alpha={alpha})"
        network[name] = in_torch.HuberMse(delta=DELTA, alpha=alpha)
        linear[name] = partial(in_numpy.huber_mse_value_and_grad, delta=DELTA, alpha=alpha)
    return {("network", name): partial(train_network, loss) for name, loss in network.items()} | {
        ("linear", name): partial(train_linear, value_and_grad) for name, value_and_grad in linear.items()
    }


def main(folder: str = "out") -> None:
    torch.set_num_threads(1)  # the models are tiny
    splits = {seed: contaminated_split(seed) for seed in SEEDS}
    table = Table(title=f"Diabetes data, {OUTLIERS:.0%} of the training targets far too high, {len(SEEDS)} seeds")
    for heading in ("model", "loss", "test MAE", "test RMSE", "better than MSE"):
        table.add_column(heading, justify="left" if heading in ("model", "loss") else "right")
    plain: dict[str, Array] = {}
    for (model, loss), train in trainers(folder).items():
        error = np.array([(train(data, seed)(data.x_test) - data.y_test) * data.unit for seed, data in splits.items()])
        mae, rmse = np.abs(error).mean(axis=1), np.sqrt((error**2).mean(axis=1))
        plain.setdefault(model, mae)
        wins = "" if loss == "MSE" else f"{np.sum(mae < plain[model])} of {len(SEEDS)}"
        table.add_row(model, loss, *(f"{x.mean():.1f} ± {x.std(ddof=1):.1f}" for x in (mae, rmse)), wins)
    Console().print(table)


if __name__ == "__main__":
    main(*sys.argv[1:])
