/* The nearest centroid of every point: one pass of Lloyd's algorithm, exact in float64.
 *
 * A label is decided by  Σ_t (x_it − c_jt)²  in float64, ties to the lowest j. Four things keep nearly all pairs away
 * from that sum, and none can change a label:
 *
 *   bounds      l_ig ≤ |x_i − c_j| for every centroid j of group g but the own, kept from pass to pass and lowered by the
 *               farthest that a centroid of g moved (triangle inequality). Where l_ig > |x_i − c_own|, g is skipped.
 *   the screen  in the other groups, a block of centroids at a time, in codes or float32, with a rigorous margin.
 *   float32     the distance itself, for the pairs within that margin.
 *   heads       vectors of a few dimensions that are no farther apart than the points are: for most groups they do.
 *
 * The first pass has no bounds yet: its screen meets all centroids (or their heads), guesses a label by the
 * least score, and leaves the bounds by which the rest of the pass checks that guess.
 *
 * Work is cut into chunks of points that do not depend on the number of threads, hence neither do the results.
 */
#include "meet.h"

/* ---- what the screen leaves ---- */

/* Row r's own centroid becomes j. The old one is one of the others from here on: their bound must know it. */
static void move(const Job *job, int64_t first, int64_t r, int32_t j, double squared, Between d, Scratch *s) {
    float *bound = bound_of(job, r, s->label[r], s);
    if (s->lower[r] < *bound) *bound = s->lower[r];
    own(job, first, r, j, squared, d, s);
}

/* Whether centroid j is nearer to row r than its own: by float32 where that is certain, else by float64. If so, it is
   the own centroid from here on. Returns how far, at least, the farther of the two is. */
static float contest(const Job *job, int64_t first, int64_t r, int32_t j, Scratch *s) {
    Between d = near(job, first, r, j, s);
    double squared = -1;
    if (d.low > s->upper[r]) return d.low;
    if (!(d.high < s->lower[r])) {
        if (s->best[r] < 0) s->best[r] = distance(job, first + r, s->label[r]);
        squared = distance(job, first + r, j);
        d = exactly(job, squared);
        own(job, first, r, s->label[r], s->best[r], exactly(job, s->best[r]), s);
        if (squared > s->best[r] || (squared == s->best[r] && j > s->label[r])) return d.low;
    }
    float farther = s->lower[r];
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

static void screen_block(const Job *job, int64_t b, int64_t first, const uint16_t *list, int32_t n, Scratch *s) {
    for (int32_t q = 0; q < n; q += ROWS) {
        Tile tile;
        float found[SEATS], ceiling[SEATS];
        int doubts = 0;
        screen(job, first, list + q, b, s, &tile);
        for (int r = 0; r < ROWS; r++) leave_out(tile.score[r], s->seat[list[q + r]] - (int32_t)(b * BLOCK));
        least_of_rows(&tile);
        for (int r = 0; r < SEATS; r++) ceiling[r] = s->ceiling[list[q + r]];
        for (int r = 0; r < ROWS; r++) {
            found[r] = tile.low[r] - tile.margin[r];
            int calm = found[r] > ceiling[r] + tile.rounding[r] || tile.low[r] == INFINITY;
            float known = s->fresh[q + r];
            s->fresh[q + r] = calm && found[r] < known ? found[r] : known;
            doubts |= !calm << r;
        }
        for (; doubts; doubts &= doubts - 1) {
            int r = __builtin_ctz((unsigned)doubts);
            if (q + r >= n) break;
            float low = settle(job, first, list[q + r], b, r, &tile, s);
            s->fresh[q + r] = low < s->fresh[q + r] ? low : s->fresh[q + r];
        }
    }
}

/* Take those rows off the list whose heads are far enough from all heads of group g. Returns how many stay. */
static int32_t by_heads(const Job *job, int64_t g, int64_t first, int32_t n, Scratch *s) {
    uint16_t *list = s->list;
    int32_t left = 0;
    for (int32_t q = 0; q < n; q++) s->fresh[q] = INFINITY;
    for (int64_t b = g * job->blocks_per_group; b < (g + 1) * job->blocks_per_group; b++) {
        for (int32_t q = 0; q < n; q += ROWS) {
            Tile tile;
            screen_codes(job, &job->heads, job->head, first, list + q, b, s, &tile);
            for (int r = 0; r < ROWS; r++) leave_out(tile.score[r], s->seat[list[q + r]] - (int32_t)(b * BLOCK));
            least_of_rows(&tile);
            for (int r = 0; r < ROWS; r++) {
                float found = tile.low[r] - tile.margin[r] - tile.rounding[r];
                s->fresh[q + r] = found < s->fresh[q + r] ? found : s->fresh[q + r];
            }
        }
    }
    for (int32_t q = 0; q < n; q++) {
        int64_t r = list[q];
        int far = s->fresh[q] > s->ceiling[r];
        if (far) s->bounds[g * job->chunk + r] = bound_from(s->fresh[q], job->square[first + r]);
        list[left] = (uint16_t)r;
        left += !far;
    }
    return left;
}

static void screen_group(const Job *job, int64_t g, int64_t first, int64_t m, Scratch *s) {
    uint16_t *list = s->list;
    float *bounds = s->bounds + g * job->chunk;
    int32_t n = failing(m, bounds, s->upper, list);
    if (n == 0) return;
    pad(list, n);
    if (job->head && job->previous) { /* the first pass has met all heads */
        n = by_heads(job, g, first, n, s);
        if (n == 0) return;
        pad(list, n);
    }
    for (int32_t q = 0; q < n; q++) s->fresh[q] = bounds[list[q]] = INFINITY;
    for (int64_t b = g * job->blocks_per_group; b < (g + 1) * job->blocks_per_group; b++)
        screen_block(job, b, first, list, n, s);
    for (int32_t q = 0; q < n; q++) s->aside[q] = job->square[first + list[q]];
    for (int32_t q = 0; q < n; q++) s->fresh[q] = bound_from(s->fresh[q], s->aside[q]);
    for (int32_t q = 0; q < n; q++) /* a centroid that was the own one till now has written its own bound */
        bounds[list[q]] = s->fresh[q] < bounds[list[q]] ? s->fresh[q] : bounds[list[q]];
}

/* ---- the first pass: a guess, and bounds ---- */

/* Row r's least score so far is in block b: keep that block's scores. The block before is one of the others now. */
static void keep(const Job *job, int64_t r, int64_t b, int row, const Tile *tile, Scratch *s) {
    int64_t g = b / job->blocks_per_group, before = s->block[r];
    if (before >= 0) {
        float *bound = before / job->blocks_per_group == g ? s->fresh + r : s->bounds + before / job->blocks_per_group * job->chunk + r;
        float low = s->lower[r] - s->margin[r];
        *bound = low < *bound ? low : *bound;
    }
    s->block[r] = (int32_t)b;
    s->lower[r] = tile->low[row];
    s->margin[r] = tile->margin[row];
    memcpy(s->score + r * WIDE, tile->score[row], BLOCK * 4);
}

/* Scores of rows q, q + 1, … in block b: the least of those that are not kept go to `fresh`. */
static void meet_block(const Job *job, int64_t first, int64_t q, int64_t m, int64_t b, Scratch *s) {
    Tile tile;
    int nearer = 0;
    if (job->head) screen_codes(job, &job->heads, job->head, first, s->list + q, b, s, &tile);
    else screen(job, first, s->list + q, b, s, &tile);
    least_of_rows(&tile);
    for (int r = 0; r < ROWS; r++) {
        float found = tile.low[r] - tile.margin[r], known = s->fresh[q + r];
        int is = tile.low[r] < s->lower[q + r];
        s->fresh[q + r] = !is && found < known ? found : known;
        nearer |= is << r;
    }
    for (; nearer; nearer &= nearer - 1) {
        int r = __builtin_ctz((unsigned)nearer);
        if (q + r < m) keep(job, q + r, b, r, &tile, s);
    }
}

/* Of the kept scores, the least is the guess, and the others say how near the rest of that block may be. */
static void guess_row(const Job *job, int64_t first, int64_t r, Scratch *s) {
    lanes_f *score = s->score + r * WIDE;
    float *bound = s->bounds + s->block[r] / job->blocks_per_group * job->chunk + r;
    int best = lowest(score);
    float high = ((float *)score)[best] + s->margin[r] + job->square[first + r];
    leave_out(score, best);
    float low = ((float *)score)[lowest(score)] - s->margin[r];
    *bound = low < *bound ? low : *bound;
    s->label[r] = job->place[s->block[r] * BLOCK + best];
    s->upper[r] = job->head ? INFINITY : sqrtf(high > 0 ? high : 0) * (1 + 4 * UNIT) + 1e-30f; /* heads only say how near */
}

static void guess(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t r = 0; r < m; r++) {
        s->list[r] = (uint16_t)r;
        s->block[r] = -1;
        s->lower[r] = INFINITY;
        if (!job->coded) centre_row(job, first + r, s->centred + r * job->dims);
    }
    for (int64_t r = m; r < m + SEATS; r++) s->lower[r] = INFINITY;
    pad(s->list, (int32_t)m);
    for (int64_t g = 0; g < job->groups; g++) {
        for (int64_t r = 0; r < m; r++) s->fresh[r] = INFINITY;
        for (int64_t b = g * job->blocks_per_group; b < (g + 1) * job->blocks_per_group; b++)
            for (int64_t q = 0; q < m; q += ROWS) meet_block(job, first, q, m, b, s);
        memcpy(s->bounds + g * job->chunk, s->fresh, (size_t)m * 4);
    }
    for (int64_t r = 0; r < m; r++) guess_row(job, first, r, s);
    for (int64_t g = 0; g < job->groups; g++) {
        float *restrict l = s->bounds + g * job->chunk;
        const float *restrict square = job->square + first;
        for (int64_t r = 0; r < m; r++) l[r] = bound_from(l[r], square[r]);
    }
}

/* ---- later passes: what the bounds spare ---- */

static void go_on(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t g = 0; g < job->groups; g++) {
        float *restrict l = s->bounds + g * job->chunk, drift = job->drift[g];
        for (int64_t r = 0; r < m; r++) l[r] -= drift;
    }
    for (int64_t r = 0; r < m; r++) {
        int64_t a = job->previous[first + r];
        s->label[r] = (int32_t)a;
        s->upper[r] = (job->upper[first + r] + job->moved[a]) * (1 + 2 * UNIT);
    }
}

/* ---- one chunk of points ---- */

/* Measure the distance to the own centroid where what is known of it is not enough. */
static void measure_own(const Job *job, int64_t first, int64_t m, Scratch *s) {
    for (int64_t r = 0; r < m; r++) s->room[r] = INFINITY;
    for (int64_t g = 0; g < job->groups; g++) {
        const float *restrict l = s->bounds + g * job->chunk;
        float *restrict room = s->room;
        for (int64_t r = 0; r < m; r++) room[r] = l[r] < room[r] ? l[r] : room[r];
    }
    int32_t n = failing(m, s->room, s->upper, s->list);
    for (int32_t q = 0; q < n; q++) {
        int64_t r = s->list[q], a = s->label[r];
        if (!job->coded && job->previous) centre_row(job, first + r, s->centred + r * job->dims);
        s->fresh[q] = rough(job, centred(job, first, r, s), a);
        s->aside[q] = s->size[r] + job->length[a];
    }
    for (int32_t q = 0; q < n; q++) { /* apart from the loop above, so that it runs in vectors */
        Between d = between(job, s->fresh[q], s->aside[q]);
        s->fresh[q] = d.low;
        s->aside[q] = d.high;
    }
    for (int32_t q = 0; q < n; q++)
        own(job, first, s->list[q], s->label[s->list[q]], -1, (Between){s->fresh[q], s->aside[q]}, s);
}

static void chunk_of_points(const void *shared, int64_t task, void *memory) {
    const Job *job = shared;
    Scratch s;
    carve(job, memory, &s);
    int64_t first = task * job->chunk, m = chunk_end(job, task) - first, changed = 0;
    if (job->bounds) s.bounds = job->bounds + task * job->groups * job->chunk;
    for (int64_t r = 0; r < m; r++) s.size[r] = sqrtf(job->square[first + r]) * (1 + 4 * UNIT);
    if (job->previous) go_on(job, first, m, &s);
    else guess(job, first, m, &s);
    measure_own(job, first, m, &s);
    for (int64_t g = 0; g < job->groups; g++) screen_group(job, g, first, m, &s);
    for (int64_t r = 0; r < m; r++) {
        changed += !job->previous || s.label[r] != job->previous[first + r];
        job->labels[first + r] = s.label[r];
        job->upper[first + r] = s.upper[r];
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
