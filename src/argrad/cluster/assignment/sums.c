/* Weighted sums of the points of every label, in float64. A thread owns a range of labels and takes the points in their
 * order, so that a sum is the same, to the bit, for any number of threads. */
#include "job.h"

typedef struct {
    const Job *job;
    double *sums, *counts; /* centroids × dims, centroids */
    int64_t parts, changes_only;
} Sums;

static void add(const Sums *to, int64_t i, int64_t j, double weight) {
    const Job *job = to->job;
    double *sum = to->sums + j * job->dims;
    to->counts[j] += weight;
    if (job->points_are_double) {
        const double *x = (const double *)job->x + i * job->dims;
        for (int64_t t = 0; t < job->dims; t++) sum[t] += weight * x[t];
    } else {
        const float *x = (const float *)job->x + i * job->dims;
        for (int64_t t = 0; t < job->dims; t++) sum[t] += weight * (double)x[t];
    }
}

static void add_labels(void *shared, int64_t part, void *scratch) {
    (void)scratch;
    const Sums *to = shared;
    const Job *job = to->job;
    int64_t first = job->centroids * part / to->parts, end = job->centroids * (part + 1) / to->parts;
    for (int64_t i = 0; i < job->points; i++) {
        int64_t now = job->labels[i], before = to->changes_only ? job->previous[i] : -1;
        if (now == before) continue;
        double weight = job->weights ? job->weights[i] : 1;
        if (before >= first && before < end) add(to, i, before, -weight);
        if (now >= first && now < end) add(to, i, now, weight);
    }
}

int argrad_sums(const Job *job, double *sums, double *counts, int64_t changes_only) {
    Sums to = {job, sums, counts, job->threads < job->centroids ? job->threads : job->centroids, changes_only};
    Team team = {.work = add_labels, .shared = &to, .tasks = to.parts};
    return argrad_share(job->threads, &team);
}

int argrad_has_int8(void) { return HAS_INT8; }
