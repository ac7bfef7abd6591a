/* SPDX-License-Identifier: MIT */
#include "runtime/text/toolcall_write.h"

#include "runtime/text/toolcall_body.h"

bool ogi_toolcall_is_unshown(const ogi_toolcall_format *f)
{
    return f && f->form == FORM_PYTHON;
}

static tmpl_val field(tmpl_heap *h, tmpl_val m, const char *name)
{
    const tmpl_val *v = m.tag == TV_DICT ? ogi_tv_get_sv(h, m.u.m, ogi_sv_of(name)) : NULL;
    return v ? *v : ogi_tv_undef();
}

/* NAME(K=V, ...) */
static void write_call(tmpl_sb *b, tmpl_val call)
{
    tmpl_val function = field(b->h, call, "function");
    if (function.tag != TV_DICT) function = call;
    tmpl_val arguments = field(b->h, function, "arguments");
    if (arguments.tag == TV_STR && arguments.u.s->n) {
        arguments = ogi_tv_json_parse(b->h, "arguments", ogi_tv_sv(arguments));
        if (b->h->status == OG_E_FORMAT) b->h->status = OG_OK; /* no JSON: none are shown */
    }
    ogi_tv_print(b, field(b->h, function, "name"));
    ogi_tv_sb_puts(b, "(", true);
    for (int64_t i = 0; arguments.tag == TV_DICT && i < arguments.u.m->n; i++) {
        if (i) ogi_tv_sb_puts(b, ", ", true);
        ogi_tv_print(b, arguments.u.m->e[i].key);
        ogi_tv_sb_puts(b, "=", true);
        ogi_tv_repr(b, arguments.u.m->e[i].value);
    }
    ogi_tv_sb_puts(b, ")", true);
}

tmpl_val ogi_toolcall_write(tmpl_heap *h, const ogi_toolcall_format *f, tmpl_val content,
                            tmpl_val calls)
{
    tmpl_sb b = { .h = h };
    if (content.tag == TV_STR) ogi_tv_sb_str(&b, content.u.s);
    ogi_tv_sb_puts(&b, f->open, true);
    ogi_tv_sb_puts(&b, "[", true);
    for (int64_t i = 0; i < calls.u.l->n && ogi_tv_step(h, 1); i++) {
        if (i) ogi_tv_sb_puts(&b, ", ", true);
        write_call(&b, calls.u.l->v[i]);
    }
    ogi_tv_sb_puts(&b, "]", true);
    ogi_tv_sb_puts(&b, f->close, true);
    return ogi_tv_sb_done(&b);
}
