/* SPDX-License-Identifier: MIT
 *
 * Stages that change the logits of single tokens: by a list (logit bias), or by what was accepted
 * before (repetition penalties, DRY). Tokens are collected in the chain's tally first, so that a
 * whole vocabulary costs no more than the history. */
#include "text/sampler/stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tally: token -> number ---- */

static void tally_clear(og_sampler *s)
{
    memset(s->tally, 0xff, (size_t)s->n_tally * sizeof *s->tally);
}

/* The slot of token, free (token -1) if it has none. */
static ogi_tally_slot *tally_slot(const og_sampler *s, int32_t token)
{
    uint32_t mask = (uint32_t)s->n_tally - 1, i = (uint32_t)token * 2654435769u >> 7 & mask;
    while (s->tally[i].token != token && s->tally[i].token >= 0) i = (i + 1) & mask;
    return &s->tally[i];
}

/* Calls change for each candidate in the tally. */
static void for_tallied(og_sampler *s, const ogi_stage *st,
                        void (*change)(const ogi_stage *st, og_candidate *c, int32_t value))
{
    s->is_sorted = false;
    if (s->is_dense) {
        for (int32_t i = 0; i < s->n_tally; i++) {
            ogi_tally_slot t = s->tally[i];
            if (t.token >= 0 && t.token < s->n) change(st, &s->cand[t.token], t.value);
        }
        return;
    }
    for (int32_t i = 0; i < s->n; i++) {
        if (s->cand[i].id < 0) continue;
        ogi_tally_slot t = *tally_slot(s, s->cand[i].id);
        if (t.token >= 0) change(st, &s->cand[i], t.value);
    }
}

/* ---- repeat, frequency, presence ---- */

static void penalize(const ogi_stage *st, og_candidate *c, int32_t count)
{
    /* Dividing would make negative logits likelier. */
    if (c->logit <= 0.0f)
        c->logit *= st->par.repeat;
    else
        c->logit /= st->par.repeat;
    c->logit -= (float)count * st->par.freq + st->par.present;
}

void ogi_apply_penalties(og_sampler *s, ogi_stage *st)
{
    if (ogi_stage_is_off(st)) return;
    tally_clear(s);
    int64_t n = OGI_MIN(OGI_MIN((int64_t)st->par.last_n, s->history_cap), s->n_accepted);
    for (int64_t i = 0; i < n; i++) {
        int32_t token = ogi_history_at(s, i);
        if (token == st->par.newline) continue;
        ogi_tally_slot *t = tally_slot(s, token);
        t->value = t->token >= 0 ? t->value + 1 : 1;
        t->token = token;
    }
    for_tallied(s, st, penalize);
}

/* ---- DRY ---- */

/* First breaker whose head is token; n_breaker if none. */
static int32_t find_breaker(const ogi_stage *st, int32_t token)
{
    int32_t low = 0, high = st->n_breaker;
    while (low < high) {
        int32_t mid = low + (high - low) / 2;
        if (st->breaker[mid].head < token)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Length of the longest breaker's tail that begins at the i-th newest token, -1 if none does. */
static int32_t breaker_at(const og_sampler *s, const ogi_stage *st, int32_t i)
{
    int32_t head = ogi_history_at(s, i), longest = -1;
    for (int32_t b = find_breaker(st, head); b < st->n_breaker && st->breaker[b].head == head;
         b++) {
        const ogi_breaker *br = &st->breaker[b];
        if (br->n_tail <= longest || br->n_tail > i) continue;
        int32_t k = 0;
        while (k < br->n_tail && st->tail[br->tail_at + k] == ogi_history_at(s, i - k - 1)) k++;
        if (k == br->n_tail) longest = k;
    }
    return longest;
}

/* repeat[k] = how many of the newest tokens also stand right before the k newest: the Z function
 * of the history read backwards. */
static void measure_repeats(og_sampler *s, int32_t n)
{
    int32_t left = 0, right = 0; /* the match found so far that reaches furthest */
    for (int32_t k = 1; k < n; k++) {
        int32_t z = k < right ? OGI_MIN(s->repeat[k - left], right - k) : 0;
        while (k + z < n && ogi_history_at(s, z) == ogi_history_at(s, k + z)) z++;
        s->repeat[k] = z;
        if (k + z > right) left = k, right = k + z;
    }
}

/* A token that alone ends a repetition is never penalised: it is what one wants there. */
static bool is_breaker_alone(const ogi_stage *st, int32_t token)
{
    for (int32_t b = find_breaker(st, token); b < st->n_breaker && st->breaker[b].head == token;
         b++)
        if (!st->breaker[b].n_tail) return true;
    return false;
}

static void penalize_dry(const ogi_stage *st, og_candidate *c, int32_t length)
{
    float exponent = (float)(length - st->par.allowed_length);
    /* Keeps pow below the largest float, whose logarithm is 88.7. */
    if (st->par.base > 1.000001f)
        exponent = fminf(exponent, truncf(88.7228391f / logf(st->par.base)));
    c->logit -= st->par.p * powf(st->par.base, exponent);
}

void ogi_apply_dry(og_sampler *s, ogi_stage *st)
{
    if (ogi_stage_is_off(st)) return;
    int32_t last_n = st->par.last_n == -1 ? st->par.n_ctx : OGI_MAX(st->par.last_n, 0);
    last_n = OGI_MIN(OGI_MIN(last_n, st->par.n_ctx), s->history_cap);
    int32_t n = (int32_t)OGI_MIN(s->n_accepted, (int64_t)last_n), limit = n;
    if (n <= st->par.allowed_length) return;
    for (int32_t i = 0; i < n; i++) {
        int32_t tail = breaker_at(s, st, i);
        if (tail < 0) continue;
        limit = i - tail;
        break;
    }
    if (limit < st->par.allowed_length) return;
    measure_repeats(s, n);
    tally_clear(s);
    for (int32_t k = 1; k < n; k++) {
        int32_t length = OGI_MIN(s->repeat[k], limit);
        if (length < st->par.allowed_length) continue;
        /* What followed that occurrence would continue the repetition. */
        int32_t token = ogi_history_at(s, k - 1);
        if (is_breaker_alone(st, token)) continue;
        ogi_tally_slot *t = tally_slot(s, token);
        t->value = t->token >= 0 ? OGI_MAX(t->value, length) : length;
        t->token = token;
    }
    for_tallied(s, st, penalize_dry);
}

static og_status add_breaker(og_sampler *s, ogi_stage *st, int32_t head, const int32_t *tail,
                             int32_t n_tail)
{
    for (int32_t i = 0; i < st->n_breaker; i++) {
        const ogi_breaker *b = &st->breaker[st->n_breaker - 1 - i];
        if (b->head != head) break; /* equal heads are added in a row */
        if (b->n_tail == n_tail &&
            (!n_tail || !memcmp(st->tail + b->tail_at, tail, (size_t)n_tail * sizeof *tail)))
            return OG_OK;
    }
    OG_TRY(
        ogi_grow(s->ctx, &st->breaker, &st->breaker_cap, st->n_breaker + 1, sizeof *st->breaker));
    OG_TRY(ogi_grow(s->ctx, &st->tail, &st->tail_cap, st->n_tail + n_tail + 1, sizeof *st->tail));
    st->breaker[st->n_breaker++] = (ogi_breaker){ head, st->n_tail, n_tail };
    if (n_tail) memcpy(st->tail + st->n_tail, tail, (size_t)n_tail * sizeof *tail);
    st->n_tail += n_tail;
    return OG_OK;
}

/* Does word hold the start of text at `at`, up to the end of either? */
static bool overlaps(const char *word, size_t n_word, size_t at, const char *text, size_t n_text)
{
    return memcmp(word + at, text, OGI_MIN(n_word - at, n_text)) == 0;
}

enum { MAX_BREAKER_CHARS = 40, MAX_TAIL = 20 };

/* The ways in which a token can begin or hold a breaker's text: with the text inside it, the
 * token alone; with a start of the text at its end, followed by the tokens of the rest. */
static og_status add_text_breaker(og_sampler *s, ogi_stage *st, const char *text)
{
    const og_vocab_view *v = s->vocab;
    size_t n_text = OGI_MIN(strlen(text), (size_t)MAX_BREAKER_CHARS);
    int32_t tail[MAX_TAIL];
    for (int32_t id = 0; id < v->n_tokens && n_text; id++) {
        size_t n_word;
        const char *word = v->piece(v->user, id, &n_word);
        bool is_inside = false;
        for (size_t at = 0; !is_inside && at + n_text <= n_word; at++)
            is_inside = overlaps(word, n_word, at, text, n_text);
        if (is_inside) {
            OG_TRY(add_breaker(s, st, id, NULL, 0));
            continue;
        }
        size_t from = n_word >= n_text ? n_word - n_text + 1 : 0;
        for (size_t at = from; at < n_word; at++) {
            if (!overlaps(word, n_word, at, text, n_text)) continue;
            size_t done = n_word - at;
            int32_t n =
                v->tokenize ? v->tokenize(v->user, text + done, n_text - done, tail, MAX_TAIL) : -1;
            if (n < 0) OG_FAIL(s->ctx, OG_E_INVALID, "dry: breaker '%s' cannot be tokenized", text);
            OG_TRY(add_breaker(s, st, id, tail, OGI_MIN(n, (int32_t)MAX_TAIL)));
        }
    }
    return OG_OK;
}

static int by_head(const void *a, const void *b)
{
    const ogi_breaker *x = a, *y = b;
    if (x->head != y->head) return x->head < y->head ? -1 : 1;
    return x->tail_at < y->tail_at ? -1 : x->tail_at > y->tail_at;
}

og_status ogi_dry_prepare(og_sampler *s, ogi_stage *st, const og_sampler_stage *par)
{
    if (ogi_stage_is_off(st)) return OG_OK;
    if (par->n_breaker_text && !s->vocab)
        OG_FAIL(s->ctx, OG_E_INVALID, "dry: breakers given as text need a vocabulary");
    for (int32_t i = 0; i < par->n_breaker; i++)
        if (par->breaker[i].n > 0)
            OG_TRY(add_breaker(s, st, par->breaker[i].token[0], par->breaker[i].token + 1,
                               par->breaker[i].n - 1));
    for (int32_t i = 0; i < par->n_breaker_text; i++)
        OG_TRY(add_text_breaker(s, st, par->breaker_text[i]));
    if (st->n_breaker) qsort(st->breaker, (size_t)st->n_breaker, sizeof *st->breaker, by_head);
    return OG_OK;
}

/* ---- logit bias ---- */

void ogi_apply_logit_bias(og_sampler *s, ogi_stage *st)
{
    for (int32_t b = 0; b < st->par.n_bias; b++) {
        og_token_bias bias = st->par.bias[b];
        if (s->is_dense) {
            if (bias.token >= 0 && bias.token < s->n) s->cand[bias.token].logit += bias.bias;
        } else {
            for (int32_t i = 0; i < s->n; i++)
                if (s->cand[i].id == bias.token) s->cand[i].logit += bias.bias;
        }
    }
    if (st->par.n_bias) s->is_sorted = false;
}
