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
    int loop; /* what {L} in a name means; -1: there is no loop */
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

/* What a graph must be of a file that holds several: the symbols are given, not the text's. */
typedef struct ogi_form_contract {
    void *user;
    og_status (*begin)(void *user, og_graph *g); /* fresh, with its name: declares the symbols */
} ogi_form_contract;

/* Reads one graph: to the end of the text, or, with a contract, to the next line "graph". */
og_status ogi_form_parse(ogi_lex *x, const ogi_form_contract *contract, og_graph **out);

#endif
