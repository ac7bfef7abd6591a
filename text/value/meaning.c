/* SPDX-License-Identifier: MIT
 *
 * What values mean, as in Python: truth, equality, order, length, iteration. Walks of nested
 * values are bounded in depth (ogi_tv_enter). */
#include "text/value/value.h"

#include <math.h>

const char *ogi_tv_type_name(tmpl_val v)
{
    switch ((tmpl_tag)v.tag) {
    case TV_ABSENT:
    case TV_UNDEF: return "Undefined";
    case TV_NONE: return "NoneType";
    case TV_BOOL: return "bool";
    case TV_INT:
    case TV_BIG: return "int";
    case TV_FLOAT: return "float";
    case TV_STR: return "str";
    case TV_LIST: return "list";
    case TV_TUPLE: return "tuple";
    case TV_ITER: return "generator";
    case TV_RANGE: return "range";
    case TV_DICT: return "dict";
    case TV_VIEW: return "dict view";
    case TV_SPACE: return "Namespace";
    case TV_MACRO: return "Macro";
    case TV_FUNC: return "function";
    case TV_METHOD: return "method";
    case TV_LOOP: return "LoopContext";
    }
    return "object";
}

bool ogi_tv_is_int(tmpl_val v)
{
    return v.tag == TV_BOOL || v.tag == TV_INT || v.tag == TV_BIG;
}

bool ogi_tv_is_number(tmpl_val v)
{
    return ogi_tv_is_int(v) || v.tag == TV_FLOAT;
}

bool ogi_tv_is_callable(tmpl_val v)
{
    return v.tag == TV_UNDEF || v.tag == TV_MACRO || v.tag == TV_FUNC || v.tag == TV_METHOD ||
           v.tag == TV_LOOP;
}

static bool is_sequence(tmpl_val v)
{
    return v.tag == TV_LIST || v.tag == TV_TUPLE;
}

bool ogi_tv_is_iterable(tmpl_val v)
{
    return v.tag == TV_UNDEF || v.tag == TV_STR || is_sequence(v) || v.tag == TV_ITER ||
           v.tag == TV_RANGE || v.tag == TV_DICT || v.tag == TV_VIEW || v.tag == TV_LOOP;
}

bool ogi_tv_truth(tmpl_heap *h, tmpl_val v)
{
    (void)h;
    switch ((tmpl_tag)v.tag) {
    case TV_ABSENT:
    case TV_UNDEF:
    case TV_NONE: return false;
    case TV_BOOL: return v.u.b;
    case TV_INT: return v.u.i != 0;
    case TV_FLOAT: return v.u.d != 0;
    case TV_STR: return v.u.s->n > 0;
    case TV_LIST:
    case TV_TUPLE: return v.u.l->n > 0;
    case TV_RANGE: return v.u.range->n > 0;
    case TV_DICT: return v.u.m->n > 0;
    case TV_VIEW: return v.u.view->m->n > 0;
    case TV_BIG:
    case TV_ITER:
    case TV_SPACE:
    case TV_MACRO:
    case TV_FUNC:
    case TV_METHOD:
    case TV_LOOP: break;
    }
    return true;
}

static bool equal_lists(tmpl_heap *h, const tmpl_list *a, const tmpl_list *b)
{
    if (a->n != b->n) return false;
    bool same = ogi_tv_enter(h);
    for (int64_t i = 0; i < a->n && same && ogi_tv_step(h, 1); i++)
        same = ogi_tv_equal(h, a->v[i], b->v[i]);
    ogi_tv_leave(h);
    return same;
}

static bool equal_dicts(tmpl_heap *h, const tmpl_dict *a, const tmpl_dict *b)
{
    if (a->n != b->n) return false;
    bool same = ogi_tv_enter(h);
    for (int64_t i = 0; i < a->n && same && ogi_tv_step(h, 1); i++) {
        const tmpl_val *other = ogi_tv_get(h, b, a->e[i].key);
        same = other && ogi_tv_equal(h, a->e[i].value, *other);
    }
    ogi_tv_leave(h);
    return same;
}

bool ogi_tv_equal(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    if (ogi_tv_is_number(a) && ogi_tv_is_number(b)) {
        bool unordered;
        return ogi_tv_number_compare(a, b, &unordered) == 0 && !unordered;
    }
    if (a.tag != b.tag) return false;
    switch ((tmpl_tag)a.tag) {
    case TV_STR:
        return a.u.s->n == b.u.s->n && ogi_tv_step(h, (int64_t)a.u.s->n / 64) &&
               ogi_sv_eq(ogi_tv_sv(a), ogi_tv_sv(b));
    case TV_LIST:
    case TV_TUPLE: return a.u.l == b.u.l || equal_lists(h, a.u.l, b.u.l);
    case TV_DICT: return a.u.m == b.u.m || equal_dicts(h, a.u.m, b.u.m);
    case TV_RANGE:
        return a.u.range->n == b.u.range->n &&
               (a.u.range->n == 0 || a.u.range->start == b.u.range->start) &&
               (a.u.range->n <= 1 || a.u.range->step == b.u.range->step);
    case TV_ABSENT:
    case TV_UNDEF:
    case TV_NONE: return true;
    case TV_BOOL:
    case TV_INT:
    case TV_BIG:
    case TV_FLOAT: return false; /* taken above */
    case TV_ITER: return a.u.l == b.u.l;
    case TV_VIEW: return a.u.view->m == b.u.view->m && a.u.view->kind == b.u.view->kind;
    case TV_SPACE: return a.u.m == b.u.m;
    case TV_MACRO: return a.u.macro == b.u.macro;
    case TV_FUNC: return a.u.fn == b.u.fn;
    case TV_METHOD: return a.u.bound == b.u.bound;
    case TV_LOOP: return a.u.loop == b.u.loop;
    }
    return false;
}

static int compare_lists(tmpl_heap *h, const tmpl_list *a, const tmpl_list *b, const char *op)
{
    int order = 0;
    if (ogi_tv_enter(h)) {
        int64_t i = 0;
        while (i < a->n && i < b->n && ogi_tv_step(h, 1) && ogi_tv_equal(h, a->v[i], b->v[i])) i++;
        if (i < a->n && i < b->n)
            order = ogi_tv_compare(h, a->v[i], b->v[i], op);
        else
            order = (a->n > b->n) - (a->n < b->n);
    }
    ogi_tv_leave(h);
    return order;
}

int ogi_tv_compare(tmpl_heap *h, tmpl_val a, tmpl_val b, const char *op)
{
    if (a.tag == TV_UNDEF) ogi_tv_fail_undef(h, a);
    if (b.tag == TV_UNDEF) ogi_tv_fail_undef(h, b);
    if (ogi_tv_failed(h)) return 0;
    if (ogi_tv_is_number(a) && ogi_tv_is_number(b)) {
        bool unordered;
        int order = ogi_tv_number_compare(a, b, &unordered);
        return unordered ? 2 : order;
    }
    if (a.tag == TV_STR && b.tag == TV_STR) {
        size_t n = OGI_MIN(a.u.s->n, b.u.s->n);
        int order = n && ogi_tv_step(h, (int64_t)n / 64) ? memcmp(a.u.s->p, b.u.s->p, n) : 0;
        return order ? order : (a.u.s->n > b.u.s->n) - (a.u.s->n < b.u.s->n);
    }
    if (is_sequence(a) && a.tag == b.tag) return compare_lists(h, a.u.l, b.u.l, op);
    ogi_tv_fail(h, "'%s' not supported between instances of '%s' and '%s'", op, ogi_tv_type_name(a),
                ogi_tv_type_name(b));
    return 0;
}

int64_t ogi_tv_length(tmpl_heap *h, tmpl_val v)
{
    (void)h;
    switch ((tmpl_tag)v.tag) {
    case TV_UNDEF: return 0;
    case TV_STR: return ogi_tv_chars(v.u.s);
    case TV_LIST:
    case TV_TUPLE: return v.u.l->n;
    case TV_RANGE: return v.u.range->n;
    case TV_DICT: return v.u.m->n;
    case TV_VIEW: return v.u.view->m->n;
    case TV_ABSENT:
    case TV_NONE:
    case TV_BOOL:
    case TV_INT:
    case TV_BIG:
    case TV_FLOAT:
    case TV_ITER:
    case TV_SPACE:
    case TV_MACRO:
    case TV_FUNC:
    case TV_METHOD:
    case TV_LOOP: break;
    }
    return -1;
}

static void push_chars(tmpl_heap *h, tmpl_val out, tmpl_str *s)
{
    for (size_t i = 0; i < s->n && ogi_tv_step(h, 1);) {
        int32_t cp;
        size_t len = (size_t)ogi_tv_decode(s->p + i, s->n - i, &cp);
        tmpl_val c = ogi_tv_slice(h, s, i, i + len);
        ogi_tv_push(h, out, c);
        i += len;
    }
}

static void push_view(tmpl_heap *h, tmpl_val out, const tmpl_view *view)
{
    for (int64_t i = 0; i < view->m->n && ogi_tv_step(h, 1); i++) {
        const tmpl_entry *e = &view->m->e[i];
        if (view->kind == 'i') {
            tmpl_val pair = ogi_tv_pair(h, e->key, e->value);
            pair.trusted = view->trusted;
            ogi_tv_push(h, out, pair);
        } else {
            ogi_tv_push(h, out, view->kind == 'k' ? e->key : e->value);
        }
    }
}

tmpl_list *ogi_tv_elements(tmpl_heap *h, tmpl_val v)
{
    if (is_sequence(v)) return v.u.l;
    tmpl_val out = ogi_tv_list(h, TV_LIST, 0);
    if (out.tag != TV_LIST) return NULL;
    tmpl_list *l = out.u.l;
    switch ((tmpl_tag)v.tag) {
    case TV_UNDEF: return l;
    case TV_STR: push_chars(h, out, v.u.s); return l;
    case TV_ITER:
        l->v = v.u.l->v ? v.u.l->v + v.u.l->at : NULL;
        l->n = l->cap = v.u.l->n - v.u.l->at;
        v.u.l->at = v.u.l->n;
        return l;
    case TV_RANGE:
        for (int64_t i = 0; i < v.u.range->n && ogi_tv_step(h, 1); i++)
            ogi_tv_push(h, out, ogi_tv_int(v.u.range->start + i * v.u.range->step));
        return l;
    case TV_DICT: push_view(h, out, &(tmpl_view){ .m = v.u.m, .kind = 'k' }); return l;
    case TV_VIEW: push_view(h, out, v.u.view); return l;
    case TV_ABSENT:
    case TV_NONE:
    case TV_BOOL:
    case TV_INT:
    case TV_BIG:
    case TV_FLOAT:
    case TV_LIST:
    case TV_TUPLE:
    case TV_SPACE:
    case TV_MACRO:
    case TV_FUNC:
    case TV_METHOD:
    case TV_LOOP: break;
    }
    ogi_tv_fail(h, "'%s' object is not iterable", ogi_tv_type_name(v));
    return l;
}

int64_t ogi_tv_int_arg(tmpl_heap *h, tmpl_val v, int64_t absent)
{
    if (v.tag == TV_ABSENT || v.tag == TV_NONE) return absent;
    if (v.tag == TV_BOOL) return v.u.b;
    if (v.tag == TV_INT) return v.u.i;
    if (v.tag == TV_BIG) return ogi_tv_int_is_negative(v) ? INT64_MIN : INT64_MAX;
    ogi_tv_fail(h, "'%s' object cannot be interpreted as an integer", ogi_tv_type_name(v));
    return absent;
}
