/* Points and centroids in the coordinates of the screen, and as codes of one or two bytes where these are quicker. */
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

/* The step of codes that hold a vector of this largest entry and this norm. */
static float step_for(float most, float norm) {
    float step = most / CODE_TOP;
    return CODE_BYTES == 2 && norm / LONGEST > step ? norm / LONGEST : step;
}

/* v ≈ step · code. Returns the norm of the difference, rounded up. v is padded with zeros. */
static float encode(const float *v, int64_t dims, float step, code_t *code, int32_t *sum) {
    float inverse = step > 1e-30f ? 1 / step : 0, top = CODE_TOP;
    int64_t end = words(dims) * CODES_A_WORD;
    lanes_f squares = {0};
    int32_t codes = 0;
    for (int64_t t = 0; t < dims; t += LANES) {
        float gap[LANES];
        code_t q[LANES];
        for (int l = 0; l < LANES; l++) {
            float near = rintf(v[t + l] * inverse);
            near = near > top ? top : near < -top ? -top : near;
            q[l] = (code_t)near;
            gap[l] = v[t + l] - step * near;
            codes += (int32_t)near;
        }
        squares += *(lanes_f *)gap * *(lanes_f *)gap;
        memcpy(code + t, q, (size_t)(end - t < LANES ? end - t : LANES) * sizeof(code_t));
    }
    float square = 0;
    for (int l = 0; l < LANES; l++) square += squares[l];
    *sum = codes;
    return sqrtf(square) * (1 + (float)dims * UNIT) + 2 * (top + 1) * UNIT * step * sqrtf((float)dims);
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
        if (!job->coded) continue;
        int32_t sum;
        job->step[i] = step_for(largest(v, padded(job->dims)), (float)sqrt(square));
        job->lost[i] = encode(v, job->dims, job->step[i], job->code + i * words(job->dims) * CODES_A_WORD, &sum);
        if (job->start) job->start[i] = -CODE_OFFSET * sum;
    }
    job->total[task] = total;
}

int argrad_describe_points(const Job *job) {
    Team team = {.work = describe_points, .shared = job, .tasks = chunks(job)};
    team.scratch_bytes = (size_t)padded(job->dims) * 4;
    return argrad_share(job->threads, &team);
}

/* Vector w of step t of a block lies at ((b · WIDE + w) · steps + t): LANES floats, or LANES words of codes. */
static void lay_float(const Job *job, int64_t at, const float *v) {
    float *to = (float *)job->block + at / LANES * job->dims * LANES + at % LANES;
    for (int64_t t = 0; t < job->dims; t++) to[t * LANES] = -2 * v[t];
}

static float lay_codes(const Job *job, int64_t at, const float *v, float step, code_t *code) {
    int32_t sum;
    float lost = encode(v, job->dims, step, code, &sum);
    code_t *to = (code_t *)job->block + (at / LANES * words(job->dims) * LANES + at % LANES) * CODES_A_WORD;
    for (int64_t t = 0; t < words(job->dims) * CODES_A_WORD; t++)
        to[t / CODES_A_WORD * LANES * CODES_A_WORD + t % CODES_A_WORD] = (code_t)(code[t] + CODE_OFFSET);
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
    about[0] = step_for(largest(v, BLOCK * width), about[1]);
    for (int l = 0; l < BLOCK; l++) {
        if (job->coded)
            about[2] = fmaxf(about[2], lay_codes(job, b * BLOCK + l, v + l * width, about[0], (code_t *)(v + BLOCK * width)));
        else lay_float(job, b * BLOCK + l, v + l * width);
    }
}

int argrad_lay_centroids(const Job *job) {
    Team team = {.work = lay_block, .shared = job, .tasks = job->groups * job->blocks_per_group};
    team.scratch_bytes = (size_t)(padded(job->dims) * (BLOCK + 1)) * 4;
    return argrad_share(job->threads, &team);
}

int64_t argrad_block(void) { return BLOCK; }
int64_t argrad_code_bytes(void) { return CODE_BYTES; }
