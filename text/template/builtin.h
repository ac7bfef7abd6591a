/* SPDX-License-Identifier: MIT
 *
 * What can be called in a template: global functions, filters, tests, methods. Each is a row of a
 * table (builtin.c, filter.c, filter_seq.c, method.c, method_seq.c) whose params bind arguments
 * by name, so that no function looks at how it was called. */
#ifndef OG_TEXT_TEMPLATE_BUILTIN_H
#define OG_TEXT_TEMPLATE_BUILTIN_H

#include "text/value/value.h"

typedef struct tmpl_bound {
    tmpl_val self;
    const struct tmpl_builtin *fn;
} tmpl_bound;

/* Called with bound arguments: arg[i] belongs to the i-th name of params, TV_ABSENT if not given.
 */
typedef struct tmpl_kwarg {
    ogi_sv name;
    tmpl_val value;
} tmpl_kwarg;

typedef struct tmpl_args {
    const tmpl_val *pos;
    const tmpl_kwarg *kw;
    int n, n_kw;
} tmpl_args;

enum { TMPL_MAX_PARAMS = 8 };

typedef tmpl_val (*tmpl_fn)(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all);

/* params: "old,new,count?" names in order, ? = optional; "*" at the end takes the rest. */
typedef struct tmpl_builtin {
    const char *name, *params;
    tmpl_fn fn;
} tmpl_builtin;

/* ---- shared by filters and methods ---- */

/* Binds args to the names of fn->params and calls it. */
tmpl_val ogi_tv_call_builtin(tmpl_heap *h, const tmpl_builtin *fn, tmpl_val self,
                             const tmpl_args *args);
const tmpl_builtin *ogi_tv_find(const tmpl_builtin *table, int n, ogi_sv name);
const tmpl_builtin *ogi_tv_method(tmpl_val self, ogi_sv name); /* NULL if there is none */
const tmpl_builtin *ogi_tv_str_method(ogi_sv name);
const tmpl_builtin *ogi_tv_filter(ogi_sv name);
const tmpl_builtin *ogi_tv_test(ogi_sv name);
const tmpl_builtin *ogi_tv_global(ogi_sv name);
/* '%s' % args, and '{}'.format(...). */
tmpl_val ogi_tv_percent(tmpl_heap *h, tmpl_val format, tmpl_val args);
tmpl_val ogi_tv_format(tmpl_heap *h, tmpl_val format, const tmpl_args *args);
tmpl_val ogi_tv_escape(tmpl_heap *h, tmpl_val v); /* HTML; gives markup */

/* What needs the evaluator (expr.c). */
tmpl_val ogi_tv_getattr(tmpl_heap *h, tmpl_val v, ogi_sv name);  /* v.name */
tmpl_val ogi_tv_getitem(tmpl_heap *h, tmpl_val v, tmpl_val key); /* v[key] */
tmpl_val ogi_tv_call(tmpl_heap *h, tmpl_val fn, const tmpl_args *args);
tmpl_val ogi_tv_add(tmpl_heap *h, tmpl_val a, tmpl_val b); /* + */
bool ogi_tv_contains(tmpl_heap *h, tmpl_val box, tmpl_val v);

/* A moment in local time. */
typedef struct tmpl_time {
    int year, month, day, hour, minute, second;
} tmpl_time;
tmpl_val ogi_tv_strftime(tmpl_heap *h, const tmpl_str *format, tmpl_time t);

#endif
