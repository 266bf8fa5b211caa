/* What the parts of the compiled loop share: the description of a job, and a team of threads that takes its tasks. */
#ifndef ARGRAD_JOB_H
#define ARGRAD_JOB_H
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#define ROWS 12 /* 12 accumulators of 16 lanes, one load of centroids for 12 products */
#else
#define ROWS 6
#endif
#if defined(__AVX512VNNI__) && defined(__AVX512F__)
#define HAS_INT8 1
#else
#define HAS_INT8 0
#endif
#define LANES 16
#define UNIT 5.9604645e-8f /* 2^-24, half a unit in the last place of float32 */

typedef float lanes_f __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t lanes_i __attribute__((vector_size(64), aligned(4), may_alias));
typedef double wide_d __attribute__((vector_size(64), aligned(8), may_alias));
typedef float half_f __attribute__((vector_size(32), aligned(4), may_alias));

typedef struct {
    int64_t points, centroids, dims, chunk, groups, blocks_per_group, threads;
    int64_t points_are_double, int8, keep_bounds;
    double scale;
    const void *x;          /* points × dims */
    const double *c;        /* centroids × dims */
    const double *mean;     /* dims */
    const int32_t *place;   /* position in the blocks → centroid, −1 where a lane is empty */
    const int32_t *position; /* centroid → position */
    const int64_t *previous; /* points; −1: no label yet */
    int64_t *labels;        /* points */
    double *own;            /* points: squared distance to the own centroid */
    float *bounds;          /* chunks × groups × chunk */
    const float *drift;     /* groups */
    float *square;          /* points: |x|² */
    int8_t *code;           /* int8 only, as the next three: points × quads(dims)·4 */
    float *step, *lost;     /* points: x ≈ step · code, to within a vector of norm `lost` */
    int32_t *start;         /* points: −128·Σcode, since centroids are stored as code + 128 */
    void *block;      /* blocks × dims × 16 floats of −2c, or blocks × quads × 16 × 4 bytes of code + 128 */
    float *norm;      /* blocks × 16: |c|², infinite in an empty lane */
    float *about;     /* blocks × 4: step, largest |c|, largest error of a code, unused */
    double *inertia;        /* chunks × 2: Σ own (weighted), labels changed */
    const double *weights;  /* points or NULL */
} Job;

static inline int64_t quads(int64_t dims) { return (dims + 3) / 4; }

typedef struct {
    void (*work)(void *shared, int64_t task, void *scratch);
    void *shared;
    int64_t tasks, next;
    size_t scratch_bytes;
    int failed;
} Team;

/* 0, or 1 when memory ran out */
int argrad_share(int64_t threads, Team *team);

#endif
