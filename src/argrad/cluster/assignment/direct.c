/* Few centroids in few dimensions: every score is cheaper than the bounds that would spare it.
 *
 * Lanes are points here, so that the least score, the second least, and where the least is need no search across lanes.
 * Scores |c|² − 2x·c are off by at most a margin; a point whose two least scores are closer than that is decided by
 * distances, in float64 where float32 is not certain.
 */
#include "distance.h"
#include "lanes.h"

#define POINTS (2 * REGISTER)
#define ABREAST 4 /* centroids that meet these points at once: 8 sums that do not wait for each other */

/* Loaded once, where the compiler would load it again for each of its uses. */
#if defined(__AVX__)
#define IN_REGISTER(v) __asm__("" : "+x"(v))
#else
#define IN_REGISTER(v) (void)(v)
#endif

typedef struct {
    register_f low[2], second[2];
    register_i where[2];
} Least;

/* Scores of POINTS points x, dims × POINTS, and all centroids. */
static __attribute__((noinline)) void meet_all(const Job *job, const float *x, Least *out) {
    for (int p = 0; p < 2; p++) {
        out->low[p] = out->second[p] = all_lanes(INFINITY);
        out->where[p] = (register_i){0};
    }
    for (int64_t j = 0; j < job->centroids; j += ABREAST) {
        const float *c = (const float *)job->full.block + j * job->dims;
        register_f sum[ABREAST][2];
#pragma GCC unroll 4
        for (int a = 0; a < ABREAST; a++) sum[a][0] = sum[a][1] = all_lanes(job->norm[j + a]);
        for (int64_t t = 0; t < job->dims; t++) {
            const register_f *v = (const register_f *)(x + t * POINTS);
            register_f left = v[0], right = v[1];
            IN_REGISTER(left);
            IN_REGISTER(right);
#pragma GCC unroll 4
            for (int a = 0; a < ABREAST; a++) {
                sum[a][0] += left * c[t * ABREAST + a];
                sum[a][1] += right * c[t * ABREAST + a];
            }
        }
#pragma GCC unroll 4
        for (int a = 0; a < ABREAST; a++)
#pragma GCC unroll 2
            for (int p = 0; p < 2; p++) {
                register_f now = sum[a][p], low = out->low[p];
                out->where[p] = pick(now < low, (register_i){0} + (int32_t)(j + a), out->where[p]);
                out->second[p] = lesser(out->second[p], greater(low, now));
                out->low[p] = lesser(low, now);
            }
    }
}

/* The nearest centroid of point i by distances; x is the point, centred. */
static int64_t decide(const Job *job, int64_t i, const float *x, float size) {
    int64_t best = -1;
    double least = INFINITY;
    float high = INFINITY;
    for (int64_t j = 0; j < job->centroids; j++) {
        Between d = between(job, rough(job, x, j), size + job->length[j]);
        if (d.low > high) continue;
        high = d.high < high ? d.high : high;
        double squared = distance(job, i, j);
        if (squared < least) least = squared, best = j;
    }
    return best;
}

#if defined(__AVX__)
/* Eight coordinates of eight points, centred and scaled, their rows `apart`: turned, so that a coordinate's are together. */
static inline void turn_square(const float *from, int64_t apart, const float *centre, float scale, float *to) {
    __m256 v[8], pair[8], four[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++)
        v[r] = _mm256_sub_ps(_mm256_mul_ps(_mm256_loadu_ps(from + r * apart), _mm256_set1_ps(scale)), _mm256_loadu_ps(centre));
#pragma GCC unroll 4
    for (int r = 0; r < 8; r += 2) {
        pair[r] = _mm256_unpacklo_ps(v[r], v[r + 1]);
        pair[r + 1] = _mm256_unpackhi_ps(v[r], v[r + 1]);
    }
#pragma GCC unroll 2
    for (int r = 0; r < 8; r += 4)
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            four[r + 2 * h] = _mm256_shuffle_ps(pair[r + h], pair[r + h + 2], _MM_SHUFFLE(1, 0, 1, 0));
            four[r + 2 * h + 1] = _mm256_shuffle_ps(pair[r + h], pair[r + h + 2], _MM_SHUFFLE(3, 2, 3, 2));
        }
#pragma GCC unroll 4
    for (int t = 0; t < 4; t++) {
        _mm256_storeu_ps(to + t * POINTS, _mm256_permute2f128_ps(four[t], four[t + 4], 0x20));
        _mm256_storeu_ps(to + (t + 4) * POINTS, _mm256_permute2f128_ps(four[t], four[t + 4], 0x31));
    }
}
#endif

/* Points i, i + 1, …, centred, as dims × POINTS; past the end, the last one again. */
static void turn(const Job *job, int64_t i, int64_t m, float *row, float *x) {
    float scale = (float)job->scale;
    int64_t t = 0;
    if (job->points_are_double || m < POINTS) {
        for (int64_t r = 0; r < POINTS; r++) {
            centre_row(job, i + (r < m ? r : m - 1), row);
            for (t = 0; t < job->dims; t++) x[t * POINTS + r] = row[t];
        }
        return;
    }
    const float *from = (const float *)job->x + i * job->dims;
#if defined(__AVX__)
    for (; t + 8 <= job->dims; t += 8)
        for (int r = 0; r < POINTS; r += 8)
            turn_square(from + r * job->dims + t, job->dims, job->centre + t, scale, x + t * POINTS + r);
#endif
    for (; t < job->dims; t++)
        for (int r = 0; r < POINTS; r++) x[t * POINTS + r] = from[r * job->dims + t] * scale - job->centre[t];
}

/* Which of m points have two least scores too close to tell apart. */
static uint32_t doubtful(const Job *job, int64_t i, int64_t m, const Least *found) {
    const float *low = (const float *)found->low, *second = (const float *)found->second;
    float longest = job->full.about[1], square[POINTS] = {0};
    uint32_t doubts = 0;
    int32_t certain[POINTS];
    memcpy(square, job->square + i, (size_t)m * 4);
    for (int r = 0; r < POINTS; r++) {
        float reach = sqrtf(square[r]) * (1 + 4 * UNIT) + longest;
        certain[r] = second[r] - low[r] > 2.001f * ((float)(job->dims + 32) * UNIT * reach * reach + 1e-30f);
    }
    for (int r = 0; r < m; r++) doubts |= (uint32_t)!certain[r] << r;
    return doubts;
}

static void chunk_of_points(const void *shared, int64_t task, void *memory) {
    const Job *job = shared;
    float *x = memory, *row = x + job->dims * POINTS;
    int64_t end = chunk_end(job, task), changed = 0;
    for (int64_t i = task * job->chunk; i < end; i += POINTS) {
        int64_t m = end - i < POINTS ? end - i : POINTS, *labels = job->labels + i;
        Least found;
        turn(job, i, m, row, x);
        meet_all(job, x, &found);
        for (int64_t r = 0; r < m; r++) labels[r] = ((int32_t *)found.where)[r];
        for (uint32_t doubts = doubtful(job, i, m, &found); doubts; doubts &= doubts - 1) {
            int r = __builtin_ctz(doubts);
            centre_row(job, i + r, row);
            labels[r] = decide(job, i + r, row, sqrtf(job->square[i + r]) * (1 + 4 * UNIT));
        }
        if (!job->previous) changed += m;
        else
            for (int64_t r = 0; r < m; r++) changed += labels[r] != job->previous[i + r];
    }
    job->total[task] = (double)changed;
}

int argrad_assign_direct(const Job *job) {
    Team team = {.work = chunk_of_points, .shared = job, .tasks = chunks(job)};
    team.scratch_bytes = (size_t)(job->dims * (POINTS + 1)) * 4;
    return argrad_share(job->threads, &team);
}

/* −2c of ABREAST centroids side by side, and infinitely far ones to make up their number. */
int argrad_lay_direct(const Job *job) {
    float *block = (float *)job->full.block, *longest = job->full.about + 1;
    *longest = 0;
    for (int64_t j = 0; j < (job->centroids + ABREAST - 1) / ABREAST * ABREAST; j++) {
        float *to = block + j / ABREAST * ABREAST * job->dims + j % ABREAST;
        double square = 0;
        for (int64_t t = 0; t < job->dims; t++) {
            double c = j < job->centroids ? (job->c[j * job->dims + t] - job->mean[t]) * job->scale : 0;
            square += c * c;
            to[t * ABREAST] = (float)(-2 * c);
            if (j < job->centroids) job->row[j * job->dims + t] = (float)c;
        }
        job->norm[j] = j < job->centroids ? (float)square : INFINITY;
        if (j >= job->centroids) continue;
        job->length[j] = (float)sqrt(square) * (1 + 4 * UNIT);
        *longest = fmaxf(*longest, job->length[j]);
    }
    return 0;
}
