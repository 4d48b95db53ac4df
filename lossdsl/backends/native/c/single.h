/* The bits of a number: no arithmetic, so NaNs and signed zeros are kept. */
static inline int32_t bits_f(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float from_bits_f(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* a*b + c, rounded once where the processor can. */
static inline float fma_f(float a, float b, float c)
{
#ifdef FP_FAST_FMAF
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* exp(r) - 1 - r for |r| <= log(2)/2, as r^2 times a polynomial. */
static inline float exp_tail_f(float r)
{
    float p = 0.000198910798644647f;
    p = fma_f(p, r, 0.0013933731243014336f);
    p = fma_f(p, r, 0.00833331048488617f);
    p = fma_f(p, r, 0.041666463017463684f);
    p = fma_f(p, r, 0.1666666716337204f);
    p = fma_f(p, r, 0.5f);
    return p * r * r;
}

/* exp(x): x = k log(2) + r; 2^k in two steps, so that subnormal results are rounded once. */
static inline float exp_f(float x)
{
    float y = x > 89.0f ? 89.0f : x;
    y = y < -105.0f ? -105.0f : y;
    float shifted = fma_f(y, 1.4426950408889634f, 12582912.0f);
    float k = shifted - 12582912.0f;
    float r = fma_f(k, -3.1946184945309415e-05f, fma_f(k, -0.693115234375f, y));
    float leading = 1.0f + r;
    float e = leading + (r - (leading - 1.0f) + exp_tail_f(r));
    int32_t n = (int32_t)((uint32_t)bits_f(shifted) - 0x4b400000u);
    int32_t half = n >> 1;
    float first = from_bits_f((uint32_t)(half + 127) << 23), second = from_bits_f((uint32_t)(n - half + 127) << 23);
    return e * first * second;
}

/* exp(x) for x <= 0 (or NaN): 2^k as one factor, 2^64 too large, so that subnormal results are rounded once. */
static inline float exp_below_f(float x)
{
    float y = x < -105.0f ? -105.0f : x;
    float shifted = fma_f(y, 1.4426950408889634f, 12582912.0f);
    float k = shifted - 12582912.0f;
    float r = fma_f(k, -3.1946184945309415e-05f, fma_f(k, -0.693115234375f, y));
    float leading = 1.0f + r;
    float e = leading + (r - (leading - 1.0f) + exp_tail_f(r));
    return e * from_bits_f(((uint32_t)bits_f(shifted) << 23) + (191u << 23)) * 5.421010862427522e-20f;
}

/* exp(x) - 1, without cancellation: 2^k (exp(r) - 1) + (2^k - 1), at half its size so that nothing overflows first. */
static inline float expm1_f(float x)
{
    float y = x > 89.0f ? 89.0f : x;
    y = y < -20.0f ? -20.0f : y;
    float shifted = fma_f(y, 1.4426950408889634f, 12582912.0f);
    float k = shifted - 12582912.0f;
    float r = fma_f(k, -3.1946184945309415e-05f, fma_f(k, -0.693115234375f, y));
    float p = r + exp_tail_f(r);
    uint32_t n = (uint32_t)bits_f(shifted) - 0x4b400000u;
    float scale = from_bits_f((n + 126u) << 23);
    float result = fma_f(p, scale, scale - 0.5f) * 2.0f;
    return n == 0u ? p : result;
}

/* log(1 + f) + carry + k log(2) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1 and small carry. */
static inline float log_reduced_f(float f, float carry, float k)
{
    float p = 0.06971585005521774f;
    p = fma_f(p, f, -0.11480068415403366f);
    p = fma_f(p, f, 0.11685580015182495f);
    p = fma_f(p, f, -0.12425654381513596f);
    p = fma_f(p, f, 0.14249040186405182f);
    p = fma_f(p, f, -0.1666780263185501f);
    p = fma_f(p, f, 0.20000715553760529f);
    p = fma_f(p, f, -0.2499999701976776f);
    p = fma_f(p, f, 0.3333333134651184f);
    float tail = fma_f(fma_f(p, f, -0.5f), f * f, fma_f(k, 3.1946184945309415e-05f, carry));
    return fma_f(k, 0.693115234375f, f + tail);
}

/* log(x): -inf at 0, NaN below; subnormal arguments are scaled first. */
static inline float log_f(float x)
{
    float y = x < 1.17549435e-38f ? x * 8388608.0f : x;
    float below = x < 1.17549435e-38f ? 23.0f : 0.0f;
    uint32_t reduced = (uint32_t)bits_f(y) - 0x3f3504f3u;
    float k = (float)((int32_t)reduced >> 23) - below;
    float result = log_reduced_f(from_bits_f((reduced & 0x007fffffu) + 0x3f3504f3u) - 1.0f, 0.0f, k);
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    return x < 0.0f || x != x ? NAN : result;
}

/* log(1 + x): the rounding error of 1 + x is put back. */
static inline float log1p_f(float x)
{
    float y = x == INFINITY ? 0.0f : x;
    float u = 1.0f + y;
    float whole = u - 1.0f;
    float lost = (1.0f - (u - whole)) + (y - whole);
    uint32_t reduced = (uint32_t)bits_f(u) - 0x3f3504f3u;
    float k = (float)((int32_t)reduced >> 23);
    float result = log_reduced_f(from_bits_f((reduced & 0x007fffffu) + 0x3f3504f3u) - 1.0f, lost / u, k);
    result = x == INFINITY ? x : result;
    result = x == -1.0f ? -INFINITY : result;
    result = x == 0.0f ? x : result;
    return x < -1.0f || x != x ? NAN : result;
}

/* log(1 + x) for 0 <= x <= 1; NaN stays. */
static inline float log1p_unit_f(float x)
{
    float f = x > 0.41421357f ? 0.5f * (x - 1.0f) : x;
    float k = x > 0.41421357f ? 1.0f : 0.0f;
    return log_reduced_f(f, 0.0f, k);
}

/* log(cosh(x)) for |x| <= 1, as x^2 times a polynomial in it. */
static inline float logcosh_near_f(float x)
{
    float z = x * x;
    float p = 8.605410403106362e-05f;
    p = fma_f(p, z, -0.0005546655156649649f);
    p = fma_f(p, z, 0.0020755783189088106f);
    p = fma_f(p, z, -0.006709511857479811f);
    p = fma_f(p, z, 0.022216355428099632f);
    p = fma_f(p, z, -0.08333297073841095f);
    p = fma_f(p, z, 0.5f);
    return z * p;
}

/* tanh(x) for |x| <= 0.7, as x plus x^3 times a polynomial in x^2. */
static inline float tanh_near_f(float x)
{
    float z = x * x;
    float p = 0.0020604028832167387f;
    p = fma_f(p, z, -0.008113265037536621f);
    p = fma_f(p, z, 0.021689312532544136f);
    p = fma_f(p, z, -0.05394815653562546f);
    p = fma_f(p, z, 0.1333325058221817f);
    p = fma_f(p, z, -0.3333333134651184f);
    return fma_f(p * z, x, x);
}

/* x where g is not 0, else 0: without a condition, so that a g that is the same in the whole loop costs nothing. */
static inline float where_not_zero_f(float x, float g)
{
    return from_bits_f((uint32_t)bits_f(x) & -(uint32_t)(g != 0.0f));
}

/* x where the condition holds, else y; for conditions that are the same in the whole loop. */
static inline float select_f(bool condition, float x, float y)
{
    uint32_t chosen = -(uint32_t)condition;
    return from_bits_f(((uint32_t)bits_f(x) & chosen) | ((uint32_t)bits_f(y) & ~chosen));
}
