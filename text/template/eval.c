/* SPDX-License-Identifier: MIT
 *
 * Statements, scopes, macros and loops. */
#include "text/template/eval.h"

/* ---- scopes ---- */

static tmpl_scope *push_scope(tmpl_run *r, tmpl_scope *parent)
{
    tmpl_scope *s = ogi_tv_alloc(&r->h, 1, sizeof *s);
    if (s) s->parent = parent;
    return s;
}

static void set_var(tmpl_run *r, ogi_sv name, tmpl_val v)
{
    tmpl_scope *s = r->scope;
    for (int64_t i = 0; i < s->n; i++) {
        if (!ogi_sv_eq(s->v[i].name, name)) continue;
        s->v[i].value = v;
        return;
    }
    if (s->n == s->cap) {
        int64_t cap = OGI_MAX(4, s->cap * 2);
        tmpl_var *p = ogi_tv_alloc(&r->h, cap, sizeof *p);
        if (!p) return;
        if (s->n) memcpy(p, s->v, (size_t)s->n * sizeof *p);
        s->v = p, s->cap = cap;
    }
    s->v[s->n++] = (tmpl_var){ name, v };
}

static void assign(tmpl_run *r, const tmpl_node *target, tmpl_val v);

static void assign_tuple(tmpl_run *r, const tmpl_node *target, tmpl_val v)
{
    int64_t want = 0;
    for (const tmpl_node *t = target->a; t; t = t->next) want++;
    const tmpl_list *l = ogi_tv_elements(&r->h, v);
    if (!l || ogi_tv_failed(&r->h)) return;
    r->h.at = target->at;
    if (l->n < want) {
        ogi_tv_fail(&r->h, "not enough values to unpack (expected %lld, got %lld)", (long long)want,
                    (long long)l->n);
        return;
    }
    if (l->n > want) {
        ogi_tv_fail(&r->h, "too many values to unpack (expected %lld)", (long long)want);
        return;
    }
    int64_t i = 0;
    for (const tmpl_node *t = target->a; t && !ogi_tv_failed(&r->h); t = t->next)
        assign(r, t, l->v[i++]);
}

static void assign(tmpl_run *r, const tmpl_node *target, tmpl_val v)
{
    if (target->kind == N_NAME) {
        set_var(r, target->name, v);
    } else if (target->kind == N_TUPLE) {
        if (ogi_tv_enter(&r->h)) assign_tuple(r, target, v);
        ogi_tv_leave(&r->h);
    } else {
        tmpl_node name = { .kind = N_NAME, .name = target->name, .at = target->at };
        tmpl_val space = ogi_te_eval(r, &name);
        r->h.at = target->at;
        if (space.tag == TV_SPACE)
            ogi_tv_put(&r->h, space.u.m, target->a->value, v);
        else
            ogi_tv_fail(&r->h, "cannot assign attribute on non-namespace object");
    }
}

/* ---- macros ---- */

tmpl_val ogi_te_capture(tmpl_run *r, const tmpl_node *list)
{
    tmpl_sb text = { .h = &r->h, .limit = r->out->limit }, *out = r->out;
    r->out = &text;
    ogi_te_exec(r, list);
    r->out = out;
    return ogi_tv_sb_done(&text);
}

/* The same in a scope of its own. */
static tmpl_val capture_in(tmpl_run *r, tmpl_scope *scope, const tmpl_node *list)
{
    tmpl_scope *before = r->scope;
    tmpl_val v = ogi_tv_undef();
    r->scope = scope;
    if (scope) v = ogi_te_capture(r, list);
    r->scope = before;
    return v;
}

static const tmpl_val *keyword(const tmpl_args *args, ogi_sv name)
{
    for (int i = 0; i < args->n_kw; i++)
        if (ogi_sv_eq(args->kw[i].name, name)) return &args->kw[i].value;
    return NULL;
}

/* Which parameter `name` is; -1 if it is none. */
static int param_index(const tmpl_node *macro, ogi_sv name)
{
    int i = 0;
    for (const tmpl_node *p = macro->a; p; p = p->next, i++)
        if (ogi_sv_eq(p->name, name)) return i;
    return -1;
}

/* varargs, kwargs and caller, and errors for what the macro does not take. */
static void bind_rest(tmpl_run *r, const tmpl_node *n, const tmpl_args *args, int used)
{
    tmpl_heap *h = &r->h;
    tmpl_val rest = ogi_tv_list(h, TV_TUPLE, 0), named = ogi_tv_dict(h);
    for (int i = used; i < args->n; i++) ogi_tv_push(h, rest, args->pos[i]);
    for (int i = 0; i < args->n_kw && !ogi_tv_failed(h); i++) {
        ogi_sv name = args->kw[i].name;
        int param = param_index(n, name);
        if (param >= used || ((n->uses & 1) && ogi_sv_eq(name, OGI_SV("caller")))) continue;
        if (!(n->uses & 4) && ogi_sv_eq(name, OGI_SV("caller")))
            ogi_tv_fail(h, "macro '%.*s' does not use caller", (int)n->name.n, n->name.p);
        else if (!(n->uses & 4))
            ogi_tv_fail(h, "macro '%.*s' takes no keyword argument '%.*s'", (int)n->name.n,
                        n->name.p, (int)name.n, name.p);
        else
            ogi_tv_put_sv(h, named.u.m, name, args->kw[i].value);
    }
    if (used < args->n && !(n->uses & 2))
        ogi_tv_fail(h, "macro '%.*s' takes not more than %d argument(s)", (int)n->name.n, n->name.p,
                    used);
    if (n->uses & 2) set_var(r, OGI_SV("varargs"), rest);
    if (n->uses & 4) set_var(r, OGI_SV("kwargs"), named);
    const tmpl_val *caller = keyword(args, OGI_SV("caller"));
    if (n->uses & 1)
        set_var(r, OGI_SV("caller"),
                caller ? *caller : ogi_tv_missing(h, 'n', TV_UNDEF, OGI_SV("caller")));
}

tmpl_val ogi_te_call_macro(tmpl_run *r, const tmpl_macro *m, const tmpl_args *args)
{
    tmpl_scope *before = r->scope;
    tmpl_val v = ogi_tv_undef();
    int used = 0;
    if (!ogi_tv_enter(&r->h) || !(r->scope = push_scope(r, m->scope))) {
        r->scope = before;
        ogi_tv_leave(&r->h);
        return v;
    }
    for (const tmpl_node *p = m->node->a; p && !ogi_tv_failed(&r->h); p = p->next) {
        const tmpl_val *given = used < args->n ? &args->pos[used++] : keyword(args, p->name);
        if (given)
            set_var(r, p->name, *given);
        else
            set_var(r, p->name,
                    p->a ? ogi_te_eval(r, p->a) : ogi_tv_missing(&r->h, 'p', TV_UNDEF, p->name));
    }
    bind_rest(r, m->node, args, used);
    if (!ogi_tv_failed(&r->h)) v = ogi_te_capture(r, m->node->c);
    r->scope = before;
    ogi_tv_leave(&r->h);
    return v;
}

static tmpl_val make_macro(tmpl_run *r, const tmpl_node *n)
{
    tmpl_macro *m = ogi_tv_alloc(&r->h, 1, sizeof *m);
    if (!m) return ogi_tv_undef();
    *m = (tmpl_macro){ .node = n, .scope = r->scope };
    for (tmpl_scope *s = r->scope; s && !s->captured; s = s->parent) s->captured = true;
    return (tmpl_val){ .tag = TV_MACRO, .trusted = true, .u.macro = m };
}

/* ---- loops ---- */

static bool next_scope(tmpl_run *r, tmpl_scope **scope, tmpl_scope *parent)
{
    if (*scope && !(*scope)->captured)
        (*scope)->n = 0;
    else
        *scope = push_scope(r, parent);
    r->scope = *scope;
    return *scope != NULL;
}

/* The elements for which the condition of the for block holds. */
static tmpl_list *filter_list(tmpl_run *r, const tmpl_node *n, const tmpl_list *all)
{
    tmpl_scope *before = r->scope, *scope = NULL;
    tmpl_val kept = ogi_tv_list(&r->h, TV_LIST, 0);
    for (int64_t i = 0; i < all->n && next_scope(r, &scope, before); i++) {
        if (!ogi_tv_step(&r->h, 1)) break;
        assign(r, n->a, all->v[i]);
        if (ogi_tv_truth(&r->h, ogi_te_eval(r, n->e))) ogi_tv_push(&r->h, kept, all->v[i]);
    }
    r->scope = before;
    return ogi_tv_failed(&r->h) ? NULL : kept.u.l;
}

static void run_loop(tmpl_run *r, const tmpl_node *n, tmpl_val iterable, int level)
{
    tmpl_heap *h = &r->h;
    tmpl_scope *before = r->scope, *scope = NULL;
    r->h.at = n->b->at;
    tmpl_list *l = ogi_tv_elements(h, iterable);
    if (l && n->e && !ogi_tv_failed(h)) l = filter_list(r, n, l);
    tmpl_loop *loop = ogi_tv_alloc(h, 1, sizeof *loop);
    if (!loop || !l) return;
    *loop = (tmpl_loop){ .node = n, .scope = before, .list = l, .level = level };
    tmpl_val self = { .tag = TV_LOOP, .trusted = true, .u.loop = loop };
    bool ran = false; /* as in Jinja, a round that break or continue ends does not count */
    for (; loop->i < l->n && ogi_tv_step(h, 1) && next_scope(r, &scope, before); loop->i++) {
        assign(r, n->a, l->v[loop->i]);
        set_var(r, OGI_SV("loop"), self);
        tmpl_flow flow = ogi_te_exec(r, n->c);
        if (flow == FLOW_BREAK) break;
        ran |= flow == FLOW_ON;
    }
    r->scope = before;
    if (ran || !n->d || ogi_tv_failed(h)) return;
    r->scope = push_scope(r, before);
    if (r->scope) ogi_te_exec(r, n->d);
    r->scope = before;
}

tmpl_val ogi_te_loop_call(tmpl_run *r, const tmpl_loop *loop, const tmpl_args *args)
{
    tmpl_val v = ogi_tv_undef();
    if (!loop->node->flag)
        return ogi_tv_fail(&r->h, "The loop must have the 'recursive' marker to be called");
    if (args->n != 1 || args->n_kw) return ogi_tv_fail(&r->h, "loop() takes one argument");
    tmpl_scope *before = r->scope;
    tmpl_sb text = { .h = &r->h, .limit = r->out->limit }, *out = r->out;
    if (ogi_tv_enter(&r->h)) {
        r->scope = loop->scope;
        r->out = &text;
        run_loop(r, loop->node, args->pos[0], loop->level + 1);
        v = ogi_tv_sb_done(&text);
    }
    ogi_tv_leave(&r->h);
    r->out = out;
    r->scope = before;
    return v;
}

static tmpl_val loop_cycle(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all)
{
    (void)arg;
    if (all->n == 0) return ogi_tv_fail(h, "no items for cycling given");
    return all->pos[self.u.loop->i % all->n];
}

static tmpl_val loop_changed(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all)
{
    (void)arg;
    tmpl_val now = ogi_tv_list(h, TV_TUPLE, all->n);
    for (int i = 0; i < all->n; i++) ogi_tv_push(h, now, all->pos[i]);
    bool same = self.u.loop->last.tag == TV_TUPLE && ogi_tv_equal(h, self.u.loop->last, now);
    self.u.loop->last = now;
    return ogi_tv_bool(!same);
}

tmpl_val ogi_te_loop_attr(tmpl_run *r, tmpl_loop *loop, ogi_sv name)
{
    static const tmpl_builtin methods[] = { { "cycle", "*", loop_cycle },
                                            { "changed", "*", loop_changed } };
    int64_t i = loop->i, n = loop->list->n;
    if (ogi_sv_eq(name, OGI_SV("index"))) return ogi_tv_int(i + 1);
    if (ogi_sv_eq(name, OGI_SV("index0"))) return ogi_tv_int(i);
    if (ogi_sv_eq(name, OGI_SV("revindex"))) return ogi_tv_int(n - i);
    if (ogi_sv_eq(name, OGI_SV("revindex0"))) return ogi_tv_int(n - i - 1);
    if (ogi_sv_eq(name, OGI_SV("first"))) return ogi_tv_bool(i == 0);
    if (ogi_sv_eq(name, OGI_SV("last"))) return ogi_tv_bool(i + 1 >= n);
    if (ogi_sv_eq(name, OGI_SV("length"))) return ogi_tv_int(n);
    if (ogi_sv_eq(name, OGI_SV("depth"))) return ogi_tv_int(loop->level + 1);
    if (ogi_sv_eq(name, OGI_SV("depth0"))) return ogi_tv_int(loop->level);
    if (ogi_sv_eq(name, OGI_SV("previtem")) && i > 0) return loop->list->v[i - 1];
    if (ogi_sv_eq(name, OGI_SV("nextitem")) && i + 1 < n) return loop->list->v[i + 1];
    const tmpl_builtin *fn = ogi_tv_find(methods, OGI_LEN(methods), name);
    if (!fn) return ogi_tv_missing(&r->h, 'a', TV_LOOP, name);
    tmpl_bound *bound = ogi_tv_alloc(&r->h, 1, sizeof *bound);
    if (!bound) return ogi_tv_undef();
    *bound = (tmpl_bound){ .fn = fn, .self = { .tag = TV_LOOP, .u.loop = loop } };
    return (tmpl_val){ .tag = TV_METHOD, .trusted = true, .u.bound = bound };
}

/* ---- statements ---- */

static tmpl_val filtered(tmpl_run *r, const tmpl_node *filters, tmpl_val v)
{
    if (!filters || ogi_tv_failed(&r->h)) return v;
    tmpl_val before = r->hole;
    r->hole = v;
    v = ogi_te_eval(r, filters);
    r->hole = before;
    return v;
}

static void exec_with(tmpl_run *r, const tmpl_node *n)
{
    tmpl_scope *outer = r->scope, *inner = push_scope(r, outer);
    for (const tmpl_node *set = n->a; set && inner && !ogi_tv_failed(&r->h); set = set->next) {
        r->scope = outer; /* values do not see one another */
        tmpl_val v = ogi_te_eval(r, set->b);
        r->scope = inner;
        assign(r, set->a, v);
    }
    r->scope = inner;
    if (inner && !ogi_tv_failed(&r->h)) ogi_te_exec(r, n->c);
    r->scope = outer;
}

static tmpl_flow exec_scope(tmpl_run *r, const tmpl_node *n)
{
    tmpl_scope *outer = r->scope;
    r->scope = push_scope(r, outer);
    tmpl_flow flow = r->scope ? ogi_te_exec(r, n->c) : FLOW_ON;
    r->scope = outer;
    return flow;
}

static tmpl_flow exec_if(tmpl_run *r, const tmpl_node *n)
{
    for (; n && !ogi_tv_failed(&r->h); n = n->d) {
        bool yes = ogi_tv_truth(&r->h, ogi_te_eval(r, n->a));
        if (yes && !ogi_tv_failed(&r->h)) return ogi_te_exec(r, n->b);
        if (!n->d && n->c) return ogi_te_exec(r, n->c);
    }
    return FLOW_ON;
}

static tmpl_flow exec_one(tmpl_run *r, const tmpl_node *n)
{
    tmpl_heap *h = &r->h;
    tmpl_val v;
    switch ((tmpl_node_kind)n->kind) {
    case N_DATA: ogi_tv_sb_str(r->out, n->value.u.s); break;
    case N_OUTPUT:
        v = ogi_te_eval(r, n->a);
        if (!ogi_tv_failed(h)) ogi_tv_print(r->out, v);
        break;
    case N_IF: return exec_if(r, n);
    case N_FOR:
        v = ogi_te_eval(r, n->b);
        if (!ogi_tv_failed(h)) run_loop(r, n, v, 0);
        break;
    case N_SET:
        v = ogi_te_eval(r, n->b);
        if (!ogi_tv_failed(h)) assign(r, n->a, v);
        break;
    case N_SETBLOCK:
        v = filtered(r, n->b, capture_in(r, push_scope(r, r->scope), n->c));
        if (!ogi_tv_failed(h)) assign(r, n->a, v);
        break;
    case N_FILTERBLOCK:
        v = filtered(r, n->b, capture_in(r, push_scope(r, r->scope), n->c));
        if (!ogi_tv_failed(h) && v.tag != TV_STR)
            ogi_tv_fail(h, "a filter block must give a str, not %s", ogi_tv_type_name(v));
        if (!ogi_tv_failed(h)) ogi_tv_print(r->out, v);
        break;
    case N_MACRO: set_var(r, n->name, make_macro(r, n)); break;
    case N_CALLBLOCK:
        v = make_macro(r, n);
        v = ogi_tv_failed(h) ? v : ogi_te_call_node(r, n->b, &v);
        if (!ogi_tv_failed(h)) ogi_tv_print(r->out, v);
        break;
    case N_WITH: exec_with(r, n); break;
    case N_SCOPE: return exec_scope(r, n);
    case N_BREAK: return FLOW_BREAK;
    case N_CONTINUE: return FLOW_CONTINUE;
    default: /* expressions: never in a list of statements */ OGI_ASSERT(false); break;
    }
    return FLOW_ON;
}

tmpl_flow ogi_te_exec(tmpl_run *r, const tmpl_node *list)
{
    tmpl_flow flow = FLOW_ON;
    if (ogi_tv_enter(&r->h))
        for (; list && flow == FLOW_ON && ogi_tv_step(&r->h, 1); list = list->next) {
            r->h.at = list->at;
            flow = exec_one(r, list);
        }
    ogi_tv_leave(&r->h);
    return flow;
}
