/* SPDX-License-Identifier: MIT
 *
 * The encoder of an encoder-decoder: one step over all of a text, whose keys and values stay in
 * pages of their own, for every later step of the sequence. */
#include "runtime/engine_impl.h"

static og_status check_text(og_model *m, const og_sequence *s, const int32_t *token, int64_t n)
{
    OGI_NEEDS(m->ctx, s && token && s->m == m);
    if (!m->encode) OG_FAIL(m->ctx, OG_E_UNSUPPORTED, "%s has no encoder", m->model->arch);
    if (s->length > 0)
        OG_FAIL(m->ctx, OG_E_INVALID, "the sequence has tokens already: encode before it begins");
    if (n < 1 || n > m->n_ctx)
        OG_FAIL(m->ctx, OG_E_LIMIT, "a text of %lld tokens for the encoder, expected 1 to %lld",
                (long long)n, (long long)m->n_ctx);
    for (int64_t i = 0; i < n; i++)
        if (token[i] < 0 || token[i] >= m->model->n_vocab)
            OG_FAIL(m->ctx, OG_E_INVALID, "token %d is outside the vocabulary of %lld", token[i],
                    (long long)m->model->n_vocab);
    return OG_OK;
}

og_status og_model_encode(og_model *m, og_sequence *s, const int32_t *token, int64_t n)
{
    OGI_NEEDS(m ? m->ctx : NULL, m);
    OG_TRY(check_text(m, s, token, n));
    OG_TRY(ogi_sequence_begin_encoded(s, n));
    step_inputs *in = m->in;
    in->seq_start[0] = 0;
    in->seq_start[1] = (int32_t)n;
    in->kv_len[0] = (int32_t)n;
    memcpy(in->page_table, s->encoded->page, (size_t)s->encoded->n_page * sizeof *s->page);
    for (int64_t i = 0; i < n; i++) {
        in->token[i] = token[i];
        in->pos[i] = (int32_t)i;
        in->kv_slot[i] = ogi_slot_of(s->encoded, i);
    }
    const int64_t sym[OG_MAX_SYM] = { n, 1, m->pages_per_seq, m->n_page, m->n_slot };
    return og_program_run(m->encode, sym);
}
