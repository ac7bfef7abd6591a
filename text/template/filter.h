/* SPDX-License-Identifier: MIT
 *
 * What the files of filters share. A filter is a builtin whose self is what stands before the
 * bar. */
#ifndef OG_TEXT_TEMPLATE_FILTER_H
#define OG_TEXT_TEMPLATE_FILTER_H

#include "text/template/builtin.h"

#define FILTER(name)                                                                               \
    static tmpl_val name(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all)

static inline bool ogi_tf_given(tmpl_val v)
{
    return v.tag != TV_ABSENT && v.tag != TV_NONE;
}

/* A flag argument. */
static inline bool ogi_tf_flag(tmpl_heap *h, tmpl_val v)
{
    return v.tag != TV_ABSENT && ogi_tv_truth(h, v);
}

/* Calls the string method `name` on str(self). */
tmpl_val ogi_tf_method(tmpl_heap *h, tmpl_val self, const char *name, const tmpl_val *arg, int n);

/* The filters on sequences (filter_seq.c). */
const tmpl_builtin *ogi_tf_seq_filter(ogi_sv name);

#endif
