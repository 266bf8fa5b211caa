/* One team of threads a call, each member takes task after task. No pool stays behind: nothing spins, a fork is safe. */
#include "job.h"
#include <pthread.h>

#define MOST 256

static void *member(void *arg) {
    Team *team = arg;
    void *scratch = team->scratch_bytes ? aligned_alloc(64, (team->scratch_bytes + 63) / 64 * 64) : NULL;
    if (team->scratch_bytes && !scratch) {
        __atomic_store_n(&team->failed, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    for (;;) {
        int64_t task = __atomic_fetch_add(&team->next, 1, __ATOMIC_RELAXED);
        if (task >= team->tasks) break;
        team->work(team->shared, task, scratch);
    }
    free(scratch);
    return NULL;
}

int argrad_share(int64_t threads, Team *team) {
    pthread_t id[MOST];
    int64_t extra = 0;
    if (threads > team->tasks) threads = team->tasks;
    if (threads > MOST) threads = MOST;
    while (extra + 1 < threads && pthread_create(&id[extra], NULL, member, team) == 0) extra++;
    member(team);
    for (int64_t t = 0; t < extra; t++) pthread_join(id[t], NULL);
    return team->failed;
}
