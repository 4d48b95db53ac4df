static inline double erf_near_d(double z)
{
    static const double c[] = {
        -0.03453126133013269, -0.1405360890227171, 0.019852496688983708, -0.0022854855611440673,
        0.00021751715604160108, -1.7537169441492004e-05, 1.2233827383524026e-06, -7.511569160710623e-08,
        4.115800597661665e-09, -2.03524938661036e-10, 9.167606748998164e-12, -3.7910973708931526e-13,
        1.4548169783352384e-14, -5.16472878942302e-16};
    double w = 2 * z * z - 1, total = c[13];
#pragma GCC unroll 32
    for (int i = 12; i >= 0; i--)
        total = total * w + c[i];
    return z + z * total;
}

/* exp(z^2) erfc(z) for z >= 1/2: P(1 - 7/(z + 3))/(z + 1). */
static inline double erfcx_d(double z)
{
    static const double c[] = {
        0.6849972881253069, -0.1744265099503212, 0.06781283641264237, -0.012531475817359647,
        -0.005896222616093224, 0.006653009971638013, -0.0031143855946000917, 0.0007094473715750142,
        5.265605158818542e-05, -8.421230187165824e-05, 1.2520204685985718e-05, 7.408146059833334e-06,
        -2.4667337457908267e-06, -7.099059799677172e-07, 3.7128002453113964e-07, 8.853653973853397e-08,
        -5.3992200088127626e-08, -1.488655082973278e-08, 7.68620950004765e-09, 2.965828142357916e-09,
        -1.0030228555151339e-09, -5.851795380622809e-10, 1.0394746997284102e-10, 9.313126234696256e-11,
        -6.170390537683413e-12, -8.325436528293481e-12};
    double w = 1 - 7 / (z + 3), total = c[25];
#pragma GCC unroll 32
    for (int i = 24; i >= 0; i--)
        total = total * w + c[i];
    return total / (z + 1);
}

/* exp(-scale z^2) for z >= 0: the square is split so that its rounding does not count. */
static inline double exp_minus_square_d(double z, double scale)
{
    double bound = z < 1e3 ? z : z != z ? z : 1e3;
    double high = (double)(float)bound;
    return exp_d(-scale * high * high) * exp_d(-scale * (z - high) * (z + high));
}

static inline double erfc_d(double x)
{
    double size = ABS(x), a = size < 0.5 ? 0.5 : size;
    double tail = exp_minus_square_d(a, 1.0) * erfcx_d(a);
    double near = 1 - erf_near_d(clip_d(x, -0.5, 0.5));
    return size <= 0.5 ? near : x > 0 ? tail : 2 - tail;
}

static inline double erf_d(double x)
{
    double size = ABS(x), a = size < 1 ? 1 : size;
    double far = COPYSIGN(1 - exp_minus_square_d(a, 1.0) * erfcx_d(a), x);
    return size <= 1 ? erf_near_d(clip_d(x, -1, 1)) : far;
}

static inline double normal_cdf_d(double x)
{
    double size = ABS(x), a = size < 0.75 ? 0.75 : size;
    double tail = 0.5 * exp_minus_square_d(a, 0.5) * erfcx_d(a * 0.7071067811865476);
    double near = 0.5 + 0.5 * erf_near_d(clip_d(x, -0.75, 0.75) * 0.7071067811865476);
    return size <= 0.75 ? near : x < 0 ? tail : 1 - tail;
}

static inline double normal_logcdf_d(double x)
{
    double t = x < -1 ? -x : 1;
    double lower = log_d(0.5 * erfcx_d(t * 0.7071067811865476)) - 0.5 * t * t;
    double upper = log1p_d(-normal_cdf_d(-x));
    return x < -1 ? lower : upper;
}

/* Density over distribution function of the standard normal law: about -x far below 0. */
static inline double normal_hazard_d(double x)
{
    double lower = 0.7978845608028654 / erfcx_d((x < -1 ? -x : 1) * 0.7071067811865476);
    double upper = 0.3989422804014327 * exp_minus_square_d(ABS(x), 0.5) / normal_cdf_d(x);
    return x < -1 ? lower : upper;
}

/* x plus the normal hazard: about -1/x far below 0, where the sum cancels, P(1 - 10/(4 - x))/(1 - x). */
static inline double normal_residual_d(double x)
{
    static const double c[] = {
        1.1093782318121925, -0.0943085297956848, -0.059334084004852745, 0.07000248638438314,
        -0.030198906512289528, 0.0010721754794954107, 0.0057234323094192815, -0.002449651394430375,
        -0.0003596994573545931, 0.0006441022170701979, -0.0001137208813041582, -0.00010620562718110499,
        5.030452738570429e-05, 1.0344480184098628e-05, -1.2215862992860684e-05, 3.191049697375064e-07,
        2.21501132212082e-06, -4.0590422512198135e-07, -3.0955046397020896e-07, 1.0404026534080232e-07,
        2.9784749223595732e-08, -1.6765530878923994e-08, -7.206373535284115e-10, 1.6998990641776377e-09,
        -3.43689438572177e-10, -8.019591009809554e-11, 4.9497107725275665e-11};
    double t = x < -1 ? -x : 1;
    double w = 1 - 10 / (t + 4), total = c[26];
#pragma GCC unroll 32
    for (int i = 25; i >= 0; i--)
        total = total * w + c[i];
    double upper = x + 0.3989422804014327 * exp_minus_square_d(ABS(x), 0.5) / normal_cdf_d(x);
    return x < -1 ? total / (t + 1) : upper;
}

/* The integral of t^order exp(x t) over 0 <= t <= 1: a series of positive terms, far out integration by parts. */
static inline double exp_moment_d(double order, double x)
{
    int k = (int)order;
    double reach = 2.0 * k + 4.0, size = ABS(x), s = size < reach ? size : reach, right = 0, left = 1;
    for (int n = 6 * k + 32; n > 0; n--) {
        right = 1.0 / (k + n) + s / n * right;
        left = 1 + s / (k + 1 + n) * left;
    }
    double series = x > 0 ? right : exp_d(-s) * left / (k + 1);
    double half = exp_d(x / 2), w = x < 1.7976931348623157e308 ? x : 1.7976931348623157e308;
    double outer = x > 0 ? 1.0 : half * half, moment = -expm1_d(-size) / ABS(w);
    for (int i = 1; i <= k; i++)
        moment = (outer - i * moment) / w;
    double parts = x > 0 ? half * moment * half : moment;
    return size <= reach ? series : x != x ? x : parts;
}

static inline double lgamma_near_two_d(double h)
{
    static const double c[] = {
        0.42278433509846713, 0.1612335167120566, -0.016838075263299536, 0.0025726010534730713,
        -0.0004615969392917596, 9.032844783558553e-05, -1.863677987501598e-05, 3.981793163166481e-06,
        -8.716982450984518e-07, 1.942529474587772e-07, -4.387338974983724e-08, 1.0013314167996967e-08,
        -2.3043112100202176e-09, 5.339813130999916e-10, -1.2481202067269968e-10, 2.923176066319201e-11,
        -6.566709534240663e-12, 1.5491338158886129e-12, -5.116584685713687e-13, 1.2167067542304562e-13};
    double w = 2 * h, total = c[19];
#pragma GCC unroll 32
    for (int i = 18; i >= 0; i--)
        total = total * w + c[i];
    return h * total;
}

/* log(gamma(x)) for x > 0: around 2 by a polynomial, the recurrence, from 10 on Stirling's series. */
static inline double lgamma_positive_d(double x)
{
    if (x < 0.5)
        return lgamma_near_two_d(x) - log1p_d(x) - log_d(x);
    if (x < 1.5)
        return lgamma_near_two_d(x - 1) - log_d(x);
    if (x < 10) {
        double factor = 1;
        for (; x > 2.5; x -= 1)
            factor *= x - 1;
        return lgamma_near_two_d(x - 2) + log_d(factor);
    }
    double r = 1 / x, w = r * r;
    double p = -3617.0 / 122400;
    p = p * w + 1.0 / 156;
    p = p * w - 691.0 / 360360;
    p = p * w + 1.0 / 1188;
    p = p * w - 1.0 / 1680;
    p = p * w + 1.0 / 1260;
    p = p * w - 1.0 / 360;
    p = p * w + 1.0 / 12;
    return (x - 0.5) * (log_d(x) - 1) + (0.4189385332046727 + r * p);
}

/* log|gamma(x)|: inf at 0, -1, -2, ...; by reflection below 0. */
static inline double lgamma_d(double x)
{
    if (x != x)
        return x;
    if (ABS(x) == INFINITY)
        return INFINITY;
    if (x > 0)
        return lgamma_positive_d(x);
    double a = -x, sine = ABS(sin(3.141592653589793 * (a - RINT(a))));
    if (sine == 0)
        return INFINITY;
    return a < 1e-20 ? -log_d(a) : log_d(3.141592653589793 / a / sine) - lgamma_positive_d(a);
}

/* digamma(x) for x > 0: (x - root)*P(2x - 3) on [1, 2], the recurrence, from 10 on a series. */
static inline double digamma_positive_d(double x)
{
    static const double c[] = {
        0.9510558760318328, -0.21181371064073024, 0.06013562106019673, -0.018550615381739837,
        0.0059367952783072235, -0.0019350666647357589, 0.0006368880302846364, -0.00021074841288832956,
        6.995018923408578e-05, -2.3258232475310846e-05, 7.741228917125823e-06, -2.5781348596283653e-06,
        8.589262341522206e-07, -2.8620913305524894e-07, 9.538512882131195e-08, -3.1812511684429887e-08,
        1.0603457446127488e-08, -3.503398923223047e-09, 1.167771177499064e-09, -4.1965284357280646e-10,
        1.3988314142821704e-10, -2.7517988497113302e-11, 9.172618879913334e-12, -1.0006438997505267e-11,
        3.335477322544212e-12};
    if (x >= 10) {
        double w = 1 / (x * x), p = -3617.0 / 8160;
        p = p * w + 1.0 / 12;
        p = p * w - 691.0 / 32760;
        p = p * w + 1.0 / 132;
        p = p * w - 1.0 / 240;
        p = p * w + 1.0 / 252;
        p = p * w - 1.0 / 120;
        p = p * w + 1.0 / 12;
        return log_d(x) - 0.5 / x - w * p;
    }
    double shifted = x, steps = 0;
    for (int i = 0; i < 8 && shifted > 2; i++) {
        shifted -= 1;
        steps += 1 / shifted;
    }
    double one = x < 1 ? x + 1 : shifted;
    /* the root is no double: its tail is taken off after the exact subtraction of its head */
    double from_root = (x < 1 ? x - 0.46163214496836225 : one - 1.4616321449683622) - 9.549995429965697e-17;
    double w = 2 * one - 3, total = c[24];
#pragma GCC unroll 32
    for (int i = 23; i >= 0; i--)
        total = total * w + c[i];
    return from_root * total + steps - (x < 1 ? 1 / x : 0);
}

/* The derivative of log|gamma(x)|: -inf at 0, NaN at -1, -2, ...; by reflection below 0. */
static inline double digamma_d(double x)
{
    if (x > 0 || x != x)
        return x == INFINITY || x != x ? x : digamma_positive_d(x);
    if (x == 0)
        return -INFINITY;
    double a = -x, angle = 3.141592653589793 * (a - RINT(a));
    if (a == INFINITY || angle == 0)
        return NAN;
    return a < 1e-20 ? 1 / a : digamma_positive_d(a) + 1 / a + 3.141592653589793 / tan(angle);
}

/* The derivative of digamma of that order >= 1: the recurrence up to order + 12, then the asymptotic series; below 0
   by reflection, with the derivatives of the cotangent as polynomials in it. */
static inline double polygamma_d(double order, double x)
{
    static const double bernoulli[] = {1.0 / 6,       -1.0 / 30, 1.0 / 42,       -1.0 / 30,     5.0 / 66,
                                       -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};
    int k = order < 1 ? 1 : order > 20 ? 20 : (int)order;
    double sign = k % 2 == 0 ? -1.0 : 1.0, factorial = 1.0;
    for (int i = 2; i <= k; i++)
        factorial *= i;
    if (x != x || x == -INFINITY)
        return NAN;
    double shifted = x > 0 ? x : 1 - x, total = 0;
    for (; shifted < k + 12; shifted += 1)
        total += factorial * pow(shifted, -(k + 1.0));
    double power = factorial / k * pow(shifted, -(double)k);
    double tail = power + 0.5 * k * power / shifted;
    for (int j = 1; j <= 10; j++) {
        power = power * (2 * j + k - 1) / (2 * j) * ((2 * j + k - 2) / (2.0 * j - 1)) / (shifted * shifted);
        tail += bernoulli[j - 1] * power;
    }
    total = sign * (total + tail);
    if (x > 0)
        return total;
    double angle = 3.141592653589793 * (x - RINT(x));
    if (angle == 0)
        return k % 2 ? INFINITY : NAN;
    double cotangent = 1 / tan(angle), derivative[24] = {0.0, 1.0};
    for (int n = 1; n <= k; n++) {
        double slope[24] = {0.0};
        for (int i = 0; i <= n + 1; i++)
            slope[i] = -(i < n ? (i + 1) * derivative[i + 1] : 0.0) - (i >= 2 ? (i - 1) * derivative[i - 1] : 0.0);
        memcpy(derivative, slope, sizeof derivative);
    }
    double value = 0;
    for (int i = k + 1; i >= 0; i--)
        value = value * cotangent + derivative[i];
    return -sign * total - pow(3.141592653589793, k + 1.0) * value;
}

/* x^c - 1 for x >= 0: by the logarithm where the power is close to 1. */
static inline double powm1_d(double x, double c)
{
    double exponent = c * log_d(x);
    return (ABS(exponent) < 0.5) | ((x > 0.5) & (x < 2.0) & (exponent == exponent)) ? expm1_d(exponent) : pow_d(x, c) - 1.0;
}

/* (1 + x)^c - 1 for x >= -1: by the logarithm where the power is close to 1, or x much smaller. */
static inline double pow1pm1_d(double x, double c)
{
    double exponent = c * log1p_d(x);
    return (ABS(exponent) < 0.5) | ((ABS(x) < 1.0) & (exponent == exponent)) ? expm1_d(exponent) : pow_d(1.0 + x, c) - 1.0;
}
