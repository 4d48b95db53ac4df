/* What x^p needs to know of p; worked out outside of the loops over x, which then have no conditions on it. */
struct power {
    double p, sign, domain, one, odd;
};

static inline struct power power_of(double p)
{
    bool is_whole = FLOOR(p) == p, is_odd = is_whole && FLOOR(p * 0.5) != p * 0.5;
    struct power power = {p, is_odd ? -1.0 : 1.0, is_whole ? 0.0 : NAN, p == 0.0 ? NAN : 1.0, p == 0.0 ? 1.0 : NAN};
    return power;
}

/* x^p: by exp and log in double precision, so that one pass over a vector does; signs and limits as IEEE 754 says. */
static inline float raised_f(struct power power, float x)
{
    double size = ABS((double)x);
    double result = exp_d(power.p * log_d(size));
    result = size == 1.0 ? 1.0 : result;
    result = bits_f(x) < 0 ? result * power.sign : result;
    result = (x < 0.0f) & (size < INFINITY) ? result + power.domain : result;
    result = (x < power.one) | (x > power.one) ? result : 1.0;
    return (float)(x != x ? power.odd : result);
}

static inline double raised_d(struct power power, double x)
{
    return pow(x, power.p);
}

static inline float pow_f(float x, float p)
{
    return raised_f(power_of(p), x);
}

static inline double pow_d(double x, double p)
{
    return pow(x, p);
}
