/* SPDX-License-Identifier: MIT
 *
 * The evaluator from inside: scopes, macros, loops. eval.c runs statements,
 * expr.c evaluates expressions; each recurses over the tree, whose depth is bounded, and
 * over macro calls, which ogi_tv_enter bounds. */
#ifndef OG_TEXT_TEMPLATE_EVAL_H
#define OG_TEXT_TEMPLATE_EVAL_H

#include "text/template/ast.h"

typedef struct tmpl_var {
    ogi_sv name;
    tmpl_val value;
} tmpl_var;

typedef struct tmpl_scope {
    struct tmpl_scope *parent;
    tmpl_var *v;
    int64_t n, cap;
    bool captured; /* a macro refers to it: it must not be used again */
} tmpl_scope;

/* A macro, or the body of a call block, with the scope it was written in. */
typedef struct tmpl_macro {
    const tmpl_node *node;
    tmpl_scope *scope;
} tmpl_macro;

/* `loop` in a for block. */
typedef struct tmpl_loop {
    const tmpl_node *node;
    tmpl_scope *scope; /* that the for block stands in, for loop(...) */
    tmpl_list *list;
    int64_t i;
    int level;
    tmpl_val last; /* of loop.changed() */
} tmpl_loop;

typedef struct tmpl_run {
    tmpl_heap h;
    tmpl_scope *scope;
    tmpl_dict *context;
    tmpl_sb *out;
    tmpl_val hole; /* what a filter block filters */
    tmpl_time now;
} tmpl_run;

typedef enum tmpl_flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } tmpl_flow;

tmpl_flow ogi_te_exec(tmpl_run *r, const tmpl_node *list);
tmpl_val ogi_te_eval(tmpl_run *r, const tmpl_node *n);
/* The run of list as text. */
tmpl_val ogi_te_capture(tmpl_run *r, const tmpl_node *list);
tmpl_val ogi_te_call_macro(tmpl_run *r, const tmpl_macro *m, const tmpl_args *args);
tmpl_val ogi_te_loop_call(tmpl_run *r, const tmpl_loop *loop, const tmpl_args *args);
tmpl_val ogi_te_loop_attr(tmpl_run *r, tmpl_loop *loop, ogi_sv name);
/* The value of a[begin:end:step]. */
tmpl_val ogi_te_slice(tmpl_run *r, tmpl_val v, const tmpl_node *slice);
/* A call with its arguments; extra, if not NULL, is added as caller=. */
tmpl_val ogi_te_call_node(tmpl_run *r, const tmpl_node *n, const tmpl_val *extra);

#endif
