/* SPDX-License-Identifier: MIT
 *
 * Cutting a text into pieces: a chain of stages, each a regular expression over class bytes
 * (text/unicode/class.h) that cuts the segments of the one before. Pieces come one at a time and
 * cover the text without gaps. */
#include "text/tokenizer/pre.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "text/unicode/utf8.h"

/* ---- the built-in ones ---- */

// clang-format off
#define PRE(name, key, flags)
#define SPLIT(key, byte_encode, ...) static const char *const pattern_##key[] = { __VA_ARGS__ };
#include "text/tokenizer/pre.def"
#undef SPLIT
enum {
#define SPLIT(key, byte_encode, ...) BYTE_ENCODE_##key = byte_encode,
#include "text/tokenizer/pre.def"
#undef SPLIT
};
#undef PRE
enum {
    B = OGI_PRE_BOS, S = OGI_PRE_SEP, M = OGI_PRE_IGNORE_MERGES, C = OGI_PRE_CLEAN_SPACES,
    E = OGI_PRE_ESCAPE_SPACES, K = OGI_PRE_KEEP_CASE, D = OGI_PRE_NO_DEFAULT_BOS,
};
static const ogi_pre known[] = {
#define SPLIT(key, byte_encode, ...)
#define PRE(name, key, flags)                                                                      \
    { name, pattern_##key, OGI_LEN(pattern_##key), BYTE_ENCODE_##key, flags },
#include "text/tokenizer/pre.def"
#undef PRE
#undef SPLIT
};
// clang-format on

const ogi_pre *ogi_pre_find(ogi_sv name)
{
    for (int i = 0; i < OGI_LEN(known); i++)
        if (ogi_sv_eq(name, ogi_sv_of(known[i].name))) return &known[i];
    return NULL;
}

og_status ogi_pre_unknown(og_ctx *ctx, const char *source, ogi_sv name)
{
    ogi_buf list = { .ctx = ctx };
    for (int i = 0; i < OGI_LEN(known); i++)
        ogi_buf_printf(&list, "%s%s", i ? " " : "", known[i].name);
    og_status s = ogi_fail(ctx, OG_E_UNSUPPORTED, __FILE__, __LINE__,
                           "%s: pre-tokenizer '%.*s' (tokenizer.ggml.pre) is not known; choose one "
                           "with --override-kv tokenizer.ggml.pre=str:NAME from: %s",
                           source, (int)OGI_MIN(name.n, 64), name.p, ogi_buf_str(&list));
    ogi_buf_free(&list);
    return s;
}

/* ---- compiling ---- */

static og_status compile(og_ctx *ctx, ogi_sv pattern, const ogi_buf *bytes, bool wide,
                         ogi_split_stage *stage)
{
    int error;
    uint32_t options = wide ? PCRE2_MULTILINE : PCRE2_DOLLAR_ENDONLY;
    PCRE2_SIZE at;
    if (bytes->failed) return OG_E_MEMORY;
    stage->code =
        pcre2_compile((PCRE2_SPTR)ogi_buf_str(bytes), bytes->n, options, &error, &at, NULL);
    if (!stage->code) {
        char text[128] = "";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        OG_FAIL(ctx, OG_E_FORMAT, "pre-tokenizer: the pattern '%.*s' does not compile: %s",
                (int)OGI_MIN(pattern.n, 200), pattern.p, text);
    }
    stage->has_jit = pcre2_jit_compile(stage->code, PCRE2_JIT_COMPLETE) == 0;
    return OG_OK;
}

static og_status build(og_ctx *ctx, const ogi_sv *pattern, const ogi_split_rule *rule, int n,
                       bool wide, ogi_splitter *out, ogi_buf *bytes)
{
    ogi_byte_set set[OGI_SPLIT_STAGES] = { { { 0 } } };
    OG_TRY(ogi_classes_build(ctx, pattern, n, wide, &out->classes, bytes, set));
    for (; out->n_stage < n; out->n_stage++) {
        int i = out->n_stage;
        ogi_split_stage *stage = &out->stage[i];
        char first = pattern[i].n && !wide ? pattern[i].p[0] : 0;
        stage->kind = first == '@'   ? OGI_STAGE_THOUSANDS
                      : first == '#' ? OGI_STAGE_CUTS
                                     : OGI_STAGE_REGEX;
        stage->numbers = set[i];
        stage->rule = rule                                 ? rule[i]
                      : stage->kind == OGI_STAGE_THOUSANDS ? OGI_SPLIT_MERGE_PREVIOUS
                                                           : OGI_SPLIT_ISOLATE;
        stage->may_be_empty = wide;
        if (stage->kind == OGI_STAGE_REGEX)
            OG_TRY(compile(ctx, pattern[i], &bytes[i], wide, stage));
    }
    return OG_OK;
}

og_status ogi_splitter_build(og_ctx *ctx, const ogi_sv *pattern, const ogi_split_rule *rule, int n,
                             bool wide, ogi_splitter *out)
{
    *out = (ogi_splitter){ .ctx = ctx, .classes = { .ctx = ctx } };
    if (n > OGI_SPLIT_STAGES)
        OG_FAIL(ctx, OG_E_LIMIT, "pre-tokenizer: %d patterns, at most %d can be chained", n,
                OGI_SPLIT_STAGES);
    ogi_buf bytes[OGI_SPLIT_STAGES];
    for (int i = 0; i < n; i++) bytes[i] = (ogi_buf){ .ctx = ctx };
    og_status status = build(ctx, pattern, rule, n, wide, out, bytes);
    for (int i = 0; i < n; i++) ogi_buf_free(&bytes[i]);
    return status;
}

og_status ogi_splitter_build_pre(og_ctx *ctx, const ogi_pre *pre, ogi_splitter *out)
{
    ogi_sv pattern[OGI_SPLIT_STAGES];
    for (int i = 0; i < pre->n_pattern; i++) pattern[i] = ogi_sv_of(pre->pattern[i]);
    return ogi_splitter_build(ctx, pattern, NULL, pre->n_pattern, false, out);
}

void ogi_splitter_free(ogi_splitter *s)
{
    for (int i = 0; i < s->n_stage; i++) pcre2_code_free(s->stage[i].code);
    if (s->classes.ctx) ogi_classes_free(&s->classes);
    *s = (ogi_splitter){ .ctx = s->ctx };
}

/* ---- matching ---- */

enum { JIT_STACK_FIRST = 64 << 10, JIT_STACK_MOST = 256 << 20 };

static int run_match(ogi_split *s, const ogi_split_stage *stage, const ogi_split_cursor *c)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)s->classes.p + c->base;
    PCRE2_SIZE n = (PCRE2_SIZE)(c->end - c->base), from = (PCRE2_SIZE)(c->from - c->base);
    uint32_t options = stage->may_be_empty ? 0 : PCRE2_NOTEMPTY;
    if (!stage->has_jit)
        return pcre2_match(stage->code, subject, n, from, options, s->match_data, NULL);
    return pcre2_jit_match(stage->code, subject, n, from, options, s->match_data, s->match_context);
}

/* The machine stack (32 KB) was too small for this text: from now on, one that grows. */
static og_status add_jit_stack(ogi_split *s)
{
    s->match_context = pcre2_match_context_create(NULL);
    s->jit_stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    if (!s->match_context || !s->jit_stack)
        OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for matching the pre-tokenizer's pattern");
    pcre2_jit_stack_assign(s->match_context, NULL, s->jit_stack);
    return OG_OK;
}

static og_status find_regex(ogi_split *s, const ogi_split_stage *stage, ogi_split_cursor *c)
{
    int rc = run_match(s, stage, c);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !s->match_context) {
        OG_TRY(add_jit_stack(s));
        rc = run_match(s, stage, c);
    }
    c->found = rc >= 0; /* 0: more groups than are asked for */
    if (c->found) {
        const PCRE2_SIZE *where = pcre2_get_ovector_pointer(s->match_data);
        c->match = c->base + (int64_t)where[0];
        c->match_end = c->base + (int64_t)where[1];
    } else if (rc != PCRE2_ERROR_NOMATCH) {
        OG_FAIL(s->ctx, OG_E_LIMIT,
                "the text is too hard for the pre-tokenizer's pattern (PCRE2 error %d)", rc);
    }
    return OG_OK;
}

/* A match of no length right behind another is none: the search goes on one character later. */
static og_status find_maybe_empty(ogi_split *s, const ogi_split_stage *stage, ogi_split_cursor *c)
{
    for (;; c->from++) {
        c->found = false;
        if (c->from > c->end) return OG_OK;
        OG_TRY(find_regex(s, stage, c));
        if (!c->found) return OG_OK;
        if (c->match < c->match_end || c->match != c->last) break;
        c->from = c->match;
    }
    c->last = c->match_end;
    return OG_OK;
}

/* The next group of a run of numbers that is grouped by three from its right end. */
static void find_thousands(const ogi_split *s, const ogi_split_stage *stage, ogi_split_cursor *c)
{
    const unsigned char *p = (const unsigned char *)s->classes.p;
    int64_t i = c->from, head = 3;
    if (i >= c->run_end) { /* behind the last run: measure the next one */
        while (i < c->end && !ogi_byte_set_has(&stage->numbers, p[i])) i++;
        c->run_end = i;
        while (c->run_end < c->end && ogi_byte_set_has(&stage->numbers, p[c->run_end]))
            c->run_end++;
        head = (c->run_end - i - 1) % 3 + 1;
    }
    c->found = i < c->end;
    c->match = i;
    c->match_end = i + head;
}

/* The next place before a multiple of three ASCII digits: a match of no length. */
static void find_cut(const ogi_split *s, ogi_split_cursor *c)
{
    const unsigned char *p = (const unsigned char *)s->classes.p;
    int64_t i = c->from;
    for (;;) {
        if (i >= c->run_end) {
            while (i < c->end && (unsigned)(p[i] - '0') > 9) i++;
            c->run_end = i;
            while (c->run_end < c->end && (unsigned)(p[c->run_end] - '0') <= 9) c->run_end++;
        }
        i += (c->run_end - i) % 3;
        if (i < c->run_end || i >= c->end) break;
    }
    c->found = i < c->end;
    c->match = c->match_end = i;
}

static og_status find_match(ogi_split *s, int k)
{
    const ogi_split_stage *stage = &s->splitter->stage[k];
    ogi_split_cursor *c = &s->cursor[k];
    c->known = true;
    c->found = false;
    if (stage->may_be_empty)
        OG_TRY(find_maybe_empty(s, stage, c));
    else if (stage->kind == OGI_STAGE_REGEX && c->from < c->end)
        OG_TRY(find_regex(s, stage, c));
    if (stage->kind == OGI_STAGE_THOUSANDS) find_thousands(s, stage, c);
    if (stage->kind == OGI_STAGE_CUTS) find_cut(s, c);
    if (!c->found) c->match = c->match_end = c->end;
    c->from = c->match_end + (c->match == c->match_end && !stage->may_be_empty);
    return OG_OK;
}

/* The next piece [*lo, *hi) of stage k's segment; *lo < 0: there is none. */
static og_status stage_next(ogi_split *s, int k, int64_t *lo, int64_t *hi)
{
    ogi_split_cursor *c = &s->cursor[k];
    ogi_split_rule rule = s->splitter->stage[k].rule;
    for (;;) {
        if (!c->known) OG_TRY(find_match(s, k));
        if (rule == OGI_SPLIT_MERGE_NEXT && c->found && c->match == c->at) {
            OG_TRY(find_match(s, k));
            continue;
        }
        bool merge = rule == OGI_SPLIT_MERGE_PREVIOUS && c->found;
        if (c->at < c->match || merge) { /* the gap */
            *lo = c->at;
            *hi = c->at = merge ? c->match_end : c->match;
            c->known = !merge;
            s->is_match = merge;
            if (rule != OGI_SPLIT_DROP_GAPS) return OG_OK;
            continue;
        }
        *lo = -1;
        if (!c->found) return OG_OK;
        *lo = c->match;
        *hi = c->at = c->match_end;
        c->known = false;
        s->is_match = true;
        while (rule == OGI_SPLIT_CONTIGUOUS && !c->known) { /* what follows at once, too */
            OG_TRY(find_match(s, k));
            if (!c->found || c->match != *hi) break;
            *hi = c->at = c->match_end;
            c->known = false;
        }
        if (rule != OGI_SPLIT_DROP_MATCHES) return OG_OK;
    }
}

static void open_segment(ogi_split *s, int k, int64_t lo, int64_t hi)
{
    s->cursor[k] = (ogi_split_cursor){
        .base = lo, .end = hi, .at = lo, .from = lo, .run_end = lo, .last = -1
    };
    s->depth = k;
}

og_status ogi_split_begin(ogi_split *s, ogi_sv text)
{
    const ogi_classes *table = &s->splitter->classes;
    s->classes.ctx = s->ctx;
    s->classes.n = 0;
    OG_TRY(ogi_grow(s->ctx, &s->classes.p, &s->classes.cap, (int64_t)text.n + 1, 1));
    if (!s->match_data) s->match_data = pcre2_match_data_create(1, NULL);
    if (!s->match_data) OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for the pre-tokenizer");
    unsigned char *out = (unsigned char *)s->classes.p;
    for (size_t i = 0; i < text.n;) {
        int used = 1;
        unsigned char c = (unsigned char)text.p[i];
        *out++ = c < 0x80 ? c : ogi_class_of(table, ogi_utf8_decode(text.p + i, text.n - i, &used));
        i += (size_t)used;
    }
    s->classes.n = (size_t)(out - (unsigned char *)s->classes.p);
    s->text = text.p;
    s->class_at = s->text_at = 0;
    open_segment(s, 0, 0, (int64_t)s->classes.n);
    return OG_OK;
}

/* Walks to class offset to; classes and text advance character by character. */
static void walk(ogi_split *s, int64_t to)
{
    for (; s->class_at < to; s->class_at++)
        s->text_at += (unsigned char)s->classes.p[s->class_at] < 0x80
                          ? 1
                          : ogi_utf8_length((unsigned char)s->text[s->text_at]);
}

og_status ogi_split_next(ogi_split *s, ogi_sv *piece, bool *more)
{
    int last = s->splitter->n_stage - 1;
    *more = false;
    while (s->depth >= 0) {
        int64_t lo, hi;
        OG_TRY(stage_next(s, s->depth, &lo, &hi));
        if (lo < 0) {
            s->depth--;
        } else if (s->depth < last) {
            open_segment(s, s->depth + 1, lo, hi);
        } else {
            walk(s, lo);
            piece->p = s->text + s->text_at;
            walk(s, hi);
            piece->n = (size_t)(s->text + s->text_at - piece->p);
            *more = true;
            return OG_OK;
        }
    }
    return OG_OK;
}

void ogi_split_end(ogi_split *s)
{
    pcre2_match_data_free(s->match_data);
    pcre2_match_context_free(s->match_context);
    pcre2_jit_stack_free(s->jit_stack);
    s->match_data = NULL;
    s->match_context = NULL;
    s->jit_stack = NULL;
    ogi_buf_free(&s->classes);
}
