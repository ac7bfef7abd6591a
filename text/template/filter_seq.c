/* SPDX-License-Identifier: MIT
 *
 * Filters on sequences. Those that are lazy in Jinja give a generator (TV_ITER), which prints and
 * counts as one but is already computed. */
#include "text/template/filter.h"

/* ---- keys ---- */

/* v.a.b.0 for the path "a.b.0". */
static tmpl_val follow(tmpl_heap *h, tmpl_val v, tmpl_val path, tmpl_val fallback)
{
    if (ogi_tv_is_int(path)) {
        v = ogi_tv_getitem(h, v, path);
        return v.tag == TV_UNDEF && fallback.tag != TV_ABSENT ? fallback : v;
    }
    if (path.tag != TV_STR) return v;
    ogi_sv rest = ogi_tv_sv(path);
    while (!ogi_tv_failed(h)) {
        const char *dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
        ogi_sv part = { rest.p, dot ? (size_t)(dot - rest.p) : rest.n };
        bool is_number = part.n > 0 && part.n < 10;
        for (size_t i = 0; i < part.n; i++) is_number &= part.p[i] >= '0' && part.p[i] <= '9';
        tmpl_val key = is_number ? ogi_tv_int_parse(h, part, 10) : ogi_tv_str(h, part, true);
        v = ogi_tv_getitem(h, v, key);
        if (v.tag == TV_UNDEF && fallback.tag != TV_ABSENT) v = fallback;
        if (!dot) break;
        rest = (ogi_sv){ dot + 1, rest.n - part.n - 1 };
    }
    return v;
}

/* What elements are compared by: an attribute if given, in lower case unless case counts. */
typedef struct key_of {
    tmpl_val attribute, fallback;
    bool case_sensitive, as_list;
} key_of;

static tmpl_val fold(tmpl_heap *h, tmpl_val v, const key_of *k)
{
    if (v.tag != TV_STR || k->case_sensitive) return v;
    return ogi_tf_method(h, v, "lower", NULL, 0);
}

static tmpl_val key(tmpl_heap *h, tmpl_val v, const key_of *k)
{
    if (k->attribute.tag != TV_STR || !memchr(k->attribute.u.s->p, ',', k->attribute.u.s->n))
        return fold(h, follow(h, v, k->attribute, k->fallback), k);
    tmpl_val out = ogi_tv_list(h, TV_TUPLE, 2); /* "a,b": by a, then by b */
    tmpl_val comma = ogi_tv_lit(h, ",");
    tmpl_val paths = ogi_tf_method(h, k->attribute, "split", &comma, 1);
    for (int64_t i = 0; paths.tag == TV_LIST && i < paths.u.l->n && !ogi_tv_failed(h); i++)
        ogi_tv_push(h, out, fold(h, follow(h, v, paths.u.l->v[i], k->fallback), k));
    return out;
}

/* ---- sorting ---- */

typedef struct sort_item {
    tmpl_val key, value;
} sort_item;

/* |sort compares keys as Python compares lists: equal ones (two undefined, say) need no order. */
static int order_of(tmpl_heap *h, tmpl_val a, tmpl_val b, const key_of *k)
{
    return k->as_list && ogi_tv_equal(h, a, b) ? 0 : ogi_tv_compare(h, a, b, "<");
}

static void merge(tmpl_heap *h, const sort_item *a, int64_t na, const sort_item *b, int64_t nb,
                  sort_item *out, const key_of *k, int sign)
{
    while (na || nb) {
        if (!ogi_tv_step(h, 1)) return;
        bool take_b = !na || (nb && sign * order_of(h, b->key, a->key, k) < 0);
        *out++ = take_b ? *b++ : *a++;
        if (take_b)
            nb--;
        else
            na--;
    }
}

/* Stable, bottom-up merge sort; equal elements keep their order also when reversed. */
static tmpl_val sorted(tmpl_heap *h, const tmpl_list *l, const key_of *k, bool reversed)
{
    tmpl_val out = ogi_tv_list(h, TV_LIST, l->n);
    sort_item *from = ogi_tv_alloc(h, l->n, sizeof *from), *to = ogi_tv_alloc(h, l->n, sizeof *to);
    for (int64_t i = 0; i < l->n && to && ogi_tv_step(h, 1); i++)
        from[i] = (sort_item){ key(h, l->v[i], k), l->v[i] };
    for (int64_t run = 1; run < l->n && !ogi_tv_failed(h); run *= 2) {
        for (int64_t i = 0; i < l->n && !ogi_tv_failed(h); i += run * 2) {
            int64_t mid = OGI_MIN(i + run, l->n), end = OGI_MIN(i + run * 2, l->n);
            merge(h, from + i, mid - i, from + mid, end - mid, to + i, k, reversed ? -1 : 1);
        }
        sort_item *swap = from;
        from = to, to = swap;
    }
    for (int64_t i = 0; i < l->n && !ogi_tv_failed(h); i++) ogi_tv_push(h, out, from[i].value);
    return out;
}

FILTER(sort)
{
    (void)all;
    key_of k = { .attribute = arg[2], .case_sensitive = ogi_tf_flag(h, arg[1]), .as_list = true };
    const tmpl_list *l = ogi_tv_elements(h, self);
    return l && !ogi_tv_failed(h) ? sorted(h, l, &k, ogi_tf_flag(h, arg[0])) : ogi_tv_undef();
}

FILTER(dictsort)
{
    (void)all;
    if (self.tag == TV_UNDEF) return ogi_tv_fail_undef(h, self);
    if (self.tag != TV_DICT)
        return ogi_tv_fail(h, "dictsort: a dict is wanted, not %s", ogi_tv_type_name(self));
    bool by_value = ogi_tv_is(arg[1], "value");
    if (arg[1].tag != TV_ABSENT && !by_value && !ogi_tv_is(arg[1], "key"))
        return ogi_tv_fail(h, "You can only sort by either \"key\" or \"value\"");
    key_of k = { .attribute = ogi_tv_int(by_value), .case_sensitive = ogi_tf_flag(h, arg[0]) };
    tmpl_view view = { .m = self.u.m, .kind = 'i', .trusted = self.trusted };
    const tmpl_list *l = ogi_tv_elements(h, (tmpl_val){ .tag = TV_VIEW, .u.view = &view });
    return l && !ogi_tv_failed(h) ? sorted(h, l, &k, ogi_tf_flag(h, arg[2])) : ogi_tv_undef();
}

FILTER(groupby)
{
    (void)all;
    key_of k = { .attribute = arg[0],
                 .fallback = arg[1],
                 .case_sensitive = ogi_tf_flag(h, arg[2]) };
    const tmpl_list *l = ogi_tv_elements(h, self);
    if (!l || ogi_tv_failed(h)) return ogi_tv_undef();
    tmpl_val order = sorted(h, l, &k, false), out = ogi_tv_list(h, TV_LIST, 0), group = { 0 };
    tmpl_val last = { 0 };
    for (int64_t i = 0; !ogi_tv_failed(h) && i < order.u.l->n && ogi_tv_step(h, 1); i++) {
        tmpl_val v = order.u.l->v[i], now = key(h, v, &k);
        if (i == 0 || !ogi_tv_equal(h, now, last)) {
            group = ogi_tv_list(h, TV_LIST, 0);
            ogi_tv_push(h, out, ogi_tv_pair(h, follow(h, v, k.attribute, k.fallback), group));
        }
        last = now;
        ogi_tv_push(h, group, v);
    }
    return out;
}

static tmpl_val extreme(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, int sign)
{
    key_of k = { .attribute = arg[1], .case_sensitive = ogi_tf_flag(h, arg[0]) };
    const tmpl_list *l = ogi_tv_elements(h, self);
    if (!l || ogi_tv_failed(h)) return ogi_tv_undef();
    if (l->n == 0)
        return ogi_tv_missing(h, 'm', TV_UNDEF, OGI_SV("No aggregated item, sequence was empty."));
    tmpl_val best = l->v[0], best_key = key(h, best, &k);
    for (int64_t i = 1; i < l->n && ogi_tv_step(h, 1); i++) {
        tmpl_val now = key(h, l->v[i], &k);
        if (sign * ogi_tv_compare(h, now, best_key, sign < 0 ? ">" : "<") >= 0) continue;
        best = l->v[i], best_key = now;
    }
    return best;
}

FILTER(min)
{
    return (void)all, extreme(h, self, arg, 1);
}
FILTER(max)
{
    return (void)all, extreme(h, self, arg, -1);
}

/* ---- taking apart ---- */

FILTER(length)
{
    (void)arg, (void)all;
    int64_t n = ogi_tv_length(h, self);
    if (n < 0) return ogi_tv_fail(h, "object of type '%s' has no len()", ogi_tv_type_name(self));
    return ogi_tv_int(n);
}

FILTER(first)
{
    (void)arg, (void)all;
    if (self.tag == TV_ITER && self.u.l->at < self.u.l->n) return self.u.l->v[self.u.l->at++];
    const tmpl_list *l = ogi_tv_elements(h, self);
    if (!l || ogi_tv_failed(h)) return ogi_tv_undef();
    if (l->n) return l->v[0];
    return ogi_tv_missing(h, 'm', TV_UNDEF, OGI_SV("No first item, sequence was empty."));
}

FILTER(last)
{
    (void)arg, (void)all;
    const tmpl_list *l = ogi_tv_elements(h, self);
    if (!l || ogi_tv_failed(h)) return ogi_tv_undef();
    if (l->n) return l->v[l->n - 1];
    return ogi_tv_missing(h, 'm', TV_UNDEF, OGI_SV("No last item, sequence was empty."));
}

static tmpl_val copy_list(tmpl_heap *h, tmpl_val self, tmpl_tag tag, bool reversed)
{
    const tmpl_list *l = ogi_tv_elements(h, self);
    if (!l || ogi_tv_failed(h)) return ogi_tv_undef();
    tmpl_val out = ogi_tv_list(h, tag, l->n);
    out.trusted = self.tag == TV_STR || self.trusted;
    for (int64_t i = 0; i < l->n && ogi_tv_step(h, 1); i++)
        ogi_tv_push(h, out, l->v[reversed ? l->n - 1 - i : i]);
    return out;
}

FILTER(list)
{
    return (void)arg, (void)all, copy_list(h, self, TV_LIST, false);
}

FILTER(reverse)
{
    (void)arg, (void)all;
    if (self.tag == TV_ITER) return copy_list(h, self, TV_LIST, true);
    tmpl_val out = copy_list(h, self, TV_ITER, true);
    if (self.tag != TV_STR || out.tag != TV_ITER) return out;
    tmpl_sb b = { .h = h };
    for (int64_t i = 0; i < out.u.l->n && ogi_tv_step(h, 1); i++)
        ogi_tv_sb_str(&b, out.u.l->v[i].u.s);
    return ogi_tv_sb_done(&b);
}

FILTER(items)
{
    (void)arg, (void)all;
    if (self.tag == TV_UNDEF) return ogi_tv_list(h, TV_ITER, 0);
    if (self.tag != TV_DICT) return ogi_tv_fail(h, "Can only get item pairs from a mapping.");
    tmpl_view view = { .m = self.u.m, .kind = 'i', .trusted = self.trusted };
    return copy_list(h, (tmpl_val){ .tag = TV_VIEW, .trusted = self.trusted, .u.view = &view },
                     TV_ITER, false);
}

FILTER(batch)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, self);
    int64_t size = ogi_tv_int_arg(h, arg[0], 1);
    tmpl_val out = ogi_tv_list(h, TV_ITER, 0), row = { 0 };
    if (size < 1) return ogi_tv_fail(h, "batch: the size must be at least 1");
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        if (i % size == 0) {
            row = ogi_tv_list(h, TV_LIST, 0);
            ogi_tv_push(h, out, row);
        }
        ogi_tv_push(h, row, l->v[i]);
    }
    while (ogi_tf_given(arg[1]) && row.tag == TV_LIST && row.u.l->n < size && ogi_tv_step(h, 1))
        ogi_tv_push(h, row, arg[1]);
    return out;
}

FILTER(slice)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, self);
    int64_t n_col = ogi_tv_int_arg(h, arg[0], 1), at = 0;
    tmpl_val out = ogi_tv_list(h, TV_ITER, 0);
    if (n_col < 1) return ogi_tv_fail(h, "slice: the number must be at least 1");
    for (int64_t c = 0; l && c < n_col && ogi_tv_step(h, 1); c++) {
        bool longer = c < l->n % n_col;
        int64_t n = l->n / n_col + longer;
        tmpl_val column = ogi_tv_list(h, TV_LIST, n);
        for (int64_t i = 0; i < n && ogi_tv_step(h, 1); i++) ogi_tv_push(h, column, l->v[at++]);
        if (ogi_tf_given(arg[1]) && !longer) ogi_tv_push(h, column, arg[1]);
        ogi_tv_push(h, out, column);
    }
    return out;
}

/* ---- putting together ---- */

FILTER(join)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, self);
    tmpl_val sep = arg[0].tag == TV_ABSENT ? ogi_tv_lit(h, "") : ogi_tv_to_str(h, arg[0]);
    tmpl_sb b = { .h = h };
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        tmpl_val none = { .tag = TV_ABSENT }, v = l->v[i];
        if (ogi_tf_given(arg[1])) v = follow(h, v, arg[1], none);
        if (i) ogi_tv_sb_str(&b, sep.u.s);
        ogi_tv_print(&b, v);
    }
    return ogi_tv_sb_done(&b);
}

FILTER(sum)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, self);
    tmpl_val total = arg[1].tag == TV_ABSENT ? ogi_tv_int(0) : arg[1], none = { .tag = TV_ABSENT };
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++)
        total =
            ogi_tv_add(h, total, ogi_tf_given(arg[0]) ? follow(h, l->v[i], arg[0], none) : l->v[i]);
    return total;
}

FILTER(unique)
{
    (void)all;
    key_of k = { .attribute = arg[1], .case_sensitive = ogi_tf_flag(h, arg[0]) };
    const tmpl_list *l = ogi_tv_elements(h, self);
    tmpl_val out = ogi_tv_list(h, TV_ITER, 0), seen = ogi_tv_dict(h);
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1) && seen.tag == TV_DICT; i++) {
        tmpl_val now = key(h, l->v[i], &k);
        if (ogi_tv_get(h, seen.u.m, now)) continue;
        ogi_tv_put(h, seen.u.m, now, ogi_tv_none());
        ogi_tv_push(h, out, l->v[i]);
    }
    return out;
}

/* ---- applying ---- */

static tmpl_val keyword(const tmpl_args *all, const char *name)
{
    for (int i = 0; i < all->n_kw; i++)
        if (ogi_sv_eq(all->kw[i].name, ogi_sv_of(name))) return all->kw[i].value;
    return (tmpl_val){ .tag = TV_ABSENT };
}

/* The arguments behind the first n. */
static tmpl_args without(const tmpl_args *all, int n)
{
    return (tmpl_args){
        .pos = n ? all->pos + n : all->pos, .n = all->n - n, .kw = all->kw, .n_kw = all->n_kw
    };
}

FILTER(map)
{
    (void)arg;
    tmpl_val attribute = keyword(all, "attribute"), fallback = keyword(all, "default");
    tmpl_val out = ogi_tv_list(h, TV_ITER, 0);
    if (!ogi_tv_truth(h, self)) return out; /* none too, as in Jinja */
    const tmpl_list *l = ogi_tv_elements(h, self);
    const tmpl_builtin *fn = NULL;
    if (all->n > 0) {
        fn = all->pos[0].tag == TV_STR ? ogi_tv_filter(ogi_tv_sv(all->pos[0])) : NULL;
        if (!fn) return ogi_tv_fail(h, "map: its first argument is not the name of a filter");
    } else if (attribute.tag == TV_ABSENT) {
        return ogi_tv_fail(h, "map requires a filter argument");
    } else if (all->n_kw > 1 + (fallback.tag != TV_ABSENT)) {
        return ogi_tv_fail(h, "map: beside attribute= only default= is known");
    }
    tmpl_args rest = without(all, OGI_MIN(all->n, 1));
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        tmpl_val v = fn ? ogi_tv_call_builtin(h, fn, l->v[i], &rest)
                        : follow(h, l->v[i], attribute, fallback);
        ogi_tv_push(h, out, v);
    }
    return out;
}

/* The elements that pass (or fail) a test, on themselves or on an attribute. */
static tmpl_val selected(tmpl_heap *h, tmpl_val self, const tmpl_args *all, bool by_attr, bool want)
{
    tmpl_val out = ogi_tv_list(h, TV_ITER, 0), none = { .tag = TV_ABSENT };
    if (!ogi_tv_truth(h, self)) return out; /* none too, as in Jinja */
    const tmpl_list *l = ogi_tv_elements(h, self);
    const tmpl_builtin *fn = NULL;
    int at = by_attr;
    if (by_attr && all->n < 1) return ogi_tv_fail(h, "Missing parameter for attribute name");
    if (all->n > at) {
        fn = all->pos[at].tag == TV_STR ? ogi_tv_test(ogi_tv_sv(all->pos[at])) : NULL;
        if (!fn) return ogi_tv_fail(h, "argument %d is not the name of a test", at + 1);
        at++;
    }
    tmpl_args rest = without(all, at);
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        tmpl_val v = by_attr ? follow(h, l->v[i], all->pos[0], none) : l->v[i];
        if (fn && !ogi_tv_failed(h)) v = ogi_tv_call_builtin(h, fn, v, &rest);
        if (ogi_tv_truth(h, v) == want) ogi_tv_push(h, out, l->v[i]);
    }
    return out;
}

FILTER(select)
{
    return (void)arg, selected(h, self, all, false, true);
}
FILTER(reject)
{
    return (void)arg, selected(h, self, all, false, false);
}
FILTER(selectattr)
{
    return (void)arg, selected(h, self, all, true, true);
}
FILTER(rejectattr)
{
    return (void)arg, selected(h, self, all, true, false);
}

// clang-format off
static const tmpl_builtin filters[] = {
    { "batch", "linecount,fill_with?", batch }, { "count", "", length },
    { "dictsort", "case_sensitive?,by?,reverse?", dictsort }, { "first", "", first },
    { "groupby", "attribute,default?,case_sensitive?", groupby }, { "items", "", items },
    { "join", "d?,attribute?", join },  { "last", "", last },
    { "length", "", length },           { "list", "", list },
    { "map", "*", map },                { "max", "case_sensitive?,attribute?", max },
    { "min", "case_sensitive?,attribute?", min }, { "reject", "*", reject },
    { "rejectattr", "*", rejectattr },  { "reverse", "", reverse },
    { "select", "*", select },          { "selectattr", "*", selectattr },
    { "slice", "slices,fill_with?", slice },
    { "sort", "reverse?,case_sensitive?,attribute?", sort },
    { "sum", "attribute?,start?", sum }, { "unique", "case_sensitive?,attribute?", unique },
};
// clang-format on

const tmpl_builtin *ogi_tf_seq_filter(ogi_sv name)
{
    return ogi_tv_find(filters, OGI_LEN(filters), name);
}
