/* SPDX-License-Identifier: MIT
 *
 * Templates from outside: compiling, rendering, spans. */
#include "oxigraph/template.h"

#include <stdio.h>
#include <time.h>

#include "text/template/run.h"

enum {
    MAX_DEPTH = 1200, /* of evaluation: about 150 macro calls inside one another */
    DEFAULT_STEPS = 10000000,
    DEFAULT_MEMORY = 64 << 20,
    DEFAULT_OUTPUT = 16 << 20,
    PARSE_STEPS = 20000000,
    PARSE_MEMORY = 32 << 20,
};

/* ---- compiling ---- */

static og_status raise_error(og_ctx *ctx, const tmpl_heap *h)
{
    OG_FAIL(ctx, h->status, "%s", h->error);
}

static og_status parse_into(og_ctx *ctx, og_template *t, const char *name, ogi_sv source)
{
    tmpl_heap *h = &t->h;
    size_t bad = 0;
    int line, column;
    if (source.n > TMPL_MAX_SOURCE)
        OG_FAIL(ctx, OG_E_LIMIT, "%s: the template has %zu bytes, more than %d", name, source.n,
                (int)TMPL_MAX_SOURCE);
    if (source.n && !ogi_tv_utf8_valid(source.p, source.n, &bad)) {
        ogi_tv_place(source.p, source.n, bad, &line, &column);
        OG_FAIL(ctx, OG_E_FORMAT, "%s:%d:%d: the template is not valid UTF-8", name, line, column);
    }
    h->name = ogi_arena_strndup(&h->arena, name, strlen(name));
    ogi_sv text = ogi_tp_normalise(h, source);
    h->source = text.p, h->source_size = text.n;
    if (!h->name) return OG_E_MEMORY;
    if (!ogi_tv_failed(h)) t->root = ogi_tp_parse(h);
    return ogi_tv_failed(h) ? raise_error(ctx, h) : OG_OK;
}

og_status og_template_parse(og_ctx *ctx, const char *name, const char *source, size_t size,
                            og_template **out)
{
    OGI_NEEDS(ctx, ctx && name && out && (source || !size));
    *out = NULL;
    og_template *t = OGI_NEW(ctx, og_template);
    if (!t) return OG_E_MEMORY;
    t->h = (tmpl_heap){ .ctx = ctx,
                        .arena = { .ctx = ctx },
                        .name = name,
                        .mem_left = PARSE_MEMORY,
                        .step_left = PARSE_STEPS,
                        .max_depth = MAX_DEPTH };
    og_status status = parse_into(ctx, t, name, (ogi_sv){ source, size });
    if (status != OG_OK) {
        og_template_free(t);
        return status;
    }
    *out = t;
    return OG_OK;
}

void og_template_free(og_template *t)
{
    if (!t) return;
    og_ctx *ctx = t->h.ctx;
    ogi_arena_free(&t->h.arena);
    ogi_free(ctx, t);
}

/* ---- time ---- */

static bool is_time(const og_template_time *t)
{
    return t->year >= 1 && t->year <= 9999 && t->month >= 1 && t->month <= 12 && t->day >= 1 &&
           t->day <= 31 && t->hour >= 0 && t->hour <= 23 && t->minute >= 0 && t->minute <= 59 &&
           t->second >= 0 && t->second <= 60;
}

og_status og_template_time_parse(og_ctx *ctx, const char *text, og_template_time *out)
{
    OGI_NEEDS(ctx, ctx && text && out);
    char t = 0, rest = 0;
    *out = (og_template_time){ 0 };
    int n = sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%c", &out->year, &out->month, &out->day, &t,
                   &out->hour, &out->minute, &out->second, &rest);
    bool whole = (n == 3 || n == 6 || n == 7) && (n == 3 || t == 'T' || t == ' ');
    if (!whole || !is_time(out))
        OG_FAIL(ctx, OG_E_INVALID, "'%s' is not a time such as 2026-03-07T09:05:04", text);
    return OG_OK;
}

static tmpl_time now_of(const og_template_options *opt)
{
    if (opt && opt->now && is_time(opt->now)) {
        const og_template_time *n = opt->now;
        return (tmpl_time){ n->year, n->month, n->day, n->hour, n->minute, n->second };
    }
    time_t clock = time(NULL);
    struct tm tm = { 0 };
    localtime_r(&clock, &tm);
    return (tmpl_time){ tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour,        tm.tm_min,     tm.tm_sec };
}

/* ---- rendering ---- */

static int64_t widened(int64_t chosen, int64_t usual, size_t input, int64_t factor)
{
    int64_t more;
    if (chosen > 0) return chosen;
    if (input > INT64_MAX || !ogi_mul_size((int64_t)input, factor, &more)) return usual;
    return more > INT64_MAX - usual ? usual : usual + more;
}

void ogi_template_open(og_ctx *ctx, const og_template *t, const og_template_options *opt,
                       size_t input_size, tmpl_run *r)
{
    *r = (tmpl_run){ .now = now_of(opt) };
    r->h =
        (tmpl_heap){ .ctx = ctx,
                     .arena = { .ctx = ctx },
                     .mem_left = widened(opt ? opt->max_memory : 0, DEFAULT_MEMORY, input_size, 16),
                     .step_left = widened(opt ? opt->max_steps : 0, DEFAULT_STEPS, input_size, 4),
                     .max_depth = MAX_DEPTH,
                     .name = t->h.name,
                     .source = t->h.source,
                     .source_size = t->h.source_size,
                     .run = r };
}

size_t ogi_template_output_limit(const og_template_options *opt, size_t input_size)
{
    return (size_t)widened(opt ? opt->max_output : 0, DEFAULT_OUTPUT, input_size, 2);
}

og_status ogi_template_close(og_ctx *ctx, tmpl_run *r, bool raise)
{
    og_status status = r->h.status;
    if (status != OG_OK && raise) raise_error(ctx, &r->h);
    ogi_arena_free(&r->h.arena);
    return status;
}

static tmpl_val trusted_copy(tmpl_heap *h, tmpl_val v)
{
    return v.tag == TV_STR ? ogi_tv_str(h, ogi_tv_sv(v), true) : v;
}

void ogi_template_trust_roles(tmpl_run *r, tmpl_val messages)
{
    static const char *const usual[] = { "system",   "user",      "assistant",
                                         "tool",     "developer", "model",
                                         "function", "ipython",   "observation" };
    if (messages.tag != TV_LIST) return;
    for (int64_t i = 0; i < messages.u.l->n && ogi_tv_step(&r->h, 1); i++) {
        if (messages.u.l->v[i].tag != TV_DICT) continue;
        tmpl_val *role = ogi_tv_get_sv(&r->h, messages.u.l->v[i].u.m, OGI_SV("role"));
        for (int k = 0; role && k < OGI_LEN(usual); k++)
            if (ogi_tv_is(*role, usual[k])) *role = trusted_copy(&r->h, *role);
    }
}

/* Spans of equal trust. */
static bool make_spans(og_ctx *ctx, const tmpl_str *s, og_template_text *out)
{
    size_t n = s->n > 0;
    for (size_t i = 1; s->mask && i < s->n; i++) n += s->mask[i] != s->mask[i - 1];
    out->span = OGI_NEW_N(ctx, og_template_span, n + 1);
    if (!out->span) return false;
    for (size_t i = 0; i < s->n; i++) {
        bool trusted = s->mask ? s->mask[i] : s->trusted;
        og_template_span *last = &out->span[out->n_span - (out->n_span > 0)];
        if (out->n_span == 0 || last->is_trusted != trusted)
            out->span[out->n_span++] = (og_template_span){ i, i, trusted };
        out->span[out->n_span - 1].end = i + 1;
    }
    return true;
}

static void give_text(og_ctx *ctx, tmpl_run *r, tmpl_val text, tmpl_val context,
                      og_template_text *out)
{
    const tmpl_str *s = text.u.s;
    out->text = ogi_strndup(ctx, s->p, s->n);
    out->size = s->n;
    if (!out->text || !make_spans(ctx, s, out)) {
        og_template_text_free(ctx, out);
        ogi_tv_fail_plain(&r->h, OG_E_MEMORY, "out of memory for the rendered text");
        return;
    }
    const tmpl_val *bos = ogi_tv_get_sv(&r->h, context.u.m, OGI_SV("bos_token"));
    if (!bos || bos->tag != TV_STR || bos->u.s->n == 0 || !out->n_span) return;
    out->has_bos = ogi_sv_starts((ogi_sv){ s->p, s->n }, ogi_tv_sv(*bos)) &&
                   out->span[0].is_trusted && out->span[0].end >= bos->u.s->n;
}

void ogi_template_exec(og_ctx *ctx, const og_template *t, tmpl_run *r, tmpl_val context,
                       size_t max_output, og_template_text *out)
{
    tmpl_heap *h = &r->h;
    static const char *const special[] = { "bos_token", "eos_token" };
    tmpl_sb text = { .h = h, .limit = max_output };
    *out = (og_template_text){ 0 };
    if (ogi_tv_failed(h) || context.tag != TV_DICT) return;
    r->context = context.u.m;
    for (int i = 0; i < OGI_LEN(special); i++) {
        tmpl_val *v = ogi_tv_get_sv(h, r->context, ogi_sv_of(special[i]));
        if (v) *v = trusted_copy(h, *v);
    }
    r->scope = ogi_tv_alloc(h, 1, sizeof *r->scope);
    r->out = &text;
    if (r->scope) ogi_te_exec(r, t->root);
    tmpl_val v = ogi_tv_sb_done(&text);
    if (!ogi_tv_failed(h) && v.tag == TV_STR) give_text(ctx, r, v, context, out);
}

og_status og_template_render(og_ctx *ctx, const og_template *t, const char *context,
                             size_t context_size, const og_template_options *opt,
                             og_template_text *out)
{
    OGI_NEEDS(ctx, ctx && t && out && (context || !context_size));
    tmpl_run r;
    *out = (og_template_text){ 0 };
    ogi_template_open(ctx, t, opt, context_size, &r);
    tmpl_val v = ogi_tv_json_parse(&r.h, "context", (ogi_sv){ context, context_size });
    if (!ogi_tv_failed(&r.h) && v.tag != TV_DICT)
        ogi_tv_fail_plain(&r.h, OG_E_FORMAT, "the context of a template is a JSON object, not %s",
                          ogi_tv_type_name(v));
    if (!ogi_tv_failed(&r.h)) {
        const tmpl_val *messages = ogi_tv_get_sv(&r.h, v.u.m, OGI_SV("messages"));
        if (messages) ogi_template_trust_roles(&r, *messages);
        ogi_template_exec(ctx, t, &r, v, ogi_template_output_limit(opt, context_size), out);
    }
    return ogi_template_close(ctx, &r, true);
}

void og_template_text_free(og_ctx *ctx, og_template_text *text)
{
    if (!ctx || !text) return;
    ogi_free(ctx, text->text);
    ogi_free(ctx, text->span);
    *text = (og_template_text){ 0 };
}
