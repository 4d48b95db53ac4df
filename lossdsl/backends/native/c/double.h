/* The bits of a number: no arithmetic, so NaNs and signed zeros are kept. */
static inline int64_t bits_d(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits_d(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* a*b + c, rounded once where the processor can. */
static inline double fma_d(double a, double b, double c)
{
#ifdef FP_FAST_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* exp(r) - 1 - r for |r| <= log(2)/2, as r^2 times a polynomial. */
static inline double exp_tail_d(double r)
{
    double p = 1.6086677666787362e-10;
    p = fma_d(p, r, 2.091821231913398e-09);
    p = fma_d(p, r, 2.5052070959803662e-08);
    p = fma_d(p, r, 2.755726307730941e-07);
    p = fma_d(p, r, 2.7557319247344507e-06);
    p = fma_d(p, r, 2.480158733663095e-05);
    p = fma_d(p, r, 0.00019841269841263252);
    p = fma_d(p, r, 0.0013888888888879004);
    p = fma_d(p, r, 0.008333333333333333);
    p = fma_d(p, r, 0.04166666666666668);
    p = fma_d(p, r, 0.16666666666666666);
    p = fma_d(p, r, 0.5);
    return p * r * r;
}

/* exp(x): x = k log(2) + r; 2^k in two steps, so that subnormal results are rounded once. */
static inline double exp_d(double x)
{
    double y = x > 710.0 ? 710.0 : x;
    y = y < -746.0 ? -746.0 : y;
    double shifted = fma_d(y, 1.4426950408889634, 6755399441055744.0);
    double k = shifted - 6755399441055744.0;
    double r = fma_d(k, -5.497923018708371e-14, fma_d(k, -0.6931471805598903, y));
    double leading = 1.0 + r;
    double e = leading + (r - (leading - 1.0) + exp_tail_d(r));
    int64_t n = (int64_t)((uint64_t)bits_d(shifted) - 0x4338000000000000u);
    int64_t half = n >> 1;
    double first = from_bits_d((uint64_t)(half + 1023) << 52), second = from_bits_d((uint64_t)(n - half + 1023) << 52);
    return e * first * second;
}

/* exp(x) for x <= 0 (or NaN): 2^k as one factor, 2^512 too large, so that subnormal results are rounded once. */
static inline double exp_below_d(double x)
{
    double y = x < -746.0 ? -746.0 : x;
    double shifted = fma_d(y, 1.4426950408889634, 6755399441055744.0);
    double k = shifted - 6755399441055744.0;
    double r = fma_d(k, -5.497923018708371e-14, fma_d(k, -0.6931471805598903, y));
    double leading = 1.0 + r;
    double e = leading + (r - (leading - 1.0) + exp_tail_d(r));
    return e * from_bits_d(((uint64_t)bits_d(shifted) << 52) + ((uint64_t)1535 << 52)) * 7.458340731200207e-155;
}

/* exp(x) - 1, without cancellation: 2^k (exp(r) - 1) + (2^k - 1), at half its size so that nothing overflows first. */
static inline double expm1_d(double x)
{
    double y = x > 710.0 ? 710.0 : x;
    y = y < -40.0 ? -40.0 : y;
    double shifted = fma_d(y, 1.4426950408889634, 6755399441055744.0);
    double k = shifted - 6755399441055744.0;
    double r = fma_d(k, -5.497923018708371e-14, fma_d(k, -0.6931471805598903, y));
    double p = r + exp_tail_d(r);
    uint64_t n = (uint64_t)bits_d(shifted) - 0x4338000000000000u;
    double scale = from_bits_d((n + 1022u) << 52);
    double result = fma_d(p, scale, scale - 0.5) * 2.0;
    return n == 0u ? p : result;
}

/* log(1 + f) + carry + k log(2) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1 and small carry: by s = f/(2 + f). */
static inline double log_reduced_d(double f, double carry, double k)
{
    double s = f / (2.0 + f);
    double z = s * s;
    double p = 0.1308723619665962;
    p = fma_d(p, z, 0.13268714792348096);
    p = fma_d(p, z, 0.15386241881938595);
    p = fma_d(p, z, 0.18181795600060793);
    p = fma_d(p, z, 0.22222222392089008);
    p = fma_d(p, z, 0.28571428570801954);
    p = fma_d(p, z, 0.4000000000000088);
    p = fma_d(p, z, 0.6666666666666666);
    double square = 0.5 * f * f;
    double tail = fma_d(k, 5.497923018708371e-14, carry) + s * (square + p * z);
    return fma_d(k, 0.6931471805598903, f - (square - tail));
}

/* log(x): -inf at 0, NaN below; subnormal arguments are scaled first. */
static inline double log_d(double x)
{
    double y = x < 2.2250738585072014e-308 ? x * 4503599627370496.0 : x;
    double below = x < 2.2250738585072014e-308 ? 52.0 : 0.0;
    uint64_t reduced = (uint64_t)bits_d(y) - 0x3fe6a09e667f3bcdu;
    double k = (double)(int32_t)((int64_t)reduced >> 52) - below;
    double f = from_bits_d((reduced & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
    double result = log_reduced_d(f, 0.0, k);
    result = x == INFINITY ? x : result;
    result = x == 0.0 ? -INFINITY : result;
    return x < 0.0 || x != x ? NAN : result;
}

/* log(1 + x): the rounding error of 1 + x is put back. */
static inline double log1p_d(double x)
{
    double y = x == INFINITY ? 0.0 : x;
    double u = 1.0 + y;
    double whole = u - 1.0;
    double lost = (1.0 - (u - whole)) + (y - whole);
    uint64_t reduced = (uint64_t)bits_d(u) - 0x3fe6a09e667f3bcdu;
    double k = (double)(int32_t)((int64_t)reduced >> 52);
    double f = from_bits_d((reduced & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
    double result = log_reduced_d(f, lost / u, k);
    result = x == INFINITY ? x : result;
    result = x == -1.0 ? -INFINITY : result;
    result = x == 0.0 ? x : result;
    return x < -1.0 || x != x ? NAN : result;
}

/* log(1 + x) for 0 <= x <= 1; NaN stays. */
static inline double log1p_unit_d(double x)
{
    double f = x > 0.4142135623730951 ? 0.5 * (x - 1.0) : x;
    double k = x > 0.4142135623730951 ? 1.0 : 0.0;
    return log_reduced_d(f, 0.0, k);
}

/* log(cosh(x)) for |x| <= 1, as x^2 times a polynomial in it. */
static inline double logcosh_near_d(double x)
{
    double z = x * x;
    double p = -2.2764198082727952e-09;
    p = fma_d(p, z, 2.4268051367700383e-08);
    p = fma_d(p, z, -1.3068157325434964e-07);
    p = fma_d(p, z, 4.924539882543482e-07);
    p = fma_d(p, z, -1.5281848212875655e-06);
    p = fma_d(p, z, 4.331402571628952e-06);
    p = fma_d(p, z, -1.1918687623522829e-05);
    p = fma_d(p, z, 3.276489941653655e-05);
    p = fma_d(p, z, -9.09856096555369e-05);
    p = fma_d(p, z, 0.00025657975920948954);
    p = fma_d(p, z, -0.0007386028466072547);
    p = fma_d(p, z, 0.002186948843058455);
    p = fma_d(p, z, -0.006746031745439467);
    p = fma_d(p, z, 0.022222222222204716);
    p = fma_d(p, z, -0.08333333333333313);
    p = fma_d(p, z, 0.5);
    return z * p;
}

/* tanh(x) for |x| <= 0.7, as x plus x^3 times a polynomial in x^2. */
static inline double tanh_near_d(double x)
{
    double z = x * x;
    double p = 7.1477230471412e-07;
    p = fma_d(p, z, -4.215799316878762e-06);
    p = fma_d(p, z, 1.4157718486649914e-05);
    p = fma_d(p, z, -3.8319555804409695e-05);
    p = fma_d(p, z, 9.654673759683227e-05);
    p = fma_d(p, z, -0.00023902805196440106);
    p = fma_d(p, z, 0.0005900077294424776);
    p = fma_d(p, z, -0.0014558316901754499);
    p = fma_d(p, z, 0.0035921277849599266);
    p = fma_d(p, z, -0.008863235514641361);
    p = fma_d(p, z, 0.021869488535599228);
    p = fma_d(p, z, -0.053968253968243375);
    p = fma_d(p, z, 0.13333333333333325);
    p = fma_d(p, z, -0.3333333333333333);
    return fma_d(p * z, x, x);
}

/* x where g is not 0, else 0: without a condition, so that a g that is the same in the whole loop costs nothing. */
static inline double where_not_zero_d(double x, double g)
{
    return from_bits_d((uint64_t)bits_d(x) & -(uint64_t)(g != 0.0));
}

/* x where the condition holds, else y; for conditions that are the same in the whole loop. */
static inline double select_d(bool condition, double x, double y)
{
    uint64_t chosen = -(uint64_t)condition;
    return from_bits_d(((uint64_t)bits_d(x) & chosen) | ((uint64_t)bits_d(y) & ~chosen));
}
