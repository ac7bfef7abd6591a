/* SPDX-License-Identifier: MIT
 *
 * Sampling: from a row of logits to a token.
 *
 * A sampler is a chain of stages, given as data. Each stage filters or reweights the candidates;
 * the last one usually selects. The chain carries all state (history, random numbers, mirostat's
 * mu), so that equal configurations and seeds give equal tokens whatever the batch or threads.
 *
 *     og_sampler_config cfg;
 *     og_sampler_config_init(&cfg);
 *     cfg.temp = 0.6f;
 *     og_sampler *s = NULL;
 *     if (og_sampler_new(ctx, &cfg, NULL, &s) != OG_OK) return puts(og_error(ctx)), 1;
 *     int32_t token;
 *     og_sampler_sample(s, logits, n_vocab, &token);
 *     og_sampler_accept(s, token);
 *     og_sampler_free(s);
 */
#ifndef OXIGRAPH_SAMPLER_H
#define OXIGRAPH_SAMPLER_H

#include "oxigraph/vocab_view.h"

#ifdef __cplusplus
extern "C" {
#endif

// clang-format off
/* OG_SAMPLER(ENUM, name, other names, meaning): every kind of stage. */
#define OG_SAMPLER_LIST(S)                                                                         \
    S(PENALTIES,   "penalties",   "",                    "repeat, frequency, presence, newline")   \
    S(DRY,         "dry",         "",                    "penalty for continuing a repetition")    \
    S(TOP_N_SIGMA, "top_n_sigma", "top-n-sigma",         "logits within n deviations of the best") \
    S(TOP_K,       "top_k",       "top-k",               "the k most likely")                      \
    S(TYPICAL,     "typ_p",       "typical_p|typical|typ|typ-p|typical-p", "locally typical")      \
    S(TOP_P,       "top_p",       "top-p|nucleus",       "the likeliest that sum to p")            \
    S(MIN_P,       "min_p",       "min-p",               "at least p times the likeliest")         \
    S(TAIL_FREE,   "tfs_z",       "tail_free|tfs",       "cut where the curve flattens")           \
    S(XTC,         "xtc",         "",                    "drops the top choices, now and then")    \
    S(TEMPERATURE, "temperature", "temp|temp_ext",       "divides logits; dynamic by entropy")     \
    S(LOGIT_BIAS,  "logit_bias",  "logit-bias",          "adds constants to logits")               \
    S(INFILL,      "infill",      "",                    "merges common prefixes, favours the end")\
    S(GREEDY,      "greedy",      "",                    "selects the likeliest")                  \
    S(DIST,        "dist",        "",                    "selects by probability")                 \
    S(MIROSTAT,    "mirostat",    "",                    "selects, holding the surprise constant") \
    S(MIROSTAT_V2, "mirostat_v2", "",                    "the same, simpler cut")                  \
    S(ADAPTIVE_P,  "adaptive_p",  "adaptive-p",          "selects near a target probability")
// clang-format on

typedef enum og_sampler_kind {
#define S(ENUM, name, other, doc) OG_SAMPLER_##ENUM,
    OG_SAMPLER_LIST(S)
#undef S
        OG_SAMPLER_COUNT
} og_sampler_kind;

typedef struct og_token_bias {
    int32_t token;
    float bias;
} og_token_bias;

typedef struct og_token_seq {
    const int32_t *token;
    int32_t n;
} og_token_seq;

/* One stage of a chain with its parameters; which are used depends on kind. Arrays are copied by
 * og_sampler_new_chain. */
typedef struct og_sampler_stage {
    og_sampler_kind kind;
    int32_t k;        /* top_k; <= 0 keeps all */
    int32_t min_keep; /* top_p min_p typical tail_free xtc */
    /* top_p min_p typical tail_free: p. temperature: t. top_n_sigma: n. xtc: probability.
     * mirostat*: tau. adaptive_p: target. dry: multiplier. */
    float p;
    float threshold;       /* xtc */
    float delta, exponent; /* temperature: entropy range; delta <= 0 is plain */
    float eta;             /* mirostat* */
    float decay;           /* adaptive_p */
    int32_t m;             /* mirostat */
    int32_t last_n;        /* penalties (<= 0 off) dry (-1: n_ctx) */
    float repeat, freq, present;
    int32_t newline; /* penalties: token whose logit they leave alone; < 0: none */
    int32_t n_ctx, allowed_length;
    float base;                  /* dry */
    const og_token_seq *breaker; /* dry: token sequences that end a repetition */
    int32_t n_breaker;
    const char *const *breaker_text; /* dry: the same as text; needs a vocabulary */
    int32_t n_breaker_text;
    const og_token_bias *bias; /* logit_bias */
    int32_t n_bias;
    uint32_t seed; /* xtc dist mirostat* adaptive_p */
} og_sampler_stage;

enum { OG_SAMPLER_MAX_STAGES = 32, OG_SAMPLER_MAX_BREAKERS = 16, OG_SAMPLER_BREAKER_SIZE = 48 };
enum { OG_SAMPLER_MAX_BIAS = 256 };
#define OG_SAMPLER_SEED_RANDOM UINT32_MAX

// clang-format off
/* F(field, type, default, key, meaning): the user's options, in the order they print. The keys are
 * those of JSON, TOML, --flags (with '-') and, after "general.sampling.", of GGUF files. */
#define OG_SAMPLER_FIELDS(F)                                                                       \
    F(seed,            UINT,  OG_SAMPLER_SEED_RANDOM, "random seed; 4294967295 takes a new one")   \
    F(temp,            FLOAT, 0.8f,  "temperature; <= 0 takes the likeliest, whatever else is set") \
    F(dynatemp_range,  FLOAT, 0.0f,  "temperature varies by this much with entropy")               \
    F(dynatemp_exponent, FLOAT, 1.0f, "exponent of the entropy")                                   \
    F(top_k,           INT,   40,    "keep the k likeliest; <= 0 keeps all")                       \
    F(top_p,           FLOAT, 0.95f, "keep the likeliest that sum to p; 1 keeps all")              \
    F(min_p,           FLOAT, 0.05f, "keep at least p times the likeliest; 0 keeps all")           \
    F(typical_p,       FLOAT, 1.0f,  "locally typical sampling; 1 keeps all")                      \
    F(tfs_z,           FLOAT, 1.0f,  "tail-free sampling; 1 keeps all")                            \
    F(top_n_sigma,     FLOAT, -1.0f, "keep logits within n deviations; <= 0 keeps all")            \
    F(min_keep,        INT,   0,     "filters keep at least so many")                              \
    F(xtc_probability, FLOAT, 0.0f,  "how often the top choices are dropped")                      \
    F(xtc_threshold,   FLOAT, 0.1f,  "what counts as a top choice; above 0.5 off")                 \
    F(penalty_last_n,  INT,   64,    "tokens the penalties look back; -1 the whole context, 0 off") \
    F(penalty_repeat,  FLOAT, 1.0f,  "divides logits of tokens seen; 1 off")                       \
    F(penalty_freq,    FLOAT, 0.0f,  "lowers logits once for each time seen")                      \
    F(penalty_present, FLOAT, 0.0f,  "lowers logits of tokens seen")                               \
    F(penalize_nl,     BOOL,  true,  "penalties count the newline too")                            \
    F(dry_multiplier,  FLOAT, 0.0f,  "strength of DRY; 0 off")                                     \
    F(dry_base,        FLOAT, 1.75f, "growth of DRY with the length repeated")                     \
    F(dry_allowed_length, INT, 2,    "repetitions up to this length are free")                     \
    F(dry_penalty_last_n, INT, -1,   "tokens DRY looks back; -1 the whole context, 0 off")         \
    F(mirostat,        INT,   0,     "1 or 2 selects by mirostat")                                 \
    F(mirostat_tau,    FLOAT, 5.0f,  "surprise that mirostat holds")                               \
    F(mirostat_eta,    FLOAT, 0.1f,  "its learning rate")                                          \
    F(adaptive_target, FLOAT, -1.0f, "probability adaptive-p aims at; < 0 off")                    \
    F(adaptive_decay,  FLOAT, 0.9f,  "memory of adaptive-p")                                       \
    F(n_ctx,           INT,   4096,  "context length: what -1 looks back")
// clang-format on

/* The options of a chain; og_sampler_config_init() sets the defaults (zero is a meaning here, not
 * a default). Plain data: copy it freely. */
typedef struct og_sampler_config {
#define OGI_FIELD_UINT           uint32_t
#define OGI_FIELD_INT            int32_t
#define OGI_FIELD_FLOAT          float
#define OGI_FIELD_BOOL           bool
#define F(field, type, def, doc) OGI_FIELD_##type field;
    OG_SAMPLER_FIELDS(F)
#undef F
    /* Order of the filters; selection is appended to it: dist, or mirostat, or adaptive-p. */
    og_sampler_kind samplers[OG_SAMPLER_MAX_STAGES];
    int32_t n_samplers;
    char dry_breaker[OG_SAMPLER_MAX_BREAKERS][OG_SAMPLER_BREAKER_SIZE];
    int32_t n_dry_breaker;
    og_token_bias bias[OG_SAMPLER_MAX_BIAS];
    int32_t n_bias;
} og_sampler_config;

OG_API void og_sampler_config_init(og_sampler_config *c);
OG_API bool og_sampler_config_equal(const og_sampler_config *a, const og_sampler_config *b);
/* Sets one option by its key from text, as flags do: "top_k" "40", "samplers" "top_k;temp". */
OG_API og_status og_sampler_config_set(og_ctx *ctx, og_sampler_config *c, const char *key,
                                       const char *value);
/* Reads options from a JSON object or TOML text; what they lack keeps its value. Unknown keys are
 * refused. name stands for the file in errors. */
OG_API og_status og_sampler_config_json(og_ctx *ctx, og_sampler_config *c, const char *name,
                                        const char *text, size_t n);
OG_API og_status og_sampler_config_toml(og_ctx *ctx, og_sampler_config *c, const char *name,
                                        const char *text, size_t n);
/* The same from a file: TOML if its name ends in .toml, otherwise JSON. */
OG_API og_status og_sampler_config_file(og_ctx *ctx, og_sampler_config *c, const char *path);

typedef enum og_sampler_format { OG_SAMPLER_JSON, OG_SAMPLER_TOML } og_sampler_format;
/* All options as text that reads back to an equal config. *out is freed with og_sampler_text_free.
 */
OG_API og_status og_sampler_config_print(og_ctx *ctx, const og_sampler_config *c,
                                         og_sampler_format format, char **out);
OG_API void og_sampler_text_free(og_ctx *ctx, char *text);

OG_API const char *og_sampler_kind_name(og_sampler_kind kind);
/* OG_SAMPLER_COUNT if no kind has that name. */
OG_API og_sampler_kind og_sampler_kind_find(const char *name, size_t n);

typedef struct og_sampler og_sampler;

/* A candidate: p is set by stages that need probabilities, and by og_sampler_candidates. */
typedef struct og_candidate {
    int32_t id;
    float logit;
    float p;
} og_candidate;

/* config NULL means defaults. vocab may be NULL unless DRY has text breakers, infill is used or
 * penalize_nl is false; it must outlive the sampler. */
OG_API og_status og_sampler_new(og_ctx *ctx, const og_sampler_config *config,
                                const og_vocab_view *vocab, og_sampler **out);
/* A chain spelled out stage by stage. */
OG_API og_status og_sampler_new_chain(og_ctx *ctx, const og_sampler_stage *stage, int n_stage,
                                      const og_vocab_view *vocab, og_sampler **out);
OG_API og_status og_sampler_clone(const og_sampler *s, og_sampler **out);
OG_API void og_sampler_free(og_sampler *s);
/* Forgets history and starts the random numbers again from the seeds. */
OG_API void og_sampler_reset(og_sampler *s);
/* Forgets the tokens accepted, and nothing else: the random numbers go on. For a text that was cut
 * back or replaced: then accept the tokens it has now. */
OG_API void og_sampler_forget(og_sampler *s);
/* The seed in use: the one drawn where the config asked for a random one. */
OG_API uint32_t og_sampler_seed(const og_sampler *s);

/* Runs the chain over n_vocab logits and selects; a chain that does not select takes the
 * likeliest that is left. -inf marks what must not be chosen; all -inf or NaN is OG_E_INVALID.
 * Does not accept the token. Allocates only when n_vocab grows. */
OG_API og_status og_sampler_sample(og_sampler *s, const float *logits, int32_t n_vocab,
                                   int32_t *token);
/* The same over given candidates (p is ignored). *token is -1 where the chain does not select. */
OG_API og_status og_sampler_apply(og_sampler *s, const og_candidate *cand, int32_t n,
                                  int32_t *token);
/* Tells the chain that a token was taken, chosen by it or not (prompt tokens too). */
OG_API void og_sampler_accept(og_sampler *s, int32_t token);
/* What the last call left, in the chain's order, with probabilities among what is left; borrowed
 * until the next call. Candidates with logit -inf have p = 0. */
OG_API const og_candidate *og_sampler_candidates(og_sampler *s, int32_t *n);

/* The n likeliest tokens of a row with p their log-probability over the whole row, falling; and
 * that of one token into *token_logprob where it is not NULL. Returns how many were written. */
OG_API int32_t og_logprobs(const float *logits, int32_t n_vocab, og_candidate *out, int32_t n,
                           int32_t token, float *token_logprob);

/* ---- beam search ---- */

/* A partial text. tokens are those generated, n of them. parent tells which beam of the previous
 * step it continues (move KV state accordingly), -1 in the first step. */
typedef struct og_beam {
    const int32_t *tokens;
    int32_t n;
    int32_t parent;
    double logprob; /* sum over tokens */
    bool is_done;   /* ends with an end token */
} og_beam;

typedef struct og_beam_options {
    int32_t width;      /* 0: 4 */
    int32_t max_tokens; /* 0: 128 */
    /* Finished texts are ranked by logprob / n^length_penalty. */
    double length_penalty;
    const int32_t *end;
    int32_t n_end;
    /* Writes the logits of each beam's next token to logits[i * n_vocab]. */
    og_status (*step)(void *user, const og_beam *beams, int32_t n_beams, float *logits);
    void *user;
} og_beam_options;

/* Beam search from the state the caller holds. Results, best first, at most width, in *out; freed
 * with og_beams_free. Exact where width is at least the number of texts alive. */
OG_API og_status og_beam_search(og_ctx *ctx, const og_beam_options *opt, int32_t n_vocab,
                                og_beam **out, int32_t *n_out);
OG_API void og_beams_free(og_ctx *ctx, og_beam *beams);

#ifdef __cplusplus
}
#endif
#endif
