/* SPDX-License-Identifier: MIT
 *
 * The stream: text is passed on up to where a mark may begin, a call is gathered whole. Where a
 * call ends is told by the end of its JSON (strings in it may contain the closing mark) or, in
 * forms without JSON, by the closing mark. */
#include "text/chat/answer_split.h"

#include "text/chat/toolcall_body.h"

enum { MAX_CALL = 16 << 20, MAX_MARKS = 4 + OGI_REASONING_DROPS };

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
    REASONING,
    INSIDE, /* gathering a call */
    BEHIND, /* a call has ended with its JSON; its closing mark may follow */
} state;

typedef enum mark_kind { MARK_CALL, MARK_REASONING, MARK_DROP } mark_kind;

typedef struct mark {
    const char *text;
    mark_kind kind;
} mark;

struct ogi_answer_split {
    og_ctx *ctx;
    const ogi_toolcall_format *f;
    const ogi_reasoning *r;
    mark mark[MAX_MARKS]; /* to look for outside */
    int n_mark;
    ogi_answer_split_sink sink;
    char *tools_text;
    tmpl_heap tools_heap;
    tmpl_val tools;
    ogi_buf text;    /* held back; INSIDE: the call, opening mark included */
    ogi_buf control; /* one byte a byte of text: is it a control token's? */
    size_t seen;     /* bytes of text that have been looked at */
    json_scan scan;
    state state;
    bool has_sep, in_json; /* INSIDE: the separator has come, the JSON has begun */
    size_t value_at;       /* INSIDE, without JSON: how far values have been looked for */
    bool in_value;         /* and whether one is open there */
    char quote;            /* FORM_PYTHON: of the string that is open there, 0: none */
    bool owes_open;        /* the prompt ended with the mark that opens calls */
    bool started;          /* any text but blanks has come */
};

static bool ends_by_json(const ogi_toolcall_format *f)
{
    return f->form == FORM_JSON || f->form == FORM_NAME_JSON;
}

static void add_mark(ogi_answer_split *p, const char *text, mark_kind kind)
{
    if (text) p->mark[p->n_mark++] = (mark){ text, kind };
}

static void list_marks(ogi_answer_split *p)
{
    if (p->f) { /* those to be dropped first: they may begin as calls do */
        add_mark(p, p->f->section[0], MARK_DROP);
        add_mark(p, p->f->section[1], MARK_DROP);
        add_mark(p, p->f->open, MARK_CALL);
    }
    if (!p->r) return;
    add_mark(p, p->r->open, MARK_REASONING);
    for (int i = 0; i < OGI_REASONING_DROPS; i++) add_mark(p, p->r->drop[i], MARK_DROP);
}

static og_status read_tools(ogi_answer_split *p, const char *tools)
{
    p->tools_text = ogi_strndup(p->ctx, tools, strlen(tools));
    if (!p->tools_text) return OG_E_MEMORY;
    p->tools = ogi_tv_json_parse(&p->tools_heap, "tools", ogi_sv_of(p->tools_text));
    if (ogi_tv_failed(&p->tools_heap))
        OG_FAIL(p->ctx, p->tools_heap.status, "%s", p->tools_heap.error);
    return OG_OK;
}

og_status ogi_answer_split_new(og_ctx *ctx, const ogi_toolcall_format *calls,
                               const ogi_reasoning *reasoning, const char *tools,
                               ogi_answer_split_sink sink, ogi_answer_split **out)
{
    *out = NULL;
    ogi_answer_split *p = OGI_NEW(ctx, ogi_answer_split);
    if (!p) return OG_E_MEMORY;
    *p = (ogi_answer_split){ .ctx = ctx,
                             .f = calls,
                             .r = reasoning,
                             .sink = sink,
                             .tools_heap = ogi_tv_json_heap(ctx),
                             .text = { .ctx = ctx },
                             .control = { .ctx = ctx } };
    list_marks(p);
    ogi_answer_split_begin(p, false);
    og_status status = tools ? read_tools(p, tools) : OG_OK;
    if (status == OG_OK)
        *out = p;
    else
        ogi_answer_split_free(p);
    return status;
}

void ogi_answer_split_free(ogi_answer_split *p)
{
    if (!p) return;
    og_ctx *ctx = p->ctx;
    ogi_arena_free(&p->tools_heap.arena);
    ogi_free(ctx, p->tools_text);
    ogi_buf_free(&p->text);
    ogi_buf_free(&p->control);
    ogi_free(ctx, p);
}

void ogi_answer_split_begin(ogi_answer_split *p, bool in_reasoning)
{
    p->text.n = p->control.n = p->seen = 0;
    p->started = false;
    p->state = in_reasoning && p->r ? REASONING : OUTSIDE;
    p->owes_open = p->f && p->f->is_prompted && p->state == OUTSIDE;
}

bool ogi_answer_split_in_call(const ogi_answer_split *p)
{
    return p->state == INSIDE;
}

bool ogi_answer_split_in_reasoning(const ogi_answer_split *p)
{
    return p->state == REASONING;
}

/* Drops the first n bytes of what is held. */
static void drop(ogi_answer_split *p, size_t n)
{
    memmove(p->text.p, p->text.p + n, p->text.n - n + 1);
    memmove(p->control.p, p->control.p + n, p->control.n - n + 1);
    p->text.n -= n;
    p->control.n -= n;
    p->seen = 0;
}

/* Gives the first n bytes, less those of control tokens. */
static og_status give(ogi_answer_split *p, size_t n, og_status (*to)(void *user, ogi_sv text))
{
    og_status status = OG_OK;
    for (size_t at = 0, end; at < n && status == OG_OK; at = end) {
        for (end = at + 1; end < n && p->control.p[end] == p->control.p[at];) end++;
        if (p->control.p[at]) continue;
        if (to) status = to(p->sink.user, (ogi_sv){ p->text.p + at, end - at });
    }
    if (n) drop(p, n);
    return status;
}

static og_status give_text(ogi_answer_split *p, size_t n)
{
    for (size_t i = 0; i < n && !p->started; i++)
        p->started = !p->control.p[i] && !ogi_is_blank(p->text.p[i]);
    return give(p, n, p->sink.text);
}

/* What began as a call and is none: as text, its marks too. */
static og_status give_back(ogi_answer_split *p, size_t n)
{
    if (n) memset(p->control.p, 0, n);
    return give_text(p, n);
}

/* A mark at or behind `at`: its offset, or where the text ends in its beginning, or the end. */
static size_t find_mark(ogi_sv text, size_t at, ogi_sv what, bool *whole)
{
    *whole = false;
    for (size_t i = at; i < text.n; i++) {
        size_t have = OGI_MIN(what.n, text.n - i);
        if (memcmp(text.p + i, what.p, have)) continue;
        *whole = have == what.n;
        return i;
    }
    return text.n;
}

static void open_call(ogi_answer_split *p)
{
    p->state = INSIDE;
    p->seen = p->f->only_first ? 0 : strlen(p->f->open);
    p->has_sep = p->in_json = p->in_value = false;
    p->quote = 0;
    p->value_at = p->seen;
    p->scan = (json_scan){ 0 };
}

/* Does a mark at `at` come too late to count? */
static bool is_late(const ogi_answer_split *p, const mark *m, size_t at)
{
    bool only_first = (m->kind == MARK_CALL && p->f->only_first) ||
                      (m->kind == MARK_REASONING && !p->r->is_anywhere);
    bool late = p->started;
    for (size_t i = 0; i < at && !late; i++) late = !p->control.p[i] && !ogi_is_blank(p->text.p[i]);
    return only_first && late;
}

/* The mark that comes first; *at is where, or where its beginning stands at the end (then NULL). */
static const mark *first_mark(const ogi_answer_split *p, size_t *at)
{
    ogi_sv text = { ogi_buf_str(&p->text), p->text.n };
    const mark *first = NULL;
    *at = text.n;
    for (int i = 0; i < p->n_mark; i++) {
        bool whole;
        size_t place = find_mark(text, 0, ogi_sv_of(p->mark[i].text), &whole);
        if (place >= *at || is_late(p, &p->mark[i], place)) continue;
        *at = place;
        first = whole ? &p->mark[i] : NULL;
    }
    return first;
}

static og_status look_outside(ogi_answer_split *p, bool *more)
{
    size_t at;
    const mark *m = first_mark(p, &at);
    *more = m != NULL;
    OG_TRY(give_text(p, at));
    if (!m) return OG_OK;
    if (m->kind == MARK_CALL) {
        open_call(p);
        return OG_OK;
    }
    if (m->kind == MARK_REASONING) p->state = REASONING;
    drop(p, strlen(m->text));
    return OG_OK;
}

static og_status look_reasoning(ogi_answer_split *p, bool *more)
{
    ogi_sv text = { p->text.p, p->text.n };
    size_t at = find_mark(text, 0, ogi_sv_of(p->r->close), more);
    OG_TRY(give(p, at, p->sink.reasoning));
    if (!*more) return OG_OK;
    drop(p, strlen(p->r->close));
    p->state = OUTSIDE;
    return OG_OK;
}

static og_status give_calls(ogi_answer_split *p, tmpl_heap *h, tmpl_val calls)
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
static og_status end_call(ogi_answer_split *p, size_t body_end, size_t end)
{
    tmpl_heap h = ogi_tv_json_heap(p->ctx);
    size_t begin = p->f->only_first ? 0 : strlen(p->f->open);
    tmpl_val calls;
    if (p->f->form == FORM_JSON && p->f->sep) { /* a fence stands before the JSON */
        bool whole;
        size_t at = find_mark((ogi_sv){ p->text.p, body_end }, begin, ogi_sv_of(p->f->sep), &whole);
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
    return give_back(p, end);
}

/* Does the JSON of a call begin at i? In FORM_NAME_JSON only behind the separator. */
static bool json_begins(ogi_answer_split *p, size_t i)
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

/* Marks around values that may hold any text, the closing mark of calls too. */
static void value_marks(const ogi_toolcall_format *f, ogi_sv *open, ogi_sv *close)
{
    *open = *close = OGI_SV("<|\"|>");
    if (f->form == FORM_GEMMA) return;
    *close = ogi_sv_of(f->param_close);
    *open = f->form == FORM_PAIRS ? OGI_SV("<arg_value>")
                                  : (ogi_sv){ f->param, strcspn(f->param, "= ") };
}

/* Is a string open at `at`? */
static bool is_in_string(ogi_answer_split *p, size_t at)
{
    for (; p->value_at < at; p->value_at++) {
        char c = p->text.p[p->value_at];
        if (!p->quote)
            p->quote = c == '"' || c == '\'' ? c : 0;
        else if (c == '\\')
            p->value_at++; /* what is escaped ends nothing */
        else if (c == p->quote)
            p->quote = 0;
    }
    return p->quote;
}

/* Is a value open at `at`? Reads on from where it was asked last. */
static bool is_in_value(ogi_answer_split *p, size_t at)
{
    ogi_sv value[2];
    bool whole = true;
    if (p->f->form == FORM_PYTHON) return is_in_string(p, at);
    value_marks(p->f, &value[0], &value[1]);
    while (whole) {
        ogi_sv next = value[p->in_value];
        p->value_at = find_mark((ogi_sv){ p->text.p, at }, p->value_at, next, &whole);
        if (!whole) break;
        p->value_at += next.n;
        p->in_value = !p->in_value;
    }
    return p->in_value;
}

static og_status look_inside(ogi_answer_split *p, bool *more)
{
    *more = false;
    if (!ends_by_json(p->f)) {
        bool whole;
        ogi_sv text = { p->text.p, p->text.n };
        size_t at = find_mark(text, p->seen, ogi_sv_of(p->f->close), &whole);
        p->seen = at;
        if (!whole) return OG_OK;
        *more = true;
        if (is_in_value(p, at)) {
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
static void look_behind(ogi_answer_split *p, bool *more)
{
    size_t n = 0, size = p->f->close ? strlen(p->f->close) : 0;
    while (n < p->text.n && ogi_is_blank(p->text.p[n])) n++;
    size_t have = OGI_MIN(size, p->text.n - n);
    bool begins = have == 0 || !memcmp(p->text.p + n, p->f->close, have);
    *more = false;
    if (size && begins && have < size) return; /* it may still come */
    *more = true;
    p->state = OUTSIDE;
    if (size && begins) drop(p, n + size);
}

static og_status look(ogi_answer_split *p, bool *more)
{
    switch (p->state) {
    case OUTSIDE: return look_outside(p, more);
    case REASONING: return look_reasoning(p, more);
    case INSIDE: return look_inside(p, more);
    case BEHIND: look_behind(p, more); return OG_OK;
    }
    return OG_OK;
}

static og_status feed_some(ogi_answer_split *p, ogi_sv text, bool is_control)
{
    bool more = true;
    if (p->text.n + text.n > MAX_CALL)
        OG_FAIL(p->ctx, OG_E_LIMIT, "a tool call has more than %d bytes", (int)MAX_CALL);
    ogi_buf_add(&p->text, text.p, text.n);
    for (size_t i = 0; i < text.n; i++) ogi_buf_putc(&p->control, is_control);
    if (p->text.failed || p->control.failed) return OG_E_MEMORY;
    while (more && p->text.n) OG_TRY(look(p, &more));
    return OG_OK;
}

/* In pieces, so that dropping what has been given moves little. */
og_status ogi_answer_split_feed(ogi_answer_split *p, ogi_sv text, bool is_control)
{
    enum { PIECE = 1024 };
    if (p->owes_open && text.n) {
        p->owes_open = false;
        OG_TRY(feed_some(p, ogi_sv_of(p->f->open), true));
    }
    for (size_t at = 0; at < text.n; at += PIECE)
        OG_TRY(
            feed_some(p, (ogi_sv){ text.p + at, OGI_MIN(text.n - at, (size_t)PIECE) }, is_control));
    return OG_OK;
}

og_status ogi_answer_split_finish(ogi_answer_split *p)
{
    bool is_open = p->state == INSIDE;
    if (is_open && !ends_by_json(p->f)) /* the closing mark may be left out at the end */
        return end_call(p, p->text.n, p->text.n);
    if (is_open)
        ogi_log(p->ctx, OG_LOG_WARN, "a tool call does not end (%s); it is shown as text",
                p->f->name);
    state last = p->state;
    p->state = OUTSIDE;
    if (last == REASONING) return give(p, p->text.n, p->sink.reasoning);
    if (is_open) return give_back(p, p->text.n);
    /* blanks, and the beginning of the closing mark: of the call */
    if (last == BEHIND && p->text.n) drop(p, p->text.n);
    return give_text(p, p->text.n);
}
