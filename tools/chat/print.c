/* SPDX-License-Identifier: MIT
 *
 * Everything a model or a file says is printed through here: control characters come out escaped,
 * so that no text drives the terminal. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utf8proc.h>

#include "tools/chat/chat.h"

/* Is all of it on its way? Ctrl-C may end a write to a slow terminal: that is no broken file. */
static bool is_written(FILE *f)
{
    if (!fflush(f) && !ferror(f)) return true;
    if (errno == EINTR) clearerr(f);
    return false;
}

/* Shows control characters as \xNN, line ends and tabs only with is_line. */
static bool put_escaped(FILE *f, bool is_line, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)p[i + 1] < 0xa0;
        if ((c < 0x20 && (is_line || (c != '\n' && c != '\t'))) || c == 0x7f)
            fprintf(f, "\\x%02x", c);
        else if (c1)
            fprintf(f, "\\x%02x", (unsigned char)p[++i]);
        else
            putc(c, f);
    }
    return is_written(f);
}

bool run_print_to(FILE *f, bool is_line, const char *p, size_t n)
{
    if (isatty(fileno(f))) return put_escaped(f, is_line, p, n);
    bool all = fwrite(p, 1, n, f) == n;
    return is_written(f) && all;
}

bool run_print(const run_session *s, const char *p, size_t n)
{
    if (s->is_terminal) return put_escaped(stdout, false, p, n);
    return run_print_to(stdout, false, p, n);
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

char *run_json_dump(const json_t *j, size_t flags)
{
    char *text = json_dumps(j, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    bool is_exact = json_equal(j, back);
    json_decref(back);
    if (is_exact || !text) return text;
    free(text);
    return json_dumps(j, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
}

json_t *run_json_real(double x)
{
    return json_real(round(x * 1e6) / 1e6);
}

json_t *run_json_message(og_ctx *ctx, const char *role, const char *p, size_t n)
{
    return json_pack("{s:s, s:o}", "role", role, "content", run_json_text(ctx, p, n));
}

json_t *run_json_answer(og_ctx *ctx, const run_answer *a)
{
    json_t *m = run_json_message(ctx, "assistant", ogi_buf_str(&a->text), a->text.n);
    int failed = !m;
    if (a->reasoning.n)
        failed |= json_object_set_new(m, "reasoning_content",
                                      run_json_text(ctx, a->reasoning.p, a->reasoning.n));
    size_t n = json_array_size(a->calls);
    if (a->first_call < n) failed |= json_object_set_new(m, "tool_calls", json_array());
    for (size_t i = a->first_call; i < n && !failed; i++) {
        json_t *c = json_array_get(a->calls, i);
        json_t *call = json_pack("{s:O, s:s, s:{s:O, s:O}}", "id", json_object_get(c, "id"), "type",
                                 "function", "function", "name", json_object_get(c, "name"),
                                 "arguments", json_object_get(c, "arguments"));
        failed |= json_array_append_new(json_object_get(m, "tool_calls"), call);
    }
    if (!failed) return m;
    json_decref(m);
    return NULL;
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
    json_t *j =
        json_pack("{s:o, s:o, s:s, s:o, s:{s:I, s:I}, s:{s:o, s:o}}", "text",
                  run_json_text(s->ctx, ogi_buf_str(&a->text), a->text.n), "ids", ids, "stop",
                  stop_name(r->stop), "stop_text", stop, "tokens", "prompt",
                  (json_int_t)r->n_prompt, "generated", (json_int_t)r->n_generated, "seconds",
                  "prompt", run_json_real(r->prompt_s), "generate", run_json_real(r->generate_s));
    if (a->reasoning.n)
        json_object_set_new(j, "reasoning", run_json_text(s->ctx, a->reasoning.p, a->reasoning.n));
    if (s->tools.list || json_array_size(a->calls)) json_object_set(j, "tool_calls", a->calls);
    if (a->logprobs) json_object_set(j, "logprobs", a->logprobs);
    char *line = j ? run_json_dump(j, 0) : NULL;
    json_decref(j);
    if (!line) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the result");
    puts(line);
    free(line);
    return OG_OK;
}
