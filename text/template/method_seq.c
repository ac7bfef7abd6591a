/* SPDX-License-Identifier: MIT
 *
 * Methods of lists, dictionaries and numbers, and how builtins are found and called. Lists and
 * dictionaries may be changed (Jinja's sandbox refuses that): what they hold dies with the
 * rendering. */
#include "text/template/builtin.h"

#include <math.h>

#define METHOD(name)                                                                               \
    static tmpl_val name(tmpl_heap *h, tmpl_val self, const tmpl_val *arg, const tmpl_args *all)

/* ---- calling ---- */

const tmpl_builtin *ogi_tv_find(const tmpl_builtin *table, int n, ogi_sv name)
{
    for (int i = 0; i < n; i++)
        if (table[i].name[0] == (name.n ? name.p[0] : 0) &&
            ogi_sv_eq(ogi_sv_of(table[i].name), name))
            return &table[i];
    return NULL;
}

/* The next name of a parameter list; false at its end. */
static bool next_param(const char **params, ogi_sv *name, bool *optional)
{
    if (!**params || **params == '*') return false;
    size_t n = strcspn(*params, ",?");
    *name = (ogi_sv){ *params, n };
    *optional = (*params)[n] == '?';
    *params += n + *optional;
    if (**params == ',') ++*params;
    return true;
}

tmpl_val ogi_tv_call_builtin(tmpl_heap *h, const tmpl_builtin *fn, tmpl_val self,
                             const tmpl_args *args)
{
    tmpl_val arg[TMPL_MAX_PARAMS] = { { .tag = TV_ABSENT } };
    const char *params = fn->params;
    ogi_sv name;
    bool optional;
    int n = 0, n_named = 0;
    for (; n < TMPL_MAX_PARAMS && next_param(&params, &name, &optional); n++) {
        if (n < args->n) arg[n] = args->pos[n];
        for (int k = 0; k < args->n_kw; k++) {
            if (!ogi_sv_eq(args->kw[k].name, name)) continue;
            if (arg[n].tag != TV_ABSENT)
                return ogi_tv_fail(h, "%s() got two values for '%.*s'", fn->name, (int)name.n,
                                   name.p);
            arg[n] = args->kw[k].value;
            n_named++;
        }
        if (arg[n].tag == TV_ABSENT && !optional)
            return ogi_tv_fail(h, "%s() is missing its argument '%.*s'", fn->name, (int)name.n,
                               name.p);
    }
    if (*params != '*' && args->n > n)
        return ogi_tv_fail(h, "%s() takes at most %d argument(s), %d given", fn->name, n, args->n);
    if (*params != '*' && n_named < args->n_kw)
        return ogi_tv_fail(h, "%s() got a keyword argument that it does not know", fn->name);
    if (!ogi_tv_step(h, 1)) return ogi_tv_undef();
    return fn->fn(h, self, arg, args);
}

/* ---- lists ---- */

METHOD(list_append)
{
    (void)all;
    ogi_tv_push(h, self, arg[0]);
    return ogi_tv_none();
}

METHOD(list_extend)
{
    (void)all;
    const tmpl_list *l = ogi_tv_elements(h, arg[0]);
    int64_t n = l ? l->n : 0; /* l may be self */
    for (int64_t i = 0; i < n && ogi_tv_step(h, 1); i++) ogi_tv_push(h, self, l->v[i]);
    return ogi_tv_none();
}

METHOD(list_insert)
{
    (void)all;
    tmpl_list *l = self.u.l;
    int64_t at = ogi_tv_int_arg(h, arg[0], 0), n = l->n;
    if (at < 0) at = OGI_MAX(at + n, 0);
    at = OGI_MIN(at, n);
    ogi_tv_push(h, self, arg[1]);
    if (ogi_tv_failed(h) || !ogi_tv_step(h, n / 16)) return ogi_tv_undef();
    memmove(l->v + at + 1, l->v + at, (size_t)(n - at) * sizeof *l->v);
    l->v[at] = arg[1];
    return ogi_tv_none();
}

METHOD(list_pop)
{
    (void)all;
    tmpl_list *l = self.u.l;
    int64_t at = ogi_tv_int_arg(h, arg[0], -1);
    if (at < 0) at += l->n;
    if (at < 0 || at >= l->n) return ogi_tv_fail(h, "pop index out of range");
    tmpl_val v = l->v[at];
    if (!ogi_tv_step(h, l->n / 16)) return ogi_tv_undef();
    memmove(l->v + at, l->v + at + 1, (size_t)(l->n - at - 1) * sizeof *l->v);
    l->n--;
    return v;
}

METHOD(list_clear)
{
    (void)h, (void)arg, (void)all;
    self.u.l->n = 0;
    return ogi_tv_none();
}

METHOD(list_copy)
{
    (void)arg, (void)all;
    tmpl_val out = ogi_tv_list(h, TV_LIST, self.u.l->n);
    out.trusted = self.trusted;
    for (int64_t i = 0; i < self.u.l->n && ogi_tv_step(h, 1); i++)
        ogi_tv_push(h, out, self.u.l->v[i]);
    return out;
}

METHOD(list_count)
{
    (void)all;
    int64_t n = 0;
    for (int64_t i = 0; i < self.u.l->n && ogi_tv_step(h, 1); i++)
        n += ogi_tv_equal(h, self.u.l->v[i], arg[0]);
    return ogi_tv_int(n);
}

METHOD(list_index)
{
    (void)all;
    for (int64_t i = 0; i < self.u.l->n && ogi_tv_step(h, 1); i++)
        if (ogi_tv_equal(h, self.u.l->v[i], arg[0])) return ogi_tv_int(i);
    return ogi_tv_fail(h, "the value is not in the %s", ogi_tv_type_name(self));
}

/* ---- dictionaries ---- */

METHOD(dict_get)
{
    (void)all;
    const tmpl_val *v = ogi_tv_get(h, self.u.m, arg[0]);
    return v ? *v : arg[1].tag == TV_ABSENT ? ogi_tv_none() : arg[1];
}

static tmpl_val view_of(tmpl_heap *h, tmpl_val self, char kind)
{
    tmpl_view *view = ogi_tv_alloc(h, 1, sizeof *view);
    if (!view) return ogi_tv_undef();
    *view = (tmpl_view){ .m = self.u.m, .kind = kind, .trusted = self.trusted };
    return (tmpl_val){ .tag = TV_VIEW, .trusted = self.trusted, .u.view = view };
}

METHOD(dict_keys)
{
    return (void)arg, (void)all, view_of(h, self, 'k');
}
METHOD(dict_values)
{
    return (void)arg, (void)all, view_of(h, self, 'v');
}
METHOD(dict_items)
{
    return (void)arg, (void)all, view_of(h, self, 'i');
}

static void add_entries(tmpl_heap *h, tmpl_val to, tmpl_val from)
{
    if (from.tag != TV_DICT) {
        ogi_tv_fail(h, "a dict is wanted, not %s", ogi_tv_type_name(from));
        return;
    }
    for (int64_t i = 0; i < from.u.m->n && ogi_tv_step(h, 1); i++)
        ogi_tv_put(h, to.u.m, from.u.m->e[i].key, from.u.m->e[i].value);
}

METHOD(dict_copy)
{
    (void)arg, (void)all;
    tmpl_val out = ogi_tv_dict(h);
    out.trusted = self.trusted;
    if (out.tag == TV_DICT) add_entries(h, out, self);
    return out;
}

METHOD(dict_update)
{
    (void)arg;
    if (all->n > 0 && all->pos[0].u.m != self.u.m) add_entries(h, self, all->pos[0]);
    for (int i = 0; i < all->n_kw; i++)
        ogi_tv_put_sv(h, self.u.m, all->kw[i].name, all->kw[i].value);
    return ogi_tv_none();
}

METHOD(dict_setdefault)
{
    (void)all;
    const tmpl_val *v = ogi_tv_get(h, self.u.m, arg[0]);
    if (v || ogi_tv_failed(h)) return v ? *v : ogi_tv_undef();
    tmpl_val fresh = arg[1].tag == TV_ABSENT ? ogi_tv_none() : arg[1];
    ogi_tv_put(h, self.u.m, arg[0], fresh);
    return fresh;
}

METHOD(dict_pop)
{
    (void)all;
    const tmpl_val *v = ogi_tv_get(h, self.u.m, arg[0]);
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    if (!v && arg[1].tag == TV_ABSENT) return ogi_tv_fail(h, "pop of a key that is not there");
    if (!v) return arg[1];
    tmpl_val taken = *v;
    ogi_tv_remove(h, self.u.m, v);
    return taken;
}

/* ---- numbers ---- */

METHOD(is_integer)
{
    (void)h, (void)arg, (void)all;
    return ogi_tv_bool(isfinite(self.u.d) && self.u.d == floor(self.u.d));
}

// clang-format off
static const tmpl_builtin list_methods[] = {
    { "append", "object", list_append }, { "extend", "iterable", list_extend },
    { "insert", "index,object", list_insert }, { "pop", "index?", list_pop },
    { "clear", "", list_clear }, { "copy", "", list_copy },
    { "count", "value", list_count }, { "index", "value", list_index },
};
static const tmpl_builtin tuple_methods[] = {
    { "count", "value", list_count }, { "index", "value", list_index },
};
static const tmpl_builtin dict_methods[] = {
    { "get", "key,default?", dict_get }, { "items", "", dict_items },
    { "keys", "", dict_keys }, { "values", "", dict_values }, { "copy", "", dict_copy },
    { "update", "*", dict_update }, { "setdefault", "key,default?", dict_setdefault },
    { "pop", "key,default?", dict_pop },
};
static const tmpl_builtin float_methods[] = { { "is_integer", "", is_integer } };
// clang-format on

const tmpl_builtin *ogi_tv_method(tmpl_val self, ogi_sv name)
{
    switch ((tmpl_tag)self.tag) {
    case TV_STR: return ogi_tv_str_method(name);
    case TV_LIST: return ogi_tv_find(list_methods, OGI_LEN(list_methods), name);
    case TV_TUPLE: return ogi_tv_find(tuple_methods, OGI_LEN(tuple_methods), name);
    case TV_DICT: return ogi_tv_find(dict_methods, OGI_LEN(dict_methods), name);
    case TV_FLOAT: return ogi_tv_find(float_methods, OGI_LEN(float_methods), name);
    case TV_ABSENT:
    case TV_UNDEF:
    case TV_NONE:
    case TV_BOOL:
    case TV_INT:
    case TV_BIG:
    case TV_ITER:
    case TV_RANGE:
    case TV_VIEW:
    case TV_SPACE:
    case TV_MACRO:
    case TV_FUNC:
    case TV_METHOD:
    case TV_LOOP: break;
    }
    return NULL;
}
