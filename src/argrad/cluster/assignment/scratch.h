/* What a thread knows of the chunk of points at hand: labels so far, bounds on the distance to the own centroid. */
#ifndef ARGRAD_SCRATCH_H
#define ARGRAD_SCRATCH_H
#include "distance.h"
#include "screen.h"

typedef struct {
    double *best;    /* squared distance to the own centroid in float64, or −1 where it was not needed yet */
    int32_t *label;
    float *lower;    /* bounds on the scaled distance to the own centroid */
    float *upper;
    float *room;     /* the lowest bound of a row over its groups */
    float *size;     /* |x| */
    float *ceiling;  /* the own distance from above, as a score */
    int32_t *seat;   /* position of the own centroid in the blocks, or −1 */
    float *fresh;    /* along the list: the least score that this pass found in the group at hand, from below */
    float *aside;    /* along the list: room for another number */
    uint16_t *list;  /* the rows at hand */
    float *centred;  /* float32 screen: chunk × dims; codes: one row */
    float *bounds;   /* groups × chunk: the job's, or this thread's if there is no next pass */
    int32_t *block;  /* first pass: where the least score so far was found */
    float *margin;   /* first pass: of that score */
    lanes_f *score;  /* first pass: all scores of that block */
    int64_t shown;   /* codes: the row that `centred` holds */
} Scratch;

static inline size_t carve(const Job *job, char *base, Scratch *s) {
    size_t at = 0, m = (size_t)job->chunk, first = !job->previous;
#define TAKE(field, bytes) (s->field = (void *)(base + at), at += ((size_t)(bytes) + 63) / 64 * 64)
    TAKE(best, m * 8);
    TAKE(label, m * 4);
    TAKE(lower, (m + SEATS) * 4);
    TAKE(upper, m * 4);
    TAKE(room, m * 4);
    TAKE(size, m * 4);
    TAKE(ceiling, m * 4);
    TAKE(seat, m * 4);
    TAKE(fresh, (m + SEATS) * 4);
    TAKE(aside, (m + SEATS) * 4);
    TAKE(list, (m + 32) * 2);
    TAKE(centred, (job->coded ? 1 : m) * (size_t)job->dims * 4);
    TAKE(bounds, job->bounds ? 0 : m * (size_t)job->groups * 4);
    TAKE(block, first * m * 4);
    TAKE(margin, first * m * 4);
    TAKE(score, first * m * BLOCK * 4);
#undef TAKE
    s->shown = -1;
    return at;
}

static inline const float *centred(const Job *job, int64_t first, int64_t r, Scratch *s) {
    if (!job->coded) return s->centred + r * job->dims;
    if (s->shown != r) centre_row(job, first + r, s->centred);
    s->shown = r;
    return s->centred;
}

static inline float *bound_of(const Job *job, int64_t r, int64_t centroid, const Scratch *s) {
    return s->bounds + job->position[centroid] / (BLOCK * job->blocks_per_group) * job->chunk + r;
}

static inline Between near(const Job *job, int64_t first, int64_t r, int64_t j, Scratch *s) {
    return between(job, rough(job, centred(job, first, r, s), j), s->size[r] + job->length[j]);
}

static inline Between exactly(const Job *job, double squared) {
    float d = (float)(sqrt(squared) * job->scale);
    Between out = {d * (1 - 4 * UNIT), d * (1 + 4 * UNIT) + 1e-30f};
    return out;
}

/* Row r's own centroid is j, at a distance in between. */
static inline void own(const Job *job, int64_t first, int64_t r, int64_t j, double squared, Between d, Scratch *s) {
    s->label[r] = (int32_t)j;
    s->seat[r] = job->position[j];
    s->best[r] = squared;
    s->lower[r] = d.low;
    s->upper[r] = d.high;
    s->ceiling[r] = d.high * d.high * (1 + 4 * UNIT) - job->square[first + r];
}

#endif
