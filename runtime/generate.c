/* SPDX-License-Identifier: MIT
 *
 * The token loop: feed the prompt in chunks, then sample, accept, print, feed, until an end, a
 * stop text, a limit or the caller ends it. A row of logits is looked at once, where the engine
 * hands it out, and never copied unless tokens are forbidden in it. */
#include "oxigraph/generate.h"

#include "base/clock.h"
#include "runtime/engine.h"
#include "runtime/heal.h"
#include "text/chat/model.h"

enum { PROMPT_CHUNK = 512 };

typedef struct run {
    og_model *m;
    const og_generate_options *opt;
    og_sampler *sampler;
    og_detokenizer *detok;
    int32_t n_vocab, next; /* rows of the embedding behind the last token are never chosen */
    og_status sampled;
    float *masked;     /* a row without the tokens that are forbidden; NULL: none are */
    ogi_heal heal;     /* the prompt's end that is spelled anew */
    size_t n_skip;     /* bytes of it not said yet */
    og_answer *answer; /* the caller's, or one that passes text on */
    og_candidate *top; /* of the row that next was chosen from */
    int32_t n_top;
    float logprob;
    og_generate_result *out;
} run;

static og_status forbid(run *r)
{
    og_matcher *m = r->opt->matcher;
    if (r->heal.rest.n) return ogi_heal_mask(&r->heal, r->masked, r->n_vocab);
    return m ? og_matcher_mask_logits(m, r->masked, r->n_vocab) : OG_OK;
}

static og_status accept(run *r, int32_t token)
{
    og_matcher *m = r->opt->matcher;
    og_sampler_accept(r->sampler, token);
    if (r->heal.rest.n) return ogi_heal_accept(&r->heal, token);
    return m ? og_matcher_accept(m, token) : OG_OK;
}

static bool sample_row(void *user, int feed, int64_t i, const float *logits)
{
    run *r = user;
    const float *raw = logits;
    (void)feed, (void)i;
    r->sampled = og_model_check_logits(r->m, raw);
    if (r->sampled != OG_OK) return false;
    if (r->masked) {
        memcpy(r->masked, logits, (size_t)r->n_vocab * sizeof *logits);
        r->sampled = forbid(r);
        logits = r->masked;
    }
    if (r->opt->given)
        r->next = r->opt->given[r->out->n_generated];
    else if (r->sampled == OG_OK)
        r->sampled = og_sampler_sample(r->sampler, logits, r->n_vocab, &r->next);
    if (r->sampled == OG_OK && r->opt->chose)
        r->n_top = og_logprobs(raw, r->n_vocab, r->top, r->opt->n_top, r->next, &r->logprob);
    return true;
}

static bool may_go_on(const run *r)
{
    return !r->opt->go_on || r->opt->go_on(r->opt->user);
}

/* Feeds tokens; the last one's logits give the next token. */
static og_status feed(run *r, og_sequence *seq, const int32_t *token, int64_t n, bool sample)
{
    og_feed f = { .seq = seq, .token = token, .n = n };
    r->sampled = OG_OK;
    og_status st = og_model_feed(r->m, &f, 1, sample ? OG_ROWS_LAST : OG_ROWS_NONE, sample_row, r);
    return r->sampled != OG_OK ? r->sampled : st;
}

static og_status feed_prompt(run *r, og_sequence *seq, bool *stopped)
{
    const og_generate_options *o = r->opt;
    *stopped = false;
    for (int64_t at = 0, n; at < o->n_prompt && !*stopped; at += n) {
        int64_t left = o->n_prompt - at;
        if (left == 1 && o->before_last) OG_TRY(o->before_last(o->user));
        if (left > 1 && o->before_last) left--;
        n = OGI_MIN(PROMPT_CHUNK, left);
        for (int64_t i = 0; i < n; i++) og_sampler_accept(r->sampler, o->prompt[at + i]);
        OG_TRY(feed(r, seq, o->prompt + at, n, at + n == o->n_prompt));
        if (o->fed) o->fed(o->user, at + n);
        *stopped = !may_go_on(r);
    }
    return OG_OK;
}

static og_status note_chosen(run *r, int32_t token)
{
    og_tokens *c = r->opt->chosen;
    if (!c) return OG_OK;
    OG_TRY(ogi_grow(ogi_model_ctx(r->m), &c->id, &c->cap, c->n + 1, sizeof *c->id));
    c->id[c->n++] = token;
    return OG_OK;
}

/* The token's text to the answer; false in *go_on if it is over. A control token's text is a mark
 * or dropped. */
static og_status say(run *r, const og_tokenizer *t, int32_t token, bool *go_on)
{
    const char *text;
    size_t n;
    int stop;
    og_tokenizer_piece(t, token, r->opt->show_special, &n);
    bool is_control = n == 0;
    if (is_control)
        text = og_tokenizer_piece(t, token, true, &n);
    else
        OG_TRY(og_detokenizer_push(r->detok, token, &text, &n));
    size_t skip = OGI_MIN(n, r->n_skip);
    r->n_skip -= skip;
    OG_TRY(og_answer_feed(r->answer, text + skip, n - skip, is_control));
    *go_on = !og_answer_is_over(r->answer, &stop);
    return OG_OK;
}

static og_status tell_chosen(run *r, bool *go_on)
{
    const og_generate_options *o = r->opt;
    OG_TRY(note_chosen(r, r->next));
    *go_on = !o->chose || o->chose(o->user, r->next, r->logprob, r->top, r->n_top);
    return OG_OK;
}

static og_status loop(run *r, og_sequence *seq, const og_tokenizer *t)
{
    const og_generate_options *o = r->opt;
    og_model_info info;
    og_model_get_info(r->m, &info);
    for (bool go_on;;) {
        int32_t token = r->next;
        OG_TRY(accept(r, token));
        OG_TRY(tell_chosen(r, &go_on));
        r->out->stop = OG_STOP_CANCELLED;
        if (!go_on) return OG_OK;
        if (og_tokenizer_is_eog(t, token)) {
            r->out->stop = OG_STOP_EOG;
            return o->show_special ? say(r, t, token, &go_on) : OG_OK;
        }
        r->out->n_generated++;
        OG_TRY(say(r, t, token, &go_on));
        if (!go_on) return OG_OK;
        r->out->stop = OG_STOP_LENGTH;
        if (o->max_tokens > 0 && r->out->n_generated >= o->max_tokens) return OG_OK;
        if (o->given && r->out->n_generated >= o->n_given) return OG_OK;
        r->out->stop = OG_STOP_CONTEXT;
        if (og_sequence_length(seq) >= info.n_ctx) return OG_OK;
        r->out->stop = OG_STOP_CANCELLED;
        if (!may_go_on(r)) return OG_OK;
        OG_TRY(feed(r, seq, &token, 1, true));
    }
}

static og_status finish(run *r)
{
    const char *text;
    size_t n;
    int stop;
    OG_TRY(og_detokenizer_flush(r->detok, &text, &n));
    OG_TRY(og_answer_feed(r->answer, text, n, false));
    OG_TRY(og_answer_finish(r->answer));
    if (!og_answer_is_over(r->answer, &stop)) return OG_OK;
    r->out->stop = stop >= 0 ? OG_STOP_TEXT : OG_STOP_CANCELLED;
    r->out->stop_index = stop;
    return OG_OK;
}

static og_status generate(run *r, og_sequence *seq, const og_tokenizer *t)
{
    bool stopped;
    double start = ogi_seconds();
    OG_TRY(feed_prompt(r, seq, &stopped));
    double middle = ogi_seconds();
    r->out->prompt_s = middle - start;
    r->out->n_prompt = r->opt->n_prompt;
    r->out->stop = OG_STOP_CANCELLED;
    if (stopped) return OG_OK;
    og_status st = loop(r, seq, t);
    r->out->generate_s = ogi_seconds() - middle;
    return st == OG_OK ? finish(r) : st;
}

static og_status prepare(run *r, og_ctx *ctx, const og_tokenizer *t)
{
    const og_generate_options *o = r->opt;
    og_answer_sink sink = { .user = o->user, .text = o->text };
    r->answer = o->answer;
    if (!r->answer) OG_TRY(og_answer_new(ctx, NULL, NULL, &sink, &r->answer));
    og_answer_set_stop(r->answer, o->stop, o->n_stop);
    OG_TRY(og_detokenizer_new(t, ctx, o->show_special ? OG_DECODE_UNPARSE_SPECIAL : 0, &r->detok));
    r->heal = (ogi_heal){ t, { o->prefix, o->n_prefix }, o->matcher };
    r->n_skip = o->n_prefix;
    if ((o->matcher || o->n_prefix) && !(r->masked = OGI_NEW_N(ctx, float, r->n_vocab)))
        return OG_E_MEMORY;
    if (o->chose && !(r->top = OGI_NEW_N(ctx, og_candidate, OGI_MAX(o->n_top, 1))))
        return OG_E_MEMORY;
    return OG_OK;
}

og_status og_generate(og_model *m, og_sequence *seq, const og_tokenizer *t, og_sampler *s,
                      const og_generate_options *opt, og_generate_result *out)
{
    og_ctx *ctx = m ? ogi_model_ctx(m) : NULL;
    og_model_info info;
    OGI_NEEDS(ctx, m && seq && t && s && opt && out);
    og_model_get_info(m, &info);
    *out = (og_generate_result){ .stop_index = -1 };
    OGI_NEEDS(ctx, (opt->prompt || !opt->n_prompt) && opt->max_tokens >= 0);
    OGI_NEEDS(ctx, opt->n_stop >= 0 && (opt->stop || !opt->n_stop) && opt->n_top >= 0);
    OGI_NEEDS(ctx, opt->prefix || !opt->n_prefix);
    if (ogi_sequence_model(seq) != m)
        OG_FAIL(ctx, OG_E_INVALID, "generate: the sequence is another model's");
    if (og_tokenizer_size(t) > info.n_vocab)
        OG_FAIL(ctx, OG_E_INVALID, "generate: a tokenizer of %d tokens, the model has %lld",
                og_tokenizer_size(t), (long long)info.n_vocab);
    if (opt->n_prompt < 1) OG_FAIL(ctx, OG_E_INVALID, "generate: the prompt has no tokens");
    if (opt->given && opt->n_given < 1) OG_FAIL(ctx, OG_E_INVALID, "generate: no tokens are given");
    if (opt->n_prompt > info.n_ctx - og_sequence_length(seq))
        OG_FAIL(ctx, OG_E_LIMIT,
                "the prompt has %lld tokens, the context of %lld holds %lld more; see -c",
                (long long)opt->n_prompt, (long long)info.n_ctx,
                (long long)(info.n_ctx - og_sequence_length(seq)));
    run r = { .m = m, .opt = opt, .sampler = s, .n_vocab = og_tokenizer_size(t), .out = out };
    og_status st = prepare(&r, ctx, t);
    if (st == OG_OK) st = generate(&r, seq, t);
    ogi_free(ctx, r.masked);
    ogi_free(ctx, r.top);
    og_detokenizer_free(r.detok);
    if (!opt->answer) og_answer_free(r.answer);
    return st;
}

og_status og_chat_open(og_ctx *ctx, const og_model *m, const char *choice, bool with_tools,
                       og_chat **out)
{
    OGI_NEEDS(ctx, ctx && m && out);
    return ogi_chat_open(ctx, ogi_model_file(m), choice, with_tools, out);
}
