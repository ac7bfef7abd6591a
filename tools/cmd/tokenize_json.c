/* SPDX-License-Identifier: MIT
 *
 * Tokens as JSON: pieces that are not UTF-8 also as base64, so that nothing is lost. */
#include "tools/cmd/tokenize_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <utf8proc.h>

/* ---- base64 ---- */

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void b64_encode(ogi_buf *out, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < n) v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n) v |= p[i + 2];
        ogi_buf_putc(out, b64_digits[v >> 18]);
        ogi_buf_putc(out, b64_digits[v >> 12 & 63]);
        ogi_buf_putc(out, i + 1 < n ? b64_digits[v >> 6 & 63] : '=');
        ogi_buf_putc(out, i + 2 < n ? b64_digits[v & 63] : '=');
    }
}

static bool b64_decode(ogi_buf *out, const char *s, size_t n)
{
    uint32_t v = 0;
    int bits = 0;
    while (n && s[n - 1] == '=') n--;
    for (size_t i = 0; i < n; i++) {
        const char *digit = s[i] ? strchr(b64_digits, s[i]) : NULL;
        if (!digit) return false;
        v = v << 6 | (uint32_t)(digit - b64_digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        ogi_buf_putc(out, (char)(v >> bits & 255));
    }
    return true;
}

/* ---- pieces of JSON ---- */

void tokenize_json_string(ogi_buf *b, const char *s, size_t n)
{
    ogi_buf_putc(b, '"');
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &cp);
        if (used < 1) {
            ogi_buf_puts(b, "\\ufffd");
            i++;
            continue;
        }
        if (cp == '"' || cp == '\\')
            ogi_buf_printf(b, "\\%c", (char)cp);
        else if (cp < 0x20 || cp == 0x7f)
            ogi_buf_printf(b, "\\u%04x", (unsigned)cp);
        else
            ogi_buf_add(b, s + i, (size_t)used);
        i += (size_t)used;
    }
    ogi_buf_putc(b, '"');
}

static void print_ids(ogi_buf *b, const og_tokens *ids)
{
    ogi_buf_putc(b, '[');
    for (int64_t i = 0; i < ids->n; i++) ogi_buf_printf(b, "%s%d", i ? ", " : "", (int)ids->id[i]);
    ogi_buf_putc(b, ']');
}

/* The bytes of "text" or "b64"; false if neither is there or it is malformed. */
static bool request_text(const json_t *req, ogi_buf *text)
{
    const json_t *plain = json_object_get(req, "text"), *b64 = json_object_get(req, "b64");
    if (json_is_string(plain)) {
        ogi_buf_add(text, json_string_value(plain), json_string_length(plain));
        return true;
    }
    return json_is_string(b64) && b64_decode(text, json_string_value(b64), json_string_length(b64));
}

static bool request_ids(og_ctx *ctx, const json_t *ids, og_tokens *out)
{
    size_t n = json_array_size(ids);
    if (!json_is_array(ids) || ogi_grow(ctx, &out->id, &out->cap, (int64_t)n, 4) != OG_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(ids, i);
        json_int_t v = json_integer_value(id);
        if (!json_is_integer(id) || v < INT32_MIN || v > INT32_MAX) return false;
        out->id[out->n++] = (int32_t)v;
    }
    return true;
}

static unsigned request_flag(const json_t *req, const char *key, unsigned bit)
{
    return json_is_true(json_object_get(req, key)) ? bit : 0;
}

/* ---- requests ---- */

static og_status answer_text(og_ctx *ctx, const og_tokenizer *t, const json_t *req, ogi_buf *out)
{
    ogi_buf text = { .ctx = ctx };
    og_tokens ids = { 0 };
    bool split = json_is_true(json_object_get(req, "split"));
    unsigned flags = request_flag(req, "add_special", OG_ENCODE_ADD_SPECIAL) |
                     request_flag(req, "parse_special", OG_ENCODE_PARSE_SPECIAL);
    og_status status = OG_E_INVALID;
    if (!request_text(req, &text))
        ogi_fail(ctx, status, __FILE__, __LINE__, "a request needs \"text\", \"b64\" or \"ids\"");
    else if (split)
        status = og_tokenizer_split(t, ctx, ogi_buf_str(&text), text.n, &ids);
    else
        status = og_tokenizer_encode(t, ctx, ogi_buf_str(&text), text.n, flags, &ids);
    if (status == OG_OK) {
        ogi_buf_printf(out, "{\"%s\": ", split ? "len" : "ids");
        print_ids(out, &ids);
        ogi_buf_puts(out, "}\n");
    }
    og_tokens_free(ctx, &ids);
    ogi_buf_free(&text);
    return status;
}

static og_status answer_ids(og_ctx *ctx, const og_tokenizer *t, const json_t *req, ogi_buf *out)
{
    og_tokens ids = { 0 };
    char *text = NULL;
    size_t n;
    unsigned flags = request_flag(req, "remove_special", OG_DECODE_REMOVE_SPECIAL) |
                     request_flag(req, "unparse_special", OG_DECODE_UNPARSE_SPECIAL);
    og_status status = OG_E_INVALID;
    if (!request_ids(ctx, json_object_get(req, "ids"), &ids))
        ogi_fail(ctx, status, __FILE__, __LINE__, "\"ids\" is not a list of token ids");
    else
        status = og_tokenizer_decode(t, ctx, ids.id, ids.n, flags, &text, &n);
    if (status == OG_OK) {
        ogi_buf_puts(out, "{\"b64\": \"");
        b64_encode(out, text, n);
        ogi_buf_puts(out, "\"}\n");
    }
    og_text_free(ctx, text);
    og_tokens_free(ctx, &ids);
    return status;
}

static void answer(og_ctx *ctx, const og_tokenizer *t, const char *line, size_t n, ogi_buf *out)
{
    json_error_t error;
    json_t *req = json_loadb(line, n, JSON_ALLOW_NUL, &error);
    og_error_clear(ctx);
    og_status status = OG_E_FORMAT;
    if (!json_is_object(req))
        ogi_fail(ctx, status, __FILE__, __LINE__, "not a JSON object: %s", req ? "" : error.text);
    else if (json_object_get(req, "ids"))
        status = answer_ids(ctx, t, req, out);
    else
        status = answer_text(ctx, t, req, out);
    if (status != OG_OK) {
        const char *text = og_error(ctx);
        out->n = 0;
        ogi_buf_puts(out, "{\"error\": ");
        tokenize_json_string(out, text, strlen(text));
        ogi_buf_puts(out, "}\n");
        og_error_clear(ctx);
    }
    json_decref(req);
}

int tokenize_jsonl(og_ctx *ctx, const og_tokenizer *t, FILE *in, FILE *out)
{
    char *line = NULL;
    size_t cap = 0;
    ogi_buf text = { .ctx = ctx };
    for (ssize_t n; (n = getline(&line, &cap, in)) > 0;) {
        text.n = 0;
        answer(ctx, t, line, (size_t)n, &text);
        fwrite(text.p, 1, text.n, out);
    }
    free(line);
    ogi_buf_free(&text);
    return fflush(out) ? 1 : 0;
}

/* ---- verification ---- */

/* Cases name their text ("text", "b64") or give its number ("i") in texts.jsonl beside the file or
 * in the folder above. */
static json_t *load_texts(const char *path)
{
    static const char *const places[] = { "texts.jsonl", "../texts.jsonl" };
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash + 1 - path) : 0;
    json_t *all = json_object();
    FILE *f = NULL;
    for (int i = 0; i < OGI_LEN(places) && !f; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%.*s%s", n, path, places[i]);
        f = fopen(name, "r");
    }
    char *line = NULL;
    size_t cap = 0;
    while (f && getline(&line, &cap, f) > 0) {
        json_t *text = json_loads(line, JSON_ALLOW_NUL, NULL);
        char key[32];
        snprintf(key, sizeof key, "%lld",
                 (long long)json_integer_value(json_object_get(text, "i")));
        if (text) json_object_set_new(all, key, text);
    }
    free(line);
    if (f) fclose(f);
    return all;
}

/* 1: as expected, 0: not, -1: nothing to compare. */
static int verify_case(og_ctx *ctx, const og_tokenizer *t, const json_t *c, const json_t *texts,
                       ogi_buf *report)
{
    ogi_buf text = { .ctx = ctx };
    og_tokens want = { 0 }, got = { 0 };
    char key[32];
    snprintf(key, sizeof key, "%lld", (long long)json_integer_value(json_object_get(c, "i")));
    unsigned flags = request_flag(c, "add_special", OG_ENCODE_ADD_SPECIAL) |
                     request_flag(c, "parse_special", OG_ENCODE_PARSE_SPECIAL);
    int result = -1;
    bool has_text = request_text(c, &text) || request_text(json_object_get(texts, key), &text);
    if (has_text && request_ids(ctx, json_object_get(c, "ids"), &want)) {
        og_status s = og_tokenizer_encode(t, ctx, ogi_buf_str(&text), text.n, flags, &got);
        result = s == OG_OK && got.n == want.n &&
                 (!got.n || !memcmp(got.id, want.id, (size_t)got.n * sizeof *got.id));
        if (!result) {
            ogi_buf_puts(report, "text ");
            tokenize_json_string(report, ogi_buf_str(&text), text.n);
            ogi_buf_puts(report, "\n  expected ");
            print_ids(report, &want);
            ogi_buf_puts(report, "\n  got      ");
            if (s == OG_OK)
                print_ids(report, &got);
            else
                ogi_buf_puts(report, og_error(ctx));
        }
    }
    og_tokens_free(ctx, &want);
    og_tokens_free(ctx, &got);
    ogi_buf_free(&text);
    return result;
}

int tokenize_verify(og_ctx *ctx, const og_tokenizer *t, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "oxigraph: %s: cannot be opened\n", path);
        return 1;
    }
    json_t *texts = load_texts(path);
    ogi_buf report = { .ctx = ctx };
    char *line = NULL;
    size_t cap = 0;
    int64_t n_line = 0, n_same = 0, n_skipped = 0, wrong = 0;
    while (!wrong && getline(&line, &cap, f) > 0) {
        n_line++;
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        int result = verify_case(ctx, t, c, texts, &report);
        n_same += result == 1;
        n_skipped += result < 0;
        if (result == 0) wrong = n_line;
        json_decref(c);
    }
    free(line);
    fclose(f);
    json_decref(texts);
    if (wrong) fprintf(stderr, "%s:%lld: %s\n", path, (long long)wrong, ogi_buf_str(&report));
    printf("%lld texts as expected, %lld skipped%s\n", (long long)n_same, (long long)n_skipped,
           wrong ? ", stopped at the first difference" : "");
    ogi_buf_free(&report);
    return wrong || !n_same ? 1 : 0;
}

/* ---- what the vocabulary knows ---- */

int tokenize_info(const og_tokenizer *t, bool json)
{
    const char *open = json ? "{" : "", *quote = json ? "\"" : "", *end = json ? ",\n " : "\n";
    printf("%s%sn_tokens%s: %d%s", open, quote, quote, (int)og_tokenizer_size(t), end);
    printf("%stype%s: %s%s%s%s", quote, quote, quote, og_tokenizer_kind(t), quote, end);
    printf("%spre%s: %s%s%s%s", quote, quote, quote, og_tokenizer_pre(t), quote, end);
#define S(name, key)                                                                               \
    printf("%s%s%s: %d%s", quote, #key, quote, (int)og_tokenizer_special(t, OG_SPECIAL_##name),    \
           end);
    OG_SPECIAL_LIST(S)
#undef S
#define S(name, key)                                                                               \
    printf("%s%s%s: %s%s", quote, #key, quote,                                                     \
           og_tokenizer_flag_get(t, OG_TOKENIZER_##name) ? "true" : "false", end);
    OG_TOKENIZER_FLAG_LIST(S)
#undef S
    printf("%seog%s: [", quote, quote);
    for (int32_t i = 0, n = 0; i < og_tokenizer_size(t); i++)
        if (og_tokenizer_is_eog(t, i)) printf("%s%d", n++ ? ", " : "", (int)i);
    printf("]%s\n", json ? "}" : "");
    return fflush(stdout) ? 1 : 0;
}
