/* What the screen does across lanes and rows: the least score, where it is, which rows fail a bound. */
#ifndef ARGRAD_LANES_H
#define ARGRAD_LANES_H
#include "job.h"

#define PARTS (BLOCK / REGISTER)

typedef struct {
    lanes_f score[ROWS][WIDE];
    float low[16], margin[SEATS], rounding[SEATS]; /* of each row; entries past ROWS are nobody's */
} Tile;

static inline register_f all_lanes(float v) { return v - (register_f){0}; }
static inline register_i pick(register_i where, register_i a, register_i b) { return (where & a) | (~where & b); }
#if defined(__AVX512F__)
static inline register_f lesser(register_f a, register_f b) { return (register_f)_mm512_min_ps((__m512)a, (__m512)b); }
static inline register_f greater(register_f a, register_f b) { return (register_f)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX__)
static inline register_f lesser(register_f a, register_f b) { return (register_f)_mm256_min_ps((__m256)a, (__m256)b); }
static inline register_f greater(register_f a, register_f b) { return (register_f)_mm256_max_ps((__m256)a, (__m256)b); }
#else
static inline register_f lesser(register_f a, register_f b) { return (register_f)pick(a < b, (register_i)a, (register_i)b); }
static inline register_f greater(register_f a, register_f b) { return (register_f)pick(a > b, (register_i)a, (register_i)b); }
#endif

/* leave_out: position `own` of the block is out of the race; outside of the block it is none.
 * lowest: which centroid of the block has the least score.
 * least_of_rows: the least score of every row of a tile.
 * failing: list the rows whose bound l does not lie above u; returns how many. */

#if defined(__AVX512F__)
static inline lanes_f least(lanes_f a, lanes_f b) { return (lanes_f)_mm512_min_ps((__m512)a, (__m512)b); }

static inline void leave_out(lanes_f *score, int32_t own) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int w = 0; w < WIDE; w++)
        score[w] = (lanes_f)_mm512_mask_mov_ps((__m512)score[w], _mm512_cmpeq_epi32_mask(lane, _mm512_set1_epi32(own - w * 16)),
                                               _mm512_set1_ps(INFINITY));
}

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

static inline int32_t failing(int64_t m, const float *l, const float *u, uint16_t *list) {
    const __m512i step = _mm512_set1_epi32(16);
    __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    int32_t n = 0;
    for (int64_t r = 0; r < m; r += 16, index = _mm512_add_epi32(index, step)) {
        __mmask16 in = m - r < 16 ? (__mmask16)((1 << (m - r)) - 1) : (__mmask16)-1;
        __m512 bound = _mm512_maskz_loadu_ps(in, l + r), upper = _mm512_maskz_loadu_ps(in, u + r);
        __mmask16 fails = _mm512_mask_cmp_ps_mask(in, bound, upper, _CMP_NGT_UQ);
        if (!fails) continue;
        _mm256_storeu_si256((__m256i *)(list + n), _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(fails, index)));
        n += __builtin_popcount(fails);
    }
    return n;
}

#elif defined(__AVX2__) && defined(__BMI2__)
static inline void leave_out(lanes_f *score, int32_t own) {
    if ((uint32_t)own >= BLOCK) return;
    register_f *part = (register_f *)score + own / REGISTER;
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 out = (__m256)_mm256_cmpeq_epi32(lane, _mm256_set1_epi32(own % REGISTER));
    *part = (register_f)_mm256_blendv_ps((__m256)*part, _mm256_set1_ps(INFINITY), out);
}

static inline int lowest(const lanes_f *score) {
    __m256 a = (__m256)((const register_f *)score)[0], b = (__m256)((const register_f *)score)[1], v = _mm256_min_ps(a, b);
    v = _mm256_min_ps(v, _mm256_permute2f128_ps(v, v, 1));
    v = _mm256_min_ps(v, _mm256_shuffle_ps(v, v, _MM_SHUFFLE(1, 0, 3, 2)));
    v = _mm256_min_ps(v, _mm256_shuffle_ps(v, v, _MM_SHUFFLE(2, 3, 0, 1)));
    int where = _mm256_movemask_ps(_mm256_cmp_ps(a, v, _CMP_EQ_OQ)) | _mm256_movemask_ps(_mm256_cmp_ps(b, v, _CMP_EQ_OQ)) << 8;
    return where ? __builtin_ctz((unsigned)where) : 0;
}

/* the least of lanes of two rows, in lanes 0 and 1, 2 and 3 of both halves */
static inline __m256 least_of_two(__m256 a, __m256 b) { return _mm256_min_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)); }

static inline void least_of_rows(Tile *tile) {
    __m256 v[6];
#pragma GCC unroll 6
    for (int r = 0; r < 6; r++) v[r] = _mm256_min_ps((__m256)((register_f *)tile->score[r])[0], (__m256)((register_f *)tile->score[r])[1]);
    __m256 p = least_of_two(v[0], v[1]), q = least_of_two(v[2], v[3]), s = least_of_two(v[4], v[5]);
    p = _mm256_min_ps(_mm256_shuffle_ps(p, q, _MM_SHUFFLE(1, 0, 1, 0)), _mm256_shuffle_ps(p, q, _MM_SHUFFLE(3, 2, 3, 2)));
    s = _mm256_min_ps(s, _mm256_shuffle_ps(s, s, _MM_SHUFFLE(1, 0, 3, 2)));
    p = _mm256_min_ps(_mm256_permute2f128_ps(p, s, 0x20), _mm256_permute2f128_ps(p, s, 0x31));
    *(register_f *)tile->low = (register_f)p;
}

static inline int32_t failing(int64_t m, const float *l, const float *u, uint16_t *list) {
    int32_t n = 0;
    int64_t r = 0;
    for (; r + 8 <= m; r += 8) {
        uint64_t fails = (uint64_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(l + r), _mm256_loadu_ps(u + r), _CMP_NGT_UQ));
        if (!fails) continue;
        uint64_t rows = _pext_u64(0x0706050403020100, _pdep_u64(fails, 0x0101010101010101) * 0xff);
        __m128i index = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)rows));
        _mm_storeu_si128((__m128i *)(list + n), _mm_add_epi16(index, _mm_set1_epi16((short)r)));
        n += __builtin_popcountll(fails);
    }
    for (; r < m; r++) {
        list[n] = (uint16_t)r;
        n += !(l[r] > u[r]);
    }
    return n;
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

static inline int32_t failing(int64_t m, const float *l, const float *u, uint16_t *list) {
    int32_t n = 0;
    for (int64_t r = 0; r < m; r++) {
        list[n] = (uint16_t)r;
        n += !(l[r] > u[r]);
    }
    return n;
}
#endif

#endif
