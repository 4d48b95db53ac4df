static inline int64_t max_i(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t min_i(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t abs_i(int64_t a)
{
    return a < 0 ? -a : a;
}

static inline int64_t sign_i(int64_t a)
{
    return (a > 0) - (a < 0);
}

static inline int64_t relu_i(int64_t a)
{
    return a > 0 ? a : 0;
}

static inline int64_t clip_i(int64_t a, int64_t low, int64_t high)
{
    return min_i(max_i(a, low), high);
}

/* The remainder with the sign of the divisor; 0 where there is none. */
static inline int64_t mod_i(int64_t a, int64_t b)
{
    if (b == 0 || b == -1)
        return 0;
    int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static inline int64_t floordiv_i(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    return b == -1 ? -a : (a - mod_i(a, b)) / b;
}

/* A position that is no more than the last of an axis, and no less than the first. */
static inline int64_t on_axis(int64_t position, int64_t size)
{
    return position < 0 ? 0 : position < size ? position : size - 1;
}

/* A whole number that is held as a floating-point one. */
static inline int64_t whole(double x)
{
    return x > -9.0e15 && x < 9.0e15 ? (int64_t)x : INT64_MIN;
}
