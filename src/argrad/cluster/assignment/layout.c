/* Points and centroids in the coordinates of the screen, and as int8 codes where the processor multiplies these. */
#include "job.h"

static int64_t padded(int64_t dims) { return (dims + LANES - 1) / LANES * LANES; }

/* Write one point, centred and scaled, to v; return its square. */
static double centre(const Job *job, int64_t i, float *v) {
    const double *mean = job->mean;
    double scale = job->scale, rest = 0;
    wide_d sum = {0};
    int64_t t = 0;
    for (; t + 8 <= job->dims; t += 8) {
        wide_d x = job->points_are_double
                       ? *(const wide_d *)((const double *)job->x + i * job->dims + t)
                       : __builtin_convertvector(*(const half_f *)((const float *)job->x + i * job->dims + t), wide_d);
        x = (x - *(const wide_d *)(mean + t)) * scale;
        sum += x * x;
        *(half_f *)(v + t) = __builtin_convertvector(x, half_f);
    }
    for (; t < job->dims; t++) {
        double x = job->points_are_double ? ((const double *)job->x)[i * job->dims + t]
                                          : (double)((const float *)job->x)[i * job->dims + t];
        x = (x - mean[t]) * scale;
        rest += x * x;
        v[t] = (float)x;
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])) + rest;
}

static float largest(const float *v, int64_t n) {
    int32_t most = 0; /* without the sign, floats order as their bits do */
    for (int64_t t = 0; t < n; t++) {
        int32_t bits;
        memcpy(&bits, v + t, 4);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float out;
    memcpy(&out, &most, 4);
    return out;
}

/* v ≈ step · code. Returns the norm of the difference, rounded up. v is padded with zeros. */
static float encode(const float *v, int64_t dims, float step, int8_t *code, int32_t *sum) {
    float inverse = step > 0 ? 1 / step : 0, top = 127;
    lanes_f squares = {0};
    int32_t codes = 0;
    for (int64_t t = 0; t < dims; t += LANES) {
        float gap[LANES];
        int8_t q[LANES];
        for (int l = 0; l < LANES; l++) {
            float near = rintf(v[t + l] * inverse);
            near = near > top ? top : near < -top ? -top : near;
            q[l] = (int8_t)near;
            gap[l] = v[t + l] - step * near;
            codes += (int32_t)near;
        }
        squares += *(lanes_f *)gap * *(lanes_f *)gap;
        memcpy(code + t, q, (size_t)(quads(dims) * 4 - t < LANES ? quads(dims) * 4 - t : LANES));
    }
    float square = 0;
    for (int l = 0; l < LANES; l++) square += squares[l];
    *sum = codes;
    return sqrtf(square) * (1 + (float)dims * UNIT) + 256 * UNIT * step * sqrtf((float)dims);
}

static void describe_points(const void *shared, int64_t task, void *scratch) {
    const Job *job = shared;
    float *v = scratch;
    double total = 0;
    memset(v, 0, (size_t)padded(job->dims) * 4);
    for (int64_t i = task * job->chunk; i < chunk_end(job, task); i++) {
        double square = centre(job, i, v);
        total += job->weights ? job->weights[i] * square : square;
        job->square[i] = (float)square;
        if (!job->int8) continue;
        int32_t sum;
        job->step[i] = largest(v, padded(job->dims)) / 127;
        job->lost[i] = encode(v, job->dims, job->step[i], job->code + i * quads(job->dims) * 4, &sum);
        job->start[i] = -128 * sum;
    }
    job->total[task] = total;
}

int argrad_describe_points(const Job *job) {
    Team team = {.work = describe_points, .shared = job, .tasks = chunks(job)};
    team.scratch_bytes = (size_t)padded(job->dims) * 4;
    return argrad_share(job->threads, &team);
}

/* Vector w of step t of a block lies at ((b · WIDE + w) · steps + t): LANES floats, or LANES × 4 bytes. */
static void lay_float(const Job *job, int64_t at, const float *v) {
    float *to = (float *)job->block + at / LANES * job->dims * LANES + at % LANES;
    for (int64_t t = 0; t < job->dims; t++) to[t * LANES] = -2 * v[t];
}

static float lay_int8(const Job *job, int64_t at, const float *v, float step, int8_t *code) {
    int32_t sum;
    float lost = encode(v, job->dims, step, code, &sum);
    uint8_t *to = (uint8_t *)job->block + (at / LANES * quads(job->dims) * LANES + at % LANES) * 4;
    for (int64_t t = 0; t < quads(job->dims) * 4; t++) to[t / 4 * LANES * 4 + t % 4] = (uint8_t)(code[t] + 128);
    return lost;
}

/* All centroids of a block share the step of the largest, so that one factor turns a sum of codes into a score. */
static void lay_block(const void *shared, int64_t b, void *scratch) {
    const Job *job = shared;
    int64_t width = padded(job->dims);
    float *v = scratch, *about = job->about + b * 3;
    memset(v, 0, (size_t)(BLOCK * width) * 4);
    about[1] = about[2] = 0;
    for (int l = 0; l < BLOCK; l++) {
        int32_t j = job->place[b * BLOCK + l];
        double square = 0;
        for (int64_t t = 0; j >= 0 && t < job->dims; t++) {
            double c = (job->c[j * job->dims + t] - job->mean[t]) * job->scale;
            square += c * c;
            v[l * width + t] = job->row[j * job->dims + t] = (float)c;
        }
        job->norm[b * BLOCK + l] = j < 0 ? INFINITY : (float)square;
        float length = (float)sqrt(square) * (1 + 4 * UNIT);
        if (j >= 0) job->length[j] = length;
        about[1] = fmaxf(about[1], length);
    }
    about[0] = largest(v, BLOCK * width) / 127;
    for (int l = 0; l < BLOCK; l++) {
        if (job->int8)
            about[2] = fmaxf(about[2], lay_int8(job, b * BLOCK + l, v + l * width, about[0], (int8_t *)(v + BLOCK * width)));
        else lay_float(job, b * BLOCK + l, v + l * width);
    }
}

int argrad_lay_centroids(const Job *job) {
    Team team = {.work = lay_block, .shared = job, .tasks = job->groups * job->blocks_per_group};
    team.scratch_bytes = (size_t)(padded(job->dims) * (BLOCK + 1)) * 4;
    return argrad_share(job->threads, &team);
}

int64_t argrad_block(void) { return BLOCK; }
int64_t argrad_has_int8(void) { return HAS_INT8; }
