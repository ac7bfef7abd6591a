/* SPDX-License-Identifier: MIT
 *
 * Tools: read from JSON, bound to functions, called by name. */
#include "oxigraph/answer.h"

#include "base/buf.h"
#include "text/chat/model.h"
#include "text/chat/toolcall_grammar.h"
#include "text/value/value.h"

typedef struct tool {
    ogi_sv name;
    tmpl_val function; /* {name, description, parameters ...} */
    og_tool_fn fn;     /* NULL: not bound */
    void *user;
} tool;

struct og_tools {
    og_ctx *ctx;
    tmpl_heap h; /* owns the values */
    char *source;
    tool *tool;
    int64_t n_tool;
    ogi_buf json;
};

static tool *find(const og_tools *t, ogi_sv name)
{
    for (int64_t i = 0; i < t->n_tool; i++)
        if (ogi_sv_eq(t->tool[i].name, name)) return &t->tool[i];
    return NULL;
}

static void list_names(const og_tools *t, ogi_buf *out)
{
    for (int64_t i = 0; i < t->n_tool; i++) {
        if (i) ogi_buf_puts(out, ", ");
        ogi_buf_add(out, t->tool[i].name.p, t->tool[i].name.n);
    }
}

/* ---- reading ---- */

/* What templates ask for without checking. */
static void fill_in(tmpl_heap *h, tmpl_val function)
{
    if (ogi_tv_field(h, function, "description").tag != TV_STR)
        ogi_tv_put_sv(h, function.u.m, OGI_SV("description"), ogi_tv_lit(h, ""));
    if (ogi_tv_field(h, function, "parameters").tag == TV_DICT) return;
    tmpl_val parameters = ogi_tv_dict(h), none = ogi_tv_dict(h);
    if (ogi_tv_failed(h)) return;
    ogi_tv_put_sv(h, parameters.u.m, OGI_SV("type"), ogi_tv_lit(h, "object"));
    ogi_tv_put_sv(h, parameters.u.m, OGI_SV("properties"), none);
    ogi_tv_put_sv(h, function.u.m, OGI_SV("parameters"), parameters);
}

static og_status add_tool(og_tools *t, const char *file, tmpl_val v)
{
    tmpl_val function = ogi_tv_field(&t->h, v, "function"), name;
    if (function.tag != TV_DICT) function = v;
    name = ogi_tv_field(&t->h, function, "name");
    if (name.tag != TV_STR || !name.u.s->n || memchr(name.u.s->p, 0, name.u.s->n))
        OG_FAIL(t->ctx, OG_E_FORMAT, "%s: tool %lld has no \"name\"", file, (long long)t->n_tool);
    tmpl_val parameters = ogi_tv_field(&t->h, function, "parameters");
    if (parameters.tag != TV_DICT && parameters.tag != TV_UNDEF && parameters.tag != TV_NONE)
        OG_FAIL(t->ctx, OG_E_FORMAT, "%s: tool %lld: \"parameters\" is not an object", file,
                (long long)t->n_tool);
    if (find(t, ogi_tv_sv(name)))
        OG_FAIL(t->ctx, OG_E_FORMAT, "%s: tool %lld: the name '%.*s' is taken", file,
                (long long)t->n_tool, (int)OGI_MIN(name.u.s->n, 100), name.u.s->p);
    fill_in(&t->h, function);
    t->tool[t->n_tool++] = (tool){ .name = ogi_tv_sv(name), .function = function };
    return OG_OK;
}

static og_status print_all(og_tools *t)
{
    static const tmpl_json_style style = { .item_sep = { ", ", 2 }, .key_sep = { ": ", 2 } };
    ogi_buf_puts(&t->json, "[");
    for (int64_t i = 0; i < t->n_tool; i++) {
        tmpl_sb b = { .h = &t->h };
        ogi_tv_json_dump(&b, t->tool[i].function, &style);
        tmpl_val text = ogi_tv_sb_done(&b);
        if (text.tag != TV_STR) break;
        ogi_buf_puts(&t->json, i ? ", " : "");
        ogi_buf_puts(&t->json, "{\"type\": \"function\", \"function\": ");
        ogi_buf_add(&t->json, text.u.s->p, text.u.s->n);
        ogi_buf_puts(&t->json, "}");
    }
    ogi_buf_puts(&t->json, "]");
    if (ogi_tv_failed(&t->h)) OG_FAIL(t->ctx, t->h.status, "%s", t->h.error);
    return t->json.failed ? OG_E_MEMORY : OG_OK;
}

static og_status read_all(og_tools *t, const char *name, size_t n)
{
    tmpl_val list = ogi_tv_json_parse(&t->h, name, (ogi_sv){ t->source, n });
    if (ogi_tv_failed(&t->h)) OG_FAIL(t->ctx, t->h.status, "%s", t->h.error);
    if (list.tag != TV_LIST || !list.u.l->n)
        OG_FAIL(t->ctx, OG_E_FORMAT, "%s: an array of tools is wanted", name);
    t->tool = OGI_NEW_N(t->ctx, tool, list.u.l->n);
    if (!t->tool) return OG_E_MEMORY;
    for (int64_t i = 0; i < list.u.l->n; i++) OG_TRY(add_tool(t, name, list.u.l->v[i]));
    return print_all(t);
}

og_status og_tools_new(og_ctx *ctx, const char *name, const char *json, size_t n, og_tools **out)
{
    OGI_NEEDS(ctx, ctx && name && out && (json || !n));
    *out = NULL;
    og_tools *t = OGI_NEW(ctx, og_tools);
    if (!t) return OG_E_MEMORY;
    *t = (og_tools){ .ctx = ctx, .json = { .ctx = ctx } };
    t->h = ogi_tv_json_heap(ctx);
    t->source = ogi_strndup(ctx, n ? json : "", n);
    og_status status = t->source ? read_all(t, name, n) : OG_E_MEMORY;
    if (status == OG_OK)
        *out = t;
    else
        og_tools_free(t);
    return status;
}

void og_tools_free(og_tools *t)
{
    if (!t) return;
    ogi_arena_free(&t->h.arena);
    ogi_free(t->ctx, t->source);
    ogi_free(t->ctx, t->tool);
    ogi_buf_free(&t->json);
    ogi_free(t->ctx, t);
}

const char *og_tools_json(const og_tools *t)
{
    if (!t) return "";
    return ogi_buf_str(&t->json);
}

/* ---- calling ---- */

og_status og_tools_bind(og_tools *t, const char *name, og_tool_fn fn, void *user)
{
    OGI_NEEDS(t ? t->ctx : NULL, t && name);
    tool *k = find(t, ogi_sv_of(name));
    if (!k) {
        ogi_buf names = { .ctx = t->ctx };
        list_names(t, &names);
        og_status status = ogi_fail(t->ctx, OG_E_NOT_FOUND, __FILE__, __LINE__,
                                    "no tool '%s'; the tools are: %s", name, ogi_buf_str(&names));
        ogi_buf_free(&names);
        return status;
    }
    k->fn = fn;
    k->user = user;
    return OG_OK;
}

bool og_tools_is_bound(const og_tools *t, const char *name)
{
    if (!name) return false;
    const tool *k = t ? find(t, ogi_sv_of(name)) : NULL;
    return k && k->fn;
}

/* What is wrong with the arguments, as text for the model; nothing if they may be taken. */
static void check_arguments(const tool *k, const og_tool_call *call, tmpl_heap *h, ogi_buf *wrong)
{
    tmpl_val v = ogi_tv_json_parse(h, "arguments", ogi_sv_of(call->arguments));
    if (ogi_tv_failed(h) || v.tag != TV_DICT) {
        ogi_buf_puts(wrong, "error: the arguments are not a JSON object");
        return;
    }
    tmpl_val required = ogi_tv_field(h, ogi_tv_field(h, k->function, "parameters"), "required");
    for (int64_t i = 0; required.tag == TV_LIST && i < required.u.l->n; i++) {
        tmpl_val name = required.u.l->v[i];
        if (name.tag != TV_STR || ogi_tv_get(h, v.u.m, name)) continue;
        ogi_buf_puts(wrong, wrong->n ? ", \"" : "error: required arguments are missing: \"");
        ogi_buf_add(wrong, name.u.s->p, name.u.s->n);
        ogi_buf_puts(wrong, "\"");
    }
}

static void check_call(const og_tools *t, const tool *k, const og_tool_call *call, ogi_buf *wrong)
{
    if (!k) {
        ogi_buf_printf(wrong, "error: there is no tool \"%s\"; the tools are: ", call->name);
        list_names(t, wrong);
        return;
    }
    if (!k->fn) {
        ogi_buf_printf(wrong, "error: the tool \"%s\" cannot be run here", call->name);
        return;
    }
    tmpl_heap h = ogi_tv_json_heap(wrong->ctx);
    check_arguments(k, call, &h, wrong);
    if (h.status == OG_E_MEMORY) wrong->failed = true;
    ogi_arena_free(&h.arena);
}

og_status og_tools_call(const og_tools *t, og_ctx *ctx, const og_tool_call *call,
                        og_tool_result *out)
{
    OGI_NEEDS(ctx, ctx && t && call && call->name && out);
    const tool *k = find(t, ogi_sv_of(call->name));
    ogi_buf wrong = { .ctx = ctx };
    *out = (og_tool_result){ .ctx = ctx };
    check_call(t, k, call, &wrong);
    og_status status = wrong.failed ? OG_E_MEMORY
                       : wrong.n    ? og_tool_result_set(out, wrong.p, wrong.n, true)
                                    : k->fn(k->user, call, out);
    ogi_buf_free(&wrong);
    if (status == OG_OK && !out->text) status = og_tool_result_set(out, "", 0, false);
    return status;
}

og_status og_tool_grammar(og_ctx *ctx, const og_chat *chat, const char *tools, const char *choice,
                          og_think think, const og_vocab_view *vocab, og_grammar **out)
{
    OGI_NEEDS(ctx, ctx && chat && out);
    const ogi_toolcall_format *f = ogi_chat_toolcalls(chat);
    const ogi_reasoning *r = ogi_chat_reasoning(chat);
    *out = NULL;
    if (!f) OG_FAIL(ctx, OG_E_UNSUPPORTED, "the chat template shows no tool calls as are known");
    ogi_toolcall_choice c = { .kind = OGI_TOOLCALL_NAMED, .name = choice };
    if (!choice || !strcmp(choice, "auto")) c.kind = OGI_TOOLCALL_AUTO;
    if (choice && !strcmp(choice, "required")) c.kind = OGI_TOOLCALL_REQUIRED;
    if (r && think != OG_THINK_OFF) c.think_open = r->open, c.think_close = r->close;
    return ogi_toolcall_grammar(ctx, f, tools, &c, vocab, out);
}

og_status og_tool_result_set(og_tool_result *r, const char *text, size_t n, bool is_error)
{
    OGI_NEEDS(r ? r->ctx : NULL, r && r->ctx && (text || !n));
    char *copy = ogi_strndup(r->ctx, text, n);
    if (!copy) return OG_E_MEMORY;
    og_tool_result_free(r);
    r->text = copy;
    r->n = n;
    r->is_error = is_error;
    return OG_OK;
}

void og_tool_result_free(og_tool_result *r)
{
    if (!r || !r->ctx) return;
    ogi_free(r->ctx, r->text);
    r->text = NULL;
    r->n = 0;
}
