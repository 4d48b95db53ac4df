static inline REAL abs_x(REAL x)
{
    return ABS(x);
}

/* The larger; NaN if either is. */
static inline REAL max_x(REAL x, REAL y)
{
    return (x > y) | (x != x) ? x : y;
}

/* The smaller; NaN if either is. */
static inline REAL min_x(REAL x, REAL y)
{
    return (x < y) | (x != x) ? x : y;
}

static inline REAL clip_x(REAL x, REAL low, REAL high)
{
    return min_x(max_x(x, low), high);
}

static inline REAL relu_x(REAL x)
{
    return (x > 0) | (x != x) ? x : 0;
}

static inline REAL sign_x(REAL x)
{
    return x != x ? x : (REAL)((x > 0) - (x < 0));
}

static inline REAL sqrt_x(REAL x)
{
    return SQRT(x);
}

static inline REAL floor_x(REAL x)
{
    return FLOOR(x);
}

static inline REAL round_x(REAL x)
{
    return RINT(x);
}

/* What x has behind the point, with its sign. */
static inline REAL fraction_x(REAL x)
{
    return x - TRUNC(x);
}

/* The remainder with the sign of the divisor. */
static inline REAL mod_x(REAL x, REAL y)
{
    REAL r = FMOD(x, y);
    REAL moved = r != 0 && (r < 0) != (y < 0) ? r + y : r;
    return moved == 0 ? COPYSIGN(0, y) : moved;
}

/* exp(-|x|): what sigmoid, softplus and log_sigmoid of x and of -x share. */
static inline REAL small_x(REAL x)
{
    return exp_below_x(-ABS(x));
}

/* 1/(1 + exp(-x)) by e = exp(-|x|), also where it is subnormal. */
static inline REAL sigmoid_by_x(REAL x, REAL e)
{
    return (x >= 0 ? 1 : e) / (1 + e);
}

static inline REAL sigmoid_x(REAL x)
{
    return sigmoid_by_x(x, small_x(x));
}

/* log(1/(1 + exp(-x))) by log(1 + exp(-|x|)), without overflow and without cancellation. */
static inline REAL log_sigmoid_by_x(REAL x, REAL rest)
{
    return min_x(x, 0) - rest;
}

static inline REAL log_sigmoid_x(REAL x)
{
    return log_sigmoid_by_x(x, log1p_unit_x(small_x(x)));
}

/* log(1 + exp(x)) by log(1 + exp(-|x|)), without overflow and without cancellation. */
static inline REAL softplus_by_x(REAL x, REAL rest)
{
    return max_x(x, 0) + rest;
}

static inline REAL softplus_x(REAL x)
{
    return softplus_by_x(x, log1p_unit_x(small_x(x)));
}

static inline REAL logaddexp_x(REAL x, REAL y)
{
    REAL larger = max_x(x, y), apart = x - y;
    REAL below = x == y ? 0 : -ABS(apart);
    return larger + log1p_unit_x(exp_below_x(below));
}

/* exp(-2|x|): what tanh and logcosh of x share. */
static inline REAL smaller_x(REAL x)
{
    return exp_below_x(-2 * ABS(x));
}

/* tanh(x): near 0 by a polynomial, else as 1 - 2e/(1 + e) for e = exp(-2|x|), with the sign of x. */
static inline REAL tanh_by_x(REAL x, REAL e)
{
    REAL near = tanh_near_x(x), far = COPYSIGN(1 - 2 * e / (1 + e), x);
    return ABS(x) < (REAL)0.7 ? near : far;
}

static inline REAL tanh_x(REAL x)
{
    return tanh_by_x(x, smaller_x(x));
}

/* log(cosh(x)): near 0 by a polynomial, else as |x| - log(2) + log(1 + e) for e = exp(-2|x|). */
static inline REAL logcosh_by_x(REAL x, REAL e)
{
    REAL a = ABS(x), near = logcosh_near_x(x);
    REAL far = (a - (REAL)0.6931471805599453) + log1p_unit_x(e);
    return a < 1 ? near : far;
}

static inline REAL logcosh_x(REAL x)
{
    return logcosh_by_x(x, smaller_x(x));
}

/* log(x/(1 - x)): around 1/2 by log1p of (2x - 1)/(1 - x), whose numerator is exact there. */
static inline REAL logit_x(REAL x)
{
    REAL middle = log1p_x((2 * x - 1) / (1 - x)), outer = log_x(x / (1 - x));
    return ABS(x - (REAL)0.5) <= (REAL)0.25 ? middle : outer;
}

static inline REAL log2_x(REAL x)
{
    return (REAL)LOG2((double)x);
}

static inline REAL log10_x(REAL x)
{
    return (REAL)LOG10((double)x);
}

/* x*log(y), and 0 where x is 0, unless y is NaN. */
static inline REAL xlogy_x(REAL x, REAL y)
{
    REAL product = where_not_zero_x(x * log_x(y), x);
    return y != y ? y : product;
}

/* x*log(1 + y), and 0 where x is 0, unless y is NaN. */
static inline REAL xlog1py_x(REAL x, REAL y)
{
    REAL product = where_not_zero_x(x * log1p_x(y), x);
    return y != y ? y : product;
}

/* log(1 - exp(x)) for x <= 0: by expm1 near 0, by log1p far from it. */
static inline REAL log1mexp_x(REAL x)
{
    REAL near = log_x(-expm1_x(x)), far = log1p_x(-exp_x(x));
    return x > (REAL)-0.6931471805599453 ? near : far;
}

/* sqrt(1 + x) - 1 for x >= -1, without cancellation near 0. */
static inline REAL sqrt1pm1_x(REAL x)
{
    REAL y = x / (1 + SQRT(1 + x));
    return x < INFINITY ? y : x;
}

/* (exp(x) - 1)/x, and 1 at 0; the exponential is split in two where it would overflow first. */
static inline REAL exprel_x(REAL x)
{
    REAL half = exp_x(x / 2);
    REAL large = half / (x < LARGEST ? x : LARGEST) * half, small = expm1_x(x) / x;
    return x == 0 ? 1 : x > 50 ? large : small;
}

/* log(1 - exp(-exp(x))): below 0 as x plus the log of what exp(x) lacks to it, in ratio. */
static inline REAL gumbel_logcdf_x(REAL x)
{
    REAL u = exp_x(x);
    REAL low = x + log_x(exprel_x(-u)), high = log1p_x(-exp_x(-u));
    return x < 0 ? low : high;
}

/* exp(x)/(exp(exp(x)) - 1): 1 far below 0. */
static inline REAL gumbel_hazard_x(REAL x)
{
    return 1 / exprel_x(exp_x(x));
}

/* exp(e - s), and 0 where s is -inf: the log of an empty sum. */
static inline REAL softmax_weight_x(REAL e, REAL s)
{
    REAL weight = exp_x(e - s);
    return s == -INFINITY ? 0 : weight;
}

/* 1 - exp(e - s), and 1 where s is -inf: the log of an empty sum. */
static inline REAL softmax_complement_x(REAL e, REAL s)
{
    REAL complement = -expm1_x(e - s);
    return s == -INFINITY ? 1 : complement;
}

/* g*d, and 0 where one of them is 0, though the other be infinite or NaN. */
static inline REAL guarded_mul_x(REAL g, REAL d)
{
    return where_not_zero_x(where_not_zero_x(g * d, g), d);
}

/* x/y, and 0 where x is 0, though y be 0 or NaN. */
static inline REAL guarded_div_x(REAL x, REAL y)
{
    return where_not_zero_x(x / y, x);
}

/* x - y, and 0 where both are the same infinity. */
static inline REAL guarded_sub_x(REAL x, REAL y)
{
    REAL difference = x - y;
    return x == y ? 0 : difference;
}

/* sqrt(x^2 + y^2), by the ratio of the smaller to the larger: no overflow. */
static inline REAL hypot_x(REAL x, REAL y)
{
    REAL a = ABS(x), b = ABS(y);
    REAL larger = a > b ? a : b, smaller = a > b ? b : a;
    REAL ratio = smaller / larger;
    REAL result = larger * SQRT(1 + ratio * ratio);
    result = larger == 0 || a == INFINITY || b == INFINITY ? larger : result;
    result = x != x || y != y ? x + y : result;
    return a == INFINITY || b == INFINITY ? INFINITY : result;
}

/* x/sqrt(x^2 + y^2): 0 where x is, 1 or -1 at infinities of x. */
static inline REAL hypot_slope_x(REAL x, REAL y)
{
    bool larger = ABS(x) >= ABS(y);
    REAL ratio = (larger ? y : x) / (larger ? x : y);
    REAL size = (larger ? 1 : ABS(ratio)) / SQRT(1 + ratio * ratio);
    return x == 0 ? 0 : COPYSIGN(size, x);
}

/* sqrt(x^2 + y^2) - |y| without cancellation. */
static inline REAL hypot_excess_x(REAL x, REAL y)
{
    REAL a = ABS(x);
    REAL result = a * (a / (hypot_x(x, y) + ABS(y)));
    return a == 0 || a == INFINITY ? a : result;
}

/* log(1 + x^2), 2 log|x| where 1 does not count. */
static inline REAL log1p_square_x(REAL x)
{
    REAL a = ABS(x);
    REAL far = 2 * log_x(a), near = log1p_x(a * a);
    return a > (REAL)1e9 ? far : near;
}

/* 2x/(1 + x^2), which is the same at x and at 1/x. */
static inline REAL log1p_square_slope_x(REAL x)
{
    REAL w = ABS(x) > 1 ? 1 / x : x;
    return 2 * w / (1 + w * w);
}

/* x/(x + y), by the ratio of the smaller to the larger: no overflow. */
static inline REAL share_x(REAL x, REAL y)
{
    bool larger = ABS(x) >= ABS(y);
    REAL ratio = (larger ? y : x) / (larger ? x : y);
    return (larger ? 1 : ratio) / (1 + ratio);
}

/* 1 - (1 - x)^order, as x times the sum of the lower powers of 1 - x. */
static inline REAL power_deficit_x(REAL order, REAL x)
{
    REAL q = 1 - x, total = 1;
    for (int n = 1; n < (int)order; n++)
        total = total * q + 1;
    return x * total;
}

/* exp(x) - 1 - x: for |x| < 1 as x^2/2 (1 + x/3 (1 + x/4 (...))). */
static inline REAL expm1_excess_x(REAL x)
{
    REAL series = 1;
#pragma GCC unroll 32
    for (int n = 20; n > 2; n--)
        series = 1 + x / n * series;
    REAL far = expm1_x(x) - (x == INFINITY ? 0 : x);
    return ABS(x) < 1 ? x * x / 2 * series : far;
}

/* v^2/3 + v^4/5 + ... for |v| < 0.2. */
static inline REAL atanh_tail_x(REAL v)
{
    REAL w = v * v, series = 0;
#pragma GCC unroll 32
    for (int n = 27; n > 1; n -= 2)
        series = w * (series + (REAL)1 / n);
    return series;
}

/* log(x/y), near 0 by the difference, which is exact there. */
static inline REAL log_ratio_x(REAL x, REAL y)
{
    REAL ratio = x / y;
    REAL apart = log_x(x) - log_x(y), near = log1p_x((x - y) / y), plain = log_x(ratio);
    return ratio > (REAL)0.5 && ratio < 2 ? near : ratio > (REAL)1e-30 && ratio < (REAL)1e30 ? plain : apart;
}

/* x log(x/y) - x + y: near x = y by a series in v = (x - y)/(x + y), (x - y) v + 2 x (v^3/3 + v^5/5 + ...). */
static inline REAL kl_div_x(REAL x, REAL y)
{
    REAL d = x - y;
    REAL v = d / (x + y);
    REAL near = d * v + 2 * x * v * atanh_tail_x(v);
    REAL flat = x == INFINITY ? x : y;
    REAL far = x * log_ratio_x(x, y) - d;
    far = x == 0 || ABS(flat) == INFINITY ? flat : far;
    return ABS(v) < (REAL)0.2 ? near : far;
}

/* (1 + x) log(1 + x) - x: near 0 by the series of kl_div. */
static inline REAL log1p_integral_x(REAL x)
{
    REAL v = x / (2 + x);
    REAL near = x * v + 2 * (1 + x) * v * atanh_tail_x(v);
    REAL far = (1 + x) * log1p_x(x) - x;
    far = x == -1 || x == INFINITY ? ABS(x) : far;
    return ABS(v) < (REAL)0.2 ? near : far;
}

/* x - log(1 + x): near 0 by the series of log(1 + x) in v = x/(2 + x), 2 (v + v^3/3 + v^5/5 + ...). */
static inline REAL log1p_deficit_x(REAL x)
{
    REAL v = x / (2 + x);
    REAL w = v * v, series = 0;
#pragma GCC unroll 32
    for (int n = 37; n > 1; n -= 2)
        series = w * (series + (REAL)1 / n);
    REAL far = x == INFINITY ? x : x - log1p_x(x);
    return ABS(v) < (REAL)1 / 3 ? v * (x - 2 * series) : far;
}

/* 1 - (1 + x) exp(-x): near 0 as (exp(x) - 1 - x) exp(-x). */
static inline REAL erlang_cdf_x(REAL x)
{
    REAL e = exp_x(-x);
    REAL above = x == INFINITY ? 1 : -expm1_x(-x) - x * e;
    REAL far = x < 0 ? 1 - (1 + x) * e : above;
    return ABS(x) < 1 ? expm1_excess_x(x) * e : far;
}

/* 1 - cos(x), as 2 sin(x/2)^2. */
static inline REAL versine_x(REAL x)
{
    REAL half = sin_x(x / 2);
    return 2 * half * half;
}

/* |x - y|/(|x| + |y|). */
static inline REAL canberra_x(REAL x, REAL y)
{
    return ABS(x - y) / (ABS(x) + ABS(y));
}

static inline REAL square_x(REAL x)
{
    return x * x;
}

static inline REAL cube_x(REAL x)
{
    return x * x * x;
}

static inline REAL fourth_x(REAL x)
{
    return (x * x) * (x * x);
}

static inline REAL reciprocal_x(REAL x)
{
    return 1 / x;
}

static inline REAL same_x(REAL x)
{
    return x;
}

static inline REAL one_x(REAL x)
{
    (void)x;
    return 1;
}
