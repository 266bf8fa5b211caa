/* What the parts of the compiled loop share: the description of a job, and a team of threads that takes its tasks.
 *
 * The screen works in coordinates  scale · (x − mean), in float32, so that neither an offset nor a unit costs bits.
 */
#ifndef ARGRAD_JOB_H
#define ARGRAD_JOB_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#define UNIT 5.9604645e-8f /* 2^-24, half a unit in the last place of float32 */
#define LANES 16
#if defined(__AVX512F__) /* 32 registers of 16 floats: 8 points × 32 centroids */
#define ROWS 8
#define WIDE 2
#define REGISTER 16
#elif defined(__AVX__) /* 16 registers of 8 */
#define ROWS 6
#define WIDE 1
#define REGISTER 8
#else /* 16 or 32 of 4 */
#define ROWS 3
#define WIDE 1
#define REGISTER 4
#endif
#define PAIR (REGISTER / 2) /* doubles in a register; wider vectors of doubles go through memory */
#define BLOCK (LANES * WIDE)
#define SEATS 8 /* ROWS, rounded up to what runs in vectors */
#if defined(__AVX512VNNI__) && defined(__AVX512F__)
#define CODE_BYTES 1 /* four products an instruction and lane, of signed by unsigned codes */
#define CODE_TOP 127
#define CODE_OFFSET 128
typedef int8_t code_t;
#elif defined(__AVX2__) && !defined(__AVX512F__)
#define CODE_BYTES 2 /* two, where float32 makes one */
#define CODE_TOP 32767
#define CODE_OFFSET 0
typedef int16_t code_t;
#else
#define CODE_BYTES 0
#define CODE_TOP 127
#define CODE_OFFSET 0
typedef int8_t code_t;
#endif
#define CODES_A_WORD (4 / (int64_t)sizeof(code_t))
#define LONGEST 43000 /* codes of two vectors whose norms are below this have a sum of products that fits in an int32 */

typedef float lanes_f __attribute__((vector_size(64), aligned(4), may_alias));
typedef float register_f __attribute__((vector_size(4 * REGISTER), aligned(4), may_alias));
typedef int32_t register_i __attribute__((vector_size(4 * REGISTER), aligned(4), may_alias));
typedef int32_t lanes_i __attribute__((vector_size(64), aligned(4), may_alias));
typedef double pair_d __attribute__((vector_size(4 * REGISTER), aligned(8), may_alias));
typedef float pair_f __attribute__((vector_size(2 * REGISTER), aligned(4), may_alias));
typedef float half_f __attribute__((vector_size(32), aligned(4), may_alias));

/* Codes of all points, and of all centroids in their blocks. */
typedef struct {
    code_t *code;       /* points × words(dims) · CODES_A_WORD */
    float *step, *lost; /* points: x ≈ step · code, to within a vector of norm `lost` */
    int32_t *start;     /* points: −CODE_OFFSET · Σcode, which centroids of code + CODE_OFFSET need; else NULL */
    void *block;        /* blocks × words(dims) × BLOCK words */
    float *about;       /* blocks × 3: step, largest |c|, largest norm of what the codes lost */
} Codes;

typedef struct {
    int64_t points, centroids, dims, chunk, groups, blocks_per_group, threads;
    int64_t points_are_double, coded, head; /* head: its dimensions, or 0 where there is none */
    double scale;
    const void *x;           /* points × dims */
    const double *c;         /* centroids × dims */
    const double *mean;      /* dims, each a float32 number */
    const float *centre;     /* scale · mean, in float32 */
    const double *weights;   /* points, or NULL for 1 each */
    const int32_t *place;    /* position in the blocks → centroid, −1 where a lane is empty */
    const int32_t *position; /* centroid → position */
    const int64_t *previous; /* points, or NULL in the first pass */
    int64_t *labels;         /* points */
    float *upper;            /* points: a bound on the distance to the own centroid, from pass to pass */
    float *bounds;           /* chunks × groups × chunk, or NULL if there is no next pass */
    const float *moved;      /* centroids: how far each moved since the last pass, rounded up */
    const float *drift;      /* groups: the largest of these */
    float *square;           /* points: |x|² */
    float *row;              /* centroids × dims, in float32 */
    float *length;           /* centroids: |c|, rounded up */
    float *norm;             /* blocks × BLOCK: |c|², infinite in an empty lane */
    const float *axes;       /* head / LANES × dims × LANES, orthonormal, the last column 0 */
    double *total;           /* chunks: Σ weight · |x|² from argrad_describe_points, labels changed from argrad_assign */
    double *own;             /* points: what argrad_distances writes */
    Codes full, heads;       /* of x and c (not coded: `block` holds −2c, blocks × dims × BLOCK floats), of their heads */
} Job;

static inline int64_t words(int64_t dims) { return (dims + CODES_A_WORD - 1) / CODES_A_WORD; }
/* By how much of |x|, at most, the coordinates of a head are off: float32 sums of `dims` terms along `head` axes. */
static inline float heads_lose(const Job *job) { return sqrtf((float)job->head) * (float)(job->dims + 32) * UNIT; }
static inline int64_t chunks(const Job *job) { return (job->points + job->chunk - 1) / job->chunk; }
static inline int64_t chunk_end(const Job *job, int64_t task) {
    return (task + 1) * job->chunk < job->points ? (task + 1) * job->chunk : job->points;
}

typedef struct {
    void (*work)(const void *shared, int64_t task, void *scratch);
    const void *shared;
    int64_t tasks, next;
    size_t scratch_bytes;
    int failed;
} Team;

/* 0, or 1 when memory ran out */
int argrad_share(int64_t threads, Team *team);

#endif
