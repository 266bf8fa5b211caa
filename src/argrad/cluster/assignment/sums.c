/* Weighted sums of the centred points of every label, in float64. A task owns a range of labels and takes the points in
 * their order, so that a sum is the same, to the bit, for any number of threads. */
#include "distance.h"

typedef struct {
    const Job *job;
    double *sums, *counts; /* centroids × dims, centroids */
    int64_t parts, changes_only;
} Sums;

static void add(const Sums *to, int64_t i, int64_t j, double weight) {
    const Job *job = to->job;
    double *sum = to->sums + j * job->dims;
    int64_t at = i * job->dims, t = 0;
    to->counts[j] += weight;
    for (; t + PAIR <= job->dims; t += PAIR)
        *(pair_d *)(sum + t) += weight * (widened(job, at + t) - *(const pair_d *)(job->mean + t));
    for (; t < job->dims; t++) {
        double x = job->points_are_double ? ((const double *)job->x)[at + t] : (double)((const float *)job->x)[at + t];
        sum[t] += weight * (x - job->mean[t]);
    }
}

static void add_labels(const void *shared, int64_t part, void *scratch) {
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
