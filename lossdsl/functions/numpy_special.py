"""Special functions of the NumPy prelude: error function, normal law, gamma function; as `numpy_helpers`.

They compute in float64 and return the dtype of the argument.  The polynomials interpolate at Chebyshev nodes, with
coefficients computed at 50 digits (`tests/test_functions_coefficients.py` computes them again).
"""

from __future__ import annotations

import numpy as np


def _polynomial(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """The sum of coefficients[i]*x^i, by Horner's rule."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _erf_near(z: np.ndarray) -> np.ndarray:
    """erf for |z| <= 1, float64: z + z*P(2z^2 - 1)."""
    coefficients = (
        -0.03453126133013269, -0.1405360890227171, 0.019852496688983708, -0.0022854855611440673,
        0.00021751715604160108, -1.7537169441492004e-05, 1.2233827383524026e-06, -7.511569160710623e-08,
        4.115800597661665e-09, -2.03524938661036e-10, 9.167606748998164e-12, -3.7910973708931526e-13,
        1.4548169783352384e-14, -5.16472878942302e-16,
    )  # fmt: skip
    result: np.ndarray = z + z * _polynomial(2 * z * z - 1, coefficients)
    return result


def _erfcx(z: np.ndarray) -> np.ndarray:
    """exp(z^2) erfc(z) for z >= 1/2, float64: P(1 - 7/(z + 3))/(z + 1)."""
    coefficients = (
        0.6849972881253069, -0.1744265099503212, 0.06781283641264237, -0.012531475817359647,
        -0.005896222616093224, 0.006653009971638013, -0.0031143855946000917, 0.0007094473715750142,
        5.265605158818542e-05, -8.421230187165824e-05, 1.2520204685985718e-05, 7.408146059833334e-06,
        -2.4667337457908267e-06, -7.099059799677172e-07, 3.7128002453113964e-07, 8.853653973853397e-08,
        -5.3992200088127626e-08, -1.488655082973278e-08, 7.68620950004765e-09, 2.965828142357916e-09,
        -1.0030228555151339e-09, -5.851795380622809e-10, 1.0394746997284102e-10, 9.313126234696256e-11,
        -6.170390537683413e-12, -8.325436528293481e-12,
    )  # fmt: skip
    result: np.ndarray = _polynomial(1 - 7 / (z + 3), coefficients) / (z + 1)
    return result


def _exp_minus_square(z: np.ndarray, scale: float) -> np.ndarray:
    """exp(-scale z^2) for scale 1 or 1/2, float64: the square is split so that its rounding does not count."""
    high = np.minimum(z, 1e3).astype(np.float32).astype(np.float64)
    result: np.ndarray = np.exp(-scale * high * high) * np.exp(-scale * (z - high) * (z + high))
    return result


def _erfc_float64(z: np.ndarray) -> np.ndarray:
    a = np.maximum(np.abs(z), 0.5)
    tail = _exp_minus_square(a, 1.0) * _erfcx(a)
    near = 1 - _erf_near(np.clip(z, -0.5, 0.5))
    return np.where(np.abs(z) <= 0.5, near, np.where(z > 0, tail, 2 - tail))


def _erf(x: np.ndarray | float) -> np.ndarray:
    """The error function."""
    x = np.asarray(x)
    z = x.astype(np.float64)
    far = np.copysign(1 - _erfc_float64(np.maximum(np.abs(z), 1)), z)
    y = np.where(np.abs(z) <= 1, _erf_near(np.clip(z, -1, 1)), far)
    return y.astype(np.result_type(x.dtype, np.float32))


def _erfc(x: np.ndarray | float) -> np.ndarray:
    """1 - erf(x), with all its digits in the upper tail."""
    x = np.asarray(x)
    return _erfc_float64(x.astype(np.float64)).astype(np.result_type(x.dtype, np.float32))


def _normal_cdf_float64(z: np.ndarray) -> np.ndarray:
    a = np.maximum(np.abs(z), 0.75)
    tail = 0.5 * _exp_minus_square(a, 0.5) * _erfcx(a * 0.7071067811865476)
    near = 0.5 + 0.5 * _erf_near(np.clip(z, -0.75, 0.75) * 0.7071067811865476)
    return np.where(np.abs(z) <= 0.75, near, np.where(z < 0, tail, 1 - tail))


def _normal_cdf(x: np.ndarray | float) -> np.ndarray:
    """The distribution function of the standard normal law, with all its digits in the lower tail."""
    x = np.asarray(x)
    return _normal_cdf_float64(x.astype(np.float64)).astype(np.result_type(x.dtype, np.float32))


def _normal_logcdf(x: np.ndarray | float) -> np.ndarray:
    """The log of the distribution function of the standard normal law, in both tails."""
    x = np.asarray(x)
    z = x.astype(np.float64)
    t = np.maximum(-z, 1)
    lower = np.log(0.5 * _erfcx(t * 0.7071067811865476)) - 0.5 * t * t
    y = np.where(z < -1, lower, np.log1p(-_normal_cdf_float64(-z)))
    return y.astype(np.result_type(x.dtype, np.float32))


def _normal_hazard(x: np.ndarray | float) -> np.ndarray:
    """Density over distribution function of the standard normal law: about -x far below 0."""
    x = np.asarray(x)
    z = x.astype(np.float64)
    lower = 0.7978845608028654 / _erfcx(np.maximum(-z, 1) * 0.7071067811865476)
    upper = 0.3989422804014327 * _exp_minus_square(np.abs(z), 0.5) / _normal_cdf_float64(z)
    return np.where(z < -1, lower, upper).astype(np.result_type(x.dtype, np.float32))


def _normal_residual(x: np.ndarray | float) -> np.ndarray:
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
    x = np.asarray(x)
    z = x.astype(np.float64)
    t = np.maximum(-z, 1)
    lower = _polynomial(1 - 10 / (t + 4), coefficients) / (t + 1)
    upper = z + 0.3989422804014327 * _exp_minus_square(np.abs(z), 0.5) / _normal_cdf_float64(z)
    result: np.ndarray = np.where(z < -1, lower, upper)
    return result.astype(np.result_type(x.dtype, np.float32))
