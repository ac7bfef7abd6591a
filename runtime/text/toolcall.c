/* SPDX-License-Identifier: MIT
 *
 * Formats of tool calls and the stream: text is passed on up to where a call may begin, a call is
 * gathered whole. Where it ends is told by the end of its JSON (strings in it may contain the
 * closing mark) or, in forms without JSON, by the closing mark. */
#include "runtime/text/toolcall.h"

#include "runtime/text/toolcall_body.h"

enum { MAX_CALL = 16 << 20 };

#define DS(name) "<\xef\xbd\x9ctool\xe2\x96\x81" name "\xef\xbd\x9c>"
#define DSML                                                                                       \
    "\xef\xbd\x9c"                                                                                 \
    "DSML"                                                                                         \
    "\xef\xbd\x9c"

/* The first row whose sign is in the rendering of a call is the format, so narrower signs come
 * first. */
// clang-format off
static const ogi_toolcall_format formats[] = {
    { "apertus", "<|tools_prefix|>[{\"%s\"", FORM_JSON,
      "<|tools_prefix|>", "<|tools_suffix|>", NULL, { NULL, NULL }, false },
    { "apriel", "<tool_calls>[{\"name\": \"%s\"", FORM_JSON,
      "<tool_calls>", "</tool_calls>", NULL, { NULL, NULL }, false },
    { "seed", "<seed:tool_call>\n<function=%s>", FORM_XML,
      "<seed:tool_call>", "</seed:tool_call>", NULL, { NULL, NULL }, false },
    { "minimax", "<invoke name=\"%s\">", FORM_XML,
      "<minimax:tool_call>", "</minimax:tool_call>", NULL, { NULL, NULL }, false },
    { "dsml-functions", "<" DSML "function_calls>", FORM_XML,
      "<" DSML "function_calls>", "</" DSML "function_calls>", DSML, { NULL, NULL }, false },
    { "dsml-tools", "<" DSML "tool_calls>", FORM_XML,
      "<" DSML "tool_calls>", "</" DSML "tool_calls>", DSML, { NULL, NULL }, false },
    { "cohere", "\"tool_name\": \"%s\", \"parameters\"", FORM_JSON,
      "<|START_ACTION|>", "<|END_ACTION|>", NULL, { NULL, NULL }, false },
    { "command-r", "Action:\n```json\n[\n    {\n        \"tool_name\": \"%s\"", FORM_JSON,
      "Action:", "```", "```json", { NULL, NULL }, false },
    { "kimi", "functions.%s:0<|tool_call_argument_begin|>", FORM_NAME_JSON,
      "<|tool_call_begin|>", "<|tool_call_end|>", "<|tool_call_argument_begin|>",
      { "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>" }, false },
    { "deepseek", DS("call" "\xe2\x96\x81" "begin"), FORM_NAME_JSON,
      DS("call" "\xe2\x96\x81" "begin"), DS("call" "\xe2\x96\x81" "end"), DS("sep"),
      { DS("calls" "\xe2\x96\x81" "begin"), DS("calls" "\xe2\x96\x81" "end") }, false },
    { "mistral", "[TOOL_CALLS]%s[", FORM_NAME_JSON,
      "[TOOL_CALLS]", NULL, "[ARGS]", { NULL, NULL }, false },
    { "mistral-list", "[TOOL_CALLS][{", FORM_JSON,
      "[TOOL_CALLS]", NULL, NULL, { NULL, NULL }, false },
    { "gigachat", "<|function_call|>{\"name\": \"%s\"", FORM_JSON,
      "<|function_call|>", NULL, NULL, { NULL, NULL }, false },
    { "gigachat3", "function call<|role_sep|>\n{\"name\": \"%s\"", FORM_JSON,
      "function call<|role_sep|>", NULL, NULL, { NULL, NULL }, false },
    { "gemma", "<|tool_call>call:%s{", FORM_GEMMA,
      "<|tool_call>call:", "<tool_call|>", NULL, { NULL, NULL }, false },
    { "phi", "<|tool_call|>{\"name\": \"%s\"", FORM_JSON,
      "<|tool_call|>", "<|/tool_call|>", NULL, { NULL, NULL }, false },
    { "glm", "<arg_key>", FORM_PAIRS,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false },
    { "qwen-xml", "<tool_call>\n<function=%s>", FORM_XML,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false },
    { "hermes", "<tool_call>\n{\"name\": \"%s\"", FORM_JSON,
      "<tool_call>", "</tool_call>", NULL, { NULL, NULL }, false },
    { "functionary", "<function=%s>{", FORM_NAME_JSON,
      "<function=", "</function>", ">", { NULL, NULL }, false },
    { "harmony", " to=functions.%s", FORM_NAME_JSON,
      " to=functions.", "<|call|>", "<|message|>", { NULL, NULL }, false },
    { "llama", "{\"name\": \"%s\", \"parameters\": ", FORM_JSON,
      "{\"name\":", NULL, NULL, { NULL, NULL }, true },
};
// clang-format on

/* ---- formats ---- */

const ogi_toolcall_format *ogi_toolcall_format_at(int i)
{
    return i >= 0 && i < OGI_LEN(formats) ? &formats[i] : NULL;
}

const char *ogi_toolcall_format_name(const ogi_toolcall_format *f)
{
    return f->name;
}

const ogi_toolcall_format *ogi_toolcall_format_find(const char *name)
{
    for (int i = 0; i < OGI_LEN(formats); i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    return NULL;
}

static bool occurs(ogi_sv text, ogi_sv part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (!memcmp(text.p + i, part.p, part.n)) return true;
    return false;
}

const ogi_toolcall_format *ogi_toolcall_detect(ogi_sv rendered, ogi_sv name)
{
    char sign[256];
    for (int i = 0; i < OGI_LEN(formats); i++) {
        const char *s = formats[i].sign, *hole = strstr(s, "%s");
        size_t head = hole ? (size_t)(hole - s) : strlen(s), tail = hole ? strlen(hole + 2) : 0;
        size_t n = head + tail + (hole ? name.n : 0);
        if (n > sizeof sign) continue;
        memcpy(sign, s, head);
        if (hole && name.n) memcpy(sign + head, name.p, name.n);
        if (hole) memcpy(sign + n - tail, hole + 2, tail);
        if (occurs(rendered, (ogi_sv){ sign, n })) return &formats[i];
    }
    return NULL;
}

/* ---- the end of JSON ---- */

typedef struct json_scan {
    int64_t depth;
    bool in_string, escaped;
} json_scan;

/* One byte; true when the value that began at depth 0 has ended with it. */
static bool scan_byte(json_scan *s, char c)
{
    if (s->in_string) {
        if (!s->escaped && c == '"') s->in_string = false;
        s->escaped = !s->escaped && c == '\\';
        return false;
    }
    if (c == '"') s->in_string = true;
    if (c == '{' || c == '[') s->depth++;
    if (c == '}' || c == ']') s->depth--;
    return (c == '}' || c == ']') && s->depth <= 0;
}

/* ---- the stream ---- */

typedef enum state {
    OUTSIDE,
    INSIDE, /* gathering */
    BEHIND, /* a call has ended with its JSON; its closing mark may follow */
} state;

struct ogi_toolcall_parser {
    og_ctx *ctx;
    const ogi_toolcall_format *f;
    ogi_toolcall_sink sink;
    char *tools_text;
    tmpl_heap tools_heap;
    tmpl_val tools;
    ogi_buf text; /* OUTSIDE, BEHIND: held back; INSIDE: the call, opening mark included */
    size_t seen;  /* bytes of text that have been looked at */
    json_scan scan;
    state state;
    bool has_sep, in_json; /* INSIDE: the separator has come, the JSON has begun */
    bool started;          /* any text but blanks has come */
};

static bool ends_by_json(const ogi_toolcall_format *f)
{
    return f->form == FORM_JSON || f->form == FORM_NAME_JSON;
}

og_status ogi_toolcall_new(og_ctx *ctx, const ogi_toolcall_format *format, const char *tools,
                           ogi_toolcall_sink sink, ogi_toolcall_parser **out)
{
    *out = NULL;
    ogi_toolcall_parser *p = OGI_NEW(ctx, ogi_toolcall_parser);
    if (!p) return OG_E_MEMORY;
    *p = (ogi_toolcall_parser){ .ctx = ctx, .f = format, .sink = sink, .text = { .ctx = ctx } };
    p->tools_heap = (tmpl_heap){ .ctx = ctx,
                                 .arena = { .ctx = ctx },
                                 .mem_left = 256 << 20,
                                 .step_left = INT64_MAX / 2,
                                 .max_depth = 600 };
    *out = p;
    if (!tools) return OG_OK;
    p->tools_text = ogi_strndup(ctx, tools, strlen(tools));
    if (p->tools_text)
        p->tools = ogi_tv_json_parse(&p->tools_heap, "tools", ogi_sv_of(p->tools_text));
    if (p->tools_text && !ogi_tv_failed(&p->tools_heap)) return OG_OK;
    og_status status = p->tools_text ? p->tools_heap.status : OG_E_MEMORY;
    ogi_fail(ctx, status, __FILE__, __LINE__, "%s", p->tools_heap.error);
    ogi_toolcall_free(p);
    *out = NULL;
    return status;
}

void ogi_toolcall_free(ogi_toolcall_parser *p)
{
    if (!p) return;
    og_ctx *ctx = p->ctx;
    ogi_arena_free(&p->tools_heap.arena);
    ogi_free(ctx, p->tools_text);
    ogi_buf_free(&p->text);
    ogi_free(ctx, p);
}

bool ogi_toolcall_is_open(const ogi_toolcall_parser *p)
{
    return p->state == INSIDE;
}

/* Drops the first n bytes of what is held. */
static void drop(ogi_toolcall_parser *p, size_t n)
{
    memmove(p->text.p, p->text.p + n, p->text.n - n + 1);
    p->text.n -= n;
    p->seen = 0;
}

static og_status give_text(ogi_toolcall_parser *p, size_t n)
{
    if (n == 0) return OG_OK;
    for (size_t i = 0; i < n; i++) p->started |= !strchr(" \t\r\n", p->text.p[i]);
    og_status status = p->sink.text ? p->sink.text(p->sink.user, (ogi_sv){ p->text.p, n }) : OG_OK;
    drop(p, n);
    return status;
}

/* A mark at or behind `at`: its offset, or where the text ends in its beginning, or the end. */
static size_t find_mark(ogi_sv text, size_t at, const char *mark, bool *whole)
{
    size_t n = strlen(mark);
    *whole = false;
    for (size_t i = at; i < text.n; i++) {
        size_t have = OGI_MIN(n, text.n - i);
        if (memcmp(text.p + i, mark, have)) continue;
        *whole = have == n;
        return i;
    }
    return text.n;
}

static og_status look_outside(ogi_toolcall_parser *p, bool *more)
{
    const ogi_toolcall_format *f = p->f;
    const char *marks[] = { f->open, f->section[0], f->section[1] };
    ogi_sv text = { ogi_buf_str(&p->text), p->text.n };
    size_t first = text.n;
    int which = -1;
    for (int i = 0; i < OGI_LEN(marks); i++) {
        bool whole = false;
        size_t at = marks[i] ? find_mark(text, 0, marks[i], &whole) : text.n;
        if (at >= first) continue;
        first = at;
        which = whole ? i : -1;
    }
    *more = which >= 0;
    bool is_late = f->only_first && p->started;
    for (size_t i = 0; f->only_first && i < first; i++) is_late |= !strchr(" \t\r\n", text.p[i]);
    if (is_late) {
        *more = false;
        return give_text(p, text.n);
    }
    OG_TRY(give_text(p, first));
    if (which < 0) return OG_OK;
    if (which > 0) {
        drop(p, strlen(marks[which]));
        return OG_OK;
    }
    p->state = INSIDE;
    p->seen = f->only_first ? 0 : strlen(f->open);
    p->has_sep = p->in_json = false;
    p->scan = (json_scan){ 0 };
    return OG_OK;
}

static og_status give_calls(ogi_toolcall_parser *p, tmpl_heap *h, tmpl_val calls)
{
    static const tmpl_json_style style = { .item_sep = { ", ", 2 }, .key_sep = { ": ", 2 } };
    for (int64_t i = 0; i < calls.u.l->n; i++) {
        const tmpl_dict *m = calls.u.l->v[i].u.m; /* name, arguments, id */
        tmpl_sb json = { .h = h };
        ogi_tv_json_dump(&json, m->e[1].value, &style);
        tmpl_val text = ogi_tv_sb_done(&json);
        if (text.tag != TV_STR) OG_FAIL(p->ctx, h->status, "%s", h->error);
        ogi_toolcall call = { .name = ogi_tv_sv(m->e[0].value),
                              .arguments = ogi_tv_sv(text),
                              .id = ogi_tv_sv(m->e[2].value) };
        if (p->sink.call) OG_TRY(p->sink.call(p->sink.user, &call));
    }
    return OG_OK;
}

/* The first `end` bytes are a call whose body ends at body_end. */
static og_status end_call(ogi_toolcall_parser *p, size_t body_end, size_t end)
{
    tmpl_heap h = { .ctx = p->ctx,
                    .arena = { .ctx = p->ctx },
                    .mem_left = 256 << 20,
                    .step_left = INT64_MAX / 2,
                    .max_depth = 600 };
    size_t begin = p->f->only_first ? 0 : strlen(p->f->open);
    tmpl_val calls;
    if (p->f->form == FORM_JSON && p->f->sep) { /* a fence stands before the JSON */
        bool whole;
        size_t at = find_mark((ogi_sv){ p->text.p, body_end }, begin, p->f->sep, &whole);
        if (whole) begin = at + strlen(p->f->sep);
    }
    bool ok = ogi_toolcall_read(&h, p->f, (ogi_sv){ p->text.p + begin, body_end - begin }, p->tools,
                                &calls);
    og_status status = ok ? give_calls(p, &h, calls) : OG_OK;
    if (h.status == OG_E_MEMORY) status = OG_E_MEMORY;
    ogi_arena_free(&h.arena);
    p->state = ends_by_json(p->f) ? BEHIND : OUTSIDE;
    if (ok) {
        p->started = true;
        drop(p, end);
        return status;
    }
    ogi_log(p->ctx, OG_LOG_WARN, "a tool call is malformed (%s); it is shown as text", p->f->name);
    OG_TRY(status);
    return give_text(p, end);
}

/* Does the JSON of a call begin at i? In FORM_NAME_JSON only behind the separator. */
static bool json_begins(ogi_toolcall_parser *p, size_t i)
{
    char c = p->text.p[i];
    if (p->f->form == FORM_JSON) return c == '{' || c == '[';
    if (!p->has_sep) {
        size_t n = strlen(p->f->sep), from = strlen(p->f->open);
        p->has_sep = i + 1 >= from + n && !memcmp(p->text.p + i + 1 - n, p->f->sep, n);
        return false;
    }
    return c == '{';
}

static bool ends_with(ogi_sv text, const char *tail)
{
    size_t n = strlen(tail);
    return text.n >= n && !memcmp(text.p + text.n - n, tail, n);
}

/* Is the closing mark at `at` the call's, and not a part of one of its values? */
static bool closes(const ogi_toolcall_parser *p, size_t at)
{
    ogi_sv body = { p->text.p, at };
    while (body.n && strchr(" \t\r\n", body.p[body.n - 1])) body.n--;
    if (p->f->form == FORM_XML) return ends_with(body, "function>") || ends_with(body, "invoke>");
    if (p->f->form == FORM_GEMMA) return ends_with(body, "}");
    bool has_key;
    find_mark(body, 0, "<arg_key>", &has_key);
    return !has_key || ends_with(body, "</arg_value>");
}

static og_status look_inside(ogi_toolcall_parser *p, bool *more)
{
    *more = false;
    if (!ends_by_json(p->f)) {
        bool whole;
        size_t at = find_mark((ogi_sv){ p->text.p, p->text.n }, p->seen, p->f->close, &whole);
        p->seen = at;
        if (!whole) return OG_OK;
        *more = true;
        if (!closes(p, at)) {
            p->seen++;
            return OG_OK;
        }
        return end_call(p, at, at + strlen(p->f->close));
    }
    for (; p->seen < p->text.n; p->seen++) {
        if (!p->in_json && !json_begins(p, p->seen)) continue;
        p->in_json = true;
        if (!scan_byte(&p->scan, p->text.p[p->seen])) continue;
        *more = true;
        size_t end = p->seen + 1;
        return end_call(p, end, end);
    }
    return OG_OK;
}

/* Blanks and the closing mark behind a call's JSON go with it. */
static void look_behind(ogi_toolcall_parser *p, bool *more)
{
    size_t n = 0, size = p->f->close ? strlen(p->f->close) : 0;
    while (n < p->text.n && strchr(" \t\r\n", p->text.p[n])) n++;
    size_t have = OGI_MIN(size, p->text.n - n);
    bool begins = have == 0 || !memcmp(p->text.p + n, p->f->close, have);
    *more = false;
    if (size && begins && have < size) return; /* it may still come */
    *more = true;
    p->state = OUTSIDE;
    if (size && begins) drop(p, n + size);
}

static og_status feed_some(ogi_toolcall_parser *p, ogi_sv text)
{
    bool more = true;
    if (p->text.n + text.n > MAX_CALL)
        OG_FAIL(p->ctx, OG_E_LIMIT, "a tool call has more than %d bytes", (int)MAX_CALL);
    ogi_buf_add(&p->text, text.p, text.n);
    if (p->text.failed) return OG_E_MEMORY;
    while (more && p->text.n) {
        if (p->state == OUTSIDE)
            OG_TRY(look_outside(p, &more));
        else if (p->state == INSIDE)
            OG_TRY(look_inside(p, &more));
        else
            look_behind(p, &more);
    }
    return OG_OK;
}

/* In pieces, so that dropping what has been given moves little. */
og_status ogi_toolcall_feed(ogi_toolcall_parser *p, ogi_sv text)
{
    enum { PIECE = 1024 };
    for (size_t at = 0; at < text.n; at += PIECE)
        OG_TRY(feed_some(p, (ogi_sv){ text.p + at, OGI_MIN(text.n - at, (size_t)PIECE) }));
    return OG_OK;
}

og_status ogi_toolcall_finish(ogi_toolcall_parser *p)
{
    if (p->state == INSIDE && !ends_by_json(p->f)) /* the closing mark may be left out at the end */
        OG_TRY(end_call(p, p->text.n, p->text.n));
    if (p->state == INSIDE)
        ogi_log(p->ctx, OG_LOG_WARN, "a tool call does not end (%s); it is shown as text",
                p->f->name);
    bool only_blanks = p->state == BEHIND;
    for (size_t i = 0; i < p->text.n; i++) only_blanks &= strchr(" \t\r\n", p->text.p[i]) != NULL;
    p->state = OUTSIDE;
    return only_blanks ? OG_OK : give_text(p, p->text.n);
}
