/* SPDX-License-Identifier: MIT
 *
 * Runs vector programs: the rows of a box, the phases of a row, the strips of a phase; loads and
 * stores with their conversions; row reductions on 16 fixed lanes. */
#include "backends/cpu/isa/vm.h"

#include <math.h>

#include "base/blocks.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

/* Native vectors: N_V of them are the 16 lanes of a reduction. */
#if defined(__AVX512F__)
#define V_BYTES 64
#elif defined(__AVX2__)
#define V_BYTES 32
#else
#define V_BYTES 16
#endif
enum { V_LEN = V_BYTES / 4, N_V = 16 / V_LEN };
typedef float vec __attribute__((vector_size(V_BYTES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(V_BYTES), aligned(4), may_alias));

typedef struct run {
    const ogi_vprog *v;
    const ogi_voperand *operand;
    char **base;   /* of each slot */
    int64_t *elem; /* of each access: the row's element 0 */
    float *acc;    /* 16 lanes for each reduction */
    float *quant;
    void *decode_scratch;
    int64_t coord[OG_MAX_RANK];
} run;

/* Where slot s of lane o is: accesses and rows move along the row. */
static inline char *slot_at(const run *r, int s, int64_t o)
{
    unsigned n_moving = (unsigned)(r->v->n_access + r->v->n_row);
    return r->base[s] + ((unsigned)(s - r->v->n_scalar) < n_moving ? o * 4 : 0);
}

/* Element 0 of the current row for an access. */
static int64_t row_element(const run *r, const ogi_vaccess *a)
{
    const ogi_voperand *o = &r->operand[a->operand];
    int64_t e = o->offset;
    for (int k = 0; k < r->v->rank - 1; k++) e += o->stride[k] * r->coord[k];
    for (int j = 0; j < a->n_coord; j++) {
        e += o->own[a->axis[j]] * *(const ogi_lane_i *)(void *)r->base[a->coord[j]];
    }
    return e;
}

/* ---- loads ----------------------------------------------------------------------------------- */
/* Element of lane i: e + i * step, plus index[i] * scale if there is an index. */
typedef struct lane_map {
    int64_t step, scale;
    const ogi_lane_i *index; /* NULL: none */
} lane_map;

static lane_map map_of(const run *r, const ogi_vaccess *a, int index_slot, int64_t o)
{
    const ogi_voperand *op = &r->operand[a->operand];
    lane_map m = { op->stride[r->v->rank - 1], 0, NULL };
    if (index_slot >= 0) {
        m.index = (const ogi_lane_i *)(void *)slot_at(r, index_slot, o);
        m.scale = op->own[a->lane_axis];
    }
    return m;
}

static void gather_32(ogi_lane_i *d, const ogi_lane_i *p, const lane_map *m, int n)
{
    int64_t step = m->step, scale = m->scale;
    const ogi_lane_i *index = m->index;
    if (!index) {
        OGI_VM_LANES
        {
            d[i] = p[i * step];
        }
    } else if (step == 0 && scale == 1) {
        OGI_VM_LANES
        {
            d[i] = p[index[i]];
        }
    } else {
        OGI_VM_LANES
        {
            d[i] = p[i * step + index[i] * scale];
        }
    }
}

static void gather_16(uint16_t *d, const uint16_t *p, const lane_map *m, int n)
{
    for (int i = 0; i < n; i++) {
        d[i] = p[i * m->step + (m->index ? m->index[i] * m->scale : 0)];
    }
}

static void load_16(ogi_velement kind, ogi_lane_f *d, const uint16_t *p, const lane_map *m, int n)
{
    uint16_t raw[OGI_V_STRIP];
    if (m->index || m->step != 1) {
        gather_16(raw, p, m, n);
        p = raw;
    }
    if (kind == OGI_V_F16) {
        OGI_ISA(ogi_vm_of_f16)((float *)d, p, n);
    } else {
        OGI_VM_LANES
        {
            d[i] = ogi_f32_of_bf16(p[i]);
        }
    }
}

/* Whole blocks around elements e .. e + n - 1 of a contiguous row. */
static void load_blocks(const run *r, const ogi_vaccess *a, ogi_lane_f *d, int64_t e, int n)
{
    const char *p = r->operand[a->operand].base;
    int64_t first = e / a->block, skip = e - first * a->block;
    int64_t count = (skip + n + a->block - 1) / a->block;
    bool is_whole = skip == 0 && n % a->block == 0;
    float *out = is_whole ? (float *)d : r->quant;
    p += first * a->block_bytes;
    if (a->decode)
        a->decode->run(a->decode->decoder, p, count * a->block, out, r->decode_scratch);
    else
        r->v->kernels->dequantize(a->dtype, p, count * a->block, out);
    if (!is_whole) memcpy(d, out + skip, (size_t)n * sizeof *d);
}

/* A8 rows: codes, then scales. */
static void load_a8(const ogi_vaccess *a, ogi_lane_f *d, const char *p, int64_t e,
                    const lane_map *m, int n)
{
    int64_t row_bytes = OGI_ALIGN(a->a8_row * 5 / 4, 64);
    for (int i = 0; i < n; i++) {
        int64_t at = e + i * m->step + (m->index ? m->index[i] * m->scale : 0);
        const char *row = p + at / a->a8_row * row_bytes;
        float scale;
        at %= a->a8_row;
        memcpy(&scale, row + a->a8_row + at / 32 * 4, sizeof scale);
        d[i] = (float)(int8_t)row[at] * scale;
    }
}

static void load(const run *r, const ogi_vins *in, void *d, int64_t e, int64_t o, int n)
{
    const ogi_vaccess *a = &r->v->access[in->access];
    const char *p = r->operand[a->operand].base;
    lane_map m = map_of(r, a, in->a, o);
    e += o * m.step;
    switch (a->element) {
    case OGI_V_WORDS: gather_32(d, (const ogi_lane_i *)(const void *)p + e, &m, n); return;
    case OGI_V_F16:
    case OGI_V_BF16: load_16(a->element, d, (const uint16_t *)(const void *)p + e, &m, n); return;
    case OGI_V_A8: load_a8(a, d, p, e, &m, n); return;
    case OGI_V_BLOCKS: load_blocks(r, a, d, e, n); return;
    }
}

/* ---- stores ---------------------------------------------------------------------------------- */
static void scatter_32(ogi_lane_i *p, const ogi_lane_i *a, const lane_map *m, int n)
{
    for (int i = 0; i < n; i++) {
        p[i * m->step + (m->index ? m->index[i] * m->scale : 0)] = a[i];
    }
}

static void store_16(ogi_velement kind, uint16_t *p, const ogi_lane_f *a, const lane_map *m, int n)
{
    uint16_t raw[OGI_V_STRIP];
    uint16_t *d = m->index || m->step != 1 ? raw : p;
    if (kind == OGI_V_F16) {
        OGI_ISA(ogi_vm_to_f16)(d, (const float *)a, n);
    } else {
        OGI_VM_LANES
        {
            d[i] = ogi_bf16_of_f32(a[i]);
        }
    }
    for (int i = 0; d == raw && i < n; i++) {
        p[i * m->step + (m->index ? m->index[i] * m->scale : 0)] = raw[i];
    }
}

/* Whole blocks from element e on. */
static void store_blocks(const ogi_vaccess *a, char *p, const float *x, int64_t e, int n)
{
    uint8_t *block = (uint8_t *)p + e / a->block * a->block_bytes;
    for (int i = 0; i < n; i += a->block, block += a->block_bytes) {
        if (a->dtype == OG_Q8_0) ogi_q8_0_of_f32(x + i, block);
        if (a->dtype == OG_Q4_0) ogi_q4_0_of_f32(x + i, block);
    }
}

static void store(const run *r, const ogi_vins *in, const void *v, int64_t e, int64_t o, int n)
{
    const ogi_vaccess *a = &r->v->access[in->access];
    char *p = r->operand[a->operand].base;
    lane_map m = map_of(r, a, in->b, o);
    int32_t fill[OGI_V_STRIP];
    if (e < 0) return; /* a coordinate of -1: nowhere */
    e += o * m.step;
    if ((in->shape & 1) && n > 1) {
        OGI_ISA(ogi_vm_lanes)(OGI_V_MOVE, 1, fill, v, NULL, NULL, n);
        v = fill;
    }
    if (a->element == OGI_V_F16 || a->element == OGI_V_BF16) {
        store_16(a->element, (uint16_t *)(void *)p + e, v, &m, n);
    } else if (a->element == OGI_V_BLOCKS) {
        store_blocks(a, p, v, e, n);
    } else {
        scatter_32((ogi_lane_i *)(void *)p + e, v, &m, n);
    }
}

static void store_a8(const run *r, const ogi_vquant *q)
{
    const ogi_vaccess *a = &r->v->access[q->access];
    int64_t n = a->a8_row, row = r->elem[q->access] / n;
    char *p = r->operand[a->operand].base;
    p += row * OGI_ALIGN(n * 5 / 4, 64);
    r->v->kernels->quantize_a8((const float *)(void *)r->base[q->row], n, p);
}

/* ---- reductions ------------------------------------------------------------------------------ */
/* Lane j of 16 takes the values whose last coordinate is j modulo 16: strips start at such. */
static inline void reduce_lanes(float *acc, const ogi_lane_f *a, bool is_max, int n)
{
    vec s[N_V];
    int i = 0;
    memcpy(s, acc, sizeof s);
    for (; i + 16 <= n; i += 16) {
        for (int k = 0; k < N_V; k++) {
            vec x = *(const vec *)(const void *)(a + i + k * V_LEN);
            if (is_max) {
                ivec m = x > s[k];
                s[k] = (vec)(((ivec)x & m) | ((ivec)s[k] & ~m));
            } else {
                s[k] += x;
            }
        }
    }
    memcpy(acc, s, sizeof s);
    for (int j = 0; i < n; i++, j++) {
        if (is_max) {
            acc[j] = a[i] > acc[j] ? a[i] : acc[j];
        } else {
            acc[j] += a[i];
        }
    }
}

static void reduce(const run *r, const ogi_vins *in, const void *a, int n)
{
    bool is_max = in->op == OGI_KX_ROW_MAX;
    float *acc = r->acc + in->dst * 16;
    float fill[16];
    if (!(in->shape & 1)) {
        is_max ? reduce_lanes(acc, a, true, n) : reduce_lanes(acc, a, false, n);
        return;
    }
    OGI_ISA(ogi_vm_lanes)(OGI_V_MOVE, 1, fill, a, NULL, NULL, 16);
    for (int i = 0; i < n; i += 16) reduce_lanes(acc, fill, is_max, OGI_MIN(16, n - i));
}

static void start_reduction(const run *r, const ogi_vreduce *red)
{
    for (int j = 0; j < 16; j++) r->acc[red->acc * 16 + j] = red->is_max ? -INFINITY : 0.0f;
}

static void finish_reduction(const run *r, const ogi_vreduce *red)
{
    float *s = r->acc + red->acc * 16;
    for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) {
            float x = s[j], y = s[j + half];
            s[j] = red->is_max ? (x > y ? x : y) : x + y;
        }
    }
    *(ogi_lane_f *)(void *)r->base[red->dst] = s[0];
}

/* ---- instructions ---------------------------------------------------------------------------- */
static void run_strip(const run *r, const ogi_vphase *ph, int64_t o, int n)
{
    const ogi_vins *end = ph->strip + ph->n_strip;
    for (const ogi_vins *in = ph->strip; in < end; in++) {
        void *d = in->dst >= 0 ? slot_at(r, in->dst, o) : NULL;
        const void *a = in->a >= 0 ? slot_at(r, in->a, o) : NULL;
        const void *b = in->b >= 0 ? slot_at(r, in->b, o) : NULL;
        const void *c = in->c >= 0 ? slot_at(r, in->c, o) : NULL;
        switch (in->op) {
        case OGI_KX_COORD:
            for (int i = 0; i < n; i++) ((ogi_lane_i *)d)[i] = (int32_t)(o + i);
            break;
        case OGI_KX_LOAD: load(r, in, d, r->elem[in->access], o, n); break;
        case OGI_KX_STORE: store(r, in, a, r->elem[in->access], o, n); break;
        case OGI_KX_ROW_SUM:
        case OGI_KX_ROW_MAX: reduce(r, in, a, n); break;
        case OGI_KX_ROW_AT:
        case OGI_KX_ROW_AT | OGI_V_INT: {
            const lane_map m = { 0, 1, b };
            gather_32(d, (const ogi_lane_i *)(void *)r->base[in->a], &m, n);
            break;
        }
        default: OGI_ISA(ogi_vm_lanes)(in->op, in->shape, d, a, b, c, n);
        }
    }
}

static void run_uniform(const run *r, const ogi_vins *in, int n_ins)
{
    for (const ogi_vins *end = in + n_ins; in < end; in++) {
        char *const *base = r->base;
        void *d = in->dst >= 0 ? base[in->dst] : NULL;
        const void *a = in->a >= 0 ? base[in->a] : NULL;
        const void *b = in->b >= 0 ? base[in->b] : NULL;
        const void *c = in->c >= 0 ? base[in->c] : NULL;
        switch (in->op) {
        case OGI_KX_CONST: *(ogi_lane_i *)d = in->imm.i; break;
        case OGI_KX_COORD: *(ogi_lane_i *)d = (int32_t)r->coord[in->imm.i]; break;
        case OGI_KX_LOAD: load(r, in, d, row_element(r, &r->v->access[in->access]), 0, 1); break;
        case OGI_KX_STORE: store(r, in, a, row_element(r, &r->v->access[in->access]), 0, 1); break;
        case OGI_KX_ROW_AT:
        case OGI_KX_ROW_AT | OGI_V_INT:
            *(ogi_lane_i *)d = ((const ogi_lane_i *)a)[*(const ogi_lane_i *)b];
            break;
        default: OGI_ISA(ogi_vm_lanes)(in->op, in->shape, d, a, b, c, 1);
        }
    }
}

static void run_phase(const run *r, const ogi_vphase *ph, int64_t lo, int64_t hi)
{
    const ogi_vprog *v = r->v;
    run_uniform(r, ph->uniform, ph->n_uniform);
    for (int i = 0; i < ph->n_access; i++) {
        const ogi_vaccess *a = &v->access[ph->access[i]];
        int64_t e = row_element(r, a);
        r->elem[ph->access[i]] = e;
        r->base[a->slot] = (char *)r->operand[a->operand].base + e * a->block_bytes / a->block;
    }
    for (int i = 0; i < ph->n_reduce; i++) start_reduction(r, &ph->reduce[i]);
    for (int64_t o = lo; ph->n_strip > 0 && o < hi; o += v->strip) {
        run_strip(r, ph, o, (int)OGI_MIN(v->strip, hi - o));
    }
    for (int i = 0; i < ph->n_reduce; i++) finish_reduction(r, &ph->reduce[i]);
    for (int i = 0; i < ph->n_quant; i++) store_a8(r, &ph->quant[i]);
}

static char *take(char **at, size_t n)
{
    char *p = *at;
    *at += OGI_ALIGN(n, 64);
    return p;
}

/* Parts of the scratch, in the order that vprog.c measures. */
static void place_slots(run *r, char *at)
{
    const ogi_vprog *v = r->v;
    r->base = (char **)(void *)take(&at, (size_t)v->n_slot * sizeof(char *));
    r->elem = (int64_t *)(void *)take(&at, (size_t)v->n_access * sizeof(int64_t));
    char *scalar = take(&at, (size_t)v->n_scalar * 4);
    r->acc = (float *)(void *)take(&at, (size_t)v->n_acc * 64);
    r->quant = (float *)(void *)take(&at, OGI_V_QUANT_TEMP * 4);
    r->decode_scratch = take(&at, v->decode_scratch);
    for (int i = 0; i < v->n_scalar; i++) r->base[i] = scalar + (size_t)i * 4;
    int s = v->n_scalar + v->n_access;
    for (int i = 0; i < v->n_row; i++) r->base[s++] = take(&at, (size_t)v->row_max * 4);
    for (int i = 0; i < v->n_reg; i++) r->base[s++] = take(&at, (size_t)v->strip * 4);
}

void OGI_ISA(ogi_vm_run)(const ogi_vprog *v, const ogi_voperand *operand, const int64_t *lo,
                         const int64_t *hi, void *scratch)
{
    run r = { .v = v, .operand = operand };
    int last = v->rank - 1;
    for (int k = 0; k < v->rank; k++) {
        if (lo[k] >= hi[k]) return;
        r.coord[k] = lo[k];
    }
    place_slots(&r, scratch);
    run_phase(&r, &v->once, lo[last], hi[last]);
    for (;;) {
        for (int i = 0; i < v->n_phase; i++) run_phase(&r, &v->phase[i], lo[last], hi[last]);
        int k = last - 1;
        for (; k >= 0 && ++r.coord[k] == hi[k]; k--) r.coord[k] = lo[k];
        if (k < 0) return;
    }
}
