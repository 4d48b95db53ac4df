"""Special functions of the PyTorch prelude: normal law and gamma function; as `torch_helpers`.

The polynomials are those of `numpy_special`.
"""

from __future__ import annotations

import torch


def _polynomial(x: torch.Tensor, coefficients: tuple[float, ...]) -> torch.Tensor:
    """The sum of coefficients[i]*x^i, by Horner's rule."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _erfcx(z: torch.Tensor) -> torch.Tensor:
    """exp(z^2) erfc(z) for z >= 1/2: P(1 - 7/(z + 3))/(z + 1).

    Not torch.special.erfcx, whose derivative 2 z erfcx(z) - 2/sqrt(pi) has no digits left for large z.
    """
    coefficients = (
        0.6849972881253069, -0.1744265099503212, 0.06781283641264237, -0.012531475817359647,
        -0.005896222616093224, 0.006653009971638013, -0.0031143855946000917, 0.0007094473715750142,
        5.265605158818542e-05, -8.421230187165824e-05, 1.2520204685985718e-05, 7.408146059833334e-06,
        -2.4667337457908267e-06, -7.099059799677172e-07, 3.7128002453113964e-07, 8.853653973853397e-08,
        -5.3992200088127626e-08, -1.488655082973278e-08, 7.68620950004765e-09, 2.965828142357916e-09,
        -1.0030228555151339e-09, -5.851795380622809e-10, 1.0394746997284102e-10, 9.313126234696256e-11,
        -6.170390537683413e-12, -8.325436528293481e-12,
    )  # fmt: skip
    return _polynomial(1 - 7 / (z + 3), coefficients) / (z + 1)


def _exp_minus_half_square(x: torch.Tensor) -> torch.Tensor:
    """exp(-x^2/2): the square is split so that its rounding does not count."""
    x = torch.clamp(x, -100, 100)
    high = torch.round(16 * x) / 16
    return torch.exp(-high * high / 2) * torch.exp(-(x - high) * (x + high) / 2)


def _normal_cdf(x: torch.Tensor) -> torch.Tensor:
    """The distribution function of the standard normal law, with all its digits in the lower tail."""
    low = x < -1
    lower = torch.where(low, x, -1)
    tail = _exp_minus_half_square(lower) * _erfcx(-0.7071067811865476 * lower) / 2
    return torch.where(low, tail, torch.erfc(-0.7071067811865476 * torch.where(low, -1, x)) / 2)


def _normal_logcdf(x: torch.Tensor) -> torch.Tensor:
    """The log of the distribution function of the standard normal law, in both tails."""
    low = x < -1
    t = torch.where(low, -x, 1)
    lower = torch.log(_erfcx(0.7071067811865476 * t) / 2) - t * t / 2
    return torch.where(low, lower, torch.log1p(-_normal_cdf(torch.where(low, 1, -x))))


def _normal_hazard(x: torch.Tensor) -> torch.Tensor:
    """Density over distribution function of the standard normal law: about -x far below 0."""
    low = x < -1
    lower = 0.7978845608028654 / _erfcx(-0.7071067811865476 * torch.where(low, x, -1))
    upper = torch.where(low, -1, x)
    return torch.where(low, lower, 0.3989422804014327 * _exp_minus_half_square(upper) / _normal_cdf(upper))


def _normal_residual(x: torch.Tensor) -> torch.Tensor:
    """x plus the normal hazard: about -1/x far below 0, where the sum cancels, P(1 - 10/(4 - x))/(1 - x)."""
    coefficients = (
        1.1093782318121925, -0.0943085297956848, -0.059334084004852745, 0.07000248638438314,
        -0.030198906512289528, 0.0010721754794954107, 0.0057234323094192815, -0.002449651394430375,
        -0.0003596994573545931, 0.0006441022170701979, -0.0001137208813041582, -0.00010620562718110499,
        5.030452738570429e-05, 1.0344480184098628e-05, -1.2215862992860684e-05, 3.191049697375064e-07,
        2.21501132212082e-06, -4.0590422512198135e-07, -3.0955046397020896e-07, 1.0404026534080232e-07,
        2.9784749223595732e-08, -1.6765530878923994e-08, -7.206373535284115e-10, 1.6998990641776377e-09,
        -3.43689438572177e-10, -8.019591009809554e-11, 4.9497107725275665e-11,
    )  # fmt: skip
    low = x < -1
    t = torch.where(low, -x, 1)
    lower = _polynomial(1 - 10 / (t + 4), coefficients) / (t + 1)
    upper = torch.where(low, -1, x)
    return torch.where(low, lower, upper + _normal_hazard(upper))


def _polygamma(order: int, x: torch.Tensor) -> torch.Tensor:
    """The derivative of digamma of that order >= 1: the recurrence up to order + 12, then the asymptotic series.

    Below 0 by reflection, with the derivatives of the cotangent as polynomials in it.  inf (odd order) or NaN
    (even order) at 0, -1, -2, ...  (torch.polygamma(1, x) is right to 1e-10 only.)
    """
    k = int(order)
    sign = -1.0 if k % 2 == 0 else 1.0
    factorial = 1.0
    for i in range(2, k + 1):
        factorial *= i
    pole = (x <= 0) & (x == torch.floor(x))
    inside = torch.where(pole, 0.5, x)
    above = inside > 0
    positive = torch.where(above, inside, 1 - inside)
    shifts = torch.clamp(torch.ceil(k + 12 - positive), 0, k + 12)
    shifted, total = positive + shifts, torch.zeros_like(positive)
    for i in range(k + 11, -1, -1):
        total = total + torch.where(shifts > i, factorial * (positive + i) ** -(k + 1.0), 0)
    # sum over j of B_2j (2j + k - 1)!/((2j)! y^(2j + k)), with the first two terms (k - 1)!/y^k and k!/(2 y^(k + 1))
    power = factorial / k * shifted**-k
    tail = power + 0.5 * k * power / shifted
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
    for j, number in enumerate(bernoulli, start=1):
        power = power * (2 * j + k - 1) / (2 * j) * ((2 * j + k - 2) / (2 * j - 1)) / shifted / shifted
        tail = tail + number * power
    total = sign * (total + tail)
    cotangent = 1 / torch.tan(torch.pi * torch.where(above, 0.25, inside - torch.round(inside)))
    derivative = [0.0, 1.0]
    for _ in range(k):
        slope = [i * c for i, c in enumerate(derivative)][1:]
        derivative = [-a - b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    reflected = -sign * total - torch.pi ** (k + 1.0) * _polynomial(cotangent, tuple(derivative))
    at_pole = torch.where(x == -torch.inf, torch.nan, torch.inf if k % 2 else torch.nan)
    return torch.where(pole, at_pole, torch.where(above, total, reflected))
