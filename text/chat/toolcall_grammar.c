/* SPDX-License-Identifier: MIT
 *
 * Free text and calls in turn: the tools and the vocabulary's control tokens are read here, the
 * inside of a call is toolcall_grammar_body.c's. */
#include "text/chat/toolcall_grammar.h"

#include <stdlib.h>

#include "text/chat/toolcall_grammar_body.h"

enum { MAX_TEXT = 1 << 19, MAX_TOOLS = 1000, MIN_PIECE = 3, MAX_PIECE = 64 };

/* ---- tools ---- */

static og_status read_tool(og_ctx *ctx, json_t *v, size_t at, ogi_tool *t)
{
    json_t *inner = json_object_get(v, "function");
    if (json_is_object(inner)) v = inner;
    t->name = json_string_value(json_object_get(v, "name"));
    t->parameters = json_object_get(v, "parameters");
    if (json_is_null(t->parameters)) t->parameters = NULL;
    if (!t->name || !*t->name) OG_FAIL(ctx, OG_E_FORMAT, "tools: tool %zu has no name", at);
    if (t->parameters && !json_is_object(t->parameters))
        OG_FAIL(ctx, OG_E_FORMAT, "tools: the parameters of '%.100s' are no schema", t->name);
    return OG_OK;
}

/* The tools that may be called; *n of them. */
static og_status read_tools(og_ctx *ctx, json_t *list, const ogi_toolcall_choice *c, ogi_tool *out,
                            int *n)
{
    size_t i;
    json_t *v;
    *n = 0;
    json_array_foreach(list, i, v)
    {
        ogi_tool t;
        OG_TRY(read_tool(ctx, v, i, &t));
        for (int k = 0; k < *n; k++)
            if (!strcmp(out[k].name, t.name))
                OG_FAIL(ctx, OG_E_FORMAT, "tools: two are called '%.100s'", t.name);
        if (c->kind != OGI_TOOLCALL_NAMED || !strcmp(t.name, c->name ? c->name : ""))
            out[(*n)++] = t;
    }
    if (!*n && c->kind == OGI_TOOLCALL_NAMED)
        OG_FAIL(ctx, OG_E_NOT_FOUND, "tools: there is none named '%.100s'", c->name ? c->name : "");
    if (!*n) OG_FAIL(ctx, OG_E_FORMAT, "tools: the list is empty");
    return OG_OK;
}

/* ---- control tokens ---- */

static og_status read_controls(og_ctx *ctx, const og_vocab_view *v, ogi_control **out, int32_t *n)
{
    int64_t cap = 0;
    *out = NULL, *n = 0;
    for (int32_t id = 0; v && id < v->n_tokens; id++) {
        size_t size = 0;
        bool is_end = v->is_eog(v->user, id);
        if (!is_end && (!v->is_control || !v->is_control(v->user, id))) continue;
        const char *p = v->piece(v->user, id, &size);
        if (size < MIN_PIECE || size > MAX_PIECE) continue; /* those are no marks */
        OG_TRY(ogi_grow(ctx, out, &cap, *n + 1, sizeof **out));
        (*out)[(*n)++] = (ogi_control){ id, is_end, p, size };
    }
    return OG_OK;
}

static bool occurs(const char *text, ogi_sv part)
{
    for (const char *p = text; p && *p; p++)
        if (!strncmp(p, part.p, part.n)) return true;
    return false;
}

/* Moves the tokens that are in the marks of the format to the front, one for each piece. */
static int32_t marks_first(const ogi_toolcall_format *f, const ogi_toolcall_choice *c,
                           ogi_control *control, int32_t n)
{
    const char *const texts[] = { f->open,  f->close,        f->section[0],  f->section[1],
                                  f->call,  f->param,        f->param_close, f->lead,
                                  f->other, OGI_GEMMA_QUOTE, c->think_open };
    int32_t n_mark = 0;
    for (int32_t i = 0; i < n; i++) {
        ogi_control x = control[i];
        bool is_mark = false;
        for (int k = 0; k < OGI_LEN(texts) && !is_mark; k++)
            is_mark = occurs(texts[k], (ogi_sv){ x.piece, x.n });
        for (int32_t k = 0; k < n_mark && is_mark; k++)
            is_mark = x.n != control[k].n || memcmp(x.piece, control[k].piece, x.n) != 0;
        if (!is_mark) continue;
        control[i] = control[n_mark];
        control[n_mark++] = x;
    }
    return n_mark;
}

/* Is the mark a token that ends generation? */
static bool ends_all(const ogi_rules *r, const char *mark)
{
    for (int32_t i = 0; i < r->n_mark && mark; i++)
        if (r->control[i].is_end &&
            ogi_sv_eq((ogi_sv){ r->control[i].piece, r->control[i].n }, ogi_sv_of(mark)))
            return true;
    return false;
}

/* ---- the whole ---- */

typedef struct whole {
    ogi_schema s;
    const ogi_toolcall_format *f;
    const ogi_toolcall_choice *c;
    int32_t inside; /* rule */
} whole;

static ogi_expr *marks(whole *w, const char *text)
{
    return ogi_expr_marks(&w->s.rules, text ? ogi_sv_of(text) : OGI_SV(""));
}

static ogi_expr *blank(whole *w)
{
    return ogi_schema_rule(&w->s, OGI_RULE_SPACE);
}

static ogi_expr *inside(whole *w)
{
    return ogi_expr_rule(&w->s.rules, w->inside);
}

/* What may follow where a call is written up to its closing mark: that and the rest; or the end,
 * where the closing mark is that. */
static ogi_expr *go_on(whole *w, ogi_expr *rest)
{
    ogi_rules *r = &w->s.rules;
    ogi_expr *all = ogi_expr_join(r, marks(w, w->f->close), rest, NULL);
    return ogi_expr_repeat(r, all, !ends_all(r, w->f->close), 1);
}

/* Behind the opening mark: a call up to its closing mark, or what marks text. */
static ogi_expr *call(whole *w)
{
    ogi_rules *r = &w->s.rules;
    ogi_expr *whole_call = ogi_expr_join(r, inside(w), marks(w, w->f->close), NULL);
    ogi_expr *alt = ogi_expr_add(r, ogi_expr_alt(r), whole_call);
    return w->f->other ? ogi_expr_add(r, alt, marks(w, w->f->other)) : alt;
}

/* Text and calls. */
static og_status free_rule(whole *w, int32_t *rule)
{
    ogi_rules *r = &w->s.rules;
    bool is_first = w->f->only_first;
    ogi_sv open = ogi_sv_of(w->f->open);
    ogi_expr *until = ogi_expr_anything(r, open, true, is_first);
    ogi_expr *without = ogi_expr_anything(r, open, false, is_first);
    ogi_expr *last = ogi_expr_add(r, ogi_expr_alt(r), without);
    *rule = ogi_rules_new(r);
    if (*rule < 0) return OG_E_LIMIT;
    ogi_expr *body;
    if (is_first) {
        ogi_expr *rest = ogi_expr_anything(r, OGI_SV(""), false, false);
        body = ogi_expr_add(r, last, ogi_expr_join(r, until, inside(w), go_on(w, rest), NULL));
    } else {
        ogi_expr *calls = ogi_expr_join(r, until, call(w), NULL);
        if (ends_all(r, w->f->close))
            last = ogi_expr_add(
                r, last,
                ogi_expr_join(r, ogi_expr_anything(r, open, true, false), inside(w), NULL));
        body = ogi_expr_join(r, ogi_expr_repeat(r, calls, 0, -1), last, NULL);
    }
    r->rule[*rule].body = body;
    r->rule[*rule].is_call = true;
    SCHEMA_NEED(body);
    return OG_OK;
}

/* A mark that the format may have, and blanks behind it. */
static ogi_expr *may_come(whole *w, ogi_expr *mark, const char *text)
{
    ogi_rules *r = &w->s.rules;
    return text ? ogi_expr_repeat(r, ogi_expr_join(r, mark, blank(w), NULL), 0, 1) : mark;
}

/* An answer that begins with a call. */
static og_status required(whole *w, int32_t free_text, ogi_expr **out)
{
    ogi_rules *r = &w->s.rules;
    ogi_expr *rest = w->f->only_first ? ogi_expr_anything(r, OGI_SV(""), false, false)
                                      : ogi_expr_rule(r, free_text);
    ogi_expr *lead, *first = ogi_expr_join(r, inside(w), go_on(w, rest), NULL);
    *out = first;
    if (w->f->is_prompted) return first ? OG_OK : OG_E_LIMIT;
    OG_TRY(ogi_toolcall_lead(&w->s, w->f, &lead));
    ogi_expr *section = marks(w, w->f->section[0]);
    *out = ogi_expr_join(r, blank(w), may_come(w, lead, w->f->lead),
                         may_come(w, section, w->f->section[0]), marks(w, w->f->open), first, NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

static og_status build(whole *w, const ogi_tool *tool, int n_tool, int32_t *root)
{
    ogi_rules *r = &w->s.rules;
    ogi_expr *body;
    int32_t free_text;
    OG_TRY(ogi_toolcall_inside(&w->s, w->f, tool, n_tool, &body));
    w->inside = ogi_rules_new(r);
    if (w->inside < 0) return OG_E_LIMIT;
    r->rule[w->inside].body = body;
    r->rule[w->inside].is_call = true;
    OG_TRY(free_rule(w, &free_text));
    *root = ogi_rules_new(r);
    if (*root < 0) return OG_E_LIMIT;
    body = ogi_expr_rule(r, free_text);
    if (w->c->kind != OGI_TOOLCALL_AUTO)
        OG_TRY(required(w, free_text, &body));
    else if (w->f->is_prompted)
        body = ogi_expr_join(r, call(w), body, NULL);
    if (w->c->think_open && w->c->think_close && *w->c->think_open && *w->c->think_close) {
        ogi_expr *think =
            ogi_expr_join(r, blank(w), marks(w, w->c->think_open),
                          ogi_expr_anything(r, ogi_sv_of(w->c->think_close), true, false), NULL);
        body = ogi_expr_join(r, ogi_expr_repeat(r, think, 0, 1), body, NULL);
    }
    r->rule[*root].body = body;
    r->has_json_parts = true;
    SCHEMA_NEED(body);
    return OG_OK;
}

/* ---- tools that cannot be enforced ---- */

typedef struct job {
    og_ctx *ctx;
    const ogi_toolcall_format *f;
    const ogi_toolcall_choice *c;
    ogi_schema text; /* what the tools were read with; owns what is made for them */
    ogi_tool *tool;
    int n_tool;
    ogi_control *control;
    int32_t n_control, n_mark;
} job;

static og_status compile(const job *j, const ogi_tool *tool, int n, const og_vocab_view *vocab,
                         og_grammar **out)
{
    whole w = { .f = j->f, .c = j->c };
    int32_t root;
    ogi_schema_init(&w.s, j->ctx);
    w.s.where = "tools";
    w.s.is_strict = true; /* calls are read back */
    w.s.rules.control = j->control;
    w.s.rules.n_control = j->n_control;
    w.s.rules.n_mark = j->n_mark;
    bool is_whole = w.s.rounded && json_array_extend(w.s.rounded, j->text.rounded) == 0;
    og_status st = is_whole ? build(&w, tool, n, &root) : OG_E_MEMORY;
    if (st == OG_OK) st = ogi_grammar_compile(j->ctx, &w.s.rules, root, vocab, out);
    ogi_schema_free(&w.s);
    return st;
}

/* What readers of answers tell from a parameter's schema, and no more. */
static json_t *kind_alone(const json_t *schema)
{
    unsigned kinds = ogi_schema_kinds(schema);
    if (kinds == OGI_JSON_STRING) return json_pack("{s:s}", "type", "string");
    if (kinds == (OGI_JSON_STRING | OGI_JSON_NULL))
        return json_pack("{s:[s,s]}", "type", "string", "null");
    return json_true();
}

/* Any arguments: an object; where names stand between marks, the declared ones. */
static og_status set_free(job *j, ogi_tool *t)
{
    json_t *any = ogi_schema_keep(&j->text, json_pack("{s:s}", "type", "object")), *v;
    json_t *declared = json_object_get(t->parameters, "properties"), *properties = json_object();
    const char *key;
    if (!any) return OG_E_MEMORY;
    if (j->f->param)
        json_object_foreach(declared, key, v) json_object_set_new(properties, key, kind_alone(v));
    const char *where = j->f->param ? "properties" : "additionalProperties";
    json_object_set_new(any, where, j->f->param ? json_incref(properties) : json_true());
    json_decref(properties);
    t->parameters = any;
    return OG_OK;
}

/* One tool does not disable the others: those that fail alone are told and left free. */
static og_status free_failing(job *j)
{
    for (int i = 0; i < j->n_tool; i++) {
        og_grammar *g = NULL;
        og_error_clear(j->ctx);
        og_status st = compile(j, &j->tool[i], 1, NULL, &g);
        og_grammar_free(g);
        if (st == OG_E_MEMORY) return st;
        if (st == OG_OK) continue;
        ogi_log(j->ctx, OG_LOG_WARN, "the arguments of tool '%.100s' are left free: %.500s",
                j->tool[i].name, og_error(j->ctx));
        OG_TRY(set_free(j, &j->tool[i]));
    }
    og_error_clear(j->ctx);
    return OG_OK;
}

static og_status constrain(job *j, json_t *list, const og_vocab_view *vocab, og_grammar **out)
{
    if (!json_is_array(list) || json_array_size(list) > MAX_TOOLS)
        OG_FAIL(j->ctx, OG_E_FORMAT, "tools: wants a list of at most %d tools", MAX_TOOLS);
    j->tool = OGI_NEW_N(j->ctx, ogi_tool, json_array_size(list) + 1);
    if (!j->tool) return OG_E_MEMORY;
    OG_TRY(read_tools(j->ctx, list, j->c, j->tool, &j->n_tool));
    OG_TRY(read_controls(j->ctx, vocab, &j->control, &j->n_control));
    j->n_mark = marks_first(j->f, j->c, j->control, j->n_control);
    og_status st = compile(j, j->tool, j->n_tool, vocab, out);
    if (st == OG_OK || st == OG_E_MEMORY || j->c->kind != OGI_TOOLCALL_AUTO) return st;
    OG_TRY(free_failing(j));
    return compile(j, j->tool, j->n_tool, vocab, out);
}

og_status ogi_toolcall_grammar(og_ctx *ctx, const ogi_toolcall_format *f, const char *tools,
                               const ogi_toolcall_choice *choice, const og_vocab_view *vocab,
                               og_grammar **out)
{
    *out = NULL;
    size_t size = strlen(tools);
    if (size > MAX_TEXT) OG_FAIL(ctx, OG_E_LIMIT, "tools: more than %d bytes", MAX_TEXT);
    job j = { .ctx = ctx, .f = f, .c = choice };
    json_t *list;
    ogi_schema_init(&j.text, ctx);
    j.text.where = "tools";
    og_status st = ogi_schema_read(&j.text, tools, size, &list);
    if (st == OG_OK) st = constrain(&j, list, vocab, out);
    ogi_free(ctx, j.control);
    ogi_free(ctx, j.tool);
    ogi_schema_free(&j.text);
    json_decref(list);
    return st;
}
