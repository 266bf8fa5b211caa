/* The distance between a point and a centroid: in float64, where it decides a label, and in float32 between two bounds. */
#ifndef ARGRAD_DISTANCE_H
#define ARGRAD_DISTANCE_H
#include "job.h"

static inline pair_d widened(const Job *job, int64_t at) {
    return job->points_are_double ? *(const pair_d *)((const double *)job->x + at)
                                  : __builtin_convertvector(*(const pair_f *)((const float *)job->x + at), pair_d);
}

/* Σ (x − c)² in float64. Never inlined: two equal centroids must get the same bits wherever it is called. */
static __attribute__((noinline, unused)) double distance(const Job *job, int64_t i, int64_t j) {
    const double *c = job->c + j * job->dims;
    int64_t at = i * job->dims, t = 0;
    pair_d even = {0}, odd = {0};
    double sum = 0;
    for (; t + 2 * PAIR <= job->dims; t += 2 * PAIR) {
        pair_d a = widened(job, at + t) - *(const pair_d *)(c + t);
        pair_d b = widened(job, at + t + PAIR) - *(const pair_d *)(c + t + PAIR);
        even += a * a;
        odd += b * b;
    }
    for (; t < job->dims; t++) {
        double x = job->points_are_double ? ((const double *)job->x)[at + t] : (double)((const float *)job->x)[at + t];
        sum += (x - c[t]) * (x - c[t]);
    }
    even += odd;
    for (int p = 0; p < PAIR; p++) sum += even[p];
    return sum;
}

#if defined(__AVX512F__)
static inline __mmask16 inside(int64_t left) { return left < 16 ? (__mmask16)((1 << left) - 1) : (__mmask16)-1; }
#endif

/* Centre and scale point i in float32. The scale is a power of two and the centre is made of float32 numbers, so one
   rounding is all that is lost; scaled first, as x − mean may be more than float32 holds. */
static inline void centre_row(const Job *job, int64_t i, float *to) {
    float scale = (float)job->scale;
    if (job->points_are_double) {
        const double *x = (const double *)job->x + i * job->dims;
        for (int64_t t = 0; t < job->dims; t++) to[t] = (float)((x[t] - job->mean[t]) * job->scale);
        return;
    }
    const float *x = (const float *)job->x + i * job->dims;
#if defined(__AVX512F__)
    for (int64_t t = 0; t < job->dims; t += 16) {
        __mmask16 in = inside(job->dims - t);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(in, x + t), _mm512_set1_ps(scale));
        _mm512_mask_storeu_ps(to + t, in, _mm512_sub_ps(v, _mm512_maskz_loadu_ps(in, job->centre + t)));
    }
#else
    for (int64_t t = 0; t < job->dims; t++) to[t] = x[t] * scale - job->centre[t];
#endif
}

/* Σ (x − c)² in float32, of a centred point */
static inline float rough(const Job *job, const float *x, int64_t j) {
    const float *c = job->row + j * job->dims;
    int64_t t = 0;
#if defined(__AVX512F__)
    __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
    for (; t + 32 <= job->dims; t += 32) {
        __m512 a = _mm512_sub_ps(_mm512_loadu_ps(x + t), _mm512_loadu_ps(c + t));
        __m512 b = _mm512_sub_ps(_mm512_loadu_ps(x + t + 16), _mm512_loadu_ps(c + t + 16));
        even = _mm512_fmadd_ps(a, a, even);
        odd = _mm512_fmadd_ps(b, b, odd);
    }
    for (; t < job->dims; t += 16) {
        __mmask16 in = inside(job->dims - t);
        __m512 a = _mm512_sub_ps(_mm512_maskz_loadu_ps(in, x + t), _mm512_maskz_loadu_ps(in, c + t));
        even = _mm512_fmadd_ps(a, a, even);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
#else
    half_f even = {0}, odd = {0};
    float rest = 0;
    for (; t + 16 <= job->dims; t += 16) {
        half_f a = *(const half_f *)(x + t) - *(const half_f *)(c + t);
        half_f b = *(const half_f *)(x + t + 8) - *(const half_f *)(c + t + 8);
        even += a * a;
        odd += b * b;
    }
    for (; t + 8 <= job->dims; t += 8) {
        half_f a = *(const half_f *)(x + t) - *(const half_f *)(c + t);
        even += a * a;
    }
    for (; t < job->dims; t++) rest += (x[t] - c[t]) * (x[t] - c[t]);
    even += odd;
    return ((even[0] + even[4]) + (even[1] + even[5])) + ((even[2] + even[6]) + (even[3] + even[7])) + rest;
#endif
}

typedef struct {
    float low, high;
} Between;

/* The distance whose square is roughly `sum`, from below and above. `reach` ≥ |x| + |c|: what centring may have lost is a
   part of that; a constant is above the root of what float32 lost of squares that are too small for it. */
static inline Between between(const Job *job, float sum, float reach) {
    float root = sqrtf(sum), rounding = (float)(job->dims / LANES + 32) * UNIT, lost = 4 * UNIT * reach + 1e-16f;
    Between out = {root * (1 - rounding) - lost, root * (1 + rounding) + lost};
    return out;
}

#endif
