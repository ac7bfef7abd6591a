/* SPDX-License-Identifier: MIT
 *
 * Readers of calls, one for each form. A body comes from a model: whatever does not fit makes the
 * reader say so, nothing is repaired, and no text is taken for a call. */
#include "text/chat/toolcall_body.h"

#include <stdlib.h>

#include "text/chat/toolcall_python.h"
#include "text/schema/schema.h"

enum { MAX_GEMMA_DEPTH = 100 };

typedef struct body {
    tmpl_heap *h;
    const ogi_toolcall_format *f;
    ogi_sv s;
    size_t at;
    tmpl_val tools, calls;
} body;

/* ---- text ---- */

static void skip_spaces(body *b)
{
    while (b->at < b->s.n && ogi_is_blank(b->s.p[b->at])) b->at++;
}

static bool take(body *b, const char *text)
{
    ogi_sv rest = { b->s.p + b->at, b->s.n - b->at };
    if (!ogi_sv_starts(rest, ogi_sv_of(text))) return false;
    b->at += strlen(text);
    return true;
}

/* What stands before the next `mark`, which is taken too; false if there is none. */
static bool until(body *b, const char *mark, ogi_sv *out)
{
    size_t at = ogi_tv_search(b->h, b->s, ogi_sv_of(mark), b->at);
    if (at == SIZE_MAX) return false;
    *out = (ogi_sv){ b->s.p + b->at, at - b->at };
    b->at = at + strlen(mark);
    return true;
}

static ogi_sv trimmed(ogi_sv s)
{
    while (s.n && ogi_is_blank(s.p[0])) s.p++, s.n--;
    while (s.n && ogi_is_blank(s.p[s.n - 1])) s.n--;
    return s;
}

/* ---- values ---- */

/* JSON, without an error if it is none. */
static bool try_json(body *b, ogi_sv text, tmpl_val *out)
{
    *out = ogi_tv_json_parse(b->h, "call", text);
    if (b->h->status != OG_E_FORMAT) return !ogi_tv_failed(b->h);
    b->h->status = OG_OK;
    return false;
}

/* The schema of a parameter: undefined if nothing is known of it. */
static tmpl_val schema_of(body *b, ogi_sv tool, ogi_sv key)
{
    for (int64_t i = 0; b->tools.tag == TV_LIST && i < b->tools.u.l->n; i++) {
        tmpl_val t = b->tools.u.l->v[i], function = ogi_tv_field(b->h, t, "function");
        if (function.tag != TV_DICT) function = t;
        tmpl_val name = ogi_tv_field(b->h, function, "name");
        if (name.tag != TV_STR || !ogi_sv_eq(ogi_tv_sv(name), tool)) continue;
        tmpl_val properties =
            ogi_tv_field(b->h, ogi_tv_field(b->h, function, "parameters"), "properties");
        if (properties.tag != TV_DICT) break;
        const tmpl_val *schema = ogi_tv_get_sv(b->h, properties.u.m, key);
        return schema ? *schema : ogi_tv_undef();
    }
    return ogi_tv_undef();
}

/* What the schema says of a parameter's kind; OGI_JSON_ANY if it says nothing. */
static unsigned kinds_of(body *b, ogi_sv tool, ogi_sv key)
{
    static const tmpl_json_style style = { .item_sep = { ",", 1 }, .key_sep = { ":", 1 } };
    tmpl_val schema = schema_of(b, tool, key);
    tmpl_sb text = { .h = b->h };
    if (schema.tag != TV_DICT) return OGI_JSON_ANY;
    ogi_tv_json_dump(&text, schema, &style);
    tmpl_val v = ogi_tv_sb_done(&text);
    if (v.tag != TV_STR || ogi_tv_failed(b->h)) return OGI_JSON_ANY;
    json_t *parsed = json_loadb(ogi_tv_sv(v).p, ogi_tv_sv(v).n, JSON_DECODE_ANY, NULL);
    unsigned kinds = ogi_schema_kinds(parsed);
    json_decref(parsed);
    return kinds;
}

/* Text of a parameter: as it is where the schema allows strings alone, or null, which only that
 * word is; else the JSON value it is, if any. */
static tmpl_val typed(body *b, ogi_sv tool, ogi_sv key, ogi_sv text)
{
    unsigned kinds = kinds_of(b, tool, key);
    tmpl_val v;
    bool is_text = kinds == OGI_JSON_STRING;
    if (kinds == (OGI_JSON_STRING | OGI_JSON_NULL))
        is_text = !ogi_sv_eq(trimmed(text), OGI_SV("null"));
    if (!is_text && try_json(b, trimmed(text), &v)) return v;
    return ogi_tv_str(b->h, text, false);
}

static bool add_call(body *b, ogi_sv name, tmpl_val arguments, ogi_sv id)
{
    tmpl_val call = ogi_tv_dict(b->h);
    name = trimmed(name);
    if (arguments.tag == TV_STR && !try_json(b, ogi_tv_sv(arguments), &arguments)) return false;
    if (name.n == 0 || arguments.tag != TV_DICT || call.tag != TV_DICT) return false;
    ogi_tv_put_sv(b->h, call.u.m, OGI_SV("name"), ogi_tv_str(b->h, name, false));
    ogi_tv_put_sv(b->h, call.u.m, OGI_SV("arguments"), arguments);
    ogi_tv_put_sv(b->h, call.u.m, OGI_SV("id"), ogi_tv_str(b->h, trimmed(id), false));
    ogi_tv_push(b->h, b->calls, call);
    return !ogi_tv_failed(b->h);
}

/* ---- forms ---- */

static tmpl_val first_of(body *b, tmpl_val m, const char *const *names)
{
    tmpl_val v = ogi_tv_undef();
    for (; *names && v.tag == TV_UNDEF; names++) v = ogi_tv_field(b->h, m, *names);
    return v;
}

static bool json_call(body *b, tmpl_val v)
{
    static const char *const names[] = { "name", "tool_name", NULL };
    static const char *const arguments[] = { "arguments", "parameters", NULL };
    static const char *const ids[] = { "id", "tool_call_id", NULL };
    if (v.tag == TV_DICT && v.u.m->n == 1 && v.u.m->e[0].value.tag == TV_DICT)
        return add_call(b, ogi_tv_sv(v.u.m->e[0].key), v.u.m->e[0].value, OGI_SV(""));
    tmpl_val name = first_of(b, v, names), args = first_of(b, v, arguments);
    tmpl_val id = first_of(b, v, ids);
    if (args.tag == TV_UNDEF || args.tag == TV_NONE) args = ogi_tv_dict(b->h);
    return name.tag == TV_STR &&
           add_call(b, ogi_tv_sv(name), args, id.tag == TV_STR ? ogi_tv_sv(id) : OGI_SV(""));
}

static bool read_json(body *b)
{
    tmpl_val v;
    if (!try_json(b, trimmed(b->s), &v)) return false;
    if (v.tag != TV_LIST) return json_call(b, v);
    for (int64_t i = 0; i < v.u.l->n; i++)
        if (!json_call(b, v.u.l->v[i])) return false;
    return v.u.l->n > 0;
}

/* "functions.NAME:0" and "function" + sep + "NAME\n```json" are special cases of NAME sep {...}. */
static bool read_name_json(body *b)
{
    ogi_sv name, id = { "", 0 }, fence;
    if (!until(b, b->f->sep, &name)) return false;
    ogi_sv whole = name;
    if (ogi_sv_eq(trimmed(name), OGI_SV("function")) && b->at < b->s.n && b->s.p[b->at] != '{' &&
        (!until(b, "\n", &name) || !until(b, "```json", &fence)))
        return false;
    if (ogi_sv_starts(name, OGI_SV("functions."))) {
        name.p += 10, name.n -= 10;
        const char *colon = memchr(name.p, ':', name.n);
        if (colon) name.n = (size_t)(colon - name.p), id = whole;
    }
    /* what else stands behind the name: [CALL_ID]id, <|channel|>... */
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] != '[' && name.p[i] != '<' && name.p[i] != ' ') continue;
        ogi_sv rest = { name.p + i, name.n - i };
        name.n = i;
        if (ogi_sv_starts(rest, OGI_SV("[CALL_ID]"))) id = (ogi_sv){ rest.p + 9, rest.n - 9 };
    }
    ogi_sv json = trimmed((ogi_sv){ b->s.p + b->at, b->s.n - b->at });
    if (json.n > 3 && !memcmp(json.p + json.n - 3, "```", 3)) json.n -= 3;
    tmpl_val v;
    return try_json(b, json, &v) && add_call(b, name, v, id);
}

/* The name in <TAG=NAME> or <TAG name="NAME" ...>, behind "<TAG"; *is_text: string="true". */
static bool tag_name(body *b, ogi_sv *name, bool *is_text)
{
    ogi_sv rest;
    *is_text = false;
    if (take(b, "=")) return until(b, ">", name);
    if (!take(b, " name=\"") || !until(b, "\"", name) || !until(b, ">", &rest)) return false;
    *is_text = ogi_sv_eq(trimmed(rest), OGI_SV("string=\"true\""));
    return true;
}

static bool xml_call(body *b, const char *close, const char *param, const char *param_close)
{
    ogi_sv tool, key, value;
    bool is_text, ignored;
    tmpl_val args = ogi_tv_dict(b->h);
    if (!tag_name(b, &tool, &ignored) || args.tag != TV_DICT) return false;
    for (skip_spaces(b); !take(b, close); skip_spaces(b)) {
        if (!take(b, param) || !tag_name(b, &key, &is_text) || !until(b, param_close, &value))
            return false;
        if (value.n && value.p[0] == '\n') value.p++, value.n--;
        if (value.n && value.p[value.n - 1] == '\n') value.n--;
        ogi_tv_put(b->h, args.u.m, ogi_tv_str(b->h, key, false),
                   is_text ? ogi_tv_str(b->h, value, false) : typed(b, tool, key, value));
        if (ogi_tv_failed(b->h)) return false;
    }
    return add_call(b, tool, args, OGI_SV(""));
}

static bool read_xml(body *b)
{
    const char *prefix = b->f->sep ? b->f->sep : "";
    ogi_buf mark[6];
    static const char *const form[] = { "<%sfunction", "</%sfunction>", "<%sinvoke",
                                        "</%sinvoke>", "<%sparameter",  "</%sparameter>" };
    bool ok = true;
    for (int i = 0; i < OGI_LEN(form); i++) {
        const char *at = strstr(form[i], "%s");
        mark[i] = (ogi_buf){ .ctx = b->h->ctx };
        ogi_buf_add(&mark[i], form[i], (size_t)(at - form[i]));
        ogi_buf_puts(&mark[i], prefix);
        ogi_buf_puts(&mark[i], at + 2);
        if (mark[i].failed) ok = false;
    }
    for (skip_spaces(b); ok && b->at < b->s.n; skip_spaces(b)) {
        int kind = take(b, mark[0].p) ? 0 : take(b, mark[2].p) ? 2 : -1;
        ok = kind >= 0 && xml_call(b, mark[kind + 1].p, mark[4].p, mark[5].p);
    }
    for (int i = 0; i < OGI_LEN(form); i++) ogi_buf_free(&mark[i]);
    return ok && b->calls.u.l->n > 0;
}

static bool read_pairs(body *b)
{
    ogi_sv tool = { b->s.p, 0 }, key, value, gap;
    while (tool.n < b->s.n && tool.p[tool.n] != '<' && tool.p[tool.n] != '\n') tool.n++;
    b->at = tool.n;
    tool = trimmed(tool);
    tmpl_val args = ogi_tv_dict(b->h);
    for (skip_spaces(b); b->at < b->s.n; skip_spaces(b)) {
        if (!take(b, "<arg_key>") || !until(b, "</arg_key>", &key) ||
            !until(b, "<arg_value>", &gap) || !until(b, "</arg_value>", &value) ||
            ogi_tv_failed(b->h))
            return false;
        key = trimmed(key);
        ogi_tv_put(b->h, args.u.m, ogi_tv_str(b->h, key, false), typed(b, tool, key, value));
    }
    return add_call(b, tool, args, OGI_SV(""));
}

/* ---- Gemma's notation: {k:v,...} with strings between <|"|> ---- */

#define QUOTE "<|\"|>"

static bool gemma_value(body *b, int depth, tmpl_val *out);

/* Behind "{" or "[". */
static bool gemma_items(body *b, int depth, bool is_dict, tmpl_val *out)
{
    const char *close = is_dict ? "}" : "]";
    *out = is_dict ? ogi_tv_dict(b->h) : ogi_tv_list(b->h, TV_LIST, 0);
    if (depth > MAX_GEMMA_DEPTH || ogi_tv_failed(b->h)) return false;
    skip_spaces(b);
    if (take(b, close)) return true;
    do {
        ogi_sv key = { "", 0 };
        tmpl_val v;
        skip_spaces(b);
        if (is_dict && take(b, QUOTE)) {
            if (!until(b, QUOTE, &key) || !take(b, ":")) return false;
        } else if (is_dict && !until(b, ":", &key)) {
            return false;
        }
        if (!gemma_value(b, depth, &v)) return false;
        if (is_dict)
            ogi_tv_put(b->h, out->u.m, ogi_tv_str(b->h, trimmed(key), false), v);
        else
            ogi_tv_push(b->h, *out, v);
        skip_spaces(b);
    } while (take(b, ",") && !ogi_tv_failed(b->h));
    return take(b, close);
}

static bool gemma_value(body *b, int depth, tmpl_val *out)
{
    ogi_sv text;
    skip_spaces(b);
    if (take(b, QUOTE)) {
        if (!until(b, QUOTE, &text)) return false;
        *out = ogi_tv_str(b->h, text, false);
        return true;
    }
    if (take(b, "{")) return gemma_items(b, depth + 1, true, out);
    if (take(b, "[")) return gemma_items(b, depth + 1, false, out);
    size_t begin = b->at;
    while (b->at < b->s.n && !strchr(",]}", b->s.p[b->at])) b->at++;
    text = trimmed((ogi_sv){ b->s.p + begin, b->at - begin });
    if (!try_json(b, text, out)) *out = ogi_tv_str(b->h, text, false);
    return text.n > 0;
}

static bool read_gemma(body *b)
{
    ogi_sv tool;
    tmpl_val args;
    if (!until(b, "{", &tool) || !gemma_items(b, 0, true, &args)) return false;
    skip_spaces(b);
    return b->at == b->s.n && add_call(b, tool, args, OGI_SV(""));
}

/* ---- calls as Python writes them ---- */

static bool python_value(body *b, tmpl_val *out)
{
    ogi_buf json = { .ctx = b->h->ctx };
    ogi_python_to_json(b->s, &b->at, &json);
    tmpl_val text = ogi_tv_str_copy(b->h, (ogi_sv){ ogi_buf_str(&json), json.n }, false);
    bool ok = !json.failed && text.tag == TV_STR && try_json(b, ogi_tv_sv(text), out);
    ogi_buf_free(&json);
    return ok;
}

/* NAME(K=V, ...) */
static bool python_call(body *b)
{
    ogi_sv tool, key;
    tmpl_val args = ogi_tv_dict(b->h), v;
    skip_spaces(b);
    if (!until(b, "(", &tool) || args.tag != TV_DICT) return false;
    for (skip_spaces(b); !take(b, ")"); skip_spaces(b)) {
        if (args.u.m->n && !take(b, ",")) return false;
        if (!until(b, "=", &key) || !python_value(b, &v)) return false;
        ogi_tv_put(b->h, args.u.m, ogi_tv_str(b->h, trimmed(key), false), v);
        if (ogi_tv_failed(b->h)) return false;
    }
    return add_call(b, tool, args, OGI_SV(""));
}

static bool read_python(body *b)
{
    skip_spaces(b);
    if (!take(b, "[")) return false;
    do {
        if (!python_call(b)) return false;
        skip_spaces(b);
    } while (take(b, ","));
    if (!take(b, "]")) return false;
    skip_spaces(b);
    return b->at == b->s.n;
}

bool ogi_toolcall_read(tmpl_heap *h, const ogi_toolcall_format *f, ogi_sv text, tmpl_val tools,
                       tmpl_val *calls)
{
    body b = { .h = h, .f = f, .s = text, .tools = tools, .calls = ogi_tv_list(h, TV_LIST, 0) };
    bool ok = false;
    if (b.calls.tag != TV_LIST) return false;
    switch (f->form) {
    case FORM_JSON: ok = read_json(&b); break;
    case FORM_NAME_JSON: ok = read_name_json(&b); break;
    case FORM_XML: ok = read_xml(&b); break;
    case FORM_PAIRS: ok = read_pairs(&b); break;
    case FORM_GEMMA: ok = read_gemma(&b); break;
    case FORM_PYTHON: ok = read_python(&b); break;
    }
    *calls = b.calls;
    return ok && !ogi_tv_failed(h);
}
