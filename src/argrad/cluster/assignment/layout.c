/* Points and centroids in the coordinates of the screen: centred, scaled, and in int8 where the processor multiplies it. */
#include "job.h"

static inline double coordinate(const Job *job, int64_t i, int64_t t) {
    double x = job->points_are_double ? ((const double *)job->x)[i * job->dims + t]
                                      : (double)((const float *)job->x)[i * job->dims + t];
    return (x - job->mean[t]) * job->scale;
}

static inline int nearest_int(float v) { return (int)(v + (v < 0 ? -0.5f : 0.5f)); }

/* Round one vector to steps of largest/127; returns the step, and the norm of what rounding lost. */
static float quantise(const float *v, int64_t dims, int8_t *code, int32_t *sum, float *lost) {
    float largest = 0;
    for (int64_t t = 0; t < dims; t++) largest = fabsf(v[t]) > largest ? fabsf(v[t]) : largest;
    float step = largest / 127, inverse = largest > 0 ? 127 / largest : 0, square = 0;
    int32_t codes = 0;
    for (int64_t t = 0; t < dims; t++) {
        int q = nearest_int(v[t] * inverse);
        float gap = v[t] - step * (float)q;
        square += gap * gap;
        code[t] = (int8_t)q;
        codes += q;
    }
    for (int64_t t = dims; t < quads(dims) * 4; t++) code[t] = 0;
    *sum = codes;
    *lost = sqrtf(square) * (1 + (float)dims * UNIT) + 4 * UNIT * largest * sqrtf((float)dims);
    return step;
}

static void describe_points(void *shared, int64_t task, void *scratch) {
    const Job *job = shared;
    int64_t last = (task + 1) * job->chunk < job->points ? (task + 1) * job->chunk : job->points;
    float *v = scratch;
    for (int64_t i = task * job->chunk; i < last; i++) {
        double square = 0;
        for (int64_t t = 0; t < job->dims; t++) {
            double x = coordinate(job, i, t);
            square += x * x;
            v[t] = (float)x;
        }
        job->square[i] = (float)square;
        if (!job->int8) continue;
        int32_t sum;
        job->step[i] = quantise(v, job->dims, job->code + i * quads(job->dims) * 4, &sum, job->lost + i);
        job->start[i] = -128 * sum;
    }
}

int argrad_describe_points(const Job *job) {
    Team team = {.work = describe_points, .shared = (void *)job, .tasks = (job->points + job->chunk - 1) / job->chunk};
    team.scratch_bytes = (size_t)job->dims * 4;
    return argrad_share(job->threads, &team);
}

static void lay_float(const Job *job, int64_t b, const float *v, float *block) {
    for (int l = 0; l < LANES; l++)
        for (int64_t t = 0; t < job->dims; t++) block[(b * job->dims + t) * LANES + l] = -2 * v[l * job->dims + t];
}

/* All 16 share the step of the largest, so that one product turns a sum of codes into a score. */
static float lay_int8(const Job *job, int64_t b, const float *v, uint8_t *block, float *lost) {
    int64_t steps = quads(job->dims);
    float largest = 0;
    for (int64_t t = 0; t < LANES * job->dims; t++) largest = fabsf(v[t]) > largest ? fabsf(v[t]) : largest;
    float step = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
    *lost = 0;
    for (int l = 0; l < LANES; l++) {
        float square = 0;
        for (int64_t t = 0; t < steps * 4; t++) {
            float x = t < job->dims ? v[l * job->dims + t] : 0;
            int q = nearest_int(x * inverse);
            block[((b * steps + t / 4) * LANES + l) * 4 + t % 4] = (uint8_t)(q + 128);
            square += (x - step * (float)q) * (x - step * (float)q);
        }
        float norm = sqrtf(square) * (1 + (float)job->dims * UNIT) + 4 * UNIT * largest * sqrtf((float)job->dims);
        if (norm > *lost) *lost = norm;
    }
    return step;
}

static void lay_block(void *shared, int64_t b, void *scratch) {
    const Job *job = shared;
    float *v = scratch, *about = job->about + b * 4;
    about[0] = about[1] = about[2] = about[3] = 0;
    for (int l = 0; l < LANES; l++) {
        int32_t j = job->place[b * LANES + l];
        double square = 0;
        for (int64_t t = 0; t < job->dims; t++) {
            double c = j < 0 ? 0 : (job->c[j * job->dims + t] - job->mean[t]) * job->scale;
            square += c * c;
            v[l * job->dims + t] = (float)c;
        }
        job->norm[b * LANES + l] = j < 0 ? INFINITY : (float)square;
        float size = (float)sqrt(square) * (1 + 4 * UNIT);
        if (size > about[1]) about[1] = size;
    }
    if (job->int8) about[0] = lay_int8(job, b, v, job->block, &about[2]);
    else lay_float(job, b, v, job->block);
}

int argrad_lay_centroids(const Job *job) {
    Team team = {.work = lay_block, .shared = (void *)job, .tasks = job->groups * job->blocks_per_group};
    team.scratch_bytes = (size_t)job->dims * LANES * 4;
    return argrad_share(job->threads, &team);
}
