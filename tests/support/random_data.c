/* SPDX-License-Identifier: MIT
 *
 * Data for the leaves of random graphs. The name says what a leaf must hold:
 *
 *     index.N.B          I32 below B
 *     pos, seq_start, kv_len, page_table, slot, state_slot      the sequences of the step
 *
 * anything else is uniform in [-1, 1]; I32 in -9..9; quantized types are random blocks. */
#include <math.h>
#include <stdlib.h>

#include "base/half.h"
#include "graph/dim.h"
#include "graph/dtype.h"
#include "graph/kx.h"
#include "graph/layout.h"
#include "tests/support/random_graph.h"

enum { PAGE = 64, MAX_SEQ = 8 };

/* The sequences of a step: n_tok tokens each after n_past earlier ones. */
typedef struct step {
    int64_t n_seq, n_tok;
    int64_t n_page; /* of each sequence */
    int64_t first[MAX_SEQ + 1], past[MAX_SEQ];
} step;

static uint64_t hash(uint64_t seed, const char *name)
{
    for (; *name; name++) seed = ogi_random(&seed) ^ (unsigned char)*name;
    return seed;
}

static float uniform(uint64_t *r)
{
    return (float)((double)(ogi_random(r) >> 40) / (1 << 23) - 1);
}

static int64_t below(uint64_t *r, int64_t n)
{
    return (int64_t)(ogi_random(r) % (uint64_t)n);
}

static int64_t symbol(const og_graph *g, const char *name, const int64_t *sym)
{
    for (int i = 0; i < g->n_sym; i++)
        if (!strcmp(g->sym[i].name, name)) return sym[i];
    return 1;
}

/* Pages of a sequence, by the graph's page table. */
static int64_t page_count(const og_graph *g)
{
    for (int64_t i = 0; i < g->n_node; i++)
        if (g->node[i]->name && !strcmp(g->node[i]->name, "page_table"))
            return g->node[i]->shape.dim[1].b;
    return 2;
}

static step make_step(const og_graph *g, uint64_t seed, const int64_t *sym)
{
    uint64_t r = hash(seed, "step");
    step s = { symbol(g, "S", sym), symbol(g, "T", sym), page_count(g), { 0 }, { 0 } };
    for (int64_t i = 0; i < s.n_seq; i++) {
        int64_t left = s.n_tok - s.first[i], later = s.n_seq - 1 - i;
        int64_t n = later ? 1 + below(&r, left - later) : left;
        s.first[i + 1] = s.first[i] + n;
        s.past[i] = below(&r, 3) ? below(&r, s.n_page * PAGE - n + 1) : 0;
    }
    return s;
}

/* Page p of sequence s of those with n pages each: injective unless 7 divides n - 1. */
static int32_t page_of(int64_t s, int64_t p, int64_t n)
{
    return (int32_t)((s * n + p) * 7 % (MAX_SEQ * n - 1));
}

int32_t ogt_page_of(const og_graph *g, int64_t page)
{
    return page_of(0, page, page_count(g));
}

/* Fills an I32 leaf. */
static void fill_ints(const ogt_leaf *l, const step *st, uint64_t r)
{
    int32_t *v = l->bytes;
    int64_t n = l->size / 4, bound = 0;
    if (!strncmp(l->name, "index.", 6)) bound = atoll(strrchr(l->name, '.') + 1);
    for (int64_t i = 0; i < n; i++) v[i] = (int32_t)(bound ? below(&r, bound) : below(&r, 19) - 9);
    for (int64_t s = 0; s < st->n_seq; s++) {
        int64_t length = st->past[s] + st->first[s + 1] - st->first[s];
        if (!strcmp(l->name, "kv_len")) v[s] = (int32_t)length;
        if (!strcmp(l->name, "state_slot")) v[s] = (int32_t)((s + 1) % MAX_SEQ);
        if (!strcmp(l->name, "page_table"))
            for (int64_t p = 0; p < st->n_page; p++)
                v[s * st->n_page + p] = page_of(s, p, st->n_page);
        for (int64_t t = st->first[s]; t < st->first[s + 1]; t++) {
            int64_t pos = st->past[s] + t - st->first[s];
            if (!strcmp(l->name, "pos")) v[t] = (int32_t)pos;
            if (!strcmp(l->name, "kv_slot"))
                v[t] = page_of(s, pos / PAGE, st->n_page) * PAGE + (int32_t)(pos % PAGE);
        }
    }
    if (!strcmp(l->name, "seq_start"))
        for (int64_t s = 0; s <= st->n_seq; s++) v[s] = (int32_t)st->first[s];
}

/* Random blocks of any type whose largest value is about 1: random bytes until it is. A leaf is
 * made of a few such blocks in random order. */
static bool fill_blocks(og_ctx *ctx, unsigned char *p, int64_t size, const ogi_dtype *type,
                        uint64_t r)
{
    enum { N_BLOCK = 24, MAX_BLOCK = 512 };
    ogi_arena mem = { .ctx = ctx };
    ogi_decoder *d = NULL;
    unsigned char block[N_BLOCK][MAX_BLOCK];
    float v[MAX_BLOCK];
    void *scratch = NULL;
    if (ogi_decoder_new(&mem, type->id, &d) == OG_OK)
        scratch = ogi_arena_alloc(&mem, 1, d->scratch);
    for (int b = 0; scratch && b < N_BLOCK;) {
        float top = 0;
        for (int i = 0; i < type->bytes; i++) block[b][i] = (unsigned char)ogi_random(&r);
        ogi_decoder_run(d, block[b], type->block, v, scratch);
        for (int i = 0; i < type->block; i++)
            top = fabsf(v[i]) >= top ? fabsf(v[i]) : top + 0 * v[i];
        b += top > 0.25f && top < 4;
    }
    for (int64_t i = 0; scratch && i < size; i += type->bytes)
        memcpy(p + i, block[below(&r, N_BLOCK)], (size_t)type->bytes);
    ogi_arena_free(&mem);
    return scratch != NULL;
}

static void fill_reals(ogt_leaf *l, uint64_t r)
{
    unsigned char *p = l->bytes;
    for (int64_t i = 0; i < l->ref.n; i++) {
        float x = uniform(&r);
        uint16_t h = l->ref.dtype == OG_F16 ? ogi_f16_of_f32(x) : ogi_bf16_of_f32(x);
        if (l->ref.dtype == OG_F32)
            memcpy(p + 4 * i, &x, 4);
        else
            memcpy(p + 2 * i, &h, 2);
        l->ref.f[i] = l->ref.dtype == OG_F32   ? x
                      : l->ref.dtype == OG_F16 ? ogi_f32_of_f16(h)
                                               : ogi_f32_of_bf16(h);
    }
}

static bool fill_leaf(const og_graph *g, const og_tensor *n, uint64_t seed, const int64_t *sym,
                      ogt_leaf *l)
{
    const ogi_dtype *type = ogi_dtype_info((int64_t)n->dtype);
    step st = make_step(g, seed, sym);
    uint64_t r = hash(seed ^ (uint64_t)n->op << 32, n->name);
    l->op = n->op;
    strncpy(l->name, n->name, sizeof l->name - 1);
    l->ref.dtype = n->dtype, l->ref.rank = n->shape.rank, l->ref.n = 1;
    for (int i = 0; i < n->shape.rank; i++)
        l->ref.n *= l->ref.dim[i] = ogi_dim_value(n->shape.dim[i], sym);
    if (!ogi_dtype_bytes((int64_t)n->dtype, l->ref.n, &l->size)) return false;
    l->bytes = calloc((size_t)l->size + 64, 1);
    if (n->dtype == OG_I32)
        l->ref.i = calloc((size_t)l->ref.n, 4);
    else
        l->ref.f = calloc((size_t)l->ref.n, 4);
    if (!l->bytes || (!l->ref.i && !l->ref.f)) return false;
    if (n->dtype == OG_I32) {
        fill_ints(l, &st, r);
        memcpy(l->ref.i, l->bytes, (size_t)l->size);
    } else if (type->is_quantized) {
        if (!fill_blocks(g->ctx, l->bytes, l->size, type, r)) return false;
        return ogi_dequantize(g->ctx, n->dtype, l->bytes, l->ref.n, l->ref.f) == OG_OK;
    } else {
        fill_reals(l, r);
    }
    return true;
}

void ogt_random_syms(const og_graph *g, uint64_t seed, int64_t *sym)
{
    uint64_t r = hash(seed, "symbols");
    int64_t n_tok = 1;
    for (int i = 0; i < g->n_sym; i++) {
        int64_t max = g->sym[i].max;
        if (!strcmp(g->sym[i].name, "S")) max = OGI_MIN(max, n_tok); /* T is declared first */
        int64_t range = max - g->sym[i].min + 1;
        sym[i] = g->sym[i].min + (below(&r, 4) ? below(&r, range) : below(&r, 2) ? range - 1 : 0);
        if (!strcmp(g->sym[i].name, "T")) n_tok = sym[i];
    }
}

ogt_data *ogt_data_new(const og_graph *g, uint64_t seed, const int64_t *sym)
{
    ogt_data *d = calloc(1, sizeof *d);
    if (!d || !(d->leaf = calloc((size_t)g->n_node + 1, sizeof *d->leaf))) abort();
    for (int64_t i = 0; i < g->n_node; i++) {
        const og_tensor *n = g->node[i];
        if (!ogi_is_leaf(n) || n->op == OG_OP_TABLE) continue;
        if (!fill_leaf(g, n, seed, sym, &d->leaf[d->n_leaf++])) abort();
    }
    return d;
}

void ogt_data_free(ogt_data *d)
{
    if (!d) return;
    for (int i = 0; i < d->n_leaf; i++) {
        free(d->leaf[i].bytes);
        free(d->leaf[i].ref.f);
        free(d->leaf[i].ref.i);
    }
    free(d->leaf);
    free(d);
}

const ogt_leaf *ogt_data_find(const ogt_data *d, const og_tensor *leaf)
{
    for (int i = 0; i < d->n_leaf; i++)
        if (d->leaf[i].op == leaf->op && !strcmp(d->leaf[i].name, leaf->name)) return &d->leaf[i];
    return NULL;
}

ogi_ref_tensor *ogt_data_bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    ogt_data *d = user;
    (void)dim;
    for (int i = 0; i < d->n_leaf; i++)
        if (&d->leaf[i] == ogt_data_find(d, leaf)) return &d->leaf[i].ref;
    return NULL;
}
