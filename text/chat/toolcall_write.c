/* SPDX-License-Identifier: MIT
 *
 * Calls as a model wrote them: the reverse of toolcall_body.c, by the same rows of toolcall.c. */
#include "text/chat/toolcall_write.h"

#include "text/chat/toolcall_body.h"

static const tmpl_json_style style = { .item_sep = { ", ", 2 }, .key_sep = { ": ", 2 } };

/* {"name": NAME, "arguments": {...}} */
static void write_json(tmpl_sb *b, tmpl_val name, tmpl_val arguments)
{
    ogi_tv_sb_puts(b, "{\"name\": ", true);
    ogi_tv_json_dump(b, name, &style);
    ogi_tv_sb_puts(b, ", \"arguments\": ", true);
    ogi_tv_json_dump(b, arguments.tag == TV_DICT ? arguments : ogi_tv_dict(b->h), &style);
    ogi_tv_sb_puts(b, "}", true);
}

/* As Python has it, but strings in double quotes, as in JSON. The nesting is that of the JSON it
 * came from, which its reader bounds. */
static void write_value(tmpl_sb *b, tmpl_val v)
{
    bool is_dict = v.tag == TV_DICT;
    if (v.tag == TV_STR) {
        ogi_tv_json_dump(b, v, &style);
        return;
    }
    if (v.tag != TV_LIST && !is_dict) {
        ogi_tv_repr(b, v);
        return;
    }
    int64_t n = is_dict ? v.u.m->n : v.u.l->n;
    ogi_tv_sb_puts(b, is_dict ? "{" : "[", true);
    for (int64_t i = 0; i < n && ogi_tv_step(b->h, 1); i++) {
        if (i) ogi_tv_sb_puts(b, ", ", true);
        if (is_dict) write_value(b, v.u.m->e[i].key);
        if (is_dict) ogi_tv_sb_puts(b, ": ", true);
        write_value(b, is_dict ? v.u.m->e[i].value : v.u.l->v[i]);
    }
    ogi_tv_sb_puts(b, is_dict ? "}" : "]", true);
}

/* NAME(K=V, ...) */
static void write_python(tmpl_sb *b, tmpl_val name, tmpl_val arguments)
{
    ogi_tv_print(b, name);
    ogi_tv_sb_puts(b, "(", true);
    for (int64_t i = 0; arguments.tag == TV_DICT && i < arguments.u.m->n; i++) {
        if (i) ogi_tv_sb_puts(b, ", ", true);
        ogi_tv_print(b, arguments.u.m->e[i].key);
        ogi_tv_sb_puts(b, "=", true);
        write_value(b, arguments.u.m->e[i].value);
    }
    ogi_tv_sb_puts(b, ")", true);
}

static void write_call(tmpl_sb *b, const ogi_toolcall_format *f, tmpl_val call)
{
    tmpl_val function = ogi_tv_field(b->h, call, "function");
    if (function.tag != TV_DICT) function = call;
    tmpl_val arguments = ogi_tv_field(b->h, function, "arguments");
    if (arguments.tag == TV_STR && arguments.u.s->n) {
        arguments = ogi_tv_json_parse(b->h, "arguments", ogi_tv_sv(arguments));
        if (b->h->status == OG_E_FORMAT) b->h->status = OG_OK; /* no JSON: none are shown */
    }
    tmpl_val name = ogi_tv_field(b->h, function, "name");
    if (f->form == FORM_PYTHON)
        write_python(b, name, arguments);
    else
        write_json(b, name, arguments);
}

tmpl_val ogi_toolcall_write(tmpl_heap *h, const ogi_toolcall_format *f, tmpl_val content,
                            tmpl_val calls)
{
    bool is_list = strstr(f->call, "$[");
    tmpl_sb b = { .h = h };
    if (content.tag == TV_STR) ogi_tv_sb_str(&b, content.u.s);
    for (int64_t i = 0; i < calls.u.l->n && ogi_tv_step(h, 1); i++) {
        bool is_first = i == 0 || !is_list, is_last = i + 1 == calls.u.l->n || !is_list;
        if (i || (!is_list && content.tag == TV_STR && content.u.s->n))
            ogi_tv_sb_puts(&b, is_list ? ", " : "\n", true);
        if (is_first) ogi_tv_sb_puts(&b, f->open, true);
        if (is_first) ogi_tv_sb_puts(&b, is_list ? "[" : "\n", true);
        write_call(&b, f, calls.u.l->v[i]);
        if (is_last) ogi_tv_sb_puts(&b, is_list ? "]" : "\n", true);
        if (is_last && f->close) ogi_tv_sb_puts(&b, f->close, true);
    }
    return ogi_tv_sb_done(&b);
}
