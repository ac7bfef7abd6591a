/* SPDX-License-Identifier: MIT
 *
 * Constraints that begin later: until a text has come up everything is allowed, after it the
 * grammar holds. The text may begin and end inside tokens, and may be a control token's. */
#include "text/grammar/matcher.h"

static uint8_t trigger_byte(const ogi_wait *w, int32_t i)
{
    return (uint8_t)w->text[i];
}

/* Knuth, Morris and Pratt: how much of the text is matched after one more byte. */
static int32_t advance(const ogi_wait *w, int32_t matched, uint8_t byte)
{
    while (matched > 0 && trigger_byte(w, matched) != byte) matched = w->back[matched - 1];
    return matched + (trigger_byte(w, matched) == byte);
}

/* Tokens that hold the last byte: only they can complete the text. And end tokens, if it must come.
 */
static og_status find_candidates(og_matcher *m, ogi_wait *w)
{
    const og_vocab_view *v = m->g->vocab;
    for (int32_t id = 0; v && id < v->n_tokens; id++) {
        size_t n;
        const char *p = v->piece(v->user, id, &n);
        bool is_end = w->must_come && v->is_eog(v->user, id);
        if (!is_end && (!n || !memchr(p, w->text[w->n - 1], n))) continue;
        OG_TRY(ogi_grow(m->ctx, &w->candidate, &w->candidate_cap, w->n_candidate + 1,
                        sizeof *w->candidate));
        w->candidate[w->n_candidate++] = id;
    }
    return OG_OK;
}

static og_status wait_for(og_matcher *m, const char *text, size_t n, bool must_come)
{
    ogi_wait *w = &m->wait;
    enum { MAX_TEXT = 4096 };
    if (!n || n > MAX_TEXT)
        OG_FAIL(m->ctx, OG_E_LIMIT, "a constraint's beginning wants a text of 1 to %d bytes",
                (int)MAX_TEXT);
    ogi_wait_free(m->ctx, w);
    w->must_come = must_come;
    w->text = ogi_strndup(m->ctx, text, n);
    w->back = OGI_NEW_N(m->ctx, int32_t, n);
    if (!w->text || !w->back) return OG_E_MEMORY;
    w->n = (int32_t)n;
    for (int32_t i = 1; i < w->n; i++) w->back[i] = advance(w, w->back[i - 1], trigger_byte(w, i));
    OG_TRY(find_candidates(m, w));
    og_matcher_reset(m);
    return OG_OK;
}

og_status og_matcher_wait(og_matcher *m, const char *text, size_t n)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && (text || !n));
    return wait_for(m, text, n, false);
}

og_status og_matcher_await(og_matcher *m, const char *text, size_t n)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && (text || !n));
    return wait_for(m, text, n, true);
}

int32_t ogi_wait_bytes(ogi_wait *w, const char *p, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        w->matched = advance(w, w->matched, (uint8_t)p[i]);
        if (w->matched < w->n) continue;
        w->is_waiting = false;
        return i + 1;
    }
    return n;
}

/* Would the token complete the text and go on with what the grammar forbids, or end too early? */
static og_status is_forbidden(og_matcher *m, int32_t token, bool *forbidden)
{
    size_t size;
    const og_vocab_view *v = m->g->vocab;
    const char *p = v->piece(v->user, token, &size);
    ogi_wait probe = m->wait; /* shares the memory, which stays as it is */
    int32_t n = (int32_t)OGI_MIN(size, (size_t)1 << 20), position = m->position;
    *forbidden = m->wait.must_come && v->is_eog(v->user, token);
    if (*forbidden) return OG_OK;
    int32_t used = ogi_wait_bytes(&probe, p, n);
    if (probe.is_waiting) return OG_OK;
    for (int32_t i = used; i < n && position != OGI_DEAD; i++)
        OG_TRY(ogi_machine_step(&m->machine, position, (uint8_t)p[i], &position));
    *forbidden = position == OGI_DEAD;
    return OG_OK;
}

og_status ogi_wait_mask(og_matcher *m, const uint32_t **bits)
{
    int32_t n_vocab = m->g->trie->n_vocab, n_word = m->g->trie->n_word;
    OG_TRY(ogi_grow(m->ctx, &m->filtered, &m->filtered_cap, n_word + 1, sizeof *m->filtered));
    memset(m->filtered, 0xff, (size_t)n_word * sizeof *m->filtered);
    if (n_vocab & 31) m->filtered[n_word - 1] = (1u << (n_vocab & 31)) - 1;
    for (int32_t i = 0; i < m->wait.n_candidate; i++) {
        bool forbidden;
        int32_t id = m->wait.candidate[i];
        OG_TRY(is_forbidden(m, id, &forbidden));
        if (forbidden) m->filtered[id >> 5] &= ~(1u << (id & 31));
    }
    *bits = m->filtered;
    return OG_OK;
}

og_status ogi_wait_accept(og_matcher *m, int32_t token)
{
    size_t size, taken;
    bool forbidden;
    OG_TRY(is_forbidden(m, token, &forbidden));
    if (forbidden)
        OG_FAIL(m->ctx, OG_E_INVALID, "the grammar does not allow token %d here", (int)token);
    const char *p = m->g->vocab->piece(m->g->vocab->user, token, &size);
    return og_matcher_text(m, p, size, &taken);
}

og_status ogi_wait_copy(og_ctx *ctx, const ogi_wait *from, ogi_wait *to)
{
    if (!from->n) return OG_OK;
    *to = *from;
    to->text = ogi_strndup(ctx, from->text, (size_t)from->n);
    to->back = OGI_NEW_N(ctx, int32_t, from->n);
    to->candidate = OGI_NEW_N(ctx, int32_t, from->n_candidate + 1);
    if (!to->text || !to->back || !to->candidate) return OG_E_MEMORY;
    memcpy(to->back, from->back, (size_t)from->n * sizeof *to->back);
    if (from->n_candidate)
        memcpy(to->candidate, from->candidate, (size_t)from->n_candidate * sizeof *to->candidate);
    return OG_OK;
}

void ogi_wait_free(og_ctx *ctx, ogi_wait *w)
{
    ogi_free(ctx, w->text);
    ogi_free(ctx, w->back);
    ogi_free(ctx, w->candidate);
    *w = (ogi_wait){ 0 };
}
