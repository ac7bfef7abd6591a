/* SPDX-License-Identifier: MIT
 *
 * A reader that moves forwards over the text and builds the object as it goes. Depth and size are
 * bounded; every error names line and what was expected. */
#include "text/value/toml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_DEPTH = 32, MAX_SIZE = 1 << 20 };

typedef struct toml {
    og_ctx *ctx;
    const char *name, *p, *end;
    int line, depth;
    ogi_buf word; /* the string or key read last */
} toml;

#define BAD(t, ...) return bad((t), __LINE__, __VA_ARGS__)

static og_status bad(toml *t, int line, const char *what)
{
    return ogi_fail(t->ctx, OG_E_FORMAT, __FILE__, line, "%s:%d: %s", t->name, t->line, what);
}

static char peek(const toml *t)
{
    return t->p < t->end ? *t->p : 0;
}

static bool take(toml *t, char c)
{
    if (t->p >= t->end || *t->p != c) return false;
    t->p++;
    return true;
}

static void skip_blanks(toml *t)
{
    while (peek(t) == ' ' || peek(t) == '\t') t->p++;
}

static void skip_comment(toml *t)
{
    skip_blanks(t);
    if (peek(t) == '#')
        while (t->p < t->end && *t->p != '\n') t->p++;
    if (peek(t) == '\r' && t->p + 1 < t->end && t->p[1] == '\n') t->p++;
}

/* White space, newlines and comments, as between the items of an array. */
static void skip_lines(toml *t)
{
    for (skip_comment(t); peek(t) == '\n'; skip_comment(t)) t->p++, t->line++;
}

static bool is_bare(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

/* ---- strings ---- */

static void put_utf8(ogi_buf *b, uint32_t c)
{
    if (c < 0x80) {
        ogi_buf_putc(b, (char)c);
    } else if (c < 0x800) {
        ogi_buf_putc(b, (char)(0xc0 | c >> 6));
        ogi_buf_putc(b, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        ogi_buf_putc(b, (char)(0xe0 | c >> 12));
        ogi_buf_putc(b, (char)(0x80 | (c >> 6 & 63)));
        ogi_buf_putc(b, (char)(0x80 | (c & 63)));
    } else {
        ogi_buf_putc(b, (char)(0xf0 | c >> 18));
        ogi_buf_putc(b, (char)(0x80 | (c >> 12 & 63)));
        ogi_buf_putc(b, (char)(0x80 | (c >> 6 & 63)));
        ogi_buf_putc(b, (char)(0x80 | (c & 63)));
    }
}

static og_status read_code_point(toml *t, int digits)
{
    uint32_t c = 0;
    for (int i = 0; i < digits; i++) {
        char h = peek(t);
        int v = h >= '0' && h <= '9'   ? h - '0'
                : h >= 'a' && h <= 'f' ? h - 'a' + 10
                : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                       : -1;
        if (v < 0) BAD(t, "\\u wants 4 hexadecimal digits and \\U wants 8");
        c = c << 4 | (uint32_t)v;
        t->p++;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) BAD(t, "an escape is no Unicode character");
    put_utf8(&t->word, c);
    return OG_OK;
}

static og_status read_escape(toml *t, bool is_multi)
{
    static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\033\"\\";
    char c = peek(t);
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        ogi_buf_putc(&t->word, to[at - from]);
        t->p++;
        return OG_OK;
    }
    if (take(t, 'u')) return read_code_point(t, 4);
    if (take(t, 'U')) return read_code_point(t, 8);
    /* A backslash at the end of a line swallows the white space that follows. */
    if (is_multi && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
        bool is_newline = false;
        for (; strchr(" \t\r\n", peek(t)) && peek(t); t->p++)
            if (*t->p == '\n') t->line++, is_newline = true;
        if (is_newline) return OG_OK;
    }
    BAD(t, "no such escape in a string");
}

/* A string whose opening quote q is next, into t->word. */
static og_status read_string(toml *t, char q)
{
    t->word.n = 0;
    ogi_buf_add(&t->word, "", 0);
    bool is_multi = t->end - t->p >= 3 && t->p[1] == q && t->p[2] == q;
    t->p += is_multi ? 3 : 1;
    if (is_multi) {
        if (peek(t) == '\r') t->p++;
        if (take(t, '\n')) t->line++;
    }
    while (t->p < t->end) {
        char c = *t->p;
        if (c == q && !is_multi) {
            t->p++;
            return OG_OK;
        }
        if (c == q && t->end - t->p >= 3 && t->p[1] == q && t->p[2] == q) {
            /* Up to two quotes may stand before the closing three. */
            for (int i = 0; i < 2 && t->end - t->p > 3 && t->p[3] == q; i++, t->p++)
                ogi_buf_putc(&t->word, q);
            t->p += 3;
            return OG_OK;
        }
        t->p++;
        if (c == '\\' && q == '"') {
            OG_TRY(read_escape(t, is_multi));
            continue;
        }
        if (c == '\n' && !is_multi) BAD(t, "a string does not end on its line");
        if (c == '\n') t->line++;
        if (c == 0) BAD(t, "a string holds a NUL");
        ogi_buf_putc(&t->word, c);
    }
    BAD(t, "a string does not end");
}

/* ---- values ---- */

static og_status wrap(toml *t, json_t *v, json_t **out)
{
    *out = v;
    if (!v) BAD(t, "a string is no UTF-8, or memory is out");
    return OG_OK;
}

static og_status read_number(toml *t, json_t **out)
{
    char text[64];
    size_t n = 0;
    bool is_float = false;
    for (char c; (c = peek(t)) && (is_bare(c) || c == '+' || c == '.' || c == ':'); t->p++) {
        if (c == ':') BAD(t, "dates and times are not supported");
        if (c == '_') continue;
        if (n + 1 == sizeof text) BAD(t, "a number is too long");
        text[n++] = c;
    }
    text[n] = 0;
    if (!strcmp(text, "true")) return wrap(t, json_true(), out);
    if (!strcmp(text, "false")) return wrap(t, json_false(), out);
    if (!n) BAD(t, "a value is missing");
    const char *digits = text + (text[0] == '+' || text[0] == '-');
    int base = 10;
    if (digits[0] == '0' && digits == text)
        base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 10;
    if (base == 10) is_float = strpbrk(text, ".eE") || strstr(text, "inf") || strstr(text, "nan");
    if (!strchr("0123456789in", digits[0]) || !digits[0]) BAD(t, "a value is not understood");
    char *end = NULL;
    errno = 0;
    if (is_float) {
        double d = strtod(text, &end);
        if (*end) BAD(t, "a number is malformed");
        if (!isfinite(d)) BAD(t, "numbers must be finite");
        return wrap(t, json_real(d), out);
    }
    long long v = strtoll(base == 10 ? text : text + 2, &end, base);
    if (*end || end == text || (base != 10 && end == text + 2)) BAD(t, "a number is malformed");
    if (errno) BAD(t, "an integer is out of range");
    return wrap(t, json_integer(v), out);
}

static og_status read_value(toml *t, json_t **out);
static og_status read_pair(toml *t, json_t *table);

static og_status read_array(toml *t, json_t *array)
{
    t->p++;
    for (;;) {
        skip_lines(t);
        if (take(t, ']')) return OG_OK;
        json_t *v = NULL;
        OG_TRY(read_value(t, &v));
        if (json_array_append_new(array, v)) BAD(t, "out of memory");
        skip_lines(t);
        if (take(t, ',')) continue;
        if (take(t, ']')) return OG_OK;
        BAD(t, "an array wants ',' or ']'");
    }
}

static og_status read_inline_table(toml *t, json_t *table)
{
    t->p++;
    skip_blanks(t);
    if (take(t, '}')) return OG_OK;
    for (;;) {
        skip_blanks(t);
        OG_TRY(read_pair(t, table));
        skip_blanks(t);
        if (take(t, '}')) return OG_OK;
        if (!take(t, ',')) BAD(t, "an inline table wants ',' or '}'");
    }
}

static og_status read_nested(toml *t, json_t *v, json_t **out)
{
    if (!v) BAD(t, "out of memory");
    if (++t->depth > MAX_DEPTH) {
        json_decref(v);
        BAD(t, "values are nested too deep");
    }
    og_status s = json_is_array(v) ? read_array(t, v) : read_inline_table(t, v);
    t->depth--;
    if (s != OG_OK) json_decref(v);
    *out = s == OG_OK ? v : NULL;
    return s;
}

static og_status read_value(toml *t, json_t **out)
{
    *out = NULL;
    char c = peek(t);
    if (c == '"' || c == '\'') {
        OG_TRY(read_string(t, c));
        return wrap(t, json_stringn(ogi_buf_str(&t->word), t->word.n), out);
    }
    if (c == '[') return read_nested(t, json_array(), out);
    if (c == '{') return read_nested(t, json_object(), out);
    return read_number(t, out);
}

/* ---- keys and tables ---- */

/* One part of a dotted key, into t->word. */
static og_status read_key_part(toml *t)
{
    skip_blanks(t);
    char c = peek(t);
    if (c == '"' || c == '\'') return read_string(t, c);
    t->word.n = 0;
    ogi_buf_add(&t->word, "", 0);
    for (; is_bare(peek(t)); t->p++) ogi_buf_putc(&t->word, *t->p);
    if (!t->word.n) BAD(t, "a key is missing");
    return OG_OK;
}

/* The table under the key in t->word, made where it is missing. In arrays of tables, the last. */
static og_status enter(toml *t, json_t *table, json_t **out)
{
    json_t *v = json_object_get(table, ogi_buf_str(&t->word));
    if (!v) {
        v = json_object();
        if (json_object_set_new(table, ogi_buf_str(&t->word), v)) BAD(t, "a key is no UTF-8");
    }
    if (json_is_array(v) && json_array_size(v)) v = json_array_get(v, json_array_size(v) - 1);
    if (!json_is_object(v)) BAD(t, "a key is used both as a value and as a table");
    *out = v;
    return OG_OK;
}

/* A dotted key: *table becomes the table of its last part, which stays in t->word. */
static og_status read_key(toml *t, json_t **table)
{
    for (int parts = 1;; parts++) {
        if (parts > MAX_DEPTH) BAD(t, "a key has too many parts");
        OG_TRY(read_key_part(t));
        skip_blanks(t);
        if (!take(t, '.')) return OG_OK;
        OG_TRY(enter(t, *table, table));
    }
}

static og_status read_pair(toml *t, json_t *table)
{
    OG_TRY(read_key(t, &table));
    if (json_object_get(table, ogi_buf_str(&t->word))) BAD(t, "a key is given twice");
    if (!take(t, '=')) BAD(t, "'=' is missing after a key");
    skip_blanks(t);
    ogi_buf key = t->word;
    t->word = (ogi_buf){ .ctx = t->ctx };
    json_t *v = NULL;
    og_status s = read_value(t, &v);
    bool is_bad = s == OG_OK && json_object_set_new(table, ogi_buf_str(&key), v) != 0;
    ogi_buf_free(&key);
    OG_TRY(s);
    if (is_bad) BAD(t, "a key is no UTF-8");
    return OG_OK;
}

/* [table] or [[array of tables]]. */
static og_status read_header(toml *t, json_t *root, json_t **table)
{
    t->p++;
    bool is_array = take(t, '[');
    *table = root;
    OG_TRY(read_key(t, table));
    if (!take(t, ']') || (is_array && !take(t, ']'))) BAD(t, "']' is missing");
    if (is_array) {
        json_t *list = json_object_get(*table, ogi_buf_str(&t->word));
        if (!list) {
            list = json_array();
            if (json_object_set_new(*table, ogi_buf_str(&t->word), list))
                BAD(t, "a key is no UTF-8");
        }
        if (!json_is_array(list) || json_array_append_new(list, json_object()))
            BAD(t, "a key is used both as a value and as an array of tables");
    }
    return enter(t, *table, table);
}

static og_status read_document(toml *t, json_t *root)
{
    json_t *table = root;
    for (skip_lines(t); t->p < t->end; skip_lines(t)) {
        OG_TRY(peek(t) == '[' ? read_header(t, root, &table) : read_pair(t, table));
        if (t->word.failed) return OG_E_MEMORY;
        skip_comment(t);
        if (t->p < t->end && peek(t) != '\n') BAD(t, "something follows on the line");
    }
    return OG_OK;
}

og_status ogi_toml_parse(og_ctx *ctx, const char *name, const char *text, size_t n, json_t **out)
{
    *out = NULL;
    if (n > MAX_SIZE) OG_FAIL(ctx, OG_E_LIMIT, "%s: more than %d bytes", name, MAX_SIZE);
    toml t = { ctx, name, text, text + n, 1, 0, { .ctx = ctx } };
    json_t *root = json_object();
    if (!root) OG_FAIL(ctx, OG_E_MEMORY, "out of memory");
    og_status s = read_document(&t, root);
    ogi_buf_free(&t.word);
    if (s != OG_OK) {
        json_decref(root);
        return s;
    }
    *out = root;
    return OG_OK;
}

void ogi_toml_quote(ogi_buf *b, const char *s)
{
    ogi_buf_putc(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            ogi_buf_printf(b, "\\%c", c);
        else if (c == '\n')
            ogi_buf_puts(b, "\\n");
        else if (c < 0x20 || c == 0x7f)
            ogi_buf_printf(b, "\\u%04x", c);
        else
            ogi_buf_putc(b, (char)c);
    }
    ogi_buf_putc(b, '"');
}
