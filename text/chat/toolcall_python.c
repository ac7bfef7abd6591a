/* SPDX-License-Identifier: MIT
 *
 * Token by token: strings are quoted anew, names of constants and tuples replaced, all else is the
 * same in both notations. */
#include "text/chat/toolcall_python.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The escape behind a backslash; how many bytes of the text it takes. */
static size_t escape(ogi_sv text, ogi_buf *json)
{
    char c = text.n ? text.p[0] : '\\';
    if (c == '\n') return 1; /* the line goes on */
    if (c == '\'') {
        ogi_buf_putc(json, c);
    } else if (c && strchr("\"\\/bfnrtu", c)) {
        ogi_buf_putc(json, '\\');
        ogi_buf_putc(json, c);
    } else if (c == 'x' && text.n > 2 && is_hex(text.p[1]) && is_hex(text.p[2])) {
        ogi_buf_printf(json, "\\u00%.2s", text.p + 1);
        return 3;
    } else { /* Python leaves it as it is */
        ogi_buf_puts(json, "\\\\");
        return 0;
    }
    return text.n ? 1 : 0;
}

static void string(ogi_sv text, size_t *at, ogi_buf *json)
{
    char quote = text.p[(*at)++];
    ogi_buf_putc(json, '"');
    while (*at < text.n && text.p[*at] != quote) {
        char c = text.p[(*at)++];
        if (c == '\\')
            *at += escape((ogi_sv){ text.p + *at, text.n - *at }, json);
        else if (c == '"')
            ogi_buf_puts(json, "\\\"");
        else if ((unsigned char)c < 0x20)
            ogi_buf_printf(json, "\\u%04x", (unsigned)c);
        else
            ogi_buf_putc(json, c);
    }
    if (*at < text.n) ++*at, ogi_buf_putc(json, '"'); /* else it does not end */
}

static void word(ogi_sv text, size_t *at, ogi_buf *json)
{
    static const struct {
        ogi_sv python;
        const char *json;
    } constants[] = { { { "True", 4 }, "true" },
                      { { "False", 5 }, "false" },
                      { { "None", 4 }, "null" } };
    ogi_sv w = { text.p + *at, 0 };
    while (*at < text.n && is_letter(text.p[*at])) ++*at, w.n++;
    for (int i = 0; i < OGI_LEN(constants); i++) {
        if (!ogi_sv_eq(w, constants[i].python)) continue;
        ogi_buf_puts(json, constants[i].json);
        return;
    }
    ogi_buf_add(json, w.p, w.n);
}

void ogi_python_to_json(ogi_sv text, size_t *at, ogi_buf *json)
{
    for (int64_t depth = 0; *at < text.n;) {
        char c = text.p[*at];
        if (depth == 0 && (c == ',' || c == ')')) return;
        if (c == '"' || c == '\'') {
            string(text, at, json);
            continue;
        }
        if (is_letter(c)) {
            word(text, at, json);
            continue;
        }
        depth += c == '(' || c == '[' || c == '{';
        depth -= c == ')' || c == ']' || c == '}';
        ogi_buf_putc(json, c == '(' ? '[' : c == ')' ? ']' : c);
        ++*at;
    }
}
