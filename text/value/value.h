/* SPDX-License-Identifier: MIT
 *
 * The values of the template language and the heap they live in. Everything of one rendering is
 * in one arena that dies with it; budgets of memory and steps are taken from here, so that a
 * hostile template ends in an error.
 *
 * Errors are sticky: the first one is kept in the heap, every function may then return anything,
 * and loops test ogi_tv_failed(). A value that could not be made is undefined.
 *
 * Strings carry their origin byte by byte: a byte is *trusted* if the template, bos_token or
 * eos_token wrote it. Numbers and containers carry one flag for what printing adds to them. */
#ifndef OG_TEXT_VALUE_VALUE_H
#define OG_TEXT_VALUE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum tmpl_tag {
    TV_ABSENT, /* an argument that was not given; never seen by a template */
    TV_UNDEF,
    TV_NONE,
    TV_BOOL,
    TV_INT,
    TV_BIG, /* an integer beyond int64_t */
    TV_FLOAT,
    TV_STR,
    TV_LIST,
    TV_TUPLE,
    TV_ITER, /* a generator: a list that can be walked once */
    TV_RANGE,
    TV_DICT,
    TV_VIEW,  /* dict.keys(), .values(), .items() */
    TV_SPACE, /* namespace() */
    TV_MACRO,
    TV_FUNC,   /* a global function */
    TV_METHOD, /* a builtin bound to its object */
    TV_LOOP,
} tmpl_tag;

typedef struct tmpl_val {
    unsigned char tag; /* tmpl_tag */
    bool trusted;      /* not for strings: theirs is in tmpl_str */
    union {
        bool b;
        int64_t i;
        double d;
        struct tmpl_big *big;
        struct tmpl_str *s;
        struct tmpl_list *l;
        struct tmpl_dict *m;
        struct tmpl_range *range;
        struct tmpl_view *view;
        struct tmpl_macro *macro;
        struct tmpl_bound *bound;
        struct tmpl_loop *loop;
        const struct tmpl_builtin *fn;
        const struct tmpl_missing *missing; /* why it is undefined; may be NULL */
    } u;
} tmpl_val;

typedef struct tmpl_str {
    const char *p; /* valid UTF-8, not terminated, shared between slices */
    size_t n;
    int64_t n_char;            /* code points; -1 until counted */
    const unsigned char *mask; /* one byte a byte, 1 = trusted; NULL if all are alike */
    bool trusted;              /* when mask is NULL */
    struct tmpl_tail *tail;    /* the buffer it was built in, if that may be built on; or NULL */
    bool is_markup;            /* came through |safe or |escape: `+` escapes the other side */
} tmpl_str;

/* A buffer with room behind a string: `s = s ~ x` appends in place to the string that ends it, so
 * that building a text so takes linear memory. Other strings in it never see what is behind them.
 */
typedef struct tmpl_tail {
    char *p;
    size_t used, cap;
} tmpl_tail;

typedef struct tmpl_list {
    tmpl_val *v;
    int64_t n, cap;
    int64_t at; /* TV_ITER: next element */
} tmpl_list;

typedef struct tmpl_entry {
    tmpl_val key, value;
    uint64_t hash;
} tmpl_entry;

/* Keeps the order of insertion; slot holds indexes into e, used when there are many entries. */
typedef struct tmpl_dict {
    tmpl_entry *e;
    int32_t *slot; /* -1 = free; NULL while small */
    int64_t n, cap, n_slot;
} tmpl_dict;

typedef struct tmpl_range {
    int64_t start, stop, step, n;
} tmpl_range;

typedef struct tmpl_view {
    tmpl_dict *m;
    char kind; /* 'k', 'v', 'i' */
    bool trusted;
} tmpl_view;

typedef struct tmpl_missing {
    char kind;   /* 'n' name, 'a' attribute, 'e' element, 'p' parameter, 'm' message */
    tmpl_tag of; /* 'a', 'e': what it was looked up in */
    ogi_sv name;
} tmpl_missing;

typedef struct tmpl_heap tmpl_heap;
struct tmpl_heap {
    og_ctx *ctx;
    ogi_arena arena;
    int64_t mem_left, step_left;
    int depth, max_depth; /* nesting of evaluation and of walked values */
    og_status status;
    char error[1024];
    const char *name, *source; /* of the template, for errors */
    size_t source_size;
    size_t at;            /* offset in source that an error points at */
    struct tmpl_run *run; /* the evaluator; NULL while parsing */
};

/* For JSON outside templates, where no budget of steps is wanted. */
static inline tmpl_heap ogi_tv_json_heap(og_ctx *ctx)
{
    return (tmpl_heap){ .ctx = ctx,
                        .arena = { .ctx = ctx },
                        .mem_left = 256 << 20,
                        .step_left = INT64_MAX / 2,
                        .max_depth = 600 };
}

/* ---- heap ---- */
static inline bool ogi_tv_failed(const tmpl_heap *h)
{
    return h->status != OG_OK;
}
/* Keeps the first error: "NAME:LINE:COLUMN: text". Returns undefined. */
tmpl_val ogi_tv_fail(tmpl_heap *h, const char *fmt, ...) OG_PRINTF(2, 3);
tmpl_val ogi_tv_fail_code(tmpl_heap *h, og_status code, const char *fmt, ...) OG_PRINTF(3, 4);
/* The same without a place: for JSON and arguments of the caller. */
void ogi_tv_fail_plain(tmpl_heap *h, og_status code, const char *fmt, ...) OG_PRINTF(3, 4);
/* Takes n steps; false (and an error) when they are used up or there was an error before. */
bool ogi_tv_step(tmpl_heap *h, int64_t n);
/* Zeroed; NULL and an error when the budget or memory is used up. */
void *ogi_tv_alloc(tmpl_heap *h, int64_t n, size_t size);
bool ogi_tv_enter(tmpl_heap *h); /* one level deeper; false and an error at the bound */
static inline void ogi_tv_leave(tmpl_heap *h)
{
    h->depth--;
}
/* Line and column (in characters), from 1, of an offset in text. */
void ogi_tv_place(const char *text, size_t size, size_t at, int *line, int *column);

/* ---- making ---- */
static inline tmpl_val ogi_tv_undef(void)
{
    return (tmpl_val){ .tag = TV_UNDEF };
}
static inline tmpl_val ogi_tv_none(void)
{
    return (tmpl_val){ .tag = TV_NONE, .trusted = true };
}
static inline tmpl_val ogi_tv_bool(bool b)
{
    return (tmpl_val){ .tag = TV_BOOL, .trusted = true, .u.b = b };
}
static inline tmpl_val ogi_tv_int(int64_t i)
{
    return (tmpl_val){ .tag = TV_INT, .trusted = true, .u.i = i };
}
static inline tmpl_val ogi_tv_float(double d)
{
    return (tmpl_val){ .tag = TV_FLOAT, .trusted = true, .u.d = d };
}
tmpl_val ogi_tv_missing(tmpl_heap *h, char kind, tmpl_tag of, ogi_sv name);
tmpl_val ogi_tv_str(tmpl_heap *h, ogi_sv text, bool trusted); /* borrows: text outlives the heap */
tmpl_val ogi_tv_str_copy(tmpl_heap *h, ogi_sv text, bool trusted);
tmpl_val ogi_tv_lit(tmpl_heap *h, const char *literal); /* trusted, borrowed */
/* Bytes begin..end of s, sharing them. */
tmpl_val ogi_tv_slice(tmpl_heap *h, const tmpl_str *s, size_t begin, size_t end);
tmpl_val ogi_tv_list(tmpl_heap *h, tmpl_tag tag, int64_t room);
tmpl_val ogi_tv_dict(tmpl_heap *h);
void ogi_tv_push(tmpl_heap *h, tmpl_val list, tmpl_val v);
tmpl_val ogi_tv_pair(tmpl_heap *h, tmpl_val a, tmpl_val b); /* a tuple */
void ogi_tv_put(tmpl_heap *h, tmpl_dict *m, tmpl_val key, tmpl_val v);
void ogi_tv_put_sv(tmpl_heap *h, tmpl_dict *m, ogi_sv key, tmpl_val v);
/* NULL if absent. */
tmpl_val *ogi_tv_get(tmpl_heap *h, const tmpl_dict *m, tmpl_val key);
tmpl_val *ogi_tv_get_sv(tmpl_heap *h, const tmpl_dict *m, ogi_sv key);
/* Undefined if m is no dict or has no such key. */
static inline tmpl_val ogi_tv_field(tmpl_heap *h, tmpl_val m, const char *key)
{
    const tmpl_val *v = m.tag == TV_DICT ? ogi_tv_get_sv(h, m.u.m, ogi_sv_of(key)) : NULL;
    return v ? *v : ogi_tv_undef();
}
void ogi_tv_remove(tmpl_heap *h, tmpl_dict *m, const tmpl_val *value); /* as found by _get */

/* ---- strings ---- */
static inline ogi_sv ogi_tv_sv(tmpl_val v)
{
    return (ogi_sv){ v.u.s->p, v.u.s->n };
}
static inline bool ogi_tv_is(tmpl_val v, const char *text)
{
    return v.tag == TV_STR && ogi_sv_eq(ogi_tv_sv(v), ogi_sv_of(text));
}
int64_t ogi_tv_chars(tmpl_str *s);
/* Byte offset of a code point index 0..n_char. */
size_t ogi_tv_char_at(tmpl_str *s, int64_t index);
bool ogi_tv_wholly_trusted(const tmpl_str *s);
/* Length in bytes of the code point at p, and the code point. */
int ogi_tv_decode(const char *p, size_t n, int32_t *cp);
/* Offset of needle in hay at or behind `from`; SIZE_MAX if it is not there. */
size_t ogi_tv_search(tmpl_heap *h, ogi_sv hay, ogi_sv needle, size_t from);
bool ogi_tv_is_space(int32_t cp); /* as str.isspace() */
bool ogi_tv_utf8_valid(const char *p, size_t n, size_t *bad);

/* A string under construction. Sticky: after a failure it takes and gives nothing. */
typedef struct tmpl_sb {
    tmpl_heap *h;
    char *p;
    unsigned char *mask;
    size_t n, cap;
    bool trusted; /* of all bytes, while mask is NULL */
    bool failed;
    size_t limit;    /* 0 = none but memory */
    tmpl_tail *tail; /* of p, while p is a buffer taken over by ogi_tv_sb_begin */
} tmpl_sb;

/* Begins an empty builder with s, in its buffer if s ends that. */
void ogi_tv_sb_begin(tmpl_sb *b, const tmpl_str *s);

void ogi_tv_sb_add(tmpl_sb *b, const char *p, size_t n, bool trusted);
void ogi_tv_sb_part(tmpl_sb *b, const tmpl_str *s, size_t begin, size_t end);
void ogi_tv_sb_char(tmpl_sb *b, int32_t cp, bool trusted);
static inline void ogi_tv_sb_str(tmpl_sb *b, const tmpl_str *s)
{
    ogi_tv_sb_part(b, s, 0, s->n);
}
static inline void ogi_tv_sb_puts(tmpl_sb *b, const char *s, bool trusted)
{
    ogi_tv_sb_add(b, s, strlen(s), trusted);
}
tmpl_val ogi_tv_sb_done(tmpl_sb *b);

/* ---- meaning ---- */
bool ogi_tv_truth(tmpl_heap *h, tmpl_val v);
bool ogi_tv_equal(tmpl_heap *h, tmpl_val a, tmpl_val b);
/* Python's ordering: <0, 0, >0; an error for kinds that have none. op names it in the error. */
int ogi_tv_compare(tmpl_heap *h, tmpl_val a, tmpl_val b, const char *op);
bool ogi_tv_is_number(tmpl_val v); /* bool, int, big or float */
bool ogi_tv_is_int(tmpl_val v);    /* bool, int or big */
bool ogi_tv_is_callable(tmpl_val v);
bool ogi_tv_is_iterable(tmpl_val v);
/* Number of elements or characters; -1 if the kind has none. */
int64_t ogi_tv_length(tmpl_heap *h, tmpl_val v);
const char *ogi_tv_type_name(tmpl_val v); /* as Python names it */
/* The elements as a list that may be read but not changed (a generator is used up by it; a string
 * gives its characters, a dict its keys). An error if v cannot be walked. */
tmpl_list *ogi_tv_elements(tmpl_heap *h, tmpl_val v);
int64_t ogi_tv_int_arg(tmpl_heap *h, tmpl_val v, int64_t absent);
double ogi_tv_double(tmpl_heap *h, tmpl_val v);
/* Raises what using an undefined value raises. */
tmpl_val ogi_tv_fail_undef(tmpl_heap *h, tmpl_val v);

/* ---- text forms (print.c, json.c) ---- */
void ogi_tv_print(tmpl_sb *b, tmpl_val v); /* str() */
void ogi_tv_repr(tmpl_sb *b, tmpl_val v);
tmpl_val ogi_tv_to_str(tmpl_heap *h, tmpl_val v); /* str(); a string is returned as it is */
int ogi_tv_float_repr(double d, char out[40]);

typedef struct tmpl_json_style {
    bool ensure_ascii, sort_keys, has_indent;
    ogi_sv indent; /* of one level */
    ogi_sv item_sep, key_sep;
} tmpl_json_style;
void ogi_tv_json_dump(tmpl_sb *b, tmpl_val v, const tmpl_json_style *style);
/* Reads one JSON text (big integers exactly, keys in order); what names it in errors. */
tmpl_val ogi_tv_json_parse(tmpl_heap *h, const char *what, ogi_sv text);

/* ---- arithmetic (number.c) ---- */
typedef enum tmpl_op { TO_ADD, TO_SUB, TO_MUL, TO_DIV, TO_FLOORDIV, TO_MOD, TO_POW } tmpl_op;
tmpl_val ogi_tv_number_op(tmpl_heap *h, tmpl_op op, tmpl_val a, tmpl_val b);
tmpl_val ogi_tv_negate(tmpl_heap *h, tmpl_val v);
int ogi_tv_number_compare(tmpl_val a, tmpl_val b, bool *unordered);
/* Digits in base (2..36), '_' allowed between them; undefined without error if not a number. */
tmpl_val ogi_tv_int_parse(tmpl_heap *h, ogi_sv digits, int base);
tmpl_val ogi_tv_int_of_double(tmpl_heap *h, double d); /* truncates */
void ogi_tv_int_print(tmpl_sb *b, tmpl_val v, int base, bool trusted);
uint64_t ogi_tv_int_hash(tmpl_val v);
bool ogi_tv_int_is_odd(tmpl_val v);
bool ogi_tv_int_is_negative(tmpl_val v);

#endif
