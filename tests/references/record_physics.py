"""References for the family `physics`."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from recorder import Call, Reference, record
from submodules import bare

bare("neuralop", "neuralop.layers", "neuralop.losses")
from neuralop.losses.differentiation import FiniteDiff  # noqa: E402

draw = np.random.default_rng(13)
GRID = draw.normal(size=(5, 6))
SOURCE = draw.normal(size=(5, 6))
STEPS = {"dt": 0.1, "dx": 0.5}


def inside(x):
    return x[1:-1, 1:-1]


def stencil(u, weights):
    """Correlation with a stencil of 3 x 3."""
    return F.conv2d(u[None, None], torch.tensor(weights, dtype=u.dtype)[None, None])[0, 0]


def laplacian(u, dt, dx):
    return inside(FiniteDiff(2, (dt, dx), False, False).dy(u, order=2))


def forward_rate(u, dt):
    return stencil(u, [[0, 0, 0], [0, -1 / dt, 0], [0, 1 / dt, 0]])


def all_times(u):
    """Adds a last row so that a stencil of three rows covers what two rows do."""
    return torch.cat([u[:1], u])


def heat(u, dt, dx, diffusivity=1.0):
    v = all_times(u)
    return (forward_rate(v, dt) - diffusivity * stencil(v, [[0, 0, 0], [1, -2, 1], [0, 0, 0]]) / dx**2).square().mean()


def allen_cahn(u, dt, dx, diffusivity=1e-4, rate=5.0):
    v = all_times(u)
    smoothing = diffusivity * stencil(v, [[0, 0, 0], [1, -2, 1], [0, 0, 0]]) / dx**2
    return (forward_rate(v, dt) - smoothing - rate * (inside(v) - inside(v) ** 3)).square().mean()


def burgers(u, dt, dx, nu=0.01):
    grid = FiniteDiff(2, (dt, dx), False, False)
    return F.mse_loss(inside(grid.dx(u)), inside(-grid.dy(u) * u + nu * grid.dy(u, order=2)))


def advection(u, dt, dx, speed=1.0):
    grid = FiniteDiff(2, (dt, dx), False, False)
    return inside(grid.dx(u) + speed * grid.dy(u)).square().mean()


def wave(u, dt, dx, speed=1.0):
    grid = FiniteDiff(2, (dt, dx), False, False)
    return inside(grid.dx(u, order=2) - speed**2 * grid.dy(u, order=2)).square().mean()


def poisson(u, source, dx):
    return inside(FiniteDiff(2, dx, False, False).laplacian(u) - source).square().mean()


def energy(u, source, dx):
    return (u.diff(dim=0).square().sum() + u.diff(dim=1).square().sum()) / 2 + dx * dx * (source * u).sum()


def divergence(u, v, dx, dy):
    # The library's x is the first axis, which is y here.
    field = torch.stack([v, u])
    return inside(FiniteDiff(2, (dy, dx), False, False).divergence(field)).square().mean()


def eikonal(gradient):
    return F.mse_loss(gradient.norm(dim=1), torch.ones(len(gradient), dtype=gradient.dtype))


def grids(**hyper):
    return [Call({"u": GRID}, STEPS), Call({"u": GRID}, STEPS | hyper), Call({"u": 2 + 0 * GRID}, STEPS)]


DIFFERENCES = "neuralop.losses.FiniteDiff inside the grid"

record("physics", [
    Reference("heat_residual", "torch", "stencils by torch.nn.functional.conv2d", heat, grids(diffusivity=0.3), ["u"]),
    Reference("allen_cahn_residual", "torch", "stencils by torch.nn.functional.conv2d", allen_cahn,
              grids(diffusivity=0.3, rate=2.0), ["u"]),
    Reference("burgers_residual", "neuraloperator", DIFFERENCES, burgers, grids(nu=0.3), ["u"]),
    Reference("advection_residual", "neuraloperator", DIFFERENCES, advection, grids(speed=-2.0), ["u"]),
    Reference("wave_residual", "neuraloperator", DIFFERENCES, wave, grids(speed=2.0), ["u"]),
    Reference("poisson_residual", "neuraloperator", DIFFERENCES, poisson, [
        Call({"u": GRID, "source": source}, {"dx": 0.5}) for source in (SOURCE, 0 * SOURCE)
    ], ["u"]),
    Reference("dirichlet_energy", "torch", "formula of E and Yu 2018", energy, [
        Call({"u": GRID, "source": source}, {"dx": 0.5}) for source in (SOURCE, 0 * SOURCE)
    ], ["u"]),
    Reference("divergence_free", "neuraloperator", DIFFERENCES, divergence, [
        Call({"u": GRID, "v": SOURCE}, {"dx": 0.5, "dy": 0.25}),
    ], ["u", "v"]),
    Reference("eikonal", "torch", "formula of Gropp et al. 2020", eikonal, [Call({"gradient": draw.normal(size=(4, 3))})],
              ["gradient"]),
])  # fmt: skip
