/* SPDX-License-Identifier: MIT
 *
 * Pre-tokenizers: what tokenizer.ggml.pre names, and the splitter that cuts a text into the pieces
 * within which byte-pair merges happen. */
#ifndef OG_TEXT_TOKENIZER_PRE_H
#define OG_TEXT_TOKENIZER_PRE_H

#include "text/unicode/class.h"

enum {
    OGI_PRE_BOS = 1,
    OGI_PRE_SEP = 2,
    OGI_PRE_IGNORE_MERGES = 4,
    OGI_PRE_CLEAN_SPACES = 8,
    OGI_PRE_ESCAPE_SPACES = 16,
    OGI_PRE_KEEP_CASE = 32,
    OGI_PRE_NO_DEFAULT_BOS = 64,
};

enum { OGI_SPLIT_STAGES = 16 };

typedef struct ogi_pre {
    const char *name;
    const char *const *pattern;
    int n_pattern;
    bool byte_encode;
    unsigned flags; /* OGI_PRE_* */
} ogi_pre;

const ogi_pre *ogi_pre_find(ogi_sv name); /* NULL: not known */
/* Raises the error that names all known ones and the override. */
og_status ogi_pre_unknown(og_ctx *ctx, const char *source, ogi_sv name);

/* What becomes of matches, and of the gaps between them. */
typedef enum ogi_split_rule {
    OGI_SPLIT_ISOLATE,        /* both are pieces */
    OGI_SPLIT_DROP_MATCHES,   /* gaps are pieces */
    OGI_SPLIT_DROP_GAPS,      /* matches are pieces */
    OGI_SPLIT_MERGE_PREVIOUS, /* a match ends the piece of the gap before it */
    OGI_SPLIT_MERGE_NEXT,     /* a match begins the piece of the gap after it */
    OGI_SPLIT_CONTIGUOUS,     /* matches side by side are one piece, gaps others */
} ogi_split_rule;

typedef struct ogi_split_stage {
    enum { OGI_STAGE_REGEX, OGI_STAGE_THOUSANDS, OGI_STAGE_CUTS } kind;
    ogi_split_rule rule;
    bool has_jit;
    bool may_be_empty; /* matches of no length cut, too */
    struct pcre2_real_code_8 *code;
    ogi_byte_set numbers;
} ogi_split_stage;

/* A compiled list of patterns; read-only, for any number of threads. */
typedef struct ogi_splitter {
    og_ctx *ctx;
    ogi_classes classes;
    ogi_split_stage stage[OGI_SPLIT_STAGES];
    int n_stage;
} ogi_splitter;

/* wide as in ogi_classes_build(), with ^ and $ at each line and matches that may be empty; rule:
 * one for each pattern, NULL: all isolate. */
og_status ogi_splitter_build(og_ctx *ctx, const ogi_sv *pattern, const ogi_split_rule *rule,
                             int n_pattern, bool wide, ogi_splitter *out);
og_status ogi_splitter_build_pre(og_ctx *ctx, const ogi_pre *pre, ogi_splitter *out);
void ogi_splitter_free(ogi_splitter *s);

/* Where a stage is in its segment; all are offsets in the class bytes. */
typedef struct ogi_split_cursor {
    int64_t base, end;        /* the segment */
    int64_t at;               /* what is left of it */
    int64_t from;             /* where the next match is looked for */
    int64_t match, match_end; /* the next match; at `end` when there is none */
    int64_t run_end;          /* of the numbers that a match lies in */
    int64_t last;             /* end of the last match, -1: none yet */
    bool known, found;        /* is the next match looked up, is there one */
} ogi_split_cursor;

/* One run over one text: all that changes lies here. Start with { .ctx, .splitter }. */
typedef struct ogi_split {
    og_ctx *ctx;
    const ogi_splitter *splitter;
    struct pcre2_real_match_data_8 *match_data;
    struct pcre2_real_match_context_8 *match_context; /* with a large JIT stack, once needed */
    struct pcre2_real_jit_stack_8 *jit_stack;
    ogi_buf classes;
    const char *text;
    int64_t class_at, text_at; /* the same place in classes and text */
    ogi_split_cursor cursor[OGI_SPLIT_STAGES];
    int depth;     /* the stage that goes on; -1: all done */
    bool is_match; /* was the last piece, or its end, a match of the last stage */
} ogi_split;

/* Starts on text, which must be clean UTF-8 (ogi_utf8_clean) and stay alive. */
og_status ogi_split_begin(ogi_split *s, ogi_sv text);
/* The next piece, in order; *more is false after the last. Pieces may be empty. */
og_status ogi_split_next(ogi_split *s, ogi_sv *piece, bool *more);
void ogi_split_end(ogi_split *s); /* frees what the runs used */

#endif
