/* SPDX-License-Identifier: MIT
 *
 * The parser of the text form from inside: what its statements (form_parse.c), its blocks
 * (form_call.c) and the leaves of a model's file (form_leaf.c) share. */
#ifndef OG_GRAPH_FORM_PARSE_H
#define OG_GRAPH_FORM_PARSE_H

#include "graph/form_lex.h"

typedef struct ogi_form_value {
    og_tensor *tensor; /* NULL: absent, as an optional weight may be */
    const char *place; /* of its definition: a repetition may define it anew, others not */
} ogi_form_value;

typedef struct ogi_form_parser {
    ogi_lex x;
    og_graph *g;
    ogi_map names; /* of values: index into value[] */
    ogi_form_value *value;
    int64_t n_value, value_cap;
    int64_t expanded; /* bytes read again */
    og_tensor **next; /* of the repetition */
    int64_t n_next, next_cap;
    const ogi_form_contract *contract; /* of a file of several graphs; else NULL */
    ogi_map alias;                     /* weights by their first name: node, or ABSENT */
    int n_callable;                    /* blocks that may be called here: the first so many */
} ogi_form_parser;

enum { OGI_FORM_ABSENT = -2 };

og_status ogi_form_define(ogi_form_parser *p, ogi_sv name, og_tensor *t);
og_status ogi_form_operand(ogi_form_parser *p, og_tensor **out);
/* "(a, b, _)"; n_absent, which may be NULL: how many are absent though they are named. */
og_status ogi_form_operands(ogi_form_parser *p, int *n, og_tensor **src, int *n_absent);
/* What may stand anywhere; *is_known is false if the line is none of these. */
og_status ogi_form_common(ogi_form_parser *p, bool *is_known);
/* Counts bytes that are read once more: OG_E_LIMIT beyond 64 MB. */
og_status ogi_form_expand(ogi_form_parser *p, int64_t n);

/* The block of that name that may be called here, or NULL. */
const ogi_form_block *ogi_form_block_find(const ogi_form_parser *p, ogi_sv name);
/* "(%x) if COND else OTHER(%x)", behind the name of block b, and the end of the line. */
og_status ogi_form_call(ogi_form_parser *p, const ogi_form_block *b, og_tensor **out);

/* The leaf that is declared so far, or given by the contract; *is_absent: an optional weight that
 * is not there. name: behind the sigil of op. NULL: there is none. */
og_tensor *ogi_form_leaf_find(ogi_form_parser *p, og_op op, const char *name, bool *is_absent);
/* "@a|b? : TYPE" and the like, behind the keyword. */
og_status ogi_form_leaf(ogi_form_parser *p, og_op op);

#endif
