/* SPDX-License-Identifier: MIT
 *
 * Which tensor of a synthetic model gets which type. A mixture is a base type and rules that raise
 * or lower some tensors; the rules are those of llama.cpp's quantize (without importance matrix).
 */
#include "models/synth_impl.h"

#include <stdio.h>
#include <strings.h>

// clang-format off
/* M(NAME, base type, general.file_type) */
#define MIXTURES(M)                                                                                \
    M(Q2_K_S,    Q2_K,  21)                                                                        \
    M(Q3_K_S,    Q3_K,  11)                                                                        \
    M(Q3_K_M,    Q3_K,  12)                                                                        \
    M(Q3_K_L,    Q3_K,  13)                                                                        \
    M(Q4_K_S,    Q4_K,  14)                                                                        \
    M(Q4_K_M,    Q4_K,  15)                                                                        \
    M(Q5_K_S,    Q5_K,  16)                                                                        \
    M(Q5_K_M,    Q5_K,  17)                                                                        \
    M(IQ2_M,     IQ2_S, 29)                                                                        \
    M(IQ3_XS,    IQ3_S, 22)                                                                        \
    M(IQ3_M,     IQ3_S, 27)                                                                        \
    M(MXFP4_MOE, MXFP4, 38)

/* general.file_type of files that have one type. */
static const struct { og_dtype type; int id; } file_types[] = {
    { OG_F32, 0 }, { OG_F16, 1 }, { OG_Q4_0, 2 }, { OG_Q4_1, 3 }, { OG_Q8_0, 7 }, { OG_Q5_0, 8 },
    { OG_Q5_1, 9 }, { OG_Q2_K, 10 }, { OG_Q3_K, 11 }, { OG_Q4_K, 14 }, { OG_Q5_K, 16 },
    { OG_Q6_K, 18 }, { OG_IQ2_XXS, 19 }, { OG_IQ2_XS, 20 }, { OG_IQ3_XXS, 23 }, { OG_IQ1_S, 24 },
    { OG_IQ4_NL, 25 }, { OG_IQ3_S, 26 }, { OG_IQ2_S, 28 }, { OG_IQ4_XS, 30 }, { OG_IQ1_M, 31 },
    { OG_BF16, 32 }, { OG_TQ1_0, 36 }, { OG_TQ2_0, 37 }, { OG_MXFP4, 38 },
};
// clang-format on

enum {
#define M(name, base, id) MIX_##name,
    MIXTURES(M)
#undef M
        MIX_ANY = -1
};

// clang-format off
static const struct mixture { const char *name; og_dtype base; int file_type; } mixtures[] = {
#define M(name, base, id) { #name, OG_##base, id },
    MIXTURES(M)
#undef M
};
// clang-format on

/* Layers or models that a rule is for. */
typedef enum when {
    ALWAYS,
    FIRST_2,
    FIRST_4,
    FIRST_8TH,
    FIRST_16TH,
    MIDDLE,    /* all but the first and last eighth */
    MORE_BITS, /* the first and last eighth, and every third layer between */
    GQA_4,     /* at least 4 queries share a key */
    EXPERTS,   /* matrices of experts */
    EXPERTS_8, /* models with 8 experts */
    EXPERTS_8_MORE,
} when;

typedef struct rule {
    int mixture;
    ogi_synth_role role;
    when when;
    og_dtype type;
} rule;

// clang-format off
/* The first that fits holds. */
static const rule rules[] = {
    { MIX_MXFP4_MOE, OGI_SYNTH_GATE, EXPERTS, OG_MXFP4 },
    { MIX_MXFP4_MOE, OGI_SYNTH_UP, EXPERTS, OG_MXFP4 },
    { MIX_MXFP4_MOE, OGI_SYNTH_DOWN, EXPERTS, OG_MXFP4 },
    { MIX_MXFP4_MOE, OGI_SYNTH_GATE, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_UP, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_DOWN, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_Q, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_K, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_V, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_O, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_EMBD, ALWAYS, OG_Q8_0 },
    { MIX_MXFP4_MOE, OGI_SYNTH_OUTPUT, ALWAYS, OG_Q8_0 },

    { MIX_IQ2_M, OGI_SYNTH_OUTPUT, ALWAYS, OG_Q5_K },
    { MIX_IQ2_M, OGI_SYNTH_EMBD, ALWAYS, OG_IQ3_S },
    { MIX_IQ2_M, OGI_SYNTH_V, GQA_4, OG_Q4_K },
    { MIX_IQ2_M, OGI_SYNTH_V, EXPERTS_8, OG_Q4_K },
    { MIX_IQ2_M, OGI_SYNTH_V, ALWAYS, OG_IQ3_S },
    { MIX_IQ2_M, OGI_SYNTH_K, EXPERTS_8, OG_Q4_K },
    { MIX_IQ2_M, OGI_SYNTH_DOWN, FIRST_8TH, OG_IQ3_S },
    { MIX_IQ2_M, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_IQ2_M, OGI_SYNTH_O, ALWAYS, OG_IQ3_S },

    { MIX_ANY, OGI_SYNTH_OUTPUT, ALWAYS, OG_Q6_K },
    { MIX_ANY, OGI_SYNTH_V, EXPERTS_8, OG_Q8_0 },
    { MIX_ANY, OGI_SYNTH_K, EXPERTS_8, OG_Q8_0 },
    { MIX_Q3_K_S, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_Q3_K_M, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_Q4_K_S, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_Q4_K_M, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_IQ3_XS, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_IQ3_M, OGI_SYNTH_O, EXPERTS_8, OG_Q5_K },
    { MIX_Q3_K_L, OGI_SYNTH_O, EXPERTS_8, OG_Q3_K },

    { MIX_Q2_K_S, OGI_SYNTH_V, GQA_4, OG_Q4_K },
    { MIX_Q2_K_S, OGI_SYNTH_DOWN, FIRST_8TH, OG_Q4_K },
    { MIX_Q3_K_M, OGI_SYNTH_V, FIRST_2, OG_Q5_K },
    { MIX_Q3_K_M, OGI_SYNTH_V, ALWAYS, OG_Q4_K },
    { MIX_Q3_K_M, OGI_SYNTH_DOWN, FIRST_16TH, OG_Q5_K },
    { MIX_Q3_K_M, OGI_SYNTH_DOWN, ALWAYS, OG_Q4_K },
    { MIX_Q3_K_M, OGI_SYNTH_O, ALWAYS, OG_Q4_K },
    { MIX_Q3_K_L, OGI_SYNTH_V, ALWAYS, OG_Q5_K },
    { MIX_Q3_K_L, OGI_SYNTH_DOWN, ALWAYS, OG_Q5_K },
    { MIX_Q3_K_L, OGI_SYNTH_O, ALWAYS, OG_Q5_K },
    { MIX_Q4_K_S, OGI_SYNTH_V, FIRST_4, OG_Q5_K },
    { MIX_Q4_K_S, OGI_SYNTH_DOWN, FIRST_8TH, OG_Q5_K },
    { MIX_Q4_K_M, OGI_SYNTH_V, MORE_BITS, OG_Q6_K },
    { MIX_Q4_K_M, OGI_SYNTH_DOWN, MORE_BITS, OG_Q6_K },
    { MIX_Q5_K_M, OGI_SYNTH_V, MORE_BITS, OG_Q6_K },
    { MIX_Q5_K_M, OGI_SYNTH_DOWN, MORE_BITS, OG_Q6_K },
    { MIX_IQ3_XS, OGI_SYNTH_V, GQA_4, OG_Q4_K },
    { MIX_IQ3_XS, OGI_SYNTH_K, ALWAYS, OG_IQ3_XXS },
    { MIX_IQ3_XS, OGI_SYNTH_Q, ALWAYS, OG_IQ3_XXS },
    { MIX_IQ3_XS, OGI_SYNTH_GATE, MIDDLE, OG_IQ3_XXS },
    { MIX_IQ3_XS, OGI_SYNTH_UP, MIDDLE, OG_IQ3_XXS },
    { MIX_IQ3_M, OGI_SYNTH_V, ALWAYS, OG_Q4_K },
    { MIX_IQ3_M, OGI_SYNTH_DOWN, FIRST_8TH, OG_Q4_K },
    { MIX_IQ3_M, OGI_SYNTH_DOWN, EXPERTS_8_MORE, OG_Q4_K },
    { MIX_IQ3_M, OGI_SYNTH_O, ALWAYS, OG_Q4_K },
};

/* What stands in for a type whose blocks do not divide a row. */
static const struct { og_dtype type, instead; } fallbacks[] = {
    { OG_Q2_K, OG_IQ4_NL }, { OG_Q3_K, OG_IQ4_NL }, { OG_Q4_K, OG_Q5_0 }, { OG_Q5_K, OG_Q5_1 },
    { OG_Q6_K, OG_Q8_0 }, { OG_IQ1_S, OG_IQ4_NL }, { OG_IQ1_M, OG_IQ4_NL },
    { OG_IQ2_XXS, OG_IQ4_NL }, { OG_IQ2_XS, OG_IQ4_NL }, { OG_IQ2_S, OG_IQ4_NL },
    { OG_IQ3_XXS, OG_IQ4_NL }, { OG_IQ3_S, OG_IQ4_NL }, { OG_IQ4_XS, OG_IQ4_NL },
    { OG_TQ1_0, OG_Q4_0 }, { OG_TQ2_0, OG_Q4_0 },
};
// clang-format on

static og_status unknown_type(og_ctx *ctx, const char *name)
{
    ogi_buf known = { .ctx = ctx };
    for (int id = 0; id <= OGI_DTYPE_FILE_MAX; id++)
        if (ogi_synth_can_fill((og_dtype)id))
            ogi_buf_printf(&known, " %s", og_dtype_name((og_dtype)id));
    for (int i = 0; i < OGI_LEN(mixtures); i++) ogi_buf_printf(&known, " %s", mixtures[i].name);
    ogi_fail(ctx, OG_E_NOT_FOUND, __FILE__, __LINE__, "there is no type '%s'; known:%s", name,
             ogi_buf_str(&known));
    ogi_buf_free(&known);
    return OG_E_NOT_FOUND;
}

og_status ogi_synth_type_parse(og_ctx *ctx, const char *name, ogi_synth_type *out)
{
    for (int i = 0; i < OGI_LEN(mixtures); i++)
        if (!strcasecmp(mixtures[i].name, name)) {
            *out = (ogi_synth_type){ mixtures[i].base, i, mixtures[i].file_type };
            return OG_OK;
        }
    const ogi_dtype *t = ogi_dtype_find(ogi_sv_of(name));
    if (!t || !ogi_synth_can_fill(t->id)) return unknown_type(ctx, name);
    *out = (ogi_synth_type){ t->id, -1, -1 };
    for (int i = 0; i < OGI_LEN(file_types); i++)
        if (file_types[i].type == t->id) out->file_type = file_types[i].id;
    return OG_OK;
}

static bool gets_more_bits(int64_t layer, int64_t n)
{
    return layer < n / 8 || layer >= 7 * n / 8 || (layer - n / 8) % 3 == 2;
}

static bool rule_fits(const rule *r, const ogi_synth_shape *s, const ogi_synth_tensor *t)
{
    int64_t layer = t->layer, n = s->n_layer;
    switch (r->when) {
    case ALWAYS: return true;
    case FIRST_2: return layer < 2;
    case FIRST_4: return layer < 4;
    case FIRST_8TH: return layer < n / 8;
    case FIRST_16TH: return layer < n / 16;
    case MIDDLE: return layer >= n / 8 && layer < 7 * n / 8;
    case MORE_BITS: return gets_more_bits(layer, n);
    case GQA_4: return s->n_head / s->n_head_kv >= 4;
    case EXPERTS: return t->rank == 3;
    case EXPERTS_8: return s->n_expert == 8;
    case EXPERTS_8_MORE: return s->n_expert == 8 && gets_more_bits(layer, n);
    }
    return false;
}

og_dtype ogi_synth_type_of(const ogi_synth_type *type, const ogi_synth_shape *s,
                           const ogi_synth_tensor *t)
{
    og_dtype chosen = type->base;
    if (t->role == OGI_SYNTH_VECTOR || t->role == OGI_SYNTH_ROUTER) return OG_F32;
    for (int i = 0; i < OGI_LEN(rules) && type->mixture >= 0; i++) {
        const rule *r = &rules[i];
        if ((r->mixture == type->mixture || r->mixture == MIX_ANY) && r->role == t->role &&
            rule_fits(r, s, t)) {
            chosen = r->type;
            break;
        }
    }
    for (int i = 0; t->dim[0] % ogi_dtype_info((int64_t)chosen)->block && i < OGI_LEN(fallbacks);
         i++)
        if (fallbacks[i].type == chosen) {
            chosen = fallbacks[i].instead;
            break;
        }
    return t->dim[0] % ogi_dtype_info((int64_t)chosen)->block ? OG_F16 : chosen;
}

void ogi_synth_type_name(const ogi_gguf *f, char *out, size_t n)
{
    int64_t bytes[OGI_DTYPE_FILE_MAX + 1] = { 0 }, id = -1;
    int most = 0, n_type = 0;
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        if (t->rank < 2) continue;
        n_type += !bytes[t->type];
        bytes[t->type] += t->size;
        if (bytes[t->type] > bytes[most]) most = t->type;
    }
    snprintf(out, n, "%s", og_dtype_name((og_dtype)most));
    if (n_type < 2 || ogi_gguf_int(f, "general.file_type", &id) != OG_OK) return;
    for (int i = 0; i < OGI_LEN(mixtures); i++)
        if (mixtures[i].file_type == id && mixtures[i].base == (og_dtype)most)
            snprintf(out, n, "%s", mixtures[i].name);
}
