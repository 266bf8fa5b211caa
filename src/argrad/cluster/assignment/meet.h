/* ROWS listed points of a chunk meet a block of centroids. */
#ifndef ARGRAD_MEET_H
#define ARGRAD_MEET_H
#include "scratch.h"

/* Scores of ROWS listed points in block b, and how far they may be off. */
static inline void screen_codes(const Job *job, const Codes *codes, int64_t dims, int64_t first, const uint16_t *list, int64_t b,
                                Scratch *s, Tile *tile) {
    const float *about = codes->about + b * 3;
    int64_t steps = words(dims);
    const int32_t *x[ROWS];
    int32_t start[ROWS];
    float size[SEATS], factor[SEATS], lost[SEATS], rounding = (float)(job->dims + 32) * UNIT;
    if (codes == &job->heads) rounding += 2 * heads_lose(job);
    for (int r = 0; r < ROWS; r++) {
        x[r] = (const int32_t *)codes->code + (first + list[r]) * steps;
        start[r] = CODE_OFFSET ? codes->start[first + list[r]] : 0;
    }
    for (int r = 0; r < SEATS; r++) {
        size[r] = s->size[list[r]];
        factor[r] = codes->step[first + list[r]];
        lost[r] = codes->lost[first + list[r]];
    }
    for (int r = 0; r < SEATS; r++) {
        float reach = size[r] + about[1];
        tile->rounding[r] = rounding * reach * reach + 1e-30f;
        tile->margin[r] = tile->rounding[r] + 2.0001f * (lost[r] * about[1] + (size[r] + lost[r]) * about[2]);
        factor[r] *= 2 * about[0];
    }
#if CODE_BYTES
    tile_codes(steps, x, start, (const char *)codes->block + b * steps * BLOCK * 4, (const lanes_f *)(job->norm + b * BLOCK), factor, tile);
#else
    (void)x, (void)start; /* never called */
#endif
}

static inline void screen(const Job *job, int64_t first, const uint16_t *list, int64_t b, Scratch *s, Tile *tile) {
    if (job->coded) {
        screen_codes(job, &job->full, job->dims, first, list, b, s, tile);
        return;
    }
    const float *x[ROWS];
    float size[SEATS];
    for (int r = 0; r < ROWS; r++) x[r] = s->centred + list[r] * job->dims;
    for (int r = 0; r < SEATS; r++) size[r] = s->size[list[r]];
    for (int r = 0; r < SEATS; r++) {
        float reach = size[r] + job->full.about[b * 3 + 1];
        tile->rounding[r] = tile->margin[r] = (float)(job->dims + 32) * UNIT * reach * reach + 1e-30f;
    }
    tile_float(job->dims, x, (const float *)job->full.block + b * job->dims * BLOCK, (const lanes_f *)(job->norm + b * BLOCK), tile);
}

static inline float bound_from(float score, float square) {
    float squared = score + square;
    return squared > 0 ? sqrtf(squared) * (1 - 4 * UNIT) : 0;
}

/* A full tile may read past the end of a list: what it reads there must be a row, and nobody's. */
static inline void pad(uint16_t *list, int32_t n) {
    for (int q = 0; q < SEATS; q++) list[n + q] = list[n - 1];
}

#endif
