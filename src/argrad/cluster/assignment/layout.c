/* Points and centroids in the coordinates of the screen, and as codes of one or two bytes where these are quicker. */
#include "distance.h"
#include "screen.h"

static int64_t padded(int64_t dims) { return (dims + LANES - 1) / LANES * LANES; }

/* Write one point, centred and scaled, to v; return its square. */
static double centre(const Job *job, int64_t i, float *v) {
    const double *mean = job->mean;
    double scale = job->scale, square = 0;
    pair_d sum = {0};
    int64_t at = i * job->dims, t = 0;
    for (; t + PAIR <= job->dims; t += PAIR) {
        pair_d x = (widened(job, at + t) - *(const pair_d *)(mean + t)) * scale;
        sum += x * x;
        *(pair_f *)(v + t) = __builtin_convertvector(x, pair_f);
    }
    for (; t < job->dims; t++) {
        double x = job->points_are_double ? ((const double *)job->x)[at + t] : (double)((const float *)job->x)[at + t];
        x = (x - mean[t]) * scale;
        square += x * x;
        v[t] = (float)x;
    }
    for (int p = 0; p < PAIR; p++) square += sum[p];
    return square;
}

static float largest(const float *v, int64_t n) {
    int32_t most = 0; /* without the sign, floats order as their bits do */
    for (int64_t t = 0; t < n; t++) {
        int32_t bits;
        memcpy(&bits, v + t, 4);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float out;
    memcpy(&out, &most, 4);
    return out;
}

/* The step of codes that hold a vector of this largest entry and this norm. */
static float step_for(float most, float norm) {
    float step = most / CODE_TOP;
    return CODE_BYTES == 2 && norm / LONGEST > step ? norm / LONGEST : step;
}

/* Heads of ROWS vectors: coordinates along a few axes, and the length of what is left. As
 *   x·c = Σ_axes x_a c_a + (rest of x)·(rest of c) ≤ head(x)·head(c),   |head(x)| = |x|,
 * heads are no farther apart than x and c are. The length is rounded up by more than the coordinates may be off. */
static void heads_of(const Job *job, const float *const *v, const double *square, float *const *head) {
    const lanes_f none[WIDE] = {{0}};
    double within[ROWS] = {0};
    for (int64_t a = 0; a < job->head; a += BLOCK) {
        Tile tile;
        tile_float(job->dims, v, job->axes + a * job->dims, none, &tile);
        for (int r = 0; r < ROWS; r++) {
            memcpy(head[r] + a, tile.score[r], BLOCK * 4);
            for (int l = 0; l < BLOCK; l++) within[r] += (double)head[r][a + l] * head[r][a + l];
        }
    }
    for (int r = 0; r < ROWS; r++) {
        double rest = square[r] > within[r] ? square[r] - within[r] : 0;
        head[r][job->head - 1] = (float)sqrt(rest + 4 * heads_lose(job) * square[r]);
    }
}

/* v ≈ step · code. Returns the norm of the difference, rounded up. v is padded with zeros. */
static float encode(const float *v, int64_t dims, float step, code_t *code, int32_t *sum) {
    float inverse = step > 1e-30f ? 1 / step : 0, top = CODE_TOP;
    int64_t end = words(dims) * CODES_A_WORD;
    lanes_f squares = {0};
    int32_t codes = 0;
    for (int64_t t = 0; t < dims; t += LANES) {
        float gap[LANES];
        code_t q[LANES];
        for (int l = 0; l < LANES; l++) {
            float near = rintf(v[t + l] * inverse);
            near = near > top ? top : near < -top ? -top : near;
            q[l] = (code_t)near;
            gap[l] = v[t + l] - step * near;
            codes += (int32_t)near;
        }
        squares += *(lanes_f *)gap * *(lanes_f *)gap;
        memcpy(code + t, q, (size_t)(end - t < LANES ? end - t : LANES) * sizeof(code_t));
    }
    float square = 0;
    for (int l = 0; l < LANES; l++) square += squares[l];
    *sum = codes;
    return sqrtf(square) * (1 + (float)dims * UNIT) + 2 * (top + 1) * UNIT * step * sqrtf((float)dims);
}

static void describe_point(const Codes *to, int64_t i, const float *v, int64_t dims, double square) {
    int32_t sum;
    to->step[i] = step_for(largest(v, padded(dims)), (float)sqrt(square));
    to->lost[i] = encode(v, dims, to->step[i], to->code + i * words(dims) * CODES_A_WORD, &sum);
    if (to->start) to->start[i] = -CODE_OFFSET * sum;
}

static void describe_points(const void *shared, int64_t task, void *scratch) {
    const Job *job = shared;
    double total = 0;
    for (int64_t i = task * job->chunk; i < chunk_end(job, task); i++) {
        double square = centre(job, i, scratch);
        total += job->weights ? job->weights[i] * square : square;
        job->square[i] = (float)square;
    }
    job->total[task] = total;
}

static void describe_codes(const void *shared, int64_t task, void *scratch) {
    const Job *job = shared;
    memset(scratch, 0, (size_t)padded(job->dims) * 4);
    for (int64_t i = task * job->chunk; i < chunk_end(job, task); i++)
        describe_point(&job->full, i, scratch, job->dims, centre(job, i, scratch));
}

static void describe_heads(const void *shared, int64_t task, void *scratch) {
    const Job *job = shared;
    const float *v[ROWS];
    float *head[ROWS];
    double square[ROWS];
    for (int r = 0; r < ROWS; r++) {
        v[r] = (float *)scratch + r * job->dims;
        head[r] = (float *)scratch + ROWS * job->dims + r * job->head;
    }
    for (int64_t i = task * job->chunk; i < chunk_end(job, task); i += ROWS) {
        int rows = chunk_end(job, task) - i < ROWS ? (int)(chunk_end(job, task) - i) : ROWS;
        for (int r = 0; r < ROWS; r++) square[r] = centre(job, i + (r < rows ? r : 0), (float *)v[r]);
        heads_of(job, v, square, head);
        for (int r = 0; r < rows; r++) describe_point(&job->heads, i + r, head[r], job->head, square[r] * (1 + 8 * heads_lose(job)));
    }
}

static int describe(const Job *job, void (*work)(const void *, int64_t, void *)) {
    Team team = {.work = work, .shared = job, .tasks = chunks(job)};
    team.scratch_bytes = (size_t)(ROWS * (padded(job->dims) + job->head)) * 4;
    return argrad_share(job->threads, &team);
}

int argrad_describe_points(const Job *job) { return describe(job, describe_points); }
int argrad_describe_codes(const Job *job) { return describe(job, describe_codes); }
int argrad_describe_heads(const Job *job) { return describe(job, describe_heads); }

/* Vector w of step t of a block lies at ((b · WIDE + w) · steps + t): LANES floats, or LANES words of codes. */
static void lay_float(const Job *job, int64_t at, const float *v) {
    float *to = (float *)job->full.block + at / LANES * job->dims * LANES + at % LANES;
    for (int64_t t = 0; t < job->dims; t++) to[t * LANES] = -2 * v[t];
}

static float lay_codes(const Codes *codes, int64_t dims, int64_t at, const float *v, float step, code_t *code) {
    int32_t sum;
    float lost = encode(v, dims, step, code, &sum);
    code_t *to = (code_t *)codes->block + (at / LANES * words(dims) * LANES + at % LANES) * CODES_A_WORD;
    for (int64_t t = 0; t < words(dims) * CODES_A_WORD; t++)
        to[t / CODES_A_WORD * LANES * CODES_A_WORD + t % CODES_A_WORD] = (code_t)(code[t] + CODE_OFFSET);
    return lost;
}

/* All vectors of a block, BLOCK × padded(dims), share the step of the largest, so that one factor turns a sum of codes
   into a score. `length` is no less than any of theirs. */
static void lay_block_of(const Codes *codes, int64_t dims, int64_t b, const float *v, float length, code_t *code) {
    float *about = codes->about + b * 3;
    about[0] = step_for(largest(v, BLOCK * padded(dims)), length);
    about[1] = length;
    about[2] = 0;
    for (int l = 0; l < BLOCK; l++)
        about[2] = fmaxf(about[2], lay_codes(codes, dims, b * BLOCK + l, v + l * padded(dims), about[0], code));
}

/* Write the centroid of lane l, centred and scaled, to v; return its square. An empty lane is 0, at an infinite norm. */
static double lay_centroid(const Job *job, int64_t at, float *v) {
    int32_t j = job->place[at];
    double square = 0;
    for (int64_t t = 0; j >= 0 && t < job->dims; t++) {
        double c = (job->c[j * job->dims + t] - job->mean[t]) * job->scale;
        square += c * c;
        v[t] = job->row[j * job->dims + t] = (float)c;
    }
    job->norm[at] = j < 0 ? INFINITY : (float)square;
    if (j >= 0) job->length[j] = (float)sqrt(square) * (1 + 4 * UNIT);
    return square;
}

/* Heads of the centroids v of a block, `width` apart; what is read past the last is the first again. */
static void lay_heads(const Job *job, const float *v, int64_t width, const double *square, float *heads) {
    const float *from[ROWS];
    float *to[ROWS];
    double squares[ROWS];
    for (int first = 0; first < BLOCK; first += ROWS) {
        for (int r = 0; r < ROWS; r++) {
            int l = first + r < BLOCK ? first + r : first;
            from[r] = v + l * width;
            to[r] = heads + l * job->head;
            squares[r] = square[l];
        }
        heads_of(job, from, squares, to);
    }
}

static void lay_block(const void *shared, int64_t b, void *scratch) {
    const Job *job = shared;
    int64_t width = padded(job->dims);
    float *v = scratch, *heads = v + BLOCK * width, length = 0;
    code_t *code = (code_t *)(heads + BLOCK * job->head);
    double square[BLOCK];
    memset(v, 0, (size_t)(BLOCK * width) * 4);
    for (int l = 0; l < BLOCK; l++) {
        square[l] = lay_centroid(job, b * BLOCK + l, v + l * width);
        if (!job->coded) lay_float(job, b * BLOCK + l, v + l * width);
        length = fmaxf(length, (float)sqrt(square[l]) * (1 + 4 * UNIT));
    }
    job->full.about[b * 3 + 1] = length;
    if (job->coded) lay_block_of(&job->full, job->dims, b, v, length, code);
    if (!job->head) return;
    lay_heads(job, v, width, square, heads);
    lay_block_of(&job->heads, job->head, b, heads, length * (1 + 8 * heads_lose(job)), code);
}

int argrad_lay_centroids(const Job *job) {
    Team team = {.work = lay_block, .shared = job, .tasks = job->groups * job->blocks_per_group};
    team.scratch_bytes = (size_t)(padded(job->dims) * (BLOCK + 1) + job->head * BLOCK) * 4;
    return argrad_share(job->threads, &team);
}

int64_t argrad_block(void) { return BLOCK; }
int64_t argrad_code_bytes(void) { return CODE_BYTES; }
