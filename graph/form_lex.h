/* SPDX-License-Identifier: MIT
 *
 * Reading the text form piece by piece: places, names, numbers, dimensions, types. Every function
 * skips blanks and comments ahead of what it reads, and fails with line, column and what it
 * expected. */
#ifndef OG_GRAPH_FORM_LEX_H
#define OG_GRAPH_FORM_LEX_H

#include "graph/form.h"

typedef struct ogi_lex {
    og_ctx *ctx;
    const char *p, *end, *line_start;
    int line;
    int loop;                                 /* what {L} in a name means; -1: there is no loop */
    const struct ogi_form_contract *contract; /* of a model's file, which has expressions */
} ogi_lex;

og_status ogi_lex_fail(ogi_lex *x, const char *expected); /* "expected ..., found ..." */
void ogi_lex_blank(ogi_lex *x);                           /* to the next token of this line */
bool ogi_lex_line(ogi_lex *x); /* to the next statement; false at the end of the text */
bool ogi_lex_is(ogi_lex *x, const char *token);     /* is it next? */
bool ogi_lex_accept(ogi_lex *x, const char *token); /* takes it if it is next */
og_status ogi_lex_expect(ogi_lex *x, const char *token);
og_status ogi_lex_end_of_line(ogi_lex *x);

og_status ogi_lex_word(ogi_lex *x, const char *expected, ogi_sv *out); /* letters, digits, _ */
og_status ogi_lex_int(ogi_lex *x, int64_t min, int64_t max, int64_t *out);
og_status ogi_lex_number(ogi_lex *x, double *out); /* float, inf, nan */
/* A name, bare or (always, if !may_be_bare) in quotes, with {L} replaced. */
og_status ogi_lex_name(ogi_lex *x, bool may_be_bare, char out[OGI_FORM_NAME_MAX + 1]);

ogi_lex ogi_lex_of(og_ctx *ctx, ogi_sv text); /* at the beginning of a text */

og_status ogi_lex_shape(ogi_lex *x, const og_graph *g, og_shape *out);
og_status ogi_lex_dtype(ogi_lex *x, og_dtype *out);

/* ---- files of a model ---------------------------------------------------------------------- */
enum { OGI_FORM_MAX_PARAM = OGI_MAX_SRC, OGI_FORM_MAX_BLOCK = 64 };

/* "block NAME (%a, %b) {": where its body begins. */
typedef struct ogi_form_block {
    ogi_sv name, param[OGI_FORM_MAX_PARAM];
    int n_param;
    ogi_lex body;
} ogi_form_block;

/* Reads one, behind the word "block", without building anything. */
og_status ogi_form_block_read(ogi_lex *x, ogi_form_block *out);

/* What a graph must be of a file that holds several, and what it may refer to. Without the optional
 * functions there are no such things. */
typedef struct ogi_form_contract {
    void *user;
    og_status (*begin)(void *user, og_graph *g); /* fresh, with its name: declares the symbols */
    bool (*input)(void *user, const char *name, og_dtype *type, og_shape *shape);
    /* A tensor of the model's file: its type, its outermost size. False: there is none. */
    bool (*weight)(void *user, const char *name, og_dtype *type, int64_t *rows);
    /* A number of the header; of a list that of `index`, which must be in it if is_indexed. */
    bool (*number)(void *user, ogi_sv name, int64_t index, bool is_indexed, double *out);
    og_dtype kv, kv_v; /* what the types kv and kv_v are */
    const ogi_form_block *block;
    int n_block;
} ogi_form_contract;

/* An expression up to one of the characters of stops (outside of brackets), " else " or the end of
 * the line. item: what `i` is; may be NULL. Finite, or an error. */
og_status ogi_lex_expr(ogi_lex *x, const char *stops, const double *item, double *out);
og_status ogi_lex_expr_int(ogi_lex *x, const char *stops, int64_t min, int64_t max, int64_t *out);
/* A dimension that names more than symbols; *is_expr is false, and nothing read, if it does not. */
og_status ogi_lex_dim_expr(ogi_lex *x, const og_graph *g, bool *is_expr, og_dim *out);

/* Reads one graph: to the end of the text, or, with a contract, to the next line "graph". */
og_status ogi_form_parse(ogi_lex *x, const ogi_form_contract *contract, og_graph **out);

#endif
