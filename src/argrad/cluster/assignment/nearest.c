/* The nearest centroid of every point: one pass of Lloyd's algorithm, exact in float64.
 *
 * Every label is decided by  e(i, j) = Σ_t (x_it − c_jt)²  in float64, ties to the lowest j. Two things keep most pairs
 * away from that sum, and neither can change a label:
 *
 *   bounds   l_ig ≤ |x_i − c_j| for every j of group g but the own centroid, kept from pass to pass and lowered by
 *            the farthest that a centroid of g moved (triangle inequality). A group with l_ig > |x_i − c_own| is skipped.
 *   screen   in the other groups, 16 centroids at a time, a product in int8 or float32 gives |c|² − 2x·c to
 *            within a rigorous error; only pairs that may beat the own centroid go to the float64 sum.
 *
 * Coordinates of the screen are centred and scaled (`scale` · (x − mean)) so that neither an offset nor a unit costs bits.
 * Work is cut into chunks of points that do not depend on the number of threads, hence neither do the results.
 */
#include "screen.h"

/* ---- the float64 distance that decides ---- */

static inline double total(wide_d v) {
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

static __attribute__((noinline)) double distance(const Job *job, int64_t i, int64_t j) {
    const double *c = job->c + j * job->dims;
    wide_d even = {0}, odd = {0};
    double rest = 0;
    int64_t t = 0;
    if (job->points_are_double) {
        const double *x = (const double *)job->x + i * job->dims;
        for (; t + 8 <= job->dims; t += 8) {
            wide_d gap = *(const wide_d *)(x + t) - *(const wide_d *)(c + t);
            even += gap * gap;
        }
        for (; t < job->dims; t++) rest += (x[t] - c[t]) * (x[t] - c[t]);
    } else {
        const float *x = (const float *)job->x + i * job->dims;
        for (; t + 16 <= job->dims; t += 16) {
            wide_d a = __builtin_convertvector(*(const half_f *)(x + t), wide_d) - *(const wide_d *)(c + t);
            wide_d b = __builtin_convertvector(*(const half_f *)(x + t + 8), wide_d) - *(const wide_d *)(c + t + 8);
            even += a * a;
            odd += b * b;
        }
        for (; t + 8 <= job->dims; t += 8) {
            wide_d a = __builtin_convertvector(*(const half_f *)(x + t), wide_d) - *(const wide_d *)(c + t);
            even += a * a;
        }
        for (; t < job->dims; t++) rest += ((double)x[t] - c[t]) * ((double)x[t] - c[t]);
    }
    return total(even + odd) + rest;
}

/* ---- one chunk of points ---- */

typedef struct {
    double *best;     /* squared distance to the own centroid, in the points' units */
    int32_t *label;
    float *upper;     /* distance to the own centroid, scaled, rounded up */
    float *room;      /* the lowest bound of a row */
    float *fresh;     /* the bound that this pass found for the group at hand */
    int32_t *rows;    /* those whose group has to be screened */
    int32_t *many;    /* groups: how many rows each of them has */
    uint16_t *list;   /* groups × chunk */
    float *centred;   /* float32 screen: chunk × dims */
} Scratch;

static size_t carve(const Job *job, char *base, Scratch *s) {
    size_t at = 0;
    int64_t m = job->chunk;
#define TAKE(field, bytes) (s->field = (void *)(base + at), at += ((size_t)(bytes) + 63) / 64 * 64)
    TAKE(best, m * 8);
    TAKE(label, m * 4);
    TAKE(upper, m * 4);
    TAKE(room, m * 4);
    TAKE(fresh, m * 4);
    TAKE(many, job->groups * 4);
    TAKE(list, job->groups * m * 2 + 64);
    TAKE(centred, job->int8 ? 0 : m * job->dims * 4);
#undef TAKE
    return at;
}

static inline float scaled_up(const Job *job, double squared) {
    return (float)(sqrt(squared) * job->scale) * (1 + 4 * UNIT);
}

static inline int32_t group_of(const Job *job, int64_t centroid) {
    return (int32_t)(job->position[centroid] / (LANES * job->blocks_per_group));
}

static void own_distances(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t r = 0; r < m; r++) {
        int64_t a = job->previous[first + r];
        s->label[r] = (int32_t)a;
        s->best[r] = a < 0 ? INFINITY : distance(job, first + r, a);
        s->upper[r] = scaled_up(job, s->best[r]);
    }
}

/* lower the bounds by the drift and list, group by group, the rows that these no longer spare */
static void spare(const Job *job, int64_t m, float *bounds, Scratch *s) {
    for (int64_t r = 0; r < m; r++) s->room[r] = INFINITY;
    for (int64_t g = 0; g < job->groups; g++) {
        float *l = bounds + g * job->chunk, drift = job->drift[g];
        uint16_t *list = s->list + g * job->chunk;
        int32_t n = 0;
        int64_t r = 0;
#if defined(__AVX512F__)
        const __m512i step = _mm512_set1_epi32(16);
        __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (; r + 16 <= m; r += 16, index = _mm512_add_epi32(index, step)) {
            __m512 v = _mm512_sub_ps(_mm512_loadu_ps(l + r), _mm512_set1_ps(drift));
            _mm512_storeu_ps(l + r, v);
            _mm512_storeu_ps(s->room + r, _mm512_min_ps(v, _mm512_loadu_ps(s->room + r)));
            __mmask16 fails = _mm512_cmp_ps_mask(v, _mm512_loadu_ps(s->upper + r), _CMP_NGT_UQ);
            if (fails) {
                __m256i kept = _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(fails, index));
                _mm256_storeu_si256((__m256i *)(list + n), kept);
                n += __builtin_popcount(fails);
            }
        }
#endif
        for (; r < m; r++) {
            l[r] -= drift;
            if (l[r] < s->room[r]) s->room[r] = l[r];
            list[n] = (uint16_t)r;
            n += !(l[r] > s->upper[r]);
        }
        s->many[g] = n;
    }
}

static void list_all(const Job *job, int64_t m, Scratch *s) {
    for (int64_t g = 0; g < job->groups; g++) {
        s->many[g] = (int32_t)m;
        for (int64_t r = 0; r < m; r++) s->list[g * job->chunk + r] = (uint16_t)r;
    }
    for (int64_t r = 0; r < m; r++) s->room[r] = -INFINITY;
}

static void centre(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t r = 0; r < m; r++) {
        if (s->room[r] > s->upper[r]) continue;
        float *to = s->centred + r * job->dims;
        if (job->points_are_double) {
            const double *x = (const double *)job->x + (first + r) * job->dims;
            for (int64_t t = 0; t < job->dims; t++) to[t] = (float)((x[t] - job->mean[t]) * job->scale);
        } else {
            const float *x = (const float *)job->x + (first + r) * job->dims;
            for (int64_t t = 0; t < job->dims; t++) to[t] = (float)((x[t] - job->mean[t]) * job->scale);
        }
    }
}

/* Row r's own centroid becomes j; the old one is one of the others from here on, at a known distance. */
static void move(const Job *job, int64_t r, int32_t j, double squared, float *bounds, Scratch *s) {
    int32_t old = s->label[r];
    if (old >= 0 && bounds) {
        float *l = bounds + group_of(job, old) * job->chunk + r;
        float low = (float)(sqrt(s->best[r]) * job->scale) * (1 - 4 * UNIT);
        if (low < *l) *l = low;
    }
    s->label[r] = j;
    s->best[r] = squared;
}

/* Decide in float64 among the lanes of one row that may hold a nearer centroid. `margin` is the screen's error. Returns
   the least score of the other centroids, from below. */
static float decide(const Job *job, int64_t first, int64_t r, int64_t b, float *score, float margin, float *bounds, Scratch *s) {
    float least_seen = INFINITY;
    float xx = job->square[first + r];
    for (;;) {
        int best = 0;
        for (int l = 1; l < LANES; l++) best = score[l] < score[best] ? l : best;
        double limit = s->best[r] * job->scale * job->scale - xx;
        if (!(score[best] <= (float)limit + margin) || score[best] == INFINITY) {
            float low = score[best] - margin;
            return low < least_seen ? low : least_seen;
        }
        int32_t j = job->place[b * LANES + best];
        double squared = distance(job, first + r, j);
        score[best] = INFINITY;
        if (squared < s->best[r] || (squared == s->best[r] && j < s->label[r])) {
            int32_t old = s->label[r];
            int64_t at = old < 0 ? -1 : job->position[old] / LANES;
            if (old >= 0 && at == b) {
                float low = (float)(s->best[r] * job->scale * job->scale - xx) - margin;
                least_seen = low < least_seen ? low : least_seen;
            }
            move(job, r, j, squared, at == b ? NULL : bounds, s);
        } else {
            float low = (float)(squared * job->scale * job->scale - xx) - margin;
            least_seen = low < least_seen ? low : least_seen;
        }
    }
}

/* Screen `rows` listed points against block b. */
static inline __attribute__((always_inline)) void screen(const Job *job, int rows, int64_t first, const uint16_t *list, int64_t b,
                                                         float *bounds, Scratch *s) {
    lanes_f score[16];
    lanes_f norm = *(const lanes_f *)(job->norm + b * LANES);
    const float *about = job->about + b * 4;
    float margin[16], limit[16];
#if HAS_INT8
    if (job->int8) {
        int64_t width = quads(job->dims) * 4;
        const int8_t *x[ROWS];
        int32_t start[ROWS];
        __m512i sum[ROWS];
        for (int r = 0; r < rows; r++) {
            x[r] = job->code + (first + list[r]) * width;
            start[r] = job->start[first + list[r]];
        }
        tile_int8(rows, width / 4, x, (const uint8_t *)job->block + b * width * LANES, start, sum);
        for (int r = 0; r < rows; r++) {
            int64_t i = first + list[r];
            float size = sqrtf(job->square[i]), reach = size + about[1];
            score[r] = norm - (lanes_f)_mm512_cvtepi32_ps(sum[r]) * (2 * job->step[i] * about[0]);
            margin[r] = 2.0001f * (job->lost[i] * about[1] + (size + job->lost[i]) * about[2]) + 32 * UNIT * reach * reach;
        }
    } else
#endif
    {
        const float *x[ROWS];
        for (int r = 0; r < rows; r++) x[r] = s->centred + list[r] * job->dims;
        tile_float(rows, job->dims, x, (const float *)job->block + b * job->dims * LANES, norm, score);
        for (int r = 0; r < rows; r++) {
            float reach = sqrtf(job->square[first + list[r]]) + about[1];
            margin[r] = (job->dims + 32) * UNIT * reach * reach;
        }
    }
    for (int r = 0; r < rows; r++) {
        int32_t own = s->label[list[r]] < 0 ? -1 : job->position[s->label[list[r]]] - (int32_t)(b * LANES);
        score[r] = without(score[r], own);
        limit[r] = (float)(s->best[list[r]] * job->scale * job->scale - job->square[first + list[r]]) + margin[r];
    }
    for (int r = rows; r < 16; r++) score[r] = score[rows - 1];
    lanes_f low = least_of_rows(score);
    for (int r = 0; r < rows; r++) {
        float found = low[r] - margin[r];
        if (low[r] <= limit[r]) found = decide(job, first, list[r], b, (float *)&score[r], margin[r], bounds, s);
        if (found < s->fresh[list[r]]) s->fresh[list[r]] = found;
    }
}

static void screen_group(const Job *job, int64_t g, int64_t first, float *bounds, Scratch *s) {
    const uint16_t *list = s->list + g * job->chunk;
    int32_t n = s->many[g];
    for (int32_t q = 0; q < n; q++) s->fresh[list[q]] = INFINITY;
    if (bounds) for (int32_t q = 0; q < n; q++) bounds[g * job->chunk + list[q]] = INFINITY;
    for (int64_t b = g * job->blocks_per_group; b < (g + 1) * job->blocks_per_group; b++) {
        int32_t q = 0;
        for (; q + ROWS <= n; q += ROWS) screen(job, ROWS, first, list + q, b, bounds, s);
        for (; q + 4 <= n; q += 4) screen(job, 4, first, list + q, b, bounds, s);
        for (; q < n; q++) screen(job, 1, first, list + q, b, bounds, s);
    }
    if (!bounds) return;
    for (int32_t q = 0; q < n; q++) { /* a centroid that was demoted meanwhile has written its own bound */
        float squared = s->fresh[list[q]] + job->square[first + list[q]];
        float l = squared > 0 ? sqrtf(squared) * (1 - 4 * UNIT) : 0;
        float *to = bounds + g * job->chunk + list[q];
        if (l < *to) *to = l;
    }
}

static void chunk_of_points(void *shared, int64_t task, void *memory) {
    const Job *job = shared;
    Scratch s;
    carve(job, memory, &s);
    int64_t first = task * job->chunk, m = job->points - first < job->chunk ? job->points - first : job->chunk;
    float *bounds = job->keep_bounds ? job->bounds + task * job->groups * job->chunk : NULL;
    own_distances(job, first, m, &s);
    if (bounds) spare(job, m, bounds, &s);
    else list_all(job, m, &s);
    if (!job->int8) centre(job, first, m, &s);
    for (int64_t g = 0; g < job->groups; g++) screen_group(job, g, first, bounds, &s);
    double sum = 0;
    int64_t changed = 0;
    for (int64_t r = 0; r < m; r++) {
        changed += s.label[r] != job->previous[first + r];
        job->labels[first + r] = s.label[r];
        job->own[first + r] = s.best[r];
        sum += job->weights ? job->weights[first + r] * s.best[r] : s.best[r];
    }
    job->inertia[task * 2] = sum;
    job->inertia[task * 2 + 1] = (double)changed;
}

int argrad_assign(const Job *job) {
    Scratch unused;
    Team team = {.work = chunk_of_points, .shared = (void *)job, .tasks = (job->points + job->chunk - 1) / job->chunk};
    team.scratch_bytes = carve(job, NULL, &unused);
    return argrad_share(job->threads, &team);
}
