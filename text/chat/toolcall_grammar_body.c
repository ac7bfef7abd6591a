/* SPDX-License-Identifier: MIT
 *
 * The pattern of a format with tools filled in. Names of signs in patterns are in toolcall_body.h;
 * everything else in them is literal, control tokens included. */
#include <stdio.h>
#include <stdlib.h>

#include "text/chat/toolcall_grammar_body.h"

typedef struct inside {
    ogi_schema *s;
    const ogi_toolcall_format *f;
    const ogi_tool *tool;
    const char *key; /* of the parameter that is written */
    bool is_text;    /* that is a string without quotes */
} inside;

static og_status fill(inside *x, ogi_sv pattern, ogi_expr **out);

/* ---- parameters between marks ---- */

static bool is_object_schema(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    return json_is_object(schema) &&
           (!type || !strcmp("object", json_is_string(type) ? json_string_value(type) : ""));
}

/* Keywords that say nothing about single parameters, or what the form allows anyway. */
static og_status check_parameters(inside *x, const ogi_path *path)
{
    static const char *const known[] = { "type", "properties", "required", "additionalProperties",
                                         "unevaluatedProperties" };
    const char *key;
    json_t *v;
    if (!is_object_schema(x->tool->parameters))
        SCHEMA_FAIL(x->s, OG_E_FORMAT, path, "parameters want a schema of type object");
    json_object_foreach(x->tool->parameters, key, v)
    {
        const ogi_path here = { path, key, 0 };
        bool is_known = ogi_schema_is_annotation(key);
        for (int i = 0; i < OGI_LEN(known); i++) is_known |= !strcmp(known[i], key);
        if (!is_known)
            SCHEMA_FAIL(x->s, OG_E_UNSUPPORTED, &here,
                        "is not supported beside parameters in calls of this model");
    }
    return OG_OK;
}

/* Is it read as it is? As readers of answers decide. */
static bool is_plain_string(const json_t *schema)
{
    unsigned kinds = ogi_schema_kinds(schema);
    return kinds == OGI_JSON_STRING || kinds == (OGI_JSON_STRING | OGI_JSON_NULL);
}

/* JSON and the closing mark. */
static og_status json_value(inside *x, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    ogi_schema *s = x->s;
    ogi_sv mark = ogi_sv_of(x->f->param_close ? x->f->param_close : "");
    OG_TRY(ogi_schema_part(s, schema, path, out));
    *out = ogi_expr_join(&s->rules, ogi_schema_rule(s, OGI_RULE_SPACE), *out,
                         ogi_schema_rule(s, OGI_RULE_SPACE), ogi_expr_marks(&s->rules, mark), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* What is written before the value, and that. */
static og_status written(inside *x, json_t *schema, bool is_text, const ogi_path *path,
                         ogi_expr **out)
{
    ogi_sv mark = ogi_sv_of(x->f->param_close ? x->f->param_close : "");
    ogi_expr *open, *value;
    x->is_text = is_text;
    OG_TRY(fill(x, ogi_sv_of(x->f->param), &open));
    OG_TRY(is_text ? ogi_schema_plain(x->s, schema, path, mark, x->f->form == FORM_XML, &value)
                   : json_value(x, schema, path, &value));
    *out = ogi_expr_join(&x->s->rules, open, value, ogi_schema_rule(x->s, OGI_RULE_SPACE), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* A string as it is, or null, which is what readers take the word for. */
static og_status text_or_null(inside *x, json_t *schema, const ogi_path *path, ogi_expr **out)
{
    ogi_expr *text, *null;
    json_t *both =
        ogi_schema_keep(x->s, json_pack("{s:[O,{s:s}]}", "allOf", schema, "type", "null"));
    if (!both) return OG_E_MEMORY;
    OG_TRY(written(x, both, false, path, &null));
    OG_TRY(written(x, schema, true, path, &text));
    *out = ogi_expr_add(&x->s->rules, ogi_expr_add(&x->s->rules, ogi_expr_alt(&x->s->rules), text),
                        null);
    SCHEMA_NEED(*out);
    return OG_OK;
}

static og_status parameter(inside *x, const char *key, json_t *schema, const ogi_path *path,
                           ogi_expr **out)
{
    const ogi_path here = { path, key, 0 };
    if (!ogi_is_plain_name(ogi_sv_of(key)))
        SCHEMA_FAIL(x->s, OG_E_UNSUPPORTED, &here, "the name cannot be written in '%s' calls",
                    x->f->name);
    x->key = key;
    bool is_text = x->f->form != FORM_PYTHON && is_plain_string(schema);
    if (is_text && ogi_schema_kinds(schema) & OGI_JSON_NULL)
        return text_or_null(x, schema, &here, out);
    return written(x, schema, is_text, &here, out);
}

typedef struct member {
    ogi_expr *body;
    bool is_needed;
} member;

/* One behind the other. */
static ogi_expr *plain_list(ogi_rules *r, const member *m, size_t n)
{
    ogi_expr *seq = ogi_expr_seq(r);
    for (size_t i = 0; i < n; i++)
        seq =
            ogi_expr_add(r, seq, m[i].is_needed ? m[i].body : ogi_expr_repeat(r, m[i].body, 0, 1));
    return seq;
}

static int32_t new_rule(ogi_rules *r, ogi_expr *body)
{
    int32_t rule = body ? ogi_rules_new(r) : -1;
    if (rule >= 0) r->rule[rule].body = body;
    return rule;
}

/* With commas between: each member may come first where all before it may be left out, and is
 * followed by the rest, members with a comma before them. */
static ogi_expr *comma_list(inside *x, const member *m, size_t n)
{
    ogi_rules *r = &x->s->rules;
    ogi_expr *alt = ogi_expr_alt(r);
    int32_t rest = new_rule(r, ogi_expr_empty(r));
    bool is_first = true; /* may nothing but what comes next begin the list? */
    for (size_t i = n; i-- > 0;) {
        int32_t body = new_rule(r, m[i].body);
        ogi_expr *first = ogi_expr_join(r, ogi_expr_rule(r, body), ogi_expr_rule(r, rest), NULL);
        if (m[i].is_needed) alt = ogi_expr_alt(r), is_first = false;
        alt = ogi_expr_add(r, alt, first);
        ogi_expr *more =
            ogi_expr_join(r, ogi_expr_text(r, ","), ogi_schema_rule(x->s, OGI_RULE_SPACE),
                          ogi_expr_rule(r, body), NULL);
        more = ogi_expr_repeat(r, more, m[i].is_needed, 1);
        rest = new_rule(r, ogi_expr_join(r, more, ogi_expr_rule(r, rest), NULL));
    }
    return is_first ? ogi_expr_add(r, alt, ogi_expr_empty(r)) : alt;
}

/* The declared parameters and those that are only required, and the names of those required. */
static og_status declare(inside *x, const ogi_path *root, json_t **all, json_t **needed)
{
    ogi_schema *s = x->s;
    const ogi_path props = { root, "properties", 0 }, need = { root, "required", 0 };
    json_t *declared = json_object_get(x->tool->parameters, "properties"), *v;
    json_t *required = json_object_get(x->tool->parameters, "required");
    json_t *extra = json_object_get(x->tool->parameters, "additionalProperties");
    size_t i;
    *all = ogi_schema_keep(s, json_object());
    *needed = ogi_schema_keep(s, json_object());
    if (!*all || !*needed) return OG_E_MEMORY;
    if (declared && (!json_is_object(declared) || json_object_update(*all, declared)))
        SCHEMA_FAIL(s, OG_E_FORMAT, &props, "wants an object");
    if (required && !json_is_array(required))
        SCHEMA_FAIL(s, OG_E_FORMAT, &need, "wants a list of names");
    json_array_foreach(required, i, v)
    {
        if (!json_is_string(v)) SCHEMA_FAIL(s, OG_E_FORMAT, &need, "wants a list of names");
        if (!json_object_get(*all, json_string_value(v)))
            json_object_set(*all, json_string_value(v), extra ? extra : json_true());
        json_object_set(*needed, json_string_value(v), json_true());
    }
    return OG_OK;
}

/* Parameters in the schema's order, those that may be left out among them. */
static og_status parameters(inside *x, ogi_expr **out)
{
    ogi_rules *r = &x->s->rules;
    const ogi_path root = { NULL, "parameters", 0 }, props = { &root, "properties", 0 };
    json_t *all, *needed, *v;
    const char *key;
    size_t n = 0;
    *out = ogi_expr_empty(r);
    SCHEMA_NEED(*out);
    if (!x->tool->parameters) return OG_OK;
    OG_TRY(check_parameters(x, &root));
    OG_TRY(declare(x, &root, &all, &needed));
    member *m = OGI_NEW_N(x->s->ctx, member, json_object_size(all) + 1);
    og_status st = m ? OG_OK : OG_E_MEMORY;
    json_object_foreach(all, key, v)
    {
        bool is_needed = json_object_get(needed, key);
        if (st != OG_OK || (json_is_false(v) && !is_needed)) continue; /* may not occur */
        st = parameter(x, key, v, &props, &m[n].body);
        m[n++].is_needed = is_needed;
    }
    if (st == OG_OK) *out = x->f->form == FORM_PYTHON ? comma_list(x, m, n) : plain_list(r, m, n);
    ogi_free(x->s->ctx, m);
    OG_TRY(st);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- arguments as one object ---- */

/* Nothing is known of them: a tool without parameters. */
static bool is_empty(const json_t *schema)
{
    const char *key;
    json_t *v;
    if (!schema) return true;
    if (!is_object_schema(schema)) return false;
    json_object_foreach((json_t *)(uintptr_t)schema, key, v)
    {
        bool is_nothing = (!strcmp(key, "properties") && !json_object_size(v)) ||
                          (!strcmp(key, "required") && !json_array_size(v)) ||
                          (!strcmp(key, "additionalProperties") && json_is_false(v));
        if (!is_nothing && strcmp(key, "type") && !ogi_schema_is_annotation(key)) return false;
    }
    return true;
}

static og_status arguments(inside *x, ogi_expr **out)
{
    ogi_rules *r = &x->s->rules;
    const ogi_path root = { NULL, "parameters", 0 };
    if (!is_empty(x->tool->parameters)) {
        if (!is_object_schema(x->tool->parameters))
            SCHEMA_FAIL(x->s, OG_E_FORMAT, &root, "parameters want a schema of type object");
        return ogi_schema_part(x->s, x->tool->parameters, &root, out);
    }
    *out = ogi_expr_join(r, ogi_expr_text(r, "{"), ogi_schema_rule(x->s, OGI_RULE_SPACE),
                         ogi_expr_text(r, "}"), NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}

/* ---- patterns ---- */

static og_status raw_name(inside *x, ogi_expr **out)
{
    const ogi_path root = { NULL, "name", 0 };
    if (!ogi_is_plain_name(ogi_sv_of(x->tool->name)))
        SCHEMA_FAIL(x->s, OG_E_UNSUPPORTED, &root, "the name cannot be written in '%s' calls",
                    x->f->name);
    *out = ogi_expr_text(&x->s->rules, x->tool->name);
    return OG_OK;
}

static ogi_expr *quoted(ogi_rules *r, const char *text)
{
    json_t *v = json_string(text);
    char *spelled = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    ogi_expr *e = spelled ? ogi_expr_text(r, spelled) : NULL;
    r->failed = r->failed || !e;
    free(spelled);
    json_decref(v);
    return e;
}

static ogi_expr *id_text(ogi_rules *r)
{
    static const ogi_char_range letter[] = {
        { '0', '9' }, { 'A', 'Z' }, { 'a', 'z' }, { '_', '_' }, { '-', '-' }
    };
    return ogi_expr_repeat(r, ogi_expr_class(r, letter, OGI_LEN(letter), false), 1, 40);
}

static og_status sign(inside *x, char c, ogi_expr **out)
{
    static const ogi_char_range digit[] = { { '0', '9' } };
    ogi_rules *r = &x->s->rules;
    switch (c) {
    case 'S': *out = ogi_schema_rule(x->s, OGI_RULE_SPACE); break;
    case 'Q': *out = quoted(r, x->tool->name); break;
    case 'N': return raw_name(x, out);
    case 'A': return arguments(x, out);
    case 'P': return parameters(x, out);
    case 'K': *out = ogi_expr_text(r, x->key); break;
    case 'T': *out = ogi_expr_text(r, x->is_text ? "true" : "false"); break;
    case 'D': *out = ogi_expr_repeat(r, ogi_expr_class(r, digit, 1, false), 1, 4); break;
    case 'C': *out = id_text(r); break;
    case 'I':
        *out = ogi_expr_join(r, ogi_expr_text(r, "\""), id_text(r), ogi_expr_text(r, "\""), NULL);
        break;
    default: *out = NULL; break;
    }
    return OG_OK;
}

/* Where the sign "$" c stands, at or behind `at`; the pattern's length if nowhere. */
static size_t find_sign(ogi_sv pattern, size_t at, char c)
{
    for (; at + 1 < pattern.n; at++)
        if (pattern.p[at] == '$' && (!c || pattern.p[at + 1] == c)) return at;
    return pattern.n;
}

static ogi_sv part(ogi_sv pattern, size_t from, size_t to)
{
    return (ogi_sv){ pattern.p + from, to - from };
}

static og_status fill(inside *x, ogi_sv pattern, ogi_expr **out)
{
    ogi_rules *r = &x->s->rules;
    ogi_expr *seq = ogi_expr_seq(r), *e = NULL;
    for (size_t at = 0, next; at < pattern.n; at = next + 2) {
        next = find_sign(pattern, at, 0);
        if (next > at) seq = ogi_expr_add(r, seq, ogi_expr_marks(r, part(pattern, at, next)));
        if (next == pattern.n) break;
        if (pattern.p[next + 1] == '(') {
            size_t end = find_sign(pattern, next, ')');
            OG_TRY(fill(x, part(pattern, next + 2, end), &e));
            e = ogi_expr_repeat(r, e, 0, 1);
            next = end;
        } else {
            OG_TRY(sign(x, pattern.p[next + 1], &e));
        }
        seq = ogi_expr_add(r, seq, e);
    }
    SCHEMA_NEED(seq);
    *out = seq;
    return OG_OK;
}

/* A call of any tool, as a rule. */
static og_status any_tool(ogi_schema *s, const ogi_toolcall_format *f, const ogi_tool *tool,
                          int n_tool, ogi_sv pattern, int32_t *rule)
{
    ogi_expr *alt = ogi_expr_alt(&s->rules), *e;
    for (int i = 0; i < n_tool; i++) {
        char where[128];
        inside x = { .s = s, .f = f, .tool = &tool[i] };
        snprintf(where, sizeof where, "tool '%.100s'", tool[i].name);
        s->where = where, s->root = tool[i].parameters;
        og_status st = fill(&x, pattern, &e);
        s->where = "tools";
        OG_TRY(st);
        alt = ogi_expr_add(&s->rules, alt, e);
    }
    *rule = ogi_rules_new(&s->rules);
    if (*rule < 0) return OG_E_LIMIT;
    SCHEMA_NEED(alt);
    s->rules.rule[*rule].body = alt;
    return OG_OK;
}

static const ogi_tool no_tool = { "", NULL };

og_status ogi_toolcall_lead(ogi_schema *s, const ogi_toolcall_format *f, ogi_expr **out)
{
    inside x = { .s = s, .f = f, .tool = &no_tool };
    return fill(&x, f->lead ? ogi_sv_of(f->lead) : OGI_SV(""), out);
}

og_status ogi_toolcall_inside(ogi_schema *s, const ogi_toolcall_format *f, const ogi_tool *tool,
                              int n_tool, ogi_expr **out)
{
    ogi_rules *r = &s->rules;
    ogi_sv pattern = ogi_sv_of(f->call);
    inside x = { .s = s, .f = f, .tool = &no_tool };
    size_t list = find_sign(pattern, 0, '['), many = find_sign(pattern, 0, '<');
    bool is_list = list < pattern.n;
    size_t begin = OGI_MIN(list, many), end = find_sign(pattern, 0, is_list ? ']' : '>');
    int32_t rule;
    ogi_expr *head, *tail;
    s->notation = f->form == FORM_GEMMA    ? OGI_NOTATION_GEMMA
                  : f->form == FORM_PYTHON ? OGI_NOTATION_PYTHON
                                           : OGI_NOTATION_JSON;
    if (begin == pattern.n) {
        OG_TRY(any_tool(s, f, tool, n_tool, pattern, &rule));
        *out = ogi_expr_rule(r, rule);
        SCHEMA_NEED(*out);
        return OG_OK;
    }
    OG_TRY(fill(&x, part(pattern, 0, begin), &head));
    OG_TRY(any_tool(s, f, tool, n_tool, part(pattern, begin + 2, end), &rule));
    OG_TRY(fill(&x, part(pattern, end + 2, pattern.n), &tail));
    ogi_expr *more =
        ogi_expr_join(r, ogi_expr_text(r, is_list ? "," : ""), ogi_schema_rule(s, OGI_RULE_SPACE),
                      ogi_expr_rule(r, rule), NULL);
    ogi_expr *items =
        ogi_expr_join(r, ogi_schema_rule(s, OGI_RULE_SPACE), ogi_expr_rule(r, rule),
                      ogi_expr_repeat(r, more, 0, -1), ogi_schema_rule(s, OGI_RULE_SPACE), NULL);
    *out = ogi_expr_join(r, head, ogi_expr_text(r, is_list ? "[" : ""), items,
                         ogi_expr_text(r, is_list ? "]" : ""), tail, NULL);
    SCHEMA_NEED(*out);
    return OG_OK;
}
