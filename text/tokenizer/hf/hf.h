/* SPDX-License-Identifier: MIT
 *
 * Tokenizers of Hugging Face's tokenizer.json: added tokens are cut out of the text, a chain of
 * normalizers, then pre-tokenizers stands in front of the model, a template puts tokens around the
 * whole, and decoders turn tokens back into text. All of it does what that library does, exactly.
 */
#ifndef OG_TEXT_TOKENIZER_HF_HF_H
#define OG_TEXT_TOKENIZER_HF_HF_H

#include "text/tokenizer/merge.h"
#include "text/tokenizer/pre.h"
#include "text/tokenizer/trie.h"
#include "text/tokenizer/vocab.h"
#include "text/unicode/script.h"

enum {
    OGI_HF_STEPS = 24,
    OGI_HF_AROUND = 16,
    OGI_HF_DROP_UNKNOWN = -1, /* unknown characters leave no token */
    OGI_HF_NO_UNKNOWN = -2,   /* they cannot be encoded */
};

typedef struct ogi_hf ogi_hf;

typedef enum ogi_hf_step_kind {
    /* normalizers: the whole fragment becomes another one */
    OGI_HF_FORM, /* Unicode normalization form; option: utf8proc flags */
    OGI_HF_LOWERCASE,
    OGI_HF_STRIP,         /* white space at the left (option & 1) and right (option & 2) */
    OGI_HF_NO_ACCENTS,    /* drops non-spacing marks (BERT) */
    OGI_HF_NO_MARKS,      /* drops marks of all kinds */
    OGI_HF_REPLACE,       /* from -> to */
    OGI_HF_REPLACE_REGEX, /* matches of splitter -> to */
    OGI_HF_PREPEND,       /* to, unless the text is empty */
    OGI_HF_CLEAN,         /* drops control characters, white space becomes a space */
    OGI_HF_NMT,           /* drops other control characters, other spaces become a space */
    OGI_HF_SPACE_CJK,     /* spaces around ideographs */
    OGI_HF_CHARSMAP,      /* SentencePiece's table */
    /* normalizer and pre-tokenizer */
    OGI_HF_BYTES, /* each byte as one printable character */
    /* pre-tokenizers: a piece becomes several */
    OGI_HF_SPLIT,       /* splitter */
    OGI_HF_METASPACE,   /* spaces as `to`, put in front (option & 3: 0 never, 1 always, 2 at the
                         * start of the text), cut before each (option & 4) */
    OGI_HF_SPACE_FIRST, /* a space in front, unless there is one */
    OGI_HF_SCRIPTS,     /* cut where the script changes */
    OGI_HF_LENGTH,      /* cut every `option` characters */
} ogi_hf_step_kind;

typedef struct ogi_hf_step {
    ogi_hf_step_kind kind;
    int option;
    ogi_sv from, to;
    ogi_splitter *splitter;
} ogi_hf_step;

typedef enum ogi_hf_decoder_kind {
    OGI_HF_DECODE_BPE, /* from (a suffix) becomes a space, nothing in the last token */
    OGI_HF_DECODE_BYTE_LEVEL,
    OGI_HF_DECODE_BYTE_FALLBACK,
    OGI_HF_DECODE_CTC, /* from: padding, to: word delimiter, a: clean-up */
    OGI_HF_DECODE_FUSE,
    OGI_HF_DECODE_METASPACE,     /* from becomes a space; a: dropped in the first token */
    OGI_HF_DECODE_REPLACE,       /* from -> to */
    OGI_HF_DECODE_REPLACE_REGEX, /* splitter -> to */
    OGI_HF_DECODE_STRIP,         /* up to a characters `from` at the left, b at the right */
    OGI_HF_DECODE_WORD_PIECE,    /* from: the prefix of what continues a word; a: clean-up */
} ogi_hf_decoder_kind;

typedef struct ogi_hf_decoder {
    ogi_hf_decoder_kind kind;
    ogi_sv from, to;
    int64_t a, b;
    ogi_splitter *splitter;
} ogi_hf_decoder;

typedef enum ogi_hf_model {
    OGI_HF_BPE,
    OGI_HF_UNIGRAM,
    OGI_HF_WORDPIECE,
    OGI_HF_WORDLEVEL
} ogi_hf_model;

typedef struct ogi_hf_merge {
    int32_t left, right, result;
} ogi_hf_merge;

struct ogi_hf {
    og_ctx *ctx;
    ogi_hf_model model;
    ogi_hf_step step[OGI_HF_STEPS]; /* normalizers, then pre-tokenizers */
    int n_normalizer, n_step;
    ogi_hf_decoder decoder[OGI_HF_STEPS];
    int n_decoder;
    bool has_decoder; /* false: tokens are joined by spaces */
    bool clean_up;    /* tokenizer_config.json: drop spaces before punctuation */
    /* the model */
    unsigned char *in_model; /* of each id: is it one of the model's */
    unsigned char *is_added; /* of each id: is it an added token */
    ogi_sv *coded;           /* of each id: what decoders get */
    double *score;           /* Unigram */
    int32_t unknown;         /* token of what the model does not know, or OGI_HF_*_UNKNOWN */
    int64_t max_word;        /* WordPiece: a longer word (in characters) is unknown */
    bool by_byte;            /* BPE over bytes: the last step, OGI_HF_BYTES, is left out */
    bool fuse_unknown;       /* BPE: a run of unknown characters is one token */
    bool byte_fallback;      /* BPE, Unigram: unknown characters as <0xHH>, if all are there */
    ogi_sv continuing;       /* BPE, WordPiece: put before what does not begin a word */
    ogi_sv ending;           /* BPE: put behind what ends a word */
    ogi_hf_merge *merge;
    int64_t n_merge;
    ogi_trie continuation; /* WordPiece: tokens without `continuing` */
    /* added tokens by text, normalized text, and text of all that are or may be control tokens */
    ogi_trie raw, normalized, spoken;
    ogi_script_range *script;
    int64_t n_script;
    int32_t before[OGI_HF_AROUND], after[OGI_HF_AROUND]; /* around a text */
    int n_before, n_after;
};

/* Is this a tokenizer.json, or a folder that holds one? */
bool ogi_hf_is_json(const char *path);
/* Fills vocabulary and chain; both are freed by the caller in any case. */
og_status ogi_hf_load(og_ctx *ctx, const char *path, ogi_vocab *v, ogi_hf *hf);
void ogi_hf_free(ogi_hf *hf);

struct json_t;
/* Parts of loading. What is not supported is OG_E_UNSUPPORTED, by name. */
og_status ogi_hf_read_normalizer(og_ctx *ctx, const struct json_t *json, ogi_vocab *v, ogi_hf *hf);
og_status ogi_hf_read_pre_tokenizer(og_ctx *ctx, const struct json_t *json, ogi_vocab *v,
                                    ogi_hf *hf);
og_status ogi_hf_read_model(og_ctx *ctx, const struct json_t *root, ogi_vocab *v, ogi_hf *hf);
og_status ogi_hf_read_decoder(og_ctx *ctx, const struct json_t *json, ogi_vocab *v, ogi_hf *hf);
og_status ogi_hf_read_post(og_ctx *ctx, const struct json_t *json, ogi_vocab *v, ogi_hf *hf);
og_status ogi_hf_unsupported(og_ctx *ctx, const ogi_vocab *v, const char *what, const char *name);
og_status ogi_hf_copy(ogi_vocab *v, const struct json_t *string, ogi_sv *out);
/* Members of nested "Sequence"s under key, or the thing itself, in order; depth costs no recursion.
 * NULL after the last, and when nesting is *too_deep. */
typedef struct ogi_hf_walk {
    const struct json_t *open[16];
    size_t at[16];
    int depth;
    const char *key;
} ogi_hf_walk;
void ogi_hf_walk_start(ogi_hf_walk *w, const struct json_t *json, const char *key);
const struct json_t *ogi_hf_walk_next(ogi_hf_walk *w, bool *too_deep);
/* A splitter for a "pattern" object ({"String": ..} or {"Regex": ..}). */
og_status ogi_hf_new_splitter(og_ctx *ctx, ogi_sv pattern, ogi_split_rule rule, ogi_splitter **out);
void ogi_hf_free_splitter(og_ctx *ctx, ogi_splitter *s);

/* The model's token of this text, -1: none. Control tokens are found by no model. */
static inline int32_t ogi_hf_find(const ogi_vocab *v, const ogi_hf *hf, ogi_sv text)
{
    int32_t id = ogi_vocab_find(v, text);
    return id >= 0 && hf->in_model[id] ? id : -1;
}

/* All normalizers over text, in turn; *out lies in buf or is text. *at_start stays true only if the
 * first character of *out stems from the first one of text. split[k] belongs to step k. */
og_status ogi_hf_normalize(og_ctx *ctx, const ogi_vocab *v, const ogi_hf *hf, ogi_split *split,
                           ogi_buf *buf, ogi_sv text, ogi_sv *out, bool *at_start);
void ogi_hf_map_bytes(ogi_sv text, ogi_buf *out); /* each byte as its character, appended */
/* text with `by` for each match of split->splitter, appended up to `most` bytes. */
og_status ogi_hf_replace_matches(ogi_split *split, ogi_sv text, ogi_sv by, size_t most,
                                 ogi_buf *out);
/* How long n bytes may become: no real chain makes more of a text, a hostile one could. */
static inline size_t ogi_hf_most(size_t n)
{
    return n * 64 + (1 << 20);
}

/* The tries of added tokens, once all attributes are known, and hf->coded: normalized tokens are
 * decoded from their normalized text. */
og_status ogi_hf_build_added(og_ctx *ctx, ogi_vocab *v, ogi_hf *hf);

/* One walk over a text for added tokens: start with { trie, v, text }. */
typedef struct ogi_hf_cut {
    const ogi_trie *trie;
    const ogi_vocab *v;
    ogi_sv text;
    bool parse;                   /* control tokens too */
    const unsigned char *trusted; /* those whose bytes all are; NULL: as parse says */
    size_t at, kept;
} ogi_hf_cut;

/* The text before the next token (may be empty) and its id; -1: the text to the end. */
int32_t ogi_hf_cut_next(ogi_hf_cut *c, ogi_sv *before);

/* Text of tokens as the library decodes them; show: control tokens too; clean_up: spaces, too, if
 * the configuration asks for it. */
og_status ogi_hf_decode(og_ctx *ctx, const ogi_vocab *v, const ogi_hf *hf, const int32_t *id,
                        int64_t n, bool show, bool clean_up, ogi_buf *out);
/* token[].piece: what each token prints as in the middle of a text. */
og_status ogi_hf_spell(og_ctx *ctx, ogi_vocab *v, const ogi_hf *hf);

enum { OGI_SCRIPT_HAN, OGI_SCRIPT_COMMON = 3, OGI_SCRIPT_DEVANAGARI };

#endif
