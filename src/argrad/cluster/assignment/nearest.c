/* The nearest centroid of every point: one pass of Lloyd's algorithm, exact in float64.
 *
 * A label is decided by  Σ_t (x_it − c_jt)²  in float64, ties to the lowest j. Three things keep nearly all pairs away
 * from that sum, and none can change a label:
 *
 *   bounds      l_ig ≤ |x_i − c_j| for every centroid j of group g but the own, kept from pass to pass and lowered by the
 *               farthest that a centroid of g moved (triangle inequality). Where l_ig > |x_i − c_own|, g is skipped.
 *   the screen  in the other groups, a block of centroids at a time, in int8 or float32, with a rigorous margin.
 *   float32     the distance itself, for the pairs within that margin.
 *
 * Work is cut into chunks of points that do not depend on the number of threads, hence neither do the results.
 */
#include "scratch.h"

/* ---- what the bounds spare ---- */

/* Lower the bounds by the drift; find the least of every row. */
static void lower_bounds(const Job *job, int64_t m, float *bounds, Scratch *s) {
    for (int64_t r = 0; r < m; r++) s->room[r] = INFINITY;
    for (int64_t g = 0; g < job->groups; g++) {
        float *restrict l = bounds + g * job->chunk, *restrict room = s->room, drift = job->drift[g];
        for (int64_t r = 0; r < m; r++) {
            l[r] -= drift;
            room[r] = l[r] < room[r] ? l[r] : room[r];
        }
    }
}

/* The distance to the own centroid grew by no more than the centroid moved; measure it where that is not enough. */
static void own_distances(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t r = 0; r < m; r++) {
        int64_t a = job->previous[first + r];
        s->label[r] = (int32_t)a;
        s->seat[r] = job->position[a];
        s->upper[r] = (job->upper[first + r] + job->moved[a]) * (1 + 2 * UNIT);
        s->lower[r] = s->best[r] = s->fresh[r] = -1;
        if (s->room[r] > s->upper[r]) continue;
        if (!job->int8) centre_row(job, first + r, s->centred + r * job->dims);
        s->fresh[r] = rough(job, centred(job, first, r, s), a);
        s->lower[r] = s->size[r] + job->length[a];
    }
    for (int64_t r = 0; r < m; r++) { /* apart from the loop above, so that it runs in vectors */
        Between d = between(job, s->fresh[r] < 0 ? 0 : s->fresh[r], s->lower[r]);
        s->lower[r] = s->fresh[r] < 0 ? -1 : d.low;
        s->upper[r] = s->fresh[r] < 0 ? s->upper[r] : d.high;
        s->ceiling[r] = s->upper[r] * s->upper[r] * (1 + 4 * UNIT) - job->square[first + r];
    }
}

/* List the rows that bounds l do not spare; returns how many. */
static int32_t list_group(int64_t m, const float *l, Scratch *s) {
    uint16_t *list = s->list;
    int32_t n = 0;
    int64_t r = 0;
#if defined(__AVX512F__)
    const __m512i step = _mm512_set1_epi32(16);
    __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; r + 16 <= m; r += 16, index = _mm512_add_epi32(index, step)) {
        __mmask16 fails = _mm512_cmp_ps_mask(_mm512_loadu_ps(l + r), _mm512_loadu_ps(s->upper + r), _CMP_NGT_UQ);
        if (!fails) continue;
        _mm256_storeu_si256((__m256i *)(list + n), _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(fails, index)));
        n += __builtin_popcount(fails);
    }
#endif
    for (; r < m; r++) {
        list[n] = (uint16_t)r;
        n += !(l[r] > s->upper[r]);
    }
    return n;
}

/* ---- what the screen leaves ---- */

/* Row r's own centroid becomes j. The old one is one of the others from here on: their bound must know it. */
static void move(const Job *job, int64_t first, int64_t r, int32_t j, double squared, Between d, Scratch *s) {
    int32_t old = s->label[r];
    if (old >= 0 && job->bounds) {
        float *bound = bound_of(job, first, r, old);
        if (s->lower[r] < *bound) *bound = s->lower[r];
    }
    own(job, first, r, j, squared, d, s);
}

/* Whether centroid j is nearer to row r than its own: by float32 where that is certain, else by float64. If so, it is
   the own centroid from here on. Returns how far, at least, the farther of the two is. */
static float contest(const Job *job, int64_t first, int64_t r, int32_t j, Scratch *s) {
    Between d = near(job, first, r, j, s);
    double squared = -1;
    if (s->label[r] >= 0 && d.low > s->upper[r]) return d.low;
    if (s->label[r] >= 0 && !(d.high < s->lower[r])) {
        if (s->best[r] < 0) s->best[r] = distance(job, first + r, s->label[r]);
        squared = distance(job, first + r, j);
        d = exactly(job, squared);
        own(job, first, r, s->label[r], s->best[r], exactly(job, s->best[r]), s);
        if (squared > s->best[r] || (squared == s->best[r] && j > s->label[r])) return d.low;
    }
    float farther = s->label[r] >= 0 ? s->lower[r] : INFINITY;
    move(job, first, r, j, squared, d, s);
    return farther;
}

/* Let every lane that may hold a nearer centroid contest. Returns the least score of the others, from below. */
static float settle(const Job *job, int64_t first, int64_t r, int64_t b, int row, Tile *tile, Scratch *s) {
    float others = INFINITY, margin = tile->margin[row], rounding = tile->rounding[row], *score = (float *)tile->score[row];
    for (;;) {
        int best = lowest(tile->score[row]);
        float low = score[best] - margin;
        if (score[best] == INFINITY || low > s->ceiling[r] + rounding) return low < others ? low : others;
        score[best] = INFINITY;
        float d = contest(job, first, r, job->place[b * BLOCK + best], s);
        d = d > 0 ? d * d * (1 - 4 * UNIT) : 0;
        d -= job->square[first + r] + rounding;
        others = d < others ? d : others;
    }
}

/* Scores of ROWS listed points in block b. */
static inline void screen(const Job *job, __attribute__((unused)) int64_t first, const uint16_t *list, int64_t b, Scratch *s, Tile *tile) {
    const float *about = job->about + b * 3;
    const lanes_f *norm = (const lanes_f *)(job->norm + b * BLOCK);
    for (int r = 0; r < ROWS; r++) {
        float reach = s->size[list[r]] + about[1];
        tile->rounding[r] = tile->margin[r] = (float)(job->dims + 32) * UNIT * reach * reach + 1e-30f;
    }
#if HAS_INT8
    if (job->int8) {
        int64_t steps = quads(job->dims);
        const int32_t *x[ROWS];
        int32_t start[ROWS];
        float factor[ROWS];
        for (int r = 0; r < ROWS; r++) {
            int64_t i = first + list[r];
            float lost = job->lost[i];
            x[r] = (const int32_t *)(job->code + i * steps * 4);
            start[r] = job->start[i];
            factor[r] = 2 * job->step[i] * about[0];
            tile->margin[r] += 2.0001f * (lost * about[1] + (s->size[list[r]] + lost) * about[2]);
        }
        tile_int8(steps, x, start, (const uint8_t *)job->block + b * steps * BLOCK * 4, norm, factor, tile);
    } else
#endif
    {
        const float *x[ROWS];
        for (int r = 0; r < ROWS; r++) x[r] = s->centred + list[r] * job->dims;
        tile_float(job->dims, x, (const float *)job->block + b * job->dims * BLOCK, norm, tile);
    }
    for (int r = 0; r < ROWS; r++) leave_out(tile->score[r], s->seat[list[r]] - (int32_t)(b * BLOCK));
    least_of_rows(tile);
}

/* The least score of the others in block b for a tile's row, after those who may be nearer have contested. */
static inline float settled(const Job *job, int64_t first, int64_t r, int64_t b, int row, Tile *tile, Scratch *s) {
    float found = tile->low[row] - tile->margin[row];
    if (found > s->ceiling[r] + tile->rounding[row] || tile->low[row] == INFINITY) return found;
    return settle(job, first, r, b, row, tile, s);
}

static inline float bound_from(float score, float square) {
    float squared = score + square;
    return squared > 0 ? sqrtf(squared) * (1 - 4 * UNIT) : 0;
}

static void screen_block(const Job *job, int64_t b, int64_t first, uint16_t *list, int32_t n, Scratch *s) {
    for (int32_t q = n; q < n + ROWS; q++) list[q] = list[n - 1]; /* a full tile; nobody reads these again */
    for (int32_t q = 0; q < n; q += ROWS) {
        Tile tile;
        screen(job, first, list + q, b, s, &tile);
        for (int r = 0; r < ROWS && q + r < n; r++) {
            float found = settled(job, first, list[q + r], b, r, &tile, s);
            s->fresh[q + r] = found < s->fresh[q + r] ? found : s->fresh[q + r];
        }
    }
}

static void screen_group(const Job *job, int64_t g, int64_t first, float *bounds, Scratch *s) {
    uint16_t *list = s->list;
    int32_t n = list_group(chunk_end(job, first / job->chunk) - first, bounds, s);
    if (n == 0) return;
    for (int32_t q = 0; q < n; q++) s->fresh[q] = bounds[list[q]] = INFINITY;
    for (int64_t b = g * job->blocks_per_group; b < (g + 1) * job->blocks_per_group; b++)
        screen_block(job, b, first, list, n, s);
    for (int32_t q = 0; q < n; q++) s->fresh[q] = bound_from(s->fresh[q], job->square[first + list[q]]);
    for (int32_t q = 0; q < n; q++) /* a centroid that was the own one till now has written its own bound */
        bounds[list[q]] = s->fresh[q] < bounds[list[q]] ? s->fresh[q] : bounds[list[q]];
}

/* ---- one chunk of points ---- */

static void later_pass(const Job *job, int64_t task, Scratch *s) {
    int64_t first = task * job->chunk, m = chunk_end(job, task) - first;
    float *bounds = job->bounds + task * job->groups * job->chunk;
    lower_bounds(job, m, bounds, s);
    own_distances(job, first, m, s);
    for (int64_t g = 0; g < job->groups; g++) screen_group(job, g, first, bounds + g * job->chunk, s);
}

/* No label is known: screen all blocks, let the best of them speak first, and the others hardly ever have to. */
static void settle_first(const Job *job, int64_t first, int row, int64_t r, Scratch *s) {
    int64_t blocks = job->groups * job->blocks_per_group, best = 0;
    for (int64_t b = 1; b < blocks; b++)
        if (s->tiles[b].low[row] < s->tiles[best].low[row]) best = b;
    float *bound = job->bounds ? job->bounds + first / job->chunk * job->groups * job->chunk + r : NULL;
    for (int64_t g = 0; bound && g < job->groups; g++) bound[g * job->chunk] = INFINITY;
    for (int64_t q = 0; q <= blocks; q++) {
        int64_t b = q == 0 ? best : q - 1;
        if (q > 0 && b == best) continue;
        float l = bound_from(settled(job, first, r, b, row, &s->tiles[b], s), job->square[first + r]);
        float *to = bound + b / job->blocks_per_group * job->chunk;
        if (bound && l < *to) *to = l;
    }
}

static void first_pass(const Job *job, int64_t task, Scratch *s) {
    int64_t first = task * job->chunk, m = chunk_end(job, task) - first;
    for (int64_t r = 0; r < m; r++) {
        own(job, first, r, -1, -1, (Between){INFINITY, INFINITY}, s);
        if (!job->int8) centre_row(job, first + r, s->centred + r * job->dims);
    }
    for (int64_t q = 0; q < m; q += ROWS) {
        uint16_t some[ROWS];
        int rows = m - q < ROWS ? (int)(m - q) : ROWS;
        for (int r = 0; r < ROWS; r++) some[r] = (uint16_t)(q + (r < rows ? r : 0));
        for (int64_t b = 0; b < job->groups * job->blocks_per_group; b++) screen(job, first, some, b, s, &s->tiles[b]);
        for (int r = 0; r < rows; r++) settle_first(job, first, r, q + r, s);
    }
}

static void chunk_of_points(const void *shared, int64_t task, void *memory) {
    const Job *job = shared;
    Scratch s;
    carve(job, memory, &s);
    int64_t first = task * job->chunk, changed = 0;
    for (int64_t i = first; i < chunk_end(job, task); i++) s.size[i - first] = sqrtf(job->square[i]) * (1 + 4 * UNIT);
    if (job->previous) later_pass(job, task, &s);
    else first_pass(job, task, &s);
    for (int64_t i = first; i < chunk_end(job, task); i++) {
        changed += !job->previous || s.label[i - first] != job->previous[i];
        job->labels[i] = s.label[i - first];
        job->upper[i] = s.upper[i - first];
    }
    job->total[task] = (double)changed;
}

int argrad_assign(const Job *job) {
    Scratch unused;
    Team team = {.work = chunk_of_points, .shared = job, .tasks = chunks(job)};
    team.scratch_bytes = carve(job, NULL, &unused);
    return argrad_share(job->threads, &team);
}

static void measure(const void *shared, int64_t task, void *scratch) {
    (void)scratch;
    const Job *job = shared;
    for (int64_t i = task * job->chunk; i < chunk_end(job, task); i++) job->own[i] = distance(job, i, job->labels[i]);
}

int argrad_distances(const Job *job) {
    Team team = {.work = measure, .shared = job, .tasks = chunks(job)};
    return argrad_share(job->threads, &team);
}
