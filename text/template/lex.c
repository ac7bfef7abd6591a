/* SPDX-License-Identifier: MIT
 *
 * Template text to tokens. Whitespace control as Hugging Face sets Jinja up: trim_blocks (the
 * newline after a block or comment goes) and lstrip_blocks (blanks before a block or comment at
 * the start of a line go); `-` strips all whitespace, `+` keeps it. */
#include "text/template/ast.h"

typedef struct lexer {
    tmpl_heap *h;
    ogi_sv s;
    size_t at;
    bool line_start; /* the last tag ended with a newline */
    tmpl_tok *tok;
    int64_t n, cap;
} lexer;

ogi_sv ogi_tp_normalise(tmpl_heap *h, ogi_sv source)
{
    char *p = ogi_tv_alloc(h, (int64_t)source.n + 1, 1);
    size_t n = 0;
    if (!p) return OGI_SV("");
    for (size_t i = 0; i < source.n; i++) {
        bool is_crlf = source.p[i] == '\r' && i + 1 < source.n && source.p[i + 1] == '\n';
        if (is_crlf) continue;
        p[n++] = source.p[i] == '\r' ? '\n' : source.p[i];
    }
    if (n && p[n - 1] == '\n') n--;
    return (ogi_sv){ p, n };
}

static void emit(lexer *x, tmpl_tok_kind kind, size_t at, ogi_sv text, int op)
{
    if (x->n == x->cap) {
        int64_t cap = OGI_MAX(64, x->cap * 2);
        tmpl_tok *t = ogi_tv_alloc(x->h, cap, sizeof *t);
        if (!t) return;
        if (x->n) memcpy(t, x->tok, (size_t)x->n * sizeof *t);
        x->tok = t, x->cap = cap;
    }
    x->tok[x->n++] = (tmpl_tok){ .kind = kind, .op = op, .at = at, .text = text };
}

static bool fail_at(lexer *x, size_t at, const char *text)
{
    x->h->at = at;
    ogi_tv_fail(x->h, "%s", text);
    return false;
}

static int char_at(const lexer *x, size_t i)
{
    return i < x->s.n ? (unsigned char)x->s.p[i] : -1;
}

static bool starts(const lexer *x, size_t at, const char *text)
{
    return at <= x->s.n &&
           ogi_sv_starts((ogi_sv){ x->s.p + at, x->s.n - at }, (ogi_sv){ text, strlen(text) });
}

/* Length of the whitespace character that ends at `end` or begins at `at`; 0 if there is none. */
static size_t space_before(const lexer *x, size_t begin, size_t end)
{
    if (end <= begin) return 0;
    size_t at = end - 1;
    while (at > begin && ((unsigned char)x->s.p[at] & 0xc0) == 0x80) at--;
    int32_t cp;
    ogi_tv_decode(x->s.p + at, end - at, &cp);
    return ogi_tv_is_space(cp) ? end - at : 0;
}

static size_t space_at(const lexer *x, size_t at)
{
    int32_t cp;
    size_t n = (size_t)ogi_tv_decode(x->s.p + at, x->s.n - at, &cp);
    return n && ogi_tv_is_space(cp) ? n : 0;
}

/* Where the text begin..end ends once the tag that follows it has stripped its left side. */
static size_t strip_left(const lexer *x, size_t begin, size_t end, int sign, bool is_variable)
{
    size_t n, to = end;
    if (sign == '-') {
        while ((n = space_before(x, begin, to))) to -= n;
        return to;
    }
    if (sign == '+' || is_variable) return end;
    size_t line = end;
    while (line > begin && x->s.p[line - 1] != '\n') line--;
    if (line == begin && !x->line_start) return end;
    while ((n = space_before(x, line, to))) to -= n;
    return to == line ? line : end;
}

static void emit_data(lexer *x, size_t begin, size_t end)
{
    if (end > begin) emit(x, TK_DATA, begin, (ogi_sv){ x->s.p + begin, end - begin }, 0);
}

static void skip_spaces(lexer *x)
{
    for (size_t n; x->at < x->s.n && (n = space_at(x, x->at));) x->at += n;
}

/* What follows the closing mark of a tag: '-' eats all whitespace, else one newline if trim. */
static void strip_right(lexer *x, int sign, bool trim)
{
    if (sign == '-')
        skip_spaces(x);
    else if (trim && sign != '+' && char_at(x, x->at) == '\n')
        x->at++;
    x->line_start = x->at > 0 && x->s.p[x->at - 1] == '\n';
}

static bool skip_comment(lexer *x)
{
    size_t begin = x->at, text = begin + 2;
    if (char_at(x, text) == '-' || char_at(x, text) == '+') text++;
    for (x->at = text; !starts(x, x->at, "#}"); x->at++)
        if (x->at >= x->s.n) return fail_at(x, begin, "Missing end of comment tag");
    int sign = x->at > text ? char_at(x, x->at - 1) : 0;
    if (sign != '-' && sign != '+') sign = 0;
    x->at += 2;
    strip_right(x, sign, true);
    return true;
}

static bool is_name_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c >= 0x80;
}

/* At "{%": is it `{% word %}`? *after is then behind the closing mark, *sign its sign. */
static bool is_tag(const lexer *x, size_t at, const char *word, size_t *after, int *sign)
{
    size_t n;
    at += 2;
    if (char_at(x, at) == '-' || char_at(x, at) == '+') at++;
    while (at < x->s.n && (n = space_at(x, at))) at += n;
    if (!starts(x, at, word)) return false;
    at += strlen(word);
    while (at < x->s.n && (n = space_at(x, at))) at += n;
    *sign = char_at(x, at) == '-' || char_at(x, at) == '+' ? char_at(x, at) : 0;
    if (*sign) at++;
    *after = at + 2;
    return starts(x, at, "%}");
}

/* Behind `{% raw %}`, to behind `{% endraw %}`. */
static bool lex_raw(lexer *x, size_t tag)
{
    size_t begin = x->at, after;
    int sign;
    for (size_t i = begin; i < x->s.n; i++) {
        if (!starts(x, i, "{%") || !is_tag(x, i, "endraw", &after, &sign)) continue;
        int left = char_at(x, i + 2);
        emit_data(x, begin, strip_left(x, begin, i, left, false));
        x->at = after;
        strip_right(x, sign, true);
        return true;
    }
    return fail_at(x, tag, "Missing end of raw directive");
}

static bool lex_string(lexer *x)
{
    size_t begin = x->at;
    int quote = char_at(x, x->at++);
    for (; x->at < x->s.n; x->at++) {
        if (char_at(x, x->at) == '\\') {
            x->at++;
        } else if (char_at(x, x->at) == quote) {
            emit(x, TK_STRING, begin, (ogi_sv){ x->s.p + begin + 1, x->at - begin - 1 }, 0);
            x->at++;
            return true;
        }
    }
    return fail_at(x, begin, "a string does not end");
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* Behind digits with single underscores between them. */
static size_t digits_end(const lexer *x, size_t at)
{
    while (is_digit(char_at(x, at)) ||
           (char_at(x, at) == '_' && is_digit(char_at(x, at + 1)) && is_digit(char_at(x, at - 1))))
        at++;
    return at;
}

static void lex_number(lexer *x)
{
    size_t begin = x->at, end;
    int c = char_at(x, begin + 1) | 0x20;
    bool is_float = false, after_dot = begin > 0 && x->s.p[begin - 1] == '.';
    if (char_at(x, begin) == '0' && (c == 'x' || c == 'o' || c == 'b') &&
        is_name_char(char_at(x, begin + 2))) {
        for (end = begin + 2; is_name_char(char_at(x, end));) end++;
    } else {
        end = digits_end(x, begin);
        if (!after_dot && char_at(x, end) == '.' && is_digit(char_at(x, end + 1)))
            is_float = true, end = digits_end(x, end + 1);
        size_t e = end + 1;
        if (char_at(x, e) == '+' || char_at(x, e) == '-') e++;
        if (!after_dot && (char_at(x, end) | 0x20) == 'e' && is_digit(char_at(x, e)))
            is_float = true, end = digits_end(x, e);
    }
    emit(x, is_float ? TK_FLOAT : TK_INT, begin, (ogi_sv){ x->s.p + begin, end - begin }, 0);
    x->at = end;
}

static bool lex_op(lexer *x)
{
    static const char two[][3] = { "//", "**", "==", "!=", ">=", "<=" };
    for (int i = 0; i < OGI_LEN(two); i++) {
        if (!starts(x, x->at, two[i])) continue;
        emit(x, TK_OP, x->at, (ogi_sv){ x->s.p + x->at, 2 }, OP2(two[i][0], two[i][1]));
        x->at += 2;
        return true;
    }
    int c = char_at(x, x->at);
    if (c <= 0 || !strchr("+-/*%~[](){}><=.:|,;", c))
        return fail_at(x, x->at, "a character that has no meaning here");
    emit(x, TK_OP, x->at, (ogi_sv){ x->s.p + x->at, 1 }, c);
    x->at++;
    return true;
}

/* Brackets that are open, so that `}}` inside a dictionary does not end the tag. */
typedef struct brackets {
    char open[TMPL_MAX_PARSE_DEPTH + 1];
    int n;
} brackets;

static bool balance(lexer *x, brackets *b)
{
    int c = char_at(x, x->at);
    if (c == '(' || c == '[' || c == '{') {
        if (b->n == TMPL_MAX_PARSE_DEPTH)
            return fail_at(x, x->at, "nested too deeply (more than 150 levels)");
        b->open[b->n++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
        if (b->n == 0 || b->open[b->n - 1] != c) return fail_at(x, x->at, "a bracket too many");
        b->n--;
    }
    return true;
}

/* The inside of a tag, to behind its closing mark. */
static bool lex_tag(lexer *x, bool is_variable)
{
    const char *close = is_variable ? "}}" : "%}";
    size_t begin = x->at - 2;
    brackets b = { .n = 0 };
    while (ogi_tv_step(x->h, 1)) {
        skip_spaces(x);
        int c = char_at(x, x->at);
        int sign = c == '-' || (c == '+' && !is_variable) ? c : 0;
        if (b.n == 0 && starts(x, x->at + (sign != 0), close)) {
            emit(x, is_variable ? TK_VAR_END : TK_BLOCK_END, x->at, OGI_SV(""), 0);
            x->at += 2 + (size_t)(sign != 0);
            strip_right(x, sign, !is_variable);
            return true;
        }
        if (c < 0) {
            x->h->at = begin;
            ogi_tv_fail(x->h, "unexpected end of template, the tag does not end with %s", close);
            return false;
        }
        bool ok = true;
        if (c == '\'' || c == '"') {
            ok = lex_string(x);
        } else if (is_digit(c)) {
            lex_number(x);
        } else if (is_name_char(c)) {
            size_t from = x->at;
            while (is_name_char(char_at(x, x->at))) x->at++;
            emit(x, TK_NAME, from, (ogi_sv){ x->s.p + from, x->at - from }, 0);
        } else {
            ok = balance(x, &b) && lex_op(x);
        }
        if (!ok) return false;
    }
    return false;
}

/* At "{{", "{%" or "{#", text from `data` on stands before it. */
static bool lex_one(lexer *x, size_t data)
{
    int kind = char_at(x, x->at + 1), sign = char_at(x, x->at + 2), raw_sign;
    size_t tag = x->at, after;
    emit_data(x, data, strip_left(x, data, tag, sign, kind == '{'));
    if (kind == '#') return skip_comment(x);
    if (kind == '%' && is_tag(x, tag, "raw", &after, &raw_sign) && raw_sign != '+') {
        x->at = after;
        strip_right(x, raw_sign, false);
        return lex_raw(x, tag);
    }
    x->at += 2;
    if (sign == '-' || sign == '+') x->at++;
    emit(x, kind == '{' ? TK_VAR_BEGIN : TK_BLOCK_BEGIN, tag, OGI_SV(""), 0);
    return lex_tag(x, kind == '{');
}

tmpl_tok *ogi_tp_lex(tmpl_heap *h, int64_t *n)
{
    lexer x = { .h = h, .s = { h->source, h->source_size }, .line_start = true };
    size_t data = 0;
    while (x.at < x.s.n && !ogi_tv_failed(h)) {
        const char *brace = memchr(x.s.p + x.at, '{', x.s.n - x.at);
        x.at = brace ? (size_t)(brace - x.s.p) : x.s.n;
        int next = char_at(&x, x.at + 1);
        if (next != '{' && next != '%' && next != '#') {
            x.at += x.at < x.s.n;
            continue;
        }
        if (!lex_one(&x, data)) return NULL;
        data = x.at;
    }
    emit_data(&x, data, x.s.n);
    emit(&x, TK_EOF, x.s.n, OGI_SV(""), 0);
    *n = x.n;
    return ogi_tv_failed(h) ? NULL : x.tok;
}

/* ---- string literals ---- */

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n hex digits at raw[i]; -1 if there are fewer. */
static int64_t hex(ogi_sv raw, size_t i, int n)
{
    int64_t v = 0;
    for (int k = 0; k < n; k++) {
        int d = i + (size_t)k < raw.n ? hex_digit((unsigned char)raw.p[i + (size_t)k]) : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

/* \xHH, \uHHHH and \UHHHHHHHH; gives what was used up, 0 if malformed. */
static size_t unescape_hex(tmpl_sb *b, ogi_sv raw, size_t i, int n)
{
    int64_t cp = hex(raw, i, n), low;
    size_t used = (size_t)n;
    if (cp >= 0xd800 && cp < 0xdc00 && i + 5 < raw.n && raw.p[i + 4] == '\\') {
        low = hex(raw, i + 6, 4); /* a surrogate pair */
        if (low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            used += 6;
        }
    }
    if (cp < 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) return 0;
    ogi_tv_sb_char(b, (int32_t)cp, true);
    return used;
}

void ogi_tp_unescape(tmpl_sb *b, ogi_sv raw)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    for (size_t i = 0; i < raw.n && !b->failed;) {
        const char *slash = memchr(raw.p + i, '\\', raw.n - i);
        size_t end = slash ? (size_t)(slash - raw.p) : raw.n;
        ogi_tv_sb_add(b, raw.p + i, end - i, true);
        if (!slash || end + 1 >= raw.n) return;
        char c = raw.p[end + 1];
        i = end + 2;
        const char *known = c ? strchr(from, c) : NULL;
        if (known) {
            ogi_tv_sb_add(b, to + (known - from), 1, true);
        } else if (c == '\n') {
            continue;
        } else if (c == 'x' || c == 'u' || c == 'U') {
            size_t used = unescape_hex(b, raw, i, c == 'x' ? 2 : c == 'u' ? 4 : 8);
            if (!used) ogi_tv_fail(b->h, "a malformed \\%c escape in a string", c);
            i += used;
        } else if (c >= '0' && c <= '7') {
            int v = 0, k = 0;
            for (i--; k < 3 && i < raw.n && raw.p[i] >= '0' && raw.p[i] <= '7'; k++, i++)
                v = v * 8 + (raw.p[i] - '0');
            ogi_tv_sb_char(b, v, true);
        } else {
            ogi_tv_sb_add(b, raw.p + end, 2, true); /* not an escape: stays as it is */
        }
    }
}
