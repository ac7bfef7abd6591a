/* SPDX-License-Identifier: MIT
 *
 * Tests (`x is name`) and global functions. */
#include "text/template/eval.h"
#include "text/template/filter.h"

#define TEST              FILTER
#define YES_IF(condition) return (void)h, (void)arg, (void)all, ogi_tv_bool(condition)

TEST(is_boolean)
{
    YES_IF(self.tag == TV_BOOL);
}
TEST(is_callable)
{
    YES_IF(ogi_tv_is_callable(self));
}
TEST(is_defined)
{
    YES_IF(self.tag != TV_UNDEF);
}
TEST(is_undefined)
{
    YES_IF(self.tag == TV_UNDEF);
}
TEST(is_none)
{
    YES_IF(self.tag == TV_NONE);
}
TEST(is_true)
{
    YES_IF(self.tag == TV_BOOL && self.u.b);
}
TEST(is_false)
{
    YES_IF(self.tag == TV_BOOL && !self.u.b);
}
TEST(is_float)
{
    YES_IF(self.tag == TV_FLOAT);
}
TEST(is_integer)
{
    YES_IF(self.tag == TV_INT || self.tag == TV_BIG);
}
TEST(is_number)
{
    YES_IF(ogi_tv_is_number(self));
}
TEST(is_string)
{
    YES_IF(self.tag == TV_STR);
}
TEST(is_mapping)
{
    YES_IF(self.tag == TV_DICT);
}
TEST(is_iterable)
{
    YES_IF(ogi_tv_is_iterable(self));
}
TEST(is_sequence)
{
    YES_IF(self.tag == TV_UNDEF || self.tag == TV_STR || self.tag == TV_LIST ||
           self.tag == TV_TUPLE || self.tag == TV_DICT || self.tag == TV_RANGE);
}
TEST(is_escaped)
{
    YES_IF(self.tag == TV_STR && self.u.s->is_markup);
}
TEST(is_eq)
{
    YES_IF(ogi_tv_equal(h, self, arg[0]));
}
TEST(is_ne)
{
    YES_IF(!ogi_tv_equal(h, self, arg[0]));
}
TEST(is_in)
{
    YES_IF(ogi_tv_contains(h, arg[0], self));
}
TEST(is_filter)
{
    YES_IF(self.tag == TV_STR && ogi_tv_filter(ogi_tv_sv(self)));
}
TEST(is_test)
{
    YES_IF(self.tag == TV_STR && ogi_tv_test(ogi_tv_sv(self)));
}
TEST(is_lt)
{
    YES_IF(ogi_tv_compare(h, self, arg[0], "<") < 0);
}
TEST(is_le)
{
    YES_IF(ogi_tv_compare(h, self, arg[0], "<=") <= 0);
}

static bool above(int order, int least)
{
    return order >= least && order != 2;
}

TEST(is_gt)
{
    YES_IF(above(ogi_tv_compare(h, self, arg[0], ">"), 1));
}
TEST(is_ge)
{
    YES_IF(above(ogi_tv_compare(h, self, arg[0], ">="), 0));
}

TEST(is_lower)
{
    return (void)all, ogi_tf_method(h, self, "islower", arg, 0);
}
TEST(is_upper)
{
    return (void)all, ogi_tf_method(h, self, "isupper", arg, 0);
}

/* v % by == rest; a string formats, as in Python, and equals no number. */
static tmpl_val leaves(tmpl_heap *h, tmpl_val v, tmpl_val by, int64_t rest)
{
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(h, v);
    if (v.tag == TV_STR) return ogi_tv_percent(h, v, by), ogi_tv_bool(false);
    if (!ogi_tv_is_number(v) || !ogi_tv_is_number(by))
        return ogi_tv_fail(h, "a number is wanted, not %s",
                           ogi_tv_type_name(ogi_tv_is_number(v) ? by : v));
    return ogi_tv_bool(ogi_tv_equal(h, ogi_tv_number_op(h, TO_MOD, v, by), ogi_tv_int(rest)));
}

TEST(is_even)
{
    return (void)arg, (void)all, leaves(h, self, ogi_tv_int(2), 0);
}
TEST(is_odd)
{
    return (void)arg, (void)all, leaves(h, self, ogi_tv_int(2), 1);
}
TEST(is_divisible)
{
    return (void)all, leaves(h, self, arg[0], 0);
}

/* Identity. Numbers and strings have none here: equal ones of one type are the same. */
TEST(is_same)
{
    bool has_identity = self.tag == TV_LIST || self.tag == TV_TUPLE || self.tag == TV_DICT;
    if (has_identity) YES_IF(self.tag == arg[0].tag && self.u.l == arg[0].u.l);
    YES_IF(self.tag == arg[0].tag && ogi_tv_equal(h, self, arg[0]));
}

// clang-format off
static const tmpl_builtin tests[] = {
    { "boolean", "", is_boolean },     { "callable", "", is_callable },
    { "defined", "", is_defined },     { "divisibleby", "num", is_divisible },
    { "eq", "other", is_eq },          { "equalto", "other", is_eq },   { "==", "other", is_eq },
    { "escaped", "", is_escaped },     { "even", "", is_even },
    { "false", "", is_false },         { "filter", "", is_filter },
    { "float", "", is_float },         { "ge", "other", is_ge },        { ">=", "other", is_ge },
    { "gt", "other", is_gt },          { "greaterthan", "other", is_gt }, { ">", "other", is_gt },
    { "in", "seq", is_in },            { "integer", "", is_integer },
    { "iterable", "", is_iterable },   { "le", "other", is_le },        { "<=", "other", is_le },
    { "lower", "", is_lower },         { "lt", "other", is_lt },
    { "lessthan", "other", is_lt },    { "<", "other", is_lt },
    { "mapping", "", is_mapping },     { "ne", "other", is_ne },        { "!=", "other", is_ne },
    { "none", "", is_none },           { "number", "", is_number },
    { "odd", "", is_odd },             { "sameas", "other", is_same },
    { "sequence", "", is_sequence },   { "string", "", is_string },
    { "test", "", is_test },           { "true", "", is_true },
    { "undefined", "", is_undefined }, { "upper", "", is_upper },
};
// clang-format on

const tmpl_builtin *ogi_tv_test(ogi_sv name)
{
    return ogi_tv_find(tests, OGI_LEN(tests), name);
}

/* ---- global functions ---- */

enum { MAX_RANGE = 100000 };

FILTER(global_range)
{
    (void)self, (void)all;
    bool one = arg[1].tag == TV_ABSENT;
    for (int i = 0; i < 3; i++)
        if (arg[i].tag != TV_ABSENT && arg[i].tag != TV_BOOL && arg[i].tag != TV_INT)
            return ogi_tv_fail(h, "'%s' object cannot be interpreted as an integer",
                               ogi_tv_type_name(arg[i]));
    tmpl_range x = { .start = one ? 0 : ogi_tv_int_arg(h, arg[0], 0),
                     .stop = ogi_tv_int_arg(h, arg[one ? 0 : 1], 0),
                     .step = ogi_tv_int_arg(h, arg[2], 1) };
    if (x.step == 0) return ogi_tv_fail(h, "range() arg 3 must not be zero");
    int64_t span = 0, step = x.step;
    bool fits = step != INT64_MIN && (step > 0 ? !__builtin_sub_overflow(x.stop, x.start, &span)
                                               : !__builtin_sub_overflow(x.start, x.stop, &span));
    step = step < 0 && step != INT64_MIN ? -step : step;
    x.n = fits && span > 0 ? (span - 1) / step + 1 : 0;
    if (!fits || x.n > MAX_RANGE)
        return ogi_tv_fail_code(h, OG_E_LIMIT, "Range too big (more than %d elements)", MAX_RANGE);
    tmpl_range *range = ogi_tv_alloc(h, 1, sizeof *range);
    if (!range) return ogi_tv_undef();
    *range = x;
    return (tmpl_val){ .tag = TV_RANGE, .trusted = true, .u.range = range };
}

FILTER(global_dict)
{
    (void)self, (void)arg;
    tmpl_val m = ogi_tv_dict(h);
    const tmpl_builtin *update = m.tag == TV_DICT ? ogi_tv_method(m, OGI_SV("update")) : NULL;
    if (all->n > 1) return ogi_tv_fail(h, "dict expected at most 1 argument, got %d", all->n);
    if (!update) return ogi_tv_undef();
    if (all->n && all->pos[0].tag == TV_UNDEF) return ogi_tv_fail_undef(h, all->pos[0]);
    bool is_pairs = all->n && all->pos[0].tag != TV_DICT;
    const tmpl_list *l = is_pairs ? ogi_tv_elements(h, all->pos[0]) : NULL;
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++) {
        const tmpl_list *pair = ogi_tv_elements(h, l->v[i]);
        if (pair && pair->n != 2)
            return ogi_tv_fail(h, "dict: element %lld is not a pair", (long long)i);
        if (pair) ogi_tv_put(h, m.u.m, pair->v[0], pair->v[1]);
    }
    tmpl_args rest = *all;
    if (is_pairs) rest.n = 0;
    ogi_tv_call_builtin(h, update, m, &rest);
    return m;
}

FILTER(global_namespace)
{
    tmpl_val m = global_dict(h, self, arg, all);
    if (m.tag == TV_DICT) m.tag = TV_SPACE;
    return m;
}

static tmpl_val bound(tmpl_heap *h, tmpl_val self, const tmpl_builtin *fn)
{
    tmpl_bound *b = ogi_tv_alloc(h, 1, sizeof *b);
    if (!b) return ogi_tv_undef();
    *b = (tmpl_bound){ .self = self, .fn = fn };
    return (tmpl_val){ .tag = TV_METHOD, .trusted = true, .u.bound = b };
}

/* A cycler is a namespace with its items, where it stands in them, and methods. */
static tmpl_val cycler_move(tmpl_heap *h, tmpl_val self, int64_t to)
{
    const tmpl_list *l = ogi_tv_get_sv(h, self.u.m, OGI_SV("items"))->u.l;
    tmpl_val before = *ogi_tv_get_sv(h, self.u.m, OGI_SV("current"));
    ogi_tv_put_sv(h, self.u.m, OGI_SV("pos"), ogi_tv_int(to % l->n));
    ogi_tv_put_sv(h, self.u.m, OGI_SV("current"), l->v[to % l->n]);
    return before;
}

FILTER(cycler_next)
{
    (void)arg, (void)all;
    return cycler_move(h, self, ogi_tv_get_sv(h, self.u.m, OGI_SV("pos"))->u.i + 1);
}
FILTER(cycler_reset)
{
    return (void)arg, (void)all, cycler_move(h, self, 0), ogi_tv_none();
}

FILTER(global_cycler)
{
    (void)self, (void)arg;
    static const tmpl_builtin methods[] = { { "next", "", cycler_next },
                                            { "reset", "", cycler_reset } };
    if (all->n == 0) return ogi_tv_fail(h, "at least one item has to be provided");
    tmpl_val m = ogi_tv_dict(h), items = ogi_tv_list(h, TV_TUPLE, all->n);
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    m.tag = TV_SPACE;
    for (int i = 0; i < all->n; i++) ogi_tv_push(h, items, all->pos[i]);
    ogi_tv_put_sv(h, m.u.m, OGI_SV("items"), items);
    ogi_tv_put_sv(h, m.u.m, OGI_SV("pos"), ogi_tv_int(0));
    ogi_tv_put_sv(h, m.u.m, OGI_SV("current"), all->pos[0]);
    for (int i = 0; i < OGI_LEN(methods); i++)
        ogi_tv_put_sv(h, m.u.m, ogi_sv_of(methods[i].name), bound(h, m, &methods[i]));
    return m;
}

/* Nothing on the first call, the separator on all others: self is a list of both. */
FILTER(joiner_call)
{
    (void)h, (void)arg, (void)all;
    tmpl_list *l = self.u.l;
    l->at = OGI_MIN(l->at + 1, 2);
    return l->v[l->at - 1];
}

FILTER(global_joiner)
{
    (void)self, (void)all;
    static const tmpl_builtin call = { "joiner", "", joiner_call };
    tmpl_val parts = ogi_tv_list(h, TV_LIST, 2);
    ogi_tv_push(h, parts, ogi_tv_lit(h, ""));
    ogi_tv_push(h, parts, arg[0].tag == TV_ABSENT ? ogi_tv_lit(h, ", ") : arg[0]);
    return ogi_tv_failed(h) ? ogi_tv_undef() : bound(h, parts, &call);
}

FILTER(global_raise)
{
    (void)self, (void)all;
    tmpl_val text = ogi_tv_to_str(h, arg[0]);
    if (text.tag != TV_STR) return ogi_tv_undef();
    return ogi_tv_fail(h, "%.*s", (int)OGI_MIN(text.u.s->n, 1000), text.u.s->p);
}

FILTER(global_strftime)
{
    (void)self, (void)all;
    if (arg[0].tag != TV_STR) return ogi_tv_fail(h, "strftime_now: a format is wanted");
    return ogi_tv_strftime(h, arg[0].u.s, h->run->now);
}

static const tmpl_builtin globals[] = {
    { "range", "start,stop?,step?", global_range },
    { "dict", "*", global_dict },
    { "namespace", "*", global_namespace },
    { "raise_exception", "message", global_raise },
    { "strftime_now", "format", global_strftime },
    { "cycler", "*", global_cycler },
    { "joiner", "sep?", global_joiner },
};

const tmpl_builtin *ogi_tv_global(ogi_sv name)
{
    return ogi_tv_find(globals, OGI_LEN(globals), name);
}
