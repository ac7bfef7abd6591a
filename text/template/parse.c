/* SPDX-License-Identifier: MIT
 *
 * Statements of templates. */
#include <stdio.h>

#include "text/template/ast.h"

typedef struct chain {
    tmpl_node *first, **last;
} chain;

static void append(chain *c, tmpl_node *n)
{
    if (!n) return;
    if (!c->last) c->last = &c->first;
    *c->last = n;
    c->last = &n->next;
}

static tmpl_node *body_until(tmpl_parser *p, const char *const *ends);
static tmpl_node *frame_until(tmpl_parser *p, const char *const *ends);

/* A body up to one of the ends; the tag name is left to be read. FRAME: one with a scope of its
 * own, in which a condition around it counts no longer (see p->soft). */
#define BODY(p, ...)  body_until((p), (const char *const[]){ __VA_ARGS__, NULL })
#define FRAME(p, ...) frame_until((p), (const char *const[]){ __VA_ARGS__, NULL })

static void end_tag(tmpl_parser *p)
{
    if (ogi_tp_peek(p)->kind == TK_BLOCK_END)
        p->at++;
    else
        ogi_tp_expected(p, "'%}'");
}

/* Takes `name` and the end of its tag. */
static void close_tag(tmpl_parser *p, const char *name)
{
    if (!ogi_tv_failed(p->h) && !ogi_tp_take_name(p, name)) ogi_tp_expected(p, name);
    if (!ogi_tv_failed(p->h)) end_tag(p);
}

static tmpl_node *parse_if(tmpl_parser *p, size_t at)
{
    tmpl_node *first = NULL, *last = NULL;
    p->soft++;
    do {
        tmpl_node *condition = ogi_tp_tuple(p, false);
        if (!ogi_tv_failed(p->h)) end_tag(p);
        tmpl_node *body = BODY(p, "elif", "else", "endif");
        tmpl_node *n = ogi_tp_node(p, N_IF, at, condition, body, NULL);
        if (!n) break;
        /* elif is a chain along d, not deeper nesting: any number of them may follow */
        if (last) last->d = n;
        first = first ? first : n;
        last = n;
        at = ogi_tp_peek(p)->at;
    } while (ogi_tp_take_name(p, "elif"));
    if (!ogi_tv_failed(p->h) && ogi_tp_take_name(p, "else")) {
        end_tag(p);
        last->c = BODY(p, "endif");
    }
    close_tag(p, "endif");
    p->soft--;
    for (tmpl_node *n = first; n && !ogi_tv_failed(p->h); n = n->d) {
        first->depth = OGI_MAX(first->depth, n->depth);
        for (tmpl_node *s = n->c; s; s = s->next)
            first->depth = OGI_MAX(first->depth, s->depth + 1);
    }
    return first;
}

static tmpl_node *parse_for(tmpl_parser *p, size_t at)
{
    tmpl_node *target = ogi_tp_target(p, false), *condition = NULL, *otherwise = NULL;
    if (!ogi_tv_failed(p->h) && !ogi_tp_take_name(p, "in")) ogi_tp_expected(p, "'in'");
    tmpl_node *iterable = ogi_tv_failed(p->h) ? NULL : ogi_tp_tuple(p, false);
    if (!ogi_tv_failed(p->h) && ogi_tp_take_name(p, "if")) condition = ogi_tp_expr(p);
    bool is_recursive = !ogi_tv_failed(p->h) && ogi_tp_take_name(p, "recursive");
    if (!ogi_tv_failed(p->h)) end_tag(p);
    p->loop_depth++;
    tmpl_node *body = FRAME(p, "else", "endfor");
    p->loop_depth--;
    if (!ogi_tv_failed(p->h) && ogi_tp_take_name(p, "else")) {
        end_tag(p);
        otherwise = FRAME(p, "endfor");
    }
    close_tag(p, "endfor");
    tmpl_node *n = ogi_tp_node(p, N_FOR, at, target, iterable, body);
    if (!n) return NULL;
    n->d = otherwise, n->e = condition, n->flag = is_recursive;
    for (tmpl_node *s = otherwise; s; s = s->next) n->depth = OGI_MAX(n->depth, s->depth + 1);
    if (condition) n->depth = OGI_MAX(n->depth, condition->depth + 1);
    return n;
}

static tmpl_node *parse_set(tmpl_parser *p, size_t at)
{
    tmpl_node *target = ogi_tp_target(p, true), *filters = NULL;
    if (ogi_tv_failed(p->h)) return NULL;
    if (ogi_tp_take_op(p, '=')) {
        tmpl_node *value = ogi_tp_tuple(p, true);
        if (!ogi_tv_failed(p->h)) end_tag(p);
        return ogi_tp_node(p, N_SET, at, target, value, NULL);
    }
    if (ogi_tp_take_op(p, '|')) filters = ogi_tp_filters(p, NULL, true);
    if (!ogi_tv_failed(p->h)) end_tag(p);
    tmpl_node *body = FRAME(p, "endset");
    close_tag(p, "endset");
    return ogi_tp_node(p, N_SETBLOCK, at, target, filters, body);
}

/* "(a, b=1)" of a macro or call. */
static tmpl_node *parse_params(tmpl_parser *p)
{
    chain c = { 0 };
    bool has_default = false;
    ogi_tp_want_op(p, '(');
    while (!ogi_tv_failed(p->h) && !ogi_tp_take_op(p, ')')) {
        if (c.first) ogi_tp_want_op(p, ',');
        const tmpl_tok *t = ogi_tp_peek(p);
        ogi_sv name = ogi_tv_failed(p->h) ? OGI_SV("") : ogi_tp_want_name(p);
        if (ogi_tv_failed(p->h)) break;
        tmpl_node *value = ogi_tp_take_op(p, '=') ? ogi_tp_expr(p) : NULL;
        if (has_default && !value) ogi_tp_expected(p, "a default (one stands before)");
        has_default = value != NULL;
        tmpl_node *n = ogi_tp_node(p, N_PARAM, t->at, value, NULL, NULL);
        if (n) n->name = name;
        append(&c, n);
    }
    return c.first;
}

/* The body of a macro: what it uses is its own, and break does not reach out of it. */
static tmpl_node *macro_body(tmpl_parser *p, const char *end, tmpl_node *n)
{
    unsigned char uses = p->uses;
    int loops = p->loop_depth;
    p->uses = 0, p->loop_depth = 0;
    if (!ogi_tv_failed(p->h)) end_tag(p);
    tmpl_node *body = FRAME(p, end);
    close_tag(p, end);
    if (n && !ogi_tv_failed(p->h)) {
        n->uses = p->uses;
        n->c = body;
        for (tmpl_node *s = body; s; s = s->next) n->depth = OGI_MAX(n->depth, s->depth + 1);
    }
    p->uses |= uses, p->loop_depth = loops; /* a macro around it counts as using them too */
    return ogi_tv_failed(p->h) ? NULL : n;
}

static tmpl_node *parse_macro(tmpl_parser *p, size_t at)
{
    ogi_sv name = ogi_tp_want_name(p);
    tmpl_node *params = ogi_tv_failed(p->h) ? NULL : parse_params(p);
    tmpl_node *n = ogi_tp_node(p, N_MACRO, at, params, NULL, NULL);
    if (n) n->name = name;
    return macro_body(p, "endmacro", n);
}

static tmpl_node *parse_call(tmpl_parser *p, size_t at)
{
    tmpl_node *params = ogi_tp_is_op(p, '(') ? parse_params(p) : NULL;
    tmpl_node *call = ogi_tv_failed(p->h) ? NULL : ogi_tp_unary(p);
    if (call && call->kind != N_CALL) ogi_tp_expected(p, "a call");
    tmpl_node *n = ogi_tp_node(p, N_CALLBLOCK, at, params, call, NULL);
    if (n) n->name = OGI_SV("caller");
    return macro_body(p, "endcall", n);
}

static tmpl_node *parse_filter_block(tmpl_parser *p, size_t at)
{
    tmpl_node *filters = ogi_tp_filters(p, NULL, true);
    if (!ogi_tv_failed(p->h)) end_tag(p);
    tmpl_node *body = FRAME(p, "endfilter");
    close_tag(p, "endfilter");
    return ogi_tp_node(p, N_FILTERBLOCK, at, NULL, filters, body);
}

static tmpl_node *parse_with(tmpl_parser *p, size_t at)
{
    chain c = { 0 };
    while (!ogi_tv_failed(p->h) && ogi_tp_peek(p)->kind != TK_BLOCK_END) {
        if (c.first) ogi_tp_want_op(p, ',');
        size_t set_at = ogi_tp_peek(p)->at;
        tmpl_node *target = ogi_tv_failed(p->h) ? NULL : ogi_tp_target(p, false);
        ogi_tp_want_op(p, '=');
        tmpl_node *value = ogi_tv_failed(p->h) ? NULL : ogi_tp_expr(p);
        append(&c, ogi_tp_node(p, N_SET, set_at, target, value, NULL));
    }
    if (!ogi_tv_failed(p->h)) end_tag(p);
    tmpl_node *body = FRAME(p, "endwith");
    close_tag(p, "endwith");
    return ogi_tp_node(p, N_WITH, at, c.first, NULL, body);
}

static tmpl_node *parse_generation(tmpl_parser *p, size_t at)
{
    end_tag(p);
    tmpl_node *body = FRAME(p, "endgeneration");
    close_tag(p, "endgeneration");
    return ogi_tp_node(p, N_SCOPE, at, NULL, NULL, body);
}

static tmpl_node *parse_jump(tmpl_parser *p, size_t at, tmpl_node_kind kind)
{
    end_tag(p);
    if (p->loop_depth > 0) return ogi_tp_node(p, kind, at, NULL, NULL, NULL);
    p->h->at = at;
    ogi_tv_fail(p->h, "break and continue stand only in a for loop");
    return NULL;
}

static tmpl_node *parse_print(tmpl_parser *p, size_t at)
{
    tmpl_node *value = ogi_tp_tuple(p, true);
    if (!ogi_tv_failed(p->h)) end_tag(p);
    return ogi_tp_node(p, N_OUTPUT, at, value, NULL, NULL);
}

/* Behind "{%". */
static tmpl_node *statement(tmpl_parser *p)
{
    const tmpl_tok *t = ogi_tp_peek(p);
    ogi_sv tag = ogi_tp_want_name(p);
    size_t at = t->at;
    if (ogi_tv_failed(p->h)) return NULL;
    if (ogi_sv_eq(tag, OGI_SV("if"))) return parse_if(p, at);
    if (ogi_sv_eq(tag, OGI_SV("for"))) return parse_for(p, at);
    if (ogi_sv_eq(tag, OGI_SV("set"))) return parse_set(p, at);
    if (ogi_sv_eq(tag, OGI_SV("macro"))) return parse_macro(p, at);
    if (ogi_sv_eq(tag, OGI_SV("call"))) return parse_call(p, at);
    if (ogi_sv_eq(tag, OGI_SV("filter"))) return parse_filter_block(p, at);
    if (ogi_sv_eq(tag, OGI_SV("with"))) return parse_with(p, at);
    if (ogi_sv_eq(tag, OGI_SV("generation"))) return parse_generation(p, at);
    if (ogi_sv_eq(tag, OGI_SV("break"))) return parse_jump(p, at, N_BREAK);
    if (ogi_sv_eq(tag, OGI_SV("continue"))) return parse_jump(p, at, N_CONTINUE);
    if (ogi_sv_eq(tag, OGI_SV("print"))) return parse_print(p, at);
    p->h->at = at;
    static const char *const files[] = { "include", "import", "from", "extends", "block" };
    for (int i = 0; i < OGI_LEN(files); i++)
        if (ogi_sv_eq(tag, ogi_sv_of(files[i])))
            ogi_tv_fail(p->h, "'%s' is not supported: a chat template is one file", files[i]);
    ogi_tv_fail(p->h, "Encountered unknown tag '%.*s'.", (int)OGI_MIN(tag.n, 100), tag.p);
    return NULL;
}

static tmpl_node *data_or_output(tmpl_parser *p)
{
    const tmpl_tok *t = &p->tok[p->at++];
    if (t->kind == TK_DATA) {
        tmpl_node *n = ogi_tp_node(p, N_DATA, t->at, NULL, NULL, NULL);
        if (n) n->value = ogi_tv_str(p->h, t->text, true);
        return n;
    }
    tmpl_node *value = ogi_tp_tuple(p, true);
    if (!ogi_tv_failed(p->h) && ogi_tp_peek(p)->kind != TK_VAR_END)
        return ogi_tp_expected(p, "'}}'");
    p->at++;
    return ogi_tp_node(p, N_OUTPUT, t->at, value, NULL, NULL);
}

static bool at_end_tag(const tmpl_parser *p, const char *const *ends)
{
    for (; *ends; ends++)
        if (ogi_sv_eq(p->tok[p->at + 1].text, ogi_sv_of(*ends))) return true;
    return false;
}

static void fail_unclosed(tmpl_parser *p, const char *const *ends)
{
    char list[128] = "";
    for (size_t n = 0; *ends; ends++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s'%s'", n ? ", " : "", *ends);
    p->h->at = ogi_tp_peek(p)->at;
    ogi_tv_fail(p->h, "unexpected end of template, expected one of %s", list);
}

static tmpl_node *body_until(tmpl_parser *p, const char *const *ends)
{
    chain c = { 0 };
    bool found = false;
    if (ogi_tp_enter(p)) {
        while (!found && !ogi_tv_failed(p->h) && ogi_tp_peek(p)->kind != TK_EOF) {
            if (ogi_tp_peek(p)->kind != TK_BLOCK_BEGIN) {
                append(&c, data_or_output(p));
            } else if (p->tok[p->at + 1].kind == TK_NAME && at_end_tag(p, ends)) {
                p->at++;
                found = true;
            } else {
                p->at++;
                append(&c, statement(p));
            }
        }
        if (!found && *ends && !ogi_tv_failed(p->h)) fail_unclosed(p, ends);
    }
    ogi_tp_leave(p);
    return c.first;
}

static tmpl_node *frame_until(tmpl_parser *p, const char *const *ends)
{
    int soft = p->soft;
    p->soft = 0;
    tmpl_node *body = body_until(p, ends);
    p->soft = soft;
    return body;
}

tmpl_node *ogi_tp_parse(tmpl_heap *h)
{
    int64_t n;
    tmpl_parser p = { .h = h, .tok = ogi_tp_lex(h, &n) };
    tmpl_node *root = p.tok ? body_until(&p, (const char *const[]){ NULL }) : NULL;
    if (p.unknown && !ogi_tv_failed(h)) {
        const tmpl_node *u = p.unknown;
        h->at = u->at;
        ogi_tv_fail(h, "No %s named '%.*s'.", u->kind == N_FILTER ? "filter" : "test",
                    (int)OGI_MIN(u->name.n, 100), u->name.p);
    }
    return root;
}
