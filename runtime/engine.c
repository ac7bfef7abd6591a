/* SPDX-License-Identifier: MIT
 *
 * The engine's loop: feeds are cut into steps, each step runs the model's programs, and the rows
 * that are wanted are handed out. */
#include <math.h>

#include "runtime/engine_impl.h"

/* What one step takes of each feed. */
typedef struct step_part {
    int feed;
    int64_t from, n; /* tokens of the feed */
} step_part;

typedef struct step {
    step_part part[OGI_STEP_SEQS];
    int n_part;
    int64_t n_tok;
} step;

static og_status check_feeds(og_model *m, const og_feed *feed, int n_feed)
{
    OGI_NEEDS(m->ctx, feed);
    if (n_feed < 1 || n_feed > OGI_STEP_SEQS)
        OG_FAIL(m->ctx, OG_E_LIMIT, "%d sequences in one feed; 1 to %d are possible", n_feed,
                OGI_STEP_SEQS);
    for (int f = 0; f < n_feed; f++) {
        const og_sequence *s = feed[f].seq;
        OGI_NEEDS(m->ctx, feed[f].seq && feed[f].token);
        if (s->m != m)
            OG_FAIL(m->ctx, OG_E_INVALID, "the sequence of feed %d is another model's", f);
        if (feed[f].n < 1) OG_FAIL(m->ctx, OG_E_INVALID, "feed %d has no tokens", f);
        if (feed[f].n > m->n_ctx - s->length)
            OG_FAIL(m->ctx, OG_E_LIMIT,
                    "the context of %lld tokens is full: %lld are in it, %lld more do not fit",
                    (long long)m->n_ctx, (long long)s->length, (long long)feed[f].n);
        if (m->encode && !s->encoded)
            OG_FAIL(m->ctx, OG_E_INVALID, "%s reads what its encoder says: encode a text first",
                    m->model->arch);
        if (!m->model->is_causal && s->length > 0)
            OG_FAIL(m->ctx, OG_E_UNSUPPORTED,
                    "%s looks at all tokens at once: nothing can be added to a sequence",
                    m->model->arch);
        for (int64_t i = 0; i < feed[f].n; i++)
            if (feed[f].token[i] < 0 || feed[f].token[i] >= m->model->n_vocab)
                OG_FAIL(m->ctx, OG_E_INVALID, "token %d is outside the vocabulary of %lld",
                        feed[f].token[i], (long long)m->model->n_vocab);
        for (int g = 0; g < f; g++)
            if (feed[g].seq == s)
                OG_FAIL(m->ctx, OG_E_INVALID, "feeds %d and %d are the same sequence", g, f);
    }
    return OG_OK;
}

/* Takes the next tokens of every feed, as many as fit. done[f]: tokens of feed f fed so far. */
static void plan_step(const og_model *m, const og_feed *feed, int n_feed, const int64_t *done,
                      step *out)
{
    out->n_part = 0;
    out->n_tok = 0;
    for (int f = 0; f < n_feed; f++) {
        int64_t n = OGI_MIN(feed[f].n - done[f], m->batch);
        int64_t room = m->model->step_tokens - out->n_tok;
        if (!m->model->is_causal && n > room) continue; /* all of it, or none */
        n = OGI_MIN(n, room);
        if (n <= 0) continue;
        out->part[out->n_part++] = (step_part){ f, done[f], n };
        out->n_tok += n;
    }
}

static og_status fill_inputs(og_model *m, const og_feed *feed, const step *st)
{
    step_inputs *in = m->in;
    int32_t t = 0;
    for (int p = 0; p < st->n_part; p++) {
        const step_part *part = &st->part[p];
        og_sequence *s = feed[part->feed].seq;
        OG_TRY(ogi_sequence_take_pages(s, s->length + part->n));
        in->seq_start[p] = t;
        in->kv_len[p] = (int32_t)(s->length + part->n);
        in->state_slot[p] = s->slot;
        if (s->encoded) {
            in->enc_len[p] = (int32_t)s->encoded->length;
            memcpy(in->enc_page_table + p * m->pages_per_seq, s->encoded->page,
                   (size_t)s->encoded->n_page * sizeof *s->page);
        }
        if (s->n_page)
            memcpy(in->page_table + p * m->pages_per_seq, s->page,
                   (size_t)s->n_page * sizeof *s->page);
        for (int64_t i = 0; i < part->n; i++, t++) {
            int64_t pos = s->length + i;
            in->token[t] = feed[part->feed].token[part->from + i];
            in->pos[t] = (int32_t)pos;
            if (!m->model->has_kv) continue;
            in->kv_slot[t] = ogi_slot_of(s, pos);
        }
    }
    in->seq_start[st->n_part] = t;
    return OG_OK;
}

/* Rows of the step whose logits are wanted, handed out in groups of OGI_HEAD_ROWS. */
typedef struct row_queue {
    og_model *m;
    og_row_fn fn;
    void *user;
    int64_t n_tok;
    int n;
    int feed[OGI_HEAD_ROWS];
    int64_t index[OGI_HEAD_ROWS];
} row_queue;

/* One NaN for all: which of its bit patterns comes out of arithmetic depends on the order of
 * operands, which vector code does not fix. */
static void make_canonical(float *x, int64_t n)
{
    int64_t n_nan = 0;
    for (int64_t i = 0; i < n; i++) n_nan += x[i] != x[i];
    for (int64_t i = 0; n_nan && i < n; i++)
        if (x[i] != x[i]) x[i] = NAN;
}

static og_status flush_rows(row_queue *q)
{
    og_model *m = q->m;
    if (!q->n) return OG_OK;
    const void *hidden = og_program_output(m->step, "hidden");
    if (hidden != m->hidden) {
        int64_t size = m->model->step_tokens * m->model->hidden * (int64_t)sizeof(float);
        OG_TRY(og_program_bind(m->rows, "hidden", (void *)(uintptr_t)hidden, size));
        m->hidden = hidden;
    }
    m->rows_sym[0] = q->n, m->rows_sym[1] = q->n_tok;
    OG_TRY(og_program_run(m->rows, m->rows_sym));
    float *logits =
        (float *)(uintptr_t)og_program_output(m->rows, m->rows_output); /* in its arena */
    make_canonical(logits, q->n * m->n_col);
    for (int i = 0; i < q->n; i++)
        if (!q->fn(q->user, q->feed[i], q->index[i], logits + i * m->n_col))
            OG_FAIL(m->ctx, OG_E_CANCELLED, "cancelled");
    q->n = 0;
    return OG_OK;
}

static og_status want_row(row_queue *q, int32_t row, int feed, int64_t index)
{
    q->m->in->out_row[q->n] = row;
    q->feed[q->n] = feed;
    q->index[q->n++] = index;
    return q->n == OGI_HEAD_ROWS ? flush_rows(q) : OG_OK;
}

static og_status give_rows(og_model *m, const og_feed *feed, const step *st, og_rows rows,
                           og_row_fn fn, void *user)
{
    row_queue q = { .m = m, .fn = fn, .user = user, .n_tok = st->n_tok };
    int32_t t = 0;
    for (int p = 0; p < st->n_part; p++)
        for (int64_t i = 0; i < st->part[p].n; i++, t++) {
            int f = st->part[p].feed;
            int64_t index = st->part[p].from + i;
            int64_t only = rows == OG_ROWS_FIRST ? 0 : feed[f].n - 1;
            if (rows == OG_ROWS_ALL || index == only) OG_TRY(want_row(&q, t, f, index));
        }
    return flush_rows(&q);
}

static og_status run_step(og_model *m, const og_feed *feed, const step *st)
{
    OG_TRY(fill_inputs(m, feed, st));
    const int64_t sym[] = { st->n_tok, st->n_part, m->pages_per_seq, m->n_page, m->n_slot };
    memcpy(m->step_sym, sym, sizeof sym);
    OG_TRY(og_program_run(m->step, m->step_sym));
    OG_TRY(ogi_trace_step(m));
    for (int p = 0; p < st->n_part; p++) feed[st->part[p].feed].seq->length += st->part[p].n;
    return OG_OK;
}

og_status og_model_feed(og_model *m, const og_feed *feed, int n_feed, og_rows rows, og_row_fn fn,
                        void *user)
{
    int64_t done[OGI_STEP_SEQS] = { 0 };
    step st;
    OGI_NEEDS(m ? m->ctx : NULL, m && (unsigned)rows <= OG_ROWS_FIRST);
    OGI_NEEDS(m->ctx, fn || rows == OG_ROWS_NONE);
    OG_TRY(check_feeds(m, feed, n_feed));
    for (plan_step(m, feed, n_feed, done, &st); st.n_part; plan_step(m, feed, n_feed, done, &st)) {
        OG_TRY(run_step(m, feed, &st));
        for (int p = 0; p < st.n_part; p++) done[st.part[p].feed] += st.part[p].n;
        if (rows != OG_ROWS_NONE) OG_TRY(give_rows(m, feed, &st, rows, fn, user));
    }
    return OG_OK;
}
