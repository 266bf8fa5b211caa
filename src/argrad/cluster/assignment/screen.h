/* The screen: scores |c|² − 2x·c of ROWS points against a block of centroids, and the least score of every point.
 *
 * A score is off by at most a margin: rounding of float32 sums, and for codes, by Cauchy and Schwarz,
 * 2 · (|x − x̂| |c| + |x̂| |c − ĉ|) where x̂ and ĉ are what the codes say.
 */
#ifndef ARGRAD_SCREEN_H
#define ARGRAD_SCREEN_H
#include "lanes.h"

/* Never inlined: elsewhere's variables would push the sums out of the registers. */
static __attribute__((noinline, unused)) void tile_float(int64_t dims, const float *const *x, const float *block, const lanes_f *norm,
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

/* `x`: rows of words of codes; `start`: what their sums begin with; `factor`: what turns a sum into 2x·c. */
#if CODE_BYTES == 1
static __attribute__((noinline, unused)) void tile_codes(int64_t steps, const int32_t *const *x, const int32_t *start, const char *block,
                                                 const lanes_f *norm, const float *factor, Tile *out) {
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
#elif CODE_BYTES == 2
static __attribute__((noinline, unused)) void tile_codes(int64_t steps, const int32_t *const *x, const int32_t *start, const char *block,
                                                 const lanes_f *norm, const float *factor, Tile *out) {
    __m256i sum[ROWS][2];
    (void)start;
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) sum[r][0] = sum[r][1] = _mm256_setzero_si256();
    for (int64_t t = 0; t < steps; t++) {
        __m256i left = _mm256_loadu_si256((const __m256i *)(block + t * LANES * 4));
        __m256i right = _mm256_loadu_si256((const __m256i *)(block + t * LANES * 4 + 32));
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            __m256i two = _mm256_set1_epi32(x[r][t]);
            sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(left, two));
            sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(right, two));
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int p = 0; p < 2; p++)
            ((register_f *)out->score[r])[p] = ((const register_f *)norm)[p] - (register_f)_mm256_cvtepi32_ps(sum[r][p]) * factor[r];
}
#endif

#endif
