/* SPDX-License-Identifier: MIT
 *
 * Expressions: names, attributes, subscripts, operators, calls. */
#include "text/template/eval.h"

/* ---- names and attributes ---- */

static tmpl_val lookup(tmpl_run *r, ogi_sv name)
{
    for (const tmpl_scope *s = r->scope; s; s = s->parent) {
        for (int64_t i = 0; i < s->n; i++)
            if (ogi_sv_eq(s->v[i].name, name)) return s->v[i].value;
        if (!ogi_tv_step(&r->h, 1)) return ogi_tv_undef();
    }
    const tmpl_val *v = ogi_tv_get_sv(&r->h, r->context, name);
    if (v) return *v;
    const tmpl_builtin *fn = ogi_tv_global(name);
    if (fn) return (tmpl_val){ .tag = TV_FUNC, .trusted = true, .u.fn = fn };
    if (ogi_sv_eq(name, OGI_SV("self"))) {
        tmpl_val self = ogi_tv_dict(&r->h);
        if (self.tag == TV_DICT) self.tag = TV_SPACE;
        return self;
    }
    return ogi_tv_missing(&r->h, 'n', TV_UNDEF, name);
}

static tmpl_val bind(tmpl_heap *h, tmpl_val self, const tmpl_builtin *fn)
{
    tmpl_bound *b = ogi_tv_alloc(h, 1, sizeof *b);
    if (!b) return ogi_tv_undef();
    *b = (tmpl_bound){ .self = self, .fn = fn };
    return (tmpl_val){ .tag = TV_METHOD, .trusted = true, .u.bound = b };
}

tmpl_val ogi_tv_getattr(tmpl_heap *h, tmpl_val v, ogi_sv name)
{
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(h, v);
    if (v.tag == TV_LOOP) return ogi_te_loop_attr(h->run, v.u.loop, name);
    if (v.tag == TV_SPACE || v.tag == TV_DICT) {
        const tmpl_builtin *fn = v.tag == TV_DICT ? ogi_tv_method(v, name) : NULL;
        if (fn) return bind(h, v, fn);
        const tmpl_val *item = ogi_tv_get_sv(h, v.u.m, name);
        return item ? *item : ogi_tv_missing(h, 'a', (tmpl_tag)v.tag, name);
    }
    /* what |groupby gives is a pair with names */
    if (v.tag == TV_TUPLE && v.u.l->n == 2 && ogi_sv_eq(name, OGI_SV("grouper")))
        return v.u.l->v[0];
    if (v.tag == TV_TUPLE && v.u.l->n == 2 && ogi_sv_eq(name, OGI_SV("list"))) return v.u.l->v[1];
    if (v.tag == TV_MACRO && ogi_sv_eq(name, OGI_SV("name")))
        return ogi_tv_str(h, v.u.macro->node->name, true);
    const tmpl_builtin *fn = ogi_tv_method(v, name);
    return fn ? bind(h, v, fn) : ogi_tv_missing(h, 'a', (tmpl_tag)v.tag, name);
}

/* Element i (from the end if negative) of a sequence or string; ABSENT if out of range. */
static tmpl_val element(tmpl_heap *h, tmpl_val v, int64_t i)
{
    int64_t n = ogi_tv_length(h, v);
    if (i < 0) i += n;
    if (i < 0 || i >= n) return (tmpl_val){ .tag = TV_ABSENT };
    if (v.tag == TV_RANGE) return ogi_tv_int(v.u.range->start + i * v.u.range->step);
    if (v.tag != TV_STR) return v.u.l->v[i];
    if (!ogi_tv_step(h, (int64_t)v.u.s->n / 64)) return ogi_tv_undef();
    size_t begin = ogi_tv_char_at(v.u.s, i);
    int32_t cp;
    int len = ogi_tv_decode(v.u.s->p + begin, v.u.s->n - begin, &cp);
    return ogi_tv_slice(h, v.u.s, begin, begin + (size_t)len);
}

tmpl_val ogi_tv_getitem(tmpl_heap *h, tmpl_val v, tmpl_val key)
{
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(h, v);
    bool hashable = key.tag != TV_LIST && key.tag != TV_DICT;
    const tmpl_val *item = NULL;
    if ((v.tag == TV_DICT || v.tag == TV_SPACE) && hashable) item = ogi_tv_get(h, v.u.m, key);
    if (item) return *item;
    bool has_elements =
        v.tag == TV_LIST || v.tag == TV_TUPLE || v.tag == TV_RANGE || v.tag == TV_STR;
    if (has_elements && (key.tag == TV_INT || key.tag == TV_BOOL)) {
        tmpl_val e = element(h, v, key.tag == TV_INT ? key.u.i : key.u.b);
        if (e.tag != TV_ABSENT) return e;
    }
    if (key.tag == TV_STR) return ogi_tv_getattr(h, v, ogi_tv_sv(key));
    tmpl_val text = ogi_tv_to_str(h, key);
    return ogi_tv_missing(h, 'e', (tmpl_tag)v.tag,
                          text.tag == TV_STR ? ogi_tv_sv(text) : OGI_SV(""));
}

/* Python's slice.indices(). */
static bool slice_range(tmpl_run *r, const tmpl_node *n, int64_t length, tmpl_range *out)
{
    tmpl_heap *h = &r->h;
    tmpl_val part[3];
    const tmpl_node *node[3] = { n->a, n->b, n->c };
    for (int i = 0; i < 3; i++) {
        part[i] = node[i] ? ogi_te_eval(r, node[i]) : ogi_tv_none();
        if (part[i].tag == TV_UNDEF && !ogi_tv_failed(h)) ogi_tv_fail_undef(h, part[i]);
    }
    int64_t step = ogi_tv_int_arg(h, part[2], 1);
    if (step == 0) ogi_tv_fail(h, "slice step cannot be zero");
    if (step == INT64_MIN) step = -INT64_MAX;
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? length - 1 : length;
    int64_t bound[2];
    for (int i = 0; i < 2; i++) {
        bool is_low = (i == 0) == (step > 0);
        bound[i] = ogi_tv_int_arg(h, part[i], 0);
        if (part[i].tag == TV_NONE)
            bound[i] = is_low ? low : high;
        else if (bound[i] < 0)
            bound[i] = OGI_MAX(bound[i] + length, low);
        else
            bound[i] = OGI_MIN(bound[i], high);
    }
    *out = (tmpl_range){ bound[0], bound[1], step, 0 };
    if (step > 0 && bound[1] > bound[0]) out->n = (bound[1] - bound[0] - 1) / step + 1;
    if (step < 0 && bound[0] > bound[1]) out->n = (bound[0] - bound[1] - 1) / -step + 1;
    return !ogi_tv_failed(h);
}

/* A slice of a range is a range. Its stop may lie beyond int64_t, which only printing would show.
 */
static tmpl_val range_slice(tmpl_heap *h, const tmpl_range *r, const tmpl_range *at)
{
    tmpl_range *out = ogi_tv_alloc(h, 1, sizeof *out);
    if (!out) return ogi_tv_undef();
    uint64_t step = (uint64_t)r->step, start = (uint64_t)r->start;
    *out = (tmpl_range){ (int64_t)(start + (uint64_t)at->start * step),
                         (int64_t)(start + (uint64_t)at->stop * step),
                         (int64_t)(step * (uint64_t)at->step), at->n };
    return (tmpl_val){ .tag = TV_RANGE, .trusted = true, .u.range = out };
}

tmpl_val ogi_te_slice(tmpl_run *r, tmpl_val v, const tmpl_node *slice)
{
    tmpl_heap *h = &r->h;
    tmpl_range at;
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(h, v);
    bool can = v.tag == TV_STR || v.tag == TV_LIST || v.tag == TV_TUPLE || v.tag == TV_RANGE;
    if (!slice_range(r, slice, can ? ogi_tv_length(h, v) : 0, &at)) return ogi_tv_undef();
    if (!can) return ogi_tv_fail(h, "'%s' object cannot be sliced", ogi_tv_type_name(v));
    if (v.tag == TV_STR && at.step == 1) {
        if (!ogi_tv_step(h, (int64_t)v.u.s->n / 64)) return ogi_tv_undef();
        size_t begin = ogi_tv_char_at(v.u.s, at.start);
        return ogi_tv_slice(h, v.u.s, begin, ogi_tv_char_at(v.u.s, at.start + at.n));
    }
    if (v.tag == TV_RANGE) return range_slice(h, v.u.range, &at);
    tmpl_val out = ogi_tv_list(h, v.tag == TV_TUPLE ? TV_TUPLE : TV_LIST, 0);
    out.trusted = v.trusted;
    tmpl_val all = v;
    if (v.tag == TV_STR) all.tag = TV_LIST, all.u.l = ogi_tv_elements(h, v);
    for (int64_t i = 0; i < at.n && ogi_tv_step(h, 1); i++)
        ogi_tv_push(h, out, element(h, all, at.start + i * at.step));
    if (v.tag != TV_STR || ogi_tv_failed(h)) return out;
    tmpl_sb b = { .h = h };
    for (int64_t i = 0; i < out.u.l->n; i++) ogi_tv_sb_str(&b, out.u.l->v[i].u.s);
    tmpl_val text = ogi_tv_sb_done(&b);
    if (text.tag == TV_STR) text.u.s->is_markup = v.u.s->is_markup;
    return text;
}

/* ---- operators ---- */

static tmpl_val bad_operands(tmpl_heap *h, const char *op, tmpl_val a, tmpl_val b)
{
    if (a.tag == TV_UNDEF) return ogi_tv_fail_undef(h, a);
    if (b.tag == TV_UNDEF) return ogi_tv_fail_undef(h, b);
    return ogi_tv_fail(h, "unsupported operand type(s) for %s: '%s' and '%s'", op,
                       ogi_tv_type_name(a), ogi_tv_type_name(b));
}

static tmpl_val add_strings(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    bool markup = a.u.s->is_markup || b.u.s->is_markup;
    if (markup && !a.u.s->is_markup) a = ogi_tv_escape(h, a);
    if (markup && !b.u.s->is_markup) b = ogi_tv_escape(h, b);
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    tmpl_sb sum = { .h = h };
    ogi_tv_sb_begin(&sum, a.u.s);
    ogi_tv_sb_str(&sum, b.u.s);
    tmpl_val v = ogi_tv_sb_done(&sum);
    if (v.tag == TV_STR) v.u.s->is_markup = markup;
    return v;
}

static tmpl_val add_lists(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    tmpl_val sum = ogi_tv_list(h, (tmpl_tag)a.tag, a.u.l->n + b.u.l->n);
    sum.trusted = a.trusted && b.trusted;
    for (int64_t i = 0; i < a.u.l->n && ogi_tv_step(h, 1); i++) ogi_tv_push(h, sum, a.u.l->v[i]);
    for (int64_t i = 0; i < b.u.l->n && ogi_tv_step(h, 1); i++) ogi_tv_push(h, sum, b.u.l->v[i]);
    return sum;
}

tmpl_val ogi_tv_add(tmpl_heap *h, tmpl_val a, tmpl_val b)
{
    if (ogi_tv_is_number(a) && ogi_tv_is_number(b)) return ogi_tv_number_op(h, TO_ADD, a, b);
    if (a.tag == TV_STR && b.tag == TV_STR) return add_strings(h, a, b);
    if ((a.tag == TV_LIST || a.tag == TV_TUPLE) && a.tag == b.tag) return add_lists(h, a, b);
    if (a.tag == TV_STR && b.tag != TV_UNDEF)
        return ogi_tv_fail(h, "can only concatenate str (not \"%s\") to str", ogi_tv_type_name(b));
    return bad_operands(h, "+", a, b);
}

/* A string or list n times. */
static tmpl_val repeat(tmpl_heap *h, tmpl_val v, tmpl_val times)
{
    int64_t n = ogi_tv_int_arg(h, times, 0);
    tmpl_sb b = { .h = h };
    if (v.tag == TV_STR) {
        if (n > 0 && v.u.s->n > 0 && n > h->mem_left / (int64_t)v.u.s->n)
            return ogi_tv_fail_code(h, OG_E_LIMIT, "the template takes too much memory");
        for (int64_t i = 0; i < n && v.u.s->n && ogi_tv_step(h, 1); i++) ogi_tv_sb_str(&b, v.u.s);
        tmpl_val r = ogi_tv_sb_done(&b);
        if (r.tag == TV_STR) r.u.s->is_markup = v.u.s->is_markup;
        return r;
    }
    tmpl_val out = ogi_tv_list(h, (tmpl_tag)v.tag, 0);
    for (int64_t i = 0; i < n && v.u.l->n; i++)
        for (int64_t k = 0; k < v.u.l->n; k++) {
            if (!ogi_tv_step(h, 1)) return ogi_tv_undef();
            ogi_tv_push(h, out, v.u.l->v[k]);
        }
    return out;
}

static bool repeatable(tmpl_val v)
{
    return v.tag == TV_STR || v.tag == TV_LIST || v.tag == TV_TUPLE;
}

static tmpl_val binary(tmpl_heap *h, tmpl_op op, tmpl_val a, tmpl_val b)
{
    static const char *const name[] = { "+", "-", "*", "/", "//", "%", "**" };
    if (op == TO_ADD) return ogi_tv_add(h, a, b);
    if (ogi_tv_is_number(a) && ogi_tv_is_number(b)) return ogi_tv_number_op(h, op, a, b);
    if (op == TO_MUL && repeatable(a) && ogi_tv_is_int(b)) return repeat(h, a, b);
    if (op == TO_MUL && repeatable(b) && ogi_tv_is_int(a)) return repeat(h, b, a);
    if (op == TO_MOD && a.tag == TV_STR) return ogi_tv_percent(h, a, b);
    return bad_operands(h, name[op], a, b);
}

static bool in_list(tmpl_heap *h, const tmpl_list *l, tmpl_val v)
{
    for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++)
        if (ogi_tv_equal(h, l->v[i], v)) return true;
    return false;
}

bool ogi_tv_contains(tmpl_heap *h, tmpl_val box, tmpl_val v)
{
    if (box.tag == TV_STR) {
        if (v.tag == TV_STR) return ogi_tv_search(h, ogi_tv_sv(box), ogi_tv_sv(v), 0) != SIZE_MAX;
        ogi_tv_fail(h, "'in <string>' requires string as left operand, not %s",
                    ogi_tv_type_name(v));
        return false;
    }
    if (box.tag == TV_DICT) return ogi_tv_get(h, box.u.m, v) != NULL;
    if (box.tag == TV_VIEW && box.u.view->kind == 'k')
        return ogi_tv_get(h, box.u.view->m, v) != NULL;
    if (!ogi_tv_is_iterable(box)) {
        ogi_tv_fail(h, "argument of type '%s' is not iterable", ogi_tv_type_name(box));
        return false;
    }
    return in_list(h, ogi_tv_elements(h, box), v);
}

static bool holds(tmpl_heap *h, tmpl_compare op, tmpl_val a, tmpl_val b)
{
    static const char *const name[] = { "==", "!=", "<", "<=", ">", ">=" };
    if (op == TCMP_EQ) return ogi_tv_equal(h, a, b);
    if (op == TCMP_NE) return !ogi_tv_equal(h, a, b);
    if (op == TCMP_IN) return ogi_tv_contains(h, b, a);
    if (op == TCMP_NOT_IN) return !ogi_tv_contains(h, b, a);
    int order = ogi_tv_compare(h, a, b, name[op]);
    if (order == 2) return false; /* not a number */
    return op == TCMP_LT   ? order < 0
           : op == TCMP_LE ? order <= 0
           : op == TCMP_GT ? order > 0
                           : order >= 0;
}

static tmpl_val compare(tmpl_run *r, const tmpl_node *n)
{
    tmpl_val left = ogi_te_eval(r, n->a);
    for (const tmpl_node *o = n->b; o && !ogi_tv_failed(&r->h); o = o->next) {
        tmpl_val right = ogi_te_eval(r, o->a);
        r->h.at = o->at;
        if (ogi_tv_failed(&r->h) || !holds(&r->h, (tmpl_compare)o->op, left, right))
            return ogi_tv_bool(false);
        left = right;
    }
    return ogi_tv_bool(true);
}

static tmpl_val concat(tmpl_run *r, const tmpl_node *n)
{
    tmpl_sb b = { .h = &r->h };
    for (const tmpl_node *i = n->a; i && !ogi_tv_failed(&r->h); i = i->next) {
        tmpl_val v = ogi_te_eval(r, i);
        if (ogi_tv_failed(&r->h)) break;
        if (i == n->a && v.tag == TV_STR)
            ogi_tv_sb_begin(&b, v.u.s);
        else
            ogi_tv_print(&b, v);
    }
    return ogi_tv_sb_done(&b);
}

/* ---- calls ---- */

tmpl_val ogi_tv_call(tmpl_heap *h, tmpl_val fn, const tmpl_args *args)
{
    switch ((tmpl_tag)fn.tag) {
    case TV_MACRO: return ogi_te_call_macro(h->run, fn.u.macro, args);
    case TV_FUNC: return ogi_tv_call_builtin(h, fn.u.fn, ogi_tv_none(), args);
    case TV_METHOD: return ogi_tv_call_builtin(h, fn.u.bound->fn, fn.u.bound->self, args);
    case TV_LOOP: return ogi_te_loop_call(h->run, fn.u.loop, args);
    case TV_UNDEF: return ogi_tv_fail_undef(h, fn);
    default: return ogi_tv_fail(h, "'%s' object is not callable", ogi_tv_type_name(fn));
    }
}

typedef struct call_args {
    tmpl_args args;
    tmpl_val pos; /* list that args.pos is taken from */
    tmpl_kwarg *kw;
    int64_t kw_cap;
} call_args;

static void add_kwarg(tmpl_heap *h, call_args *c, ogi_sv name, tmpl_val v)
{
    for (int i = 0; i < c->args.n_kw; i++)
        if (ogi_sv_eq(c->kw[i].name, name))
            ogi_tv_fail(h, "keyword argument '%.*s' is given twice", (int)name.n, name.p);
    if (c->args.n_kw == c->kw_cap) {
        int64_t cap = OGI_MAX(4, c->kw_cap * 2);
        tmpl_kwarg *p = cap < INT32_MAX ? ogi_tv_alloc(h, cap, sizeof *p) : NULL;
        if (!p) return;
        if (c->args.n_kw) memcpy(p, c->kw, (size_t)c->args.n_kw * sizeof *p);
        c->kw = p, c->kw_cap = cap;
    }
    c->kw[c->args.n_kw++] = (tmpl_kwarg){ name, v };
}

static void eval_argument(tmpl_run *r, const tmpl_node *n, call_args *c)
{
    tmpl_heap *h = &r->h;
    tmpl_val v =
        ogi_te_eval(r, n->kind == N_KWARG || n->kind == N_STAR || n->kind == N_STARSTAR ? n->a : n);
    if (ogi_tv_failed(h)) return;
    if (n->kind == N_KWARG) {
        add_kwarg(h, c, n->name, v);
    } else if (n->kind == N_STAR) {
        const tmpl_list *l = ogi_tv_elements(h, v);
        for (int64_t i = 0; l && i < l->n && ogi_tv_step(h, 1); i++)
            ogi_tv_push(h, c->pos, l->v[i]);
    } else if (n->kind == N_STARSTAR) {
        if (v.tag != TV_DICT) ogi_tv_fail(h, "argument after ** must be a mapping");
        for (int64_t i = 0; v.tag == TV_DICT && i < v.u.m->n && ogi_tv_step(h, 1); i++)
            if (v.u.m->e[i].key.tag == TV_STR)
                add_kwarg(h, c, ogi_tv_sv(v.u.m->e[i].key), v.u.m->e[i].value);
    } else {
        ogi_tv_push(h, c->pos, v);
    }
}

static bool eval_arguments(tmpl_run *r, const tmpl_node *list, call_args *c)
{
    *c = (call_args){ .pos = { .tag = TV_ABSENT } };
    if (list) c->pos = ogi_tv_list(&r->h, TV_LIST, 0);
    for (; list && !ogi_tv_failed(&r->h); list = list->next) eval_argument(r, list, c);
    if (ogi_tv_failed(&r->h)) return false;
    if (c->pos.tag == TV_LIST) c->args.pos = c->pos.u.l->v, c->args.n = (int)c->pos.u.l->n;
    c->args.kw = c->kw;
    return true;
}

tmpl_val ogi_te_call_node(tmpl_run *r, const tmpl_node *n, const tmpl_val *extra)
{
    call_args c;
    tmpl_val fn = ogi_te_eval(r, n->a);
    if (ogi_tv_failed(&r->h) || !eval_arguments(r, n->b, &c)) return ogi_tv_undef();
    if (extra) add_kwarg(&r->h, &c, OGI_SV("caller"), *extra);
    c.args.kw = c.kw;
    r->h.at = n->at;
    return ogi_tv_failed(&r->h) ? ogi_tv_undef() : ogi_tv_call(&r->h, fn, &c.args);
}

static tmpl_val filter_or_test(tmpl_run *r, const tmpl_node *n)
{
    call_args c;
    tmpl_val v = n->a ? ogi_te_eval(r, n->a) : r->hole;
    if (ogi_tv_failed(&r->h) || !eval_arguments(r, n->b, &c)) return ogi_tv_undef();
    r->h.at = n->at;
    if (!n->fn)
        return ogi_tv_fail(&r->h, "No %s named '%.*s'.", n->kind == N_FILTER ? "filter" : "test",
                           (int)OGI_MIN(n->name.n, 100), n->name.p);
    return ogi_tv_call_builtin(&r->h, n->fn, v, &c.args);
}

/* ---- evaluation ---- */

static tmpl_val display(tmpl_run *r, const tmpl_node *n)
{
    tmpl_heap *h = &r->h;
    tmpl_val v = n->kind == N_DICT ? ogi_tv_dict(h)
                                   : ogi_tv_list(h, n->kind == N_LIST ? TV_LIST : TV_TUPLE, 0);
    for (const tmpl_node *i = n->a; i && !ogi_tv_failed(h); i = i->next) {
        tmpl_val item = ogi_te_eval(r, i);
        if (n->kind != N_DICT) {
            ogi_tv_push(h, v, item);
            continue;
        }
        i = i->next;
        tmpl_val value = ogi_te_eval(r, i);
        r->h.at = n->at;
        if (!ogi_tv_failed(h)) ogi_tv_put(h, v.u.m, item, value);
    }
    return v;
}

static tmpl_val conditional(tmpl_run *r, const tmpl_node *n)
{
    bool yes = ogi_tv_truth(&r->h, ogi_te_eval(r, n->b));
    if (ogi_tv_failed(&r->h)) return ogi_tv_undef();
    if (yes) return ogi_te_eval(r, n->a);
    if (n->c) return ogi_te_eval(r, n->c);
    return ogi_tv_missing(&r->h, 'm', TV_UNDEF,
                          OGI_SV("the inline if-expression evaluated to false and no else section "
                                 "was defined"));
}

static tmpl_val signed_value(tmpl_run *r, const tmpl_node *n)
{
    tmpl_val v = ogi_te_eval(r, n->a);
    if (ogi_tv_failed(&r->h)) return v;
    r->h.at = n->at;
    if (v.tag == TV_UNDEF) return ogi_tv_fail_undef(&r->h, v);
    if (!ogi_tv_is_number(v))
        return ogi_tv_fail(&r->h, "bad operand type for unary %c: '%s'",
                           n->kind == N_NEG ? '-' : '+', ogi_tv_type_name(v));
    if (n->kind == N_NEG) return ogi_tv_negate(&r->h, v);
    return v.tag == TV_BOOL ? ogi_tv_int(v.u.b) : v;
}

static tmpl_val eval_pair(tmpl_run *r, const tmpl_node *n)
{
    tmpl_val a = ogi_te_eval(r, n->a);
    if (ogi_tv_failed(&r->h)) return a;
    if (n->kind == N_AND) return ogi_tv_truth(&r->h, a) ? ogi_te_eval(r, n->b) : a;
    if (n->kind == N_OR) return ogi_tv_truth(&r->h, a) ? a : ogi_te_eval(r, n->b);
    if (n->kind == N_GETITEM && n->b->kind == N_SLICE) {
        r->h.at = n->at;
        return ogi_te_slice(r, a, n->b);
    }
    tmpl_val b = ogi_te_eval(r, n->b);
    if (ogi_tv_failed(&r->h)) return b;
    r->h.at = n->at;
    if (n->kind == N_GETITEM) return ogi_tv_getitem(&r->h, a, b);
    return binary(&r->h, (tmpl_op)n->op, a, b);
}

static tmpl_val eval_node(tmpl_run *r, const tmpl_node *n)
{
    tmpl_val v;
    r->h.at = n->at;
    switch ((tmpl_node_kind)n->kind) {
    case N_CONST: return n->value;
    case N_NAME: return lookup(r, n->name);
    case N_LIST:
    case N_TUPLE:
    case N_DICT: return display(r, n);
    case N_COND: return conditional(r, n);
    case N_NOT: v = ogi_te_eval(r, n->a); return ogi_tv_bool(!ogi_tv_truth(&r->h, v));
    case N_COMPARE: return compare(r, n);
    case N_OR:
    case N_AND:
    case N_BINARY:
    case N_GETITEM: return eval_pair(r, n);
    case N_NEG:
    case N_POS: return signed_value(r, n);
    case N_CONCAT: return concat(r, n);
    case N_GETATTR:
        v = ogi_te_eval(r, n->a);
        r->h.at = n->at;
        return ogi_tv_failed(&r->h) ? v : ogi_tv_getattr(&r->h, v, n->name);
    case N_CALL: return ogi_te_call_node(r, n, NULL);
    case N_FILTER:
    case N_TEST: return filter_or_test(r, n);
    case N_SLICE: return ogi_tv_fail(&r->h, "a slice stands alone in its brackets");
    default: break; /* statements, and parts that their owners evaluate */
    }
    return ogi_tv_fail(&r->h, "not an expression");
}

tmpl_val ogi_te_eval(tmpl_run *r, const tmpl_node *n)
{
    tmpl_val v = ogi_tv_undef();
    if (ogi_tv_enter(&r->h) && ogi_tv_step(&r->h, 1)) v = eval_node(r, n);
    ogi_tv_leave(&r->h);
    return v;
}
