/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "tools/chat.h"

bool run_print(const run_session *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)p[i + 1] < 0xa0;
        if (s->is_terminal && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f))
            printf("\\x%02x", c);
        else if (s->is_terminal && c1)
            printf("\\x%02x", (unsigned char)p[++i]);
        else
            putchar(c);
    }
    return fflush(stdout) == 0;
}

void run_print_statistics(const run_session *s, const og_generate_result *r)
{
    if (r->stop == OG_STOP_CONTEXT)
        fprintf(stderr, "\noxigraph: the context of %lld tokens is full; -c N makes it larger\n",
                (long long)og_sequence_length(s->seq));
    fprintf(stderr,
            "\nprompt %lld tokens, %.1f tokens/s; generated %lld tokens, %.1f tokens/s (%s)\n",
            (long long)r->n_prompt, (double)r->n_prompt / OGI_MAX(r->prompt_s, 1e-9),
            (long long)r->n_generated, (double)r->n_generated / OGI_MAX(r->generate_s, 1e-9),
            run_why(s, r));
}

json_t *run_json_text(og_ctx *ctx, const char *p, size_t n)
{
    json_t *j = json_stringn(n ? p : "", n);
    if (j) return j;
    ogi_buf b = { .ctx = ctx };
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len =
            utf8proc_iterate((const utf8proc_uint8_t *)p + i, (utf8proc_ssize_t)(n - i), &c);
        if (len > 0)
            ogi_buf_add(&b, p + i, (size_t)len);
        else
            ogi_buf_puts(&b, "\xef\xbf\xbd");
        i += len > 0 ? (size_t)len : 1;
    }
    j = b.failed ? NULL : json_stringn(ogi_buf_str(&b), b.n);
    ogi_buf_free(&b);
    return j;
}

json_t *run_json_message(og_ctx *ctx, const char *role, const char *p, size_t n)
{
    return json_pack("{s:s, s:o}", "role", role, "content", run_json_text(ctx, p, n));
}

static const char *stop_name(og_stop stop)
{
    switch (stop) {
    case OG_STOP_EOG: return "end";
    case OG_STOP_LENGTH: return "length";
    case OG_STOP_TEXT: return "text";
    case OG_STOP_CONTEXT: return "context";
    case OG_STOP_CANCELLED: return "interrupt";
    }
    return "";
}

og_status run_print_json(const run_session *s, const run_answer *a)
{
    const og_generate_result *r = &a->result;
    json_t *ids = json_array(), *stop = json_null();
    for (int64_t i = 0; i < a->chosen.n; i++)
        json_array_append_new(ids, json_integer(a->chosen.id[i]));
    if (r->stop == OG_STOP_TEXT) {
        const char *text = s->opt->stop.item[r->stop_index];
        stop = run_json_text(s->ctx, text, strlen(text));
    }
    json_t *j = json_pack("{s:o, s:o, s:s, s:o, s:{s:I, s:I}, s:{s:f, s:f}}", "text",
                          run_json_text(s->ctx, ogi_buf_str(&a->text), a->text.n), "ids", ids,
                          "stop", stop_name(r->stop), "stop_text", stop, "tokens", "prompt",
                          (json_int_t)r->n_prompt, "generated", (json_int_t)r->n_generated,
                          "seconds", "prompt", r->prompt_s, "generate", r->generate_s);
    char *line = j ? json_dumps(j, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(j);
    if (!line) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the result");
    puts(line);
    free(line);
    return OG_OK;
}
