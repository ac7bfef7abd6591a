/* SPDX-License-Identifier: MIT
 *
 * Blocks of a model's file: statements that are read anew for each call, with names of their own. A
 * block calls those above it alone, so that every call ends; what is read again is counted. */
#include "graph/form_parse.h"

og_status ogi_form_block_read(ogi_lex *x, ogi_form_block *out)
{
    *out = (ogi_form_block){ .name = { 0 } };
    OG_TRY(ogi_lex_word(x, "the name of a block", &out->name));
    OG_TRY(ogi_lex_expect(x, "("));
    do {
        if (out->n_param == OGI_FORM_MAX_PARAM) return ogi_lex_fail(x, "at most 12 parameters");
        OG_TRY(ogi_lex_expect(x, "%"));
        OG_TRY(ogi_lex_word(x, "the name of a value", &out->param[out->n_param++]));
    } while (ogi_lex_accept(x, ","));
    OG_TRY(ogi_lex_expect(x, ")"));
    OG_TRY(ogi_lex_expect(x, "{"));
    OG_TRY(ogi_lex_end_of_line(x));
    out->body = *x;
    while (ogi_lex_line(x)) {
        if (ogi_lex_accept(x, "}")) return ogi_lex_end_of_line(x);
        while (x->p < x->end && *x->p != '\n') x->p++;
    }
    return ogi_lex_fail(x, "\"}\"");
}

const ogi_form_block *ogi_form_block_find(const ogi_form_parser *p, ogi_sv name)
{
    for (int i = 0; p->contract && i < p->n_callable; i++)
        if (ogi_sv_eq(p->contract->block[i].name, name)) return &p->contract->block[i];
    return NULL;
}

/* The body once, with `next` as its value. */
static og_status body(ogi_form_parser *p, const ogi_form_block *b, og_tensor *const *arg,
                      og_tensor **out)
{
    bool is_known;
    for (int i = 0; i < b->n_param; i++) OG_TRY(ogi_form_define(p, b->param[i], arg[i]));
    while (ogi_lex_line(&p->x)) {
        if (ogi_lex_accept(&p->x, "next")) {
            OG_TRY(ogi_form_operand(p, out));
            OG_TRY(ogi_lex_end_of_line(&p->x));
            ogi_lex_line(&p->x);
            return ogi_lex_expect(&p->x, "}");
        }
        OG_TRY(ogi_form_common(p, &is_known));
        if (!is_known) return ogi_lex_fail(&p->x, "a value, a leaf or \"next\"");
    }
    return ogi_lex_fail(&p->x, "\"next\"");
}

static og_status run(ogi_form_parser *p, const ogi_form_block *b, og_tensor *const *arg,
                     og_tensor **out)
{
    const ogi_lex back = p->x;
    const ogi_map outer = p->names;
    const int n_callable = p->n_callable;
    p->names = (ogi_map){ .ctx = p->x.ctx };
    p->x = b->body;
    p->x.loop = back.loop;
    p->x.contract = back.contract;
    p->n_callable = (int)(b - p->contract->block);
    og_status st = body(p, b, arg, out);
    if (st == OG_OK) st = ogi_form_expand(p, p->x.p - b->body.p);
    ogi_map_free(&p->names);
    p->names = outer;
    if (st == OG_OK) p->x = back; /* else where it failed */
    p->n_callable = n_callable;
    return st;
}

typedef struct branch {
    const ogi_form_block *block; /* NULL: the value arg[0] */
    og_tensor *arg[OGI_MAX_SRC];
} branch;

static og_status arguments(ogi_form_parser *p, const ogi_form_block *b, branch *out)
{
    int n;
    const char *begin = p->x.p;
    out->block = b;
    OG_TRY(ogi_form_operands(p, &n, out->arg, NULL));
    if (n == b->n_param) return OG_OK;
    p->x.p = begin;
    return ogi_lex_fail(&p->x, "as many operands as the block has parameters");
}

/* Behind "else": a call, or a value. */
static og_status other(ogi_form_parser *p, branch *out)
{
    ogi_sv name;
    ogi_lex_blank(&p->x);
    if (p->x.p < p->x.end && strchr("%$@&", *p->x.p)) return ogi_form_operand(p, &out->arg[0]);
    OG_TRY(ogi_lex_word(&p->x, "a value or a block", &name));
    const ogi_form_block *b = ogi_form_block_find(p, name);
    if (b) return arguments(p, b, out);
    p->x.p = name.p;
    return ogi_lex_fail(&p->x, "a value or a block defined above");
}

og_status ogi_form_call(ogi_form_parser *p, const ogi_form_block *b, og_tensor **out)
{
    branch then = { 0 }, otherwise = { 0 };
    double holds = 1;
    OG_TRY(arguments(p, b, &then));
    if (ogi_lex_accept(&p->x, "if")) {
        OG_TRY(ogi_lex_expr(&p->x, "", NULL, &holds));
        if (ogi_lex_accept(&p->x, "else")) OG_TRY(other(p, &otherwise));
    }
    OG_TRY(ogi_lex_end_of_line(&p->x));
    const branch *taken = holds != 0 ? &then : &otherwise;
    if (taken->block) return run(p, taken->block, taken->arg, out);
    *out = taken->arg[0];
    return OG_OK;
}
