/* The screen: scores |c|² − 2x·c of ROWS points against a block of centroids, and the least score of every point.
 *
 * A score is off by at most a margin: rounding of float32 sums, and for int8, by Cauchy and Schwarz,
 * 2 · (|x − x̂| |c| + |x̂| |c − ĉ|) where x̂ and ĉ are what the codes say.
 */
#ifndef ARGRAD_SCREEN_H
#define ARGRAD_SCREEN_H
#include "job.h"

#define PARTS (BLOCK / REGISTER)

typedef struct {
    lanes_f score[ROWS][WIDE];
    float low[16], margin[ROWS], rounding[ROWS];
} Tile;

/* Never inlined: elsewhere's variables would push the sums out of the registers. */
static __attribute__((noinline)) void tile_float(int64_t dims, const float *const *x, const float *block, const lanes_f *norm,
                                                 Tile *out) {
    register_f sum[ROWS][PARTS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int p = 0; p < PARTS; p++) sum[r][p] = ((const register_f *)norm)[p];
    for (int64_t t = 0; t < dims; t++) {
        register_f c[PARTS];
#pragma GCC unroll 4
        for (int p = 0; p < PARTS; p++)
            c[p] = *(const register_f *)(block + (p * REGISTER / LANES * dims + t) * LANES + p * REGISTER % LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
            for (int p = 0; p < PARTS; p++) sum[r][p] += x[r][t] * c[p];
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int p = 0; p < PARTS; p++) ((register_f *)out->score[r])[p] = sum[r][p];
}

#if HAS_INT8
static __attribute__((noinline)) void tile_int8(int64_t steps, const int32_t *const *x, const int32_t *start,
                                                const uint8_t *block, const lanes_f *norm, const float *factor, Tile *out) {
    __m512i sum[ROWS][WIDE];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int w = 0; w < WIDE; w++) sum[r][w] = _mm512_set1_epi32(start[r]);
    for (int64_t t = 0; t < steps; t++) {
        __m512i c[WIDE];
#pragma GCC unroll 2
        for (int w = 0; w < WIDE; w++) c[w] = _mm512_loadu_si512(block + (w * steps + t) * LANES * 4);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++) {
            __m512i four = _mm512_set1_epi32(x[r][t]);
#pragma GCC unroll 2
            for (int w = 0; w < WIDE; w++) sum[r][w] = _mm512_dpbusd_epi32(sum[r][w], c[w], four);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int w = 0; w < WIDE; w++) out->score[r][w] = norm[w] - (lanes_f)_mm512_cvtepi32_ps(sum[r][w]) * factor[r];
}
#endif

#if defined(__AVX512F__)
static inline lanes_f least(lanes_f a, lanes_f b) { return (lanes_f)_mm512_min_ps((__m512)a, (__m512)b); }

/* position `own` of the block is out of the race; outside of the block it is none */
static inline void leave_out(lanes_f *score, int32_t own) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int w = 0; w < WIDE; w++)
        score[w] = (lanes_f)_mm512_mask_mov_ps((__m512)score[w], _mm512_cmpeq_epi32_mask(lane, _mm512_set1_epi32(own - w * 16)),
                                               _mm512_set1_ps(INFINITY));
}

/* which centroid of the block has the least score */
static inline int lowest(const lanes_f *score) {
    __m512 least_pair = _mm512_min_ps((__m512)score[0], (__m512)score[1]);
    __m512 value = _mm512_set1_ps(_mm512_reduce_min_ps(least_pair));
    uint32_t where = (uint32_t)_mm512_cmpeq_ps_mask((__m512)score[0], value) |
                     (uint32_t)_mm512_cmpeq_ps_mask((__m512)score[1], value) << 16;
    return where ? __builtin_ctz(where) : 0;
}

/* the least lane of each of four rows, in lanes 0–3 of every quarter */
static inline lanes_f least_of_four(lanes_f a, lanes_f b, lanes_f c, lanes_f d) {
    const lanes_i low = {0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29};
    const lanes_i high = {2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31};
    const lanes_i front = {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29};
    const lanes_i back = {2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31};
    lanes_f ab = least(__builtin_shuffle(a, b, low), __builtin_shuffle(a, b, high));
    lanes_f cd = least(__builtin_shuffle(c, d, low), __builtin_shuffle(c, d, high));
    return least(__builtin_shuffle(ab, cd, front), __builtin_shuffle(ab, cd, back));
}

/* eight rows of two vectors each: a tree of minima, three operations a row where a reduction of each takes eight */
static inline void least_of_rows(Tile *tile) {
    const lanes_i even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const lanes_i odd = {4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31};
    lanes_f v[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) v[r] = least(tile->score[r][0], tile->score[r][1]);
    lanes_f p = least_of_four(v[0], v[1], v[2], v[3]), q = least_of_four(v[4], v[5], v[6], v[7]);
    lanes_f half = least(__builtin_shuffle(p, q, even), __builtin_shuffle(p, q, odd));
    *(lanes_f *)tile->low = least(__builtin_shuffle(half, half, even), __builtin_shuffle(half, half, odd));
}
#else
static inline void leave_out(lanes_f *score, int32_t own) {
    if (own >= 0 && own < BLOCK) ((float *)score)[own] = INFINITY;
}

static inline int lowest(const lanes_f *score) {
    const float *v = (const float *)score;
    int best = 0;
    for (int l = 1; l < BLOCK; l++) best = v[l] < v[best] ? l : best;
    return best;
}

static inline void least_of_rows(Tile *tile) {
    for (int r = 0; r < ROWS; r++) {
        const float *v = (const float *)tile->score[r];
        float low[4] = {v[0], v[1], v[2], v[3]}; /* four at a time: a chain of 16 would have to wait for itself */
        for (int l = 4; l < BLOCK; l++) low[l % 4] = v[l] < low[l % 4] ? v[l] : low[l % 4];
        float left = low[0] < low[1] ? low[0] : low[1], right = low[2] < low[3] ? low[2] : low[3];
        tile->low[r] = left < right ? left : right;
    }
}
#endif

#endif
