/* SPDX-License-Identifier: MIT
 *
 * Tokenizers of Hugging Face's tokenizer.json: a chain of normalizers, then pre-tokenizers, in
 * front of the same models that GGUF files use, and tokens put around the text by a template. */
#ifndef OG_TEXT_TOKENIZER_HF_H
#define OG_TEXT_TOKENIZER_HF_H

#include "runtime/text/tokenizer_pre.h"
#include "runtime/text/vocab.h"

enum { OGI_HF_STEPS = 24, OGI_HF_AROUND = 16 };

typedef enum ogi_hf_step_kind {
    /* normalizers: the whole fragment becomes another one */
    OGI_HF_FORM, /* Unicode normalization form; option: utf8proc flags */
    OGI_HF_LOWERCASE,
    OGI_HF_STRIP,      /* white space at the left (option & 1) and right (option & 2) */
    OGI_HF_NO_ACCENTS, /* drops non-spacing marks */
    OGI_HF_REPLACE,    /* from -> to; option: runs of two or more count as one */
    OGI_HF_PREPEND,    /* to, unless the text is empty */
    OGI_HF_CLEAN,      /* drops control characters, white space becomes a space */
    OGI_HF_SPACE_CJK,  /* spaces around ideographs */
    OGI_HF_CHARSMAP,   /* SentencePiece's table */
    /* pre-tokenizers: a piece becomes several */
    OGI_HF_SPLIT,       /* splitter */
    OGI_HF_METASPACE,   /* spaces as `to`, put in front (option & 3: 0 never, 1 always, 2 at the
                         * start of the text), cut before each (option & 4) */
    OGI_HF_SPACE_FIRST, /* a space in front, unless there is one */
} ogi_hf_step_kind;

typedef struct ogi_hf_step {
    ogi_hf_step_kind kind;
    int option;
    ogi_sv from, to;
    ogi_splitter *splitter;
} ogi_hf_step;

typedef enum ogi_hf_model {
    OGI_HF_BPE,
    OGI_HF_UNIGRAM,
    OGI_HF_WORDPIECE,
    OGI_HF_WORDLEVEL
} ogi_hf_model;

typedef struct ogi_hf {
    og_ctx *ctx;
    ogi_hf_model model;
    ogi_hf_step step[OGI_HF_STEPS]; /* normalizers, then pre-tokenizers */
    int n_normalizer, n_step;
    int max_word;      /* WordPiece: a longer word (in characters) is unknown */
    bool by_byte;      /* BPE over bytes */
    bool fuse_unknown; /* BPE: a run of unknown characters is one token */
    int32_t before[OGI_HF_AROUND], after[OGI_HF_AROUND]; /* around a text */
    int n_before, n_after;
} ogi_hf;

/* Is this a tokenizer.json, or a folder that holds one? */
bool ogi_hf_is_json(const char *path);
/* Fills vocabulary and chain; both are freed by the caller in any case. */
og_status ogi_hf_load(og_ctx *ctx, const char *path, ogi_vocab *v, ogi_hf *hf);
void ogi_hf_free(ogi_hf *hf);

struct json_t;
/* Parts of loading: "normalizer" and "pre_tokenizer" of the file. What is not supported is
 * OG_E_UNSUPPORTED, by name. */
og_status ogi_hf_read_normalizer(og_ctx *ctx, const struct json_t *json, ogi_vocab *v, ogi_hf *hf);
og_status ogi_hf_read_pre_tokenizer(og_ctx *ctx, const struct json_t *json, ogi_vocab *v,
                                    ogi_hf *hf);

/* Normalizes text by one step into out. */
og_status ogi_hf_normalize(const ogi_vocab *v, const ogi_hf_step *step, ogi_sv text, ogi_buf *out);

#endif
