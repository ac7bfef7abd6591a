/* SPDX-License-Identifier: MIT
 *
 * The graphs of the architectures, run by the scalar reference, against the golden outputs: what
 * is wrong here is wrong in the graph, not in a backend. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/op_def.h"
#include "graph/ref.h"
#include "models/arch_impl.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

enum { MAX_LEAVES = 4096, N_PAGE = 4 };

/* One sequence that runs alone, in pages 2, 0, 3, 1. */
typedef struct session {
    og_ctx *ctx;
    ogi_gguf *file;
    ogi_model *model;
    struct {
        const og_graph *g;
        const char *name;
        ogi_ref_tensor t;
    } leaf[MAX_LEAVES];
    int n_leaf;
    int32_t token[OGI_STEP_TOKENS], pos[OGI_STEP_TOKENS], slot[OGI_STEP_TOKENS];
    int32_t seq_start[2], kv_len, page[N_PAGE], state_slot, out_row[OGI_HEAD_ROWS];
    float *hidden; /* of the last step */
    float *row;    /* where logits go */
    int64_t n_cols;
} session;

static const int32_t page_order[N_PAGE] = { 2, 0, 3, 1 };

static ogi_ref_tensor *add_leaf(session *s, const og_tensor *leaf, const int64_t *dim)
{
    cr_assert(s->n_leaf < MAX_LEAVES);
    s->leaf[s->n_leaf].g = leaf->g;
    s->leaf[s->n_leaf].name = leaf->name;
    ogi_ref_tensor *t = &s->leaf[s->n_leaf++].t;
    *t = (ogi_ref_tensor){ .dtype = leaf->dtype, .rank = leaf->shape.rank, .n = 1 };
    for (int i = 0; i < t->rank; i++) t->n *= t->dim[i] = dim[i];
    return t;
}

static const void *input_data(session *s, const char *name)
{
    const struct {
        const char *name;
        const void *data;
    } input[] = { { "token", s->token },
                  { "pos", s->pos },
                  { "kv_slot", s->slot },
                  { "seq_start", s->seq_start },
                  { "kv_len", &s->kv_len },
                  { "page_table", s->page },
                  { "state_slot", &s->state_slot },
                  { "out_row", s->out_row },
                  { "hidden", s->hidden } };
    for (int i = 0; i < OGI_LEN(input); i++)
        if (!strcmp(input[i].name, name)) return input[i].data;
    cr_assert(false, "no input %s", name);
    return NULL;
}

static ogi_ref_tensor *bind(void *user, const og_tensor *leaf, const int64_t *dim)
{
    session *s = user;
    ogi_ref_tensor *t = NULL;
    for (int i = 0; i < s->n_leaf; i++)
        if (s->leaf[i].g == leaf->g && !strcmp(s->leaf[i].name, leaf->name)) t = &s->leaf[i].t;
    bool is_new = !t;
    if (is_new) t = add_leaf(s, leaf, dim);
    if (leaf->op == OG_OP_INPUT) { /* other values and sizes at every step */
        t->n = 1;
        for (int i = 0; i < t->rank; i++) t->n *= t->dim[i] = dim[i];
        size_t size = (size_t)t->n * 4;
        void **p = leaf->dtype == OG_I32 ? (void **)&t->i : (void **)&t->f;
        free(*p);
        *p = malloc(size);
        memcpy(*p, input_data(s, leaf->name), size);
    } else if (is_new && leaf->op == OG_OP_WEIGHT && leaf->dtype == OG_I32) { /* a table */
        const ogi_gguf_tensor *w = ogi_gguf_tensor_find(s->file, ogi_sv_of(leaf->name));
        t->i = calloc((size_t)t->n, sizeof *t->i);
        memcpy(t->i, w->data, (size_t)t->n * sizeof *t->i);
    } else if (is_new) {
        t->f = calloc((size_t)t->n, sizeof *t->f);
        if (leaf->op == OG_OP_STATE) return t;
        const ogi_gguf_tensor *w = ogi_gguf_tensor_find(s->file, ogi_sv_of(leaf->name));
        cr_assert(w && ogi_dequantize(s->ctx, leaf->dtype, w->data, t->n, t->f) == OG_OK, "%s",
                  og_error(s->ctx));
    }
    return t;
}

static void emit(void *user, const char *name, const ogi_ref_tensor *t)
{
    session *s = user;
    size_t size = (size_t)t->n * sizeof(float);
    if (!strcmp(name, "hidden")) {
        s->hidden = realloc(s->hidden, size);
        memcpy(s->hidden, t->f, size);
    } else {
        memcpy(s->row, t->f, size);
    }
}

/* One step of n tokens from position `from`, then logits of the tokens from row `first` on. */
static float *feed(session *s, const int32_t *token, int n, int from, int first, float *out)
{
    for (int i = 0; i < n; i++) {
        s->token[i] = token[i];
        s->pos[i] = from + i;
        s->slot[i] = page_order[(from + i) / OGI_PAGE] * OGI_PAGE + (from + i) % OGI_PAGE;
    }
    s->seq_start[0] = 0;
    s->seq_start[1] = n;
    s->kv_len = from + n;
    memcpy(s->page, page_order, sizeof s->page);
    ogi_ref_io io = { s, bind, emit };
    const int64_t sym[OG_MAX_SYM] = { n, 1, N_PAGE, N_PAGE, 1 };
    cr_assert(ogi_ref_run(ogi_model_graph(s->model, "step"), sym, &io) == OG_OK, "%s",
              og_error(s->ctx));
    for (int done = first; done < n; done += OGI_HEAD_ROWS) {
        int rows = OGI_MIN(n - done, OGI_HEAD_ROWS);
        for (int i = 0; i < rows; i++) s->out_row[i] = done + i;
        s->row = out;
        const int64_t head[OG_MAX_SYM] = { rows, n };
        cr_assert(ogi_ref_run(ogi_model_graph(s->model, "head"), head, &io) == OG_OK, "%s",
                  og_error(s->ctx));
        out += rows * s->n_cols;
    }
    return out;
}

static float *run_one(session *s, const ogt_run *r, float *out)
{
    for (int i = 0; i < s->n_leaf; i++) /* states may hold anything at position 0 */
        if (strchr(s->leaf[i].name, '.') && s->leaf[i].t.f && strncmp(s->leaf[i].name, "blk", 3) &&
            !ogi_gguf_tensor_find(s->file, ogi_sv_of(s->leaf[i].name)))
            for (int64_t k = 0; k < s->leaf[i].t.n; k++) s->leaf[i].t.f[k] = 99;
    s->n_cols = r->cols;
    out = feed(s, r->tokens, r->n_tokens, 0, r->n_then ? r->n_tokens - 1 : 0, out);
    for (int i = 0; i < r->n_then; i++) out = feed(s, &r->then[i], 1, r->n_tokens + i, 0, out);
    return out;
}

static void close_session(session *s)
{
    for (int i = 0; i < s->n_leaf; i++) free(s->leaf[i].t.f), free(s->leaf[i].t.i);
    free(s->hidden);
    ogi_model_close(s->model);
    ogi_gguf_close(s->file);
    og_ctx_free(s->ctx);
    free(s);
}

/* The error of a case, or -1 with the reason printed. */
static double run_case(const ogt_spec *spec)
{
    session *s = calloc(1, sizeof *s);
    double error = -1;
    cr_assert(s && og_ctx_new(NULL, &s->ctx) == OG_OK);
    ogi_model_options opt = { .n_ctx = spec->n_ctx, .kv = { OG_F32, OG_F32 } };
    if (ogi_gguf_open_memory(s->ctx, spec->name, spec->gguf, spec->gguf_size, NULL, 0, &s->file) ||
        ogi_model_open(s->ctx, s->file, &opt, &s->model) ||
        ogi_verify(ogi_model_graph(s->model, "step")) ||
        ogi_verify(ogi_model_graph(s->model, "head"))) {
        fprintf(stderr, "%s: %s\n", spec->name, og_error(s->ctx));
    } else {
        float *got = calloc((size_t)spec->n_want, sizeof *got), *at = got;
        for (int i = 0; i < spec->n_run; i++) at = run_one(s, &spec->run[i], at);
        cr_assert(at - got == spec->n_want);
        error = ogt_nmse(got, spec->want, spec->n_want);
        free(got);
    }
    close_session(s);
    return error;
}

static bool is_supported(const og_ctx *ctx, const ogt_spec *spec)
{
    return spec->is_logits && spec->run[0].n_encode == 0 &&
           ogi_arch_find(ctx, ogi_sv_of(spec->arch));
}

Test(arch_ref, golden_outputs, .timeout = 300)
{
    char *dir = ogt_kind_dir("arch");
    ogt_names names = ogt_list(dir, ".json");
    ogt_count count = { .kind = "arch (scalar reference)" };
    og_ctx *ctx = NULL;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    for (int i = 0; i < names.n; i++) {
        ogt_spec spec;
        char error[200] = "";
        cr_assert(ogt_spec_open(dir, names.name[i], &spec, error), "%s: %s", names.name[i], error);
        if (!is_supported(ctx, &spec)) {
            count.skipped++;
        } else {
            double e = run_case(&spec), bound = OGI_MAX(1e-6, spec.tolerance);
            bool passed = e >= 0 && e <= bound;
            count.ran++;
            count.passed += passed;
            if (!passed) fprintf(stderr, "%s: NMSE %g, expected %g\n", spec.name, e, bound);
        }
        ogt_spec_free(&spec);
    }
    og_ctx_free(ctx);
    ogt_names_free(&names);
    free(dir);
    cr_assert(ogt_count_report(&count));
}
