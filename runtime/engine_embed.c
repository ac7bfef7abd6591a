/* SPDX-License-Identifier: MIT
 *
 * Embeddings: rows of the step are pooled, a sequence at a time, and go through the graph `pool`.
 * A mean adds its rows in the order of the tokens: it is the same however a sequence is cut. */
#include "oxigraph/arch.h"
#include "runtime/engine_impl.h"

typedef struct embedder {
    og_model *m;
    const og_feed *feed;
    og_row_fn fn;
    void *user;
    float *sum;       /* [n_feed, n_col], for means */
    og_status status; /* of the graph */
} embedder;

/* Takes a pooled row through the graph and hands the result out. */
static bool give(embedder *e, int f, int64_t i, const float *row)
{
    og_model *m = e->m;
    memcpy(m->row, row, (size_t)m->n_col * sizeof *row);
    e->status = og_program_run(m->pool, (const int64_t[OG_MAX_SYM]){ 1 });
    if (e->status != OG_OK) return false;
    return e->fn(e->user, f, i, og_program_output(m->pool, "pooled"));
}

static bool add_to_mean(void *user, int f, int64_t i, const float *row)
{
    embedder *e = user;
    int64_t n = e->m->n_col;
    float *sum = e->sum + f * n;
    for (int64_t k = 0; k < n; k++) sum[k] += row[k];
    if (i < e->feed[f].n - 1) return true;
    for (int64_t k = 0; k < n; k++) sum[k] /= (float)e->feed[f].n;
    return give(e, f, 0, sum);
}

static bool take_one(void *user, int f, int64_t i, const float *row)
{
    embedder *e = user;
    return give(e, f, e->m->model->pooling == OG_POOL_NONE ? i : 0, row);
}

og_status og_model_embed(og_model *m, const og_feed *feed, int n_feed, og_row_fn fn, void *user)
{
    static const og_rows rows[] = { [OG_POOL_NONE] = OG_ROWS_ALL,
                                    [OG_POOL_MEAN] = OG_ROWS_ALL,
                                    [OG_POOL_CLS] = OG_ROWS_FIRST,
                                    [OG_POOL_LAST] = OG_ROWS_LAST };
    OGI_NEEDS(m ? m->ctx : NULL, m && feed && fn && n_feed >= 0 && n_feed <= OGI_STEP_SEQS);
    if (!m->pool) OG_FAIL(m->ctx, OG_E_INVALID, "the model was loaded for logits");
    for (int f = 0; f < n_feed; f++)
        if (feed[f].seq && feed[f].seq->length > 0)
            OG_FAIL(m->ctx, OG_E_INVALID, "feed %d: the sequence has tokens already", f);
    embedder e = { .m = m, .feed = feed, .fn = fn, .user = user };
    bool is_mean = m->model->pooling == OG_POOL_MEAN;
    if (is_mean) e.sum = OGI_NEW_N(m->ctx, float, n_feed * m->n_col + 1);
    if (is_mean && !e.sum) return OG_E_MEMORY;
    og_status st = og_model_feed(m, feed, n_feed, rows[m->model->pooling],
                                 is_mean ? add_to_mean : take_one, &e);
    ogi_free(m->ctx, e.sum);
    return e.status != OG_OK ? e.status : st;
}
