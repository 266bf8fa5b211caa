/* The screen: scores |c|² − 2x·c of a few points against 16 centroids, and the least score of every point. */
#ifndef ARGRAD_SCREEN_H
#define ARGRAD_SCREEN_H
#include "job.h"


static inline void tile_float(int rows, int64_t dims, const float *const *x, const float *block, lanes_f norm, lanes_f *out) {
    lanes_f sum[ROWS];
    for (int r = 0; r < rows; r++) sum[r] = norm;
    for (int64_t t = 0; t < dims; t++) {
        lanes_f c = *(const lanes_f *)(block + t * LANES);
        for (int r = 0; r < rows; r++) sum[r] += x[r][t] * c;
    }
    for (int r = 0; r < rows; r++) out[r] = sum[r];
}

#if HAS_INT8
static inline void tile_int8(int rows, int64_t steps, const int8_t *const *x, const uint8_t *block, const int32_t *start,
                             __m512i *sum) {
    for (int r = 0; r < rows; r++) sum[r] = _mm512_set1_epi32(start[r]);
    for (int64_t t = 0; t < steps; t++) {
        __m512i c = _mm512_loadu_si512(block + t * 64);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x[r] + t * 4, 4);
            sum[r] = _mm512_dpbusd_epi32(sum[r], c, _mm512_set1_epi32(four));
        }
    }
}
#endif

static inline lanes_f either(lanes_i first, lanes_f a, lanes_f b) {
    return (lanes_f)((first & (lanes_i)a) | (~first & (lanes_i)b));
}

static inline lanes_f least(lanes_f a, lanes_f b) {
#if defined(__AVX512F__)
    return (lanes_f)_mm512_min_ps((__m512)a, (__m512)b);
#else
    return either(a < b, a, b);
#endif
}

/* lane `own` is out of the race; −1 or 16 and above is none */
static inline lanes_f without(lanes_f score, int32_t own) {
    const lanes_i lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#if defined(__AVX512F__)
    return (lanes_f)_mm512_mask_mov_ps((__m512)score, _mm512_cmpeq_epi32_mask((__m512i)lane, _mm512_set1_epi32(own)),
                                       _mm512_set1_ps(INFINITY));
#else
    return either(lane == own, (lanes_f){0} + INFINITY, score);
#endif
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

/* the least lane of each of 16 rows */
static inline lanes_f least_of_rows(const lanes_f *v) {
    const lanes_i even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const lanes_i odd = {4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31};
    lanes_f p = least_of_four(v[0], v[1], v[2], v[3]), q = least_of_four(v[4], v[5], v[6], v[7]);
    lanes_f s = least_of_four(v[8], v[9], v[10], v[11]), t = least_of_four(v[12], v[13], v[14], v[15]);
    lanes_f pq = least(__builtin_shuffle(p, q, even), __builtin_shuffle(p, q, odd));
    lanes_f st = least(__builtin_shuffle(s, t, even), __builtin_shuffle(s, t, odd));
    return least(__builtin_shuffle(pq, st, even), __builtin_shuffle(pq, st, odd));
}

#endif
