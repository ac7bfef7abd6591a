/* SPDX-License-Identifier: MIT
 *
 * Expressions over a model's numbers: shapes of weights ("n_head * head_k, n_embd"), defaults
 * ("n_embd / n_head[0]"), conditions ("n_expert > 0 && il >= n_dense").
 *
 *     + - * / %   < <= > >= == !=   ! && ||   min max pow (2)   sqrt log exp floor (1)
 *     name        a number; of the layer at hand where it differs from layer to layer
 *     name[E]     of layer E
 *     most(name)  the largest over the layers
 *     has(name)   1 where the file has that weight, else 0
 *     rows(name)  its outermost size in the file (of a vector 1), else 0
 *     has(@name), rows(@name): @ and all up to the bracket are the name
 *
 * Values are doubles; comparisons give 1 or 0. */
#ifndef OG_BASE_EXPR_H
#define OG_BASE_EXPR_H

#include "base/buf.h"

/* What names mean. Each gives false for a name it does not know. */
typedef struct ogi_expr_env {
    void *user;
    /* index: the layer; -1: the layer at hand. */
    bool (*value)(void *user, ogi_sv name, int64_t index, double *out);
    bool (*most)(void *user, ogi_sv name, double *out);
    bool (*has)(void *user, ogi_sv name, double *out);
    bool (*rows)(void *user, ogi_sv name, double *out);
} ogi_expr_env;

/* Evaluates one expression from *at on and leaves *at behind it: at ',' (a list goes on) or at the
 * end. OG_E_INVALID names the expression and what is wrong with it. */
og_status ogi_expr_eval(og_ctx *ctx, const ogi_expr_env *env, const char **at, double *out);

#endif
