/* Everything that the loops of a call share. */
struct frame;

/* Arrays that a call needs, given back together. */
struct arena {
    void *blocks[256];
    int count;
};

/* An array, or NULL if its size overflows, is negative, or can not be had; at least one element. */
static void *take(struct arena *arena, size_t width, int axes, const int64_t *lengths)
{
    int64_t size = (int64_t)width;
    for (int k = 0; k < axes; k++) {
        if (lengths[k] < 0 || __builtin_mul_overflow(size, lengths[k] ? lengths[k] : 1, &size))
            return NULL;
    }
    void *block = arena->count < 256 && size < INT64_MAX / 2 ? malloc((size_t)size) : NULL;
    if (block)
        arena->blocks[arena->count++] = block;
    return block;
}

static void cleanup(struct arena *arena)
{
    while (arena->count > 0)
        free(arena->blocks[--arena->count]);
}

/* Add to a total; in double precision what the addition rounds off is kept beside it. */
static inline void add(double *total, double *rest, double x)
{
#ifdef SINGLE
    (void)rest;
    *total += x;
#else
    double sum = *total + x, taken = sum - *total;
    double lost = (*total - (sum - taken)) + (x - taken);
    *rest += sum - sum == 0 ? lost : 0;
    *total = sum;
#endif
}

struct task {
    void (*run)(struct frame *, int64_t, int64_t, int);
    struct frame *f;
    int64_t begin, end;
    int part;
};

static void *start(void *given)
{
    struct task *task = given;
    task->run(task->f, task->begin, task->end, task->part);
    return NULL;
}

/* The loop from low to high in equal parts, one a thread; the threads end with the loop, so that none waits or spins. */
static void spread(void (*run)(struct frame *, int64_t, int64_t, int), struct frame *f, int64_t low, int64_t high,
                   int64_t threads)
{
    struct task tasks[PARTS];
    pthread_t ids[PARTS];
    bool started[PARTS] = {false};
    int64_t length = high > low ? high - low : 0;
    int parts = (int)(threads < 1 ? 1 : threads < PARTS ? threads : PARTS);
    parts = length < parts ? (length > 0 ? (int)length : 1) : parts;
    for (int k = 0; k < parts; k++) {
        int64_t begin = low + length / parts * k + (length % parts * k) / parts;
        int64_t end = low + length / parts * (k + 1) + (length % parts * (k + 1)) / parts;
        tasks[k] = (struct task){run, f, begin, end, k};
    }
    for (int k = 1; k < parts; k++)
        started[k] = pthread_create(&ids[k], NULL, start, &tasks[k]) == 0;
    start(&tasks[0]);
    for (int k = 1; k < parts; k++) {
        if (started[k])
            pthread_join(ids[k], NULL);
        else
            start(&tasks[k]);
    }
}
