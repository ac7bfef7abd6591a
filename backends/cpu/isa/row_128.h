/* SPDX-License-Identifier: MIT
 *
 * matmul_row.c's view of a row with vectors of 16 bytes: a chunk of codes does not fit into
 * registers, so that every type is unpacked to memory, in order; four groups are summed at once. */
#ifndef OG_BACKENDS_CPU_ISA_ROW_128_H
#define OG_BACKENDS_CPU_ISA_ROW_128_H

typedef enum row_layout { IN_ORDER } row_layout;

/* No type has a load of its own. */
#define OGI_ROW_LOADS(R)

/* One token in one chunk. */
typedef struct token {
    const int8_t *code;
    int32_t start[2 * OGI_MM_BLOCKS]; /* - zero * sum of each group's codes */
    float sum[2 * OGI_MM_BLOCKS];     /* of each group's codes, times the scale */
    const float *scale;
} token;

typedef ogi_codes row_codes;

OGI_INLINE void fill_token(ogi_qshape s, row_layout layout, int zero, token *t, const int8_t *code,
                           const int16_t *sum, const float *scale)
{
    (void)layout;
    t->code = code;
    t->scale = scale;
    for (int g = 0; g < s.n_group * OGI_MM_BLOCKS; g++) {
        int n = s.n_group == 2 ? sum[g] : sum[2 * g] + sum[2 * g + 1];
        t->start[g] = -zero * n;
        if (s.n_min) t->sum[g] = (float)n * scale[g / s.n_group];
    }
}

OGI_INLINE void load_unpacked(ogi_qshape s, const ogi_qtype *q, const uint8_t *w, row_codes *out)
{
    (void)s;
    q->unpack(w, OGI_MM_BLOCKS, out);
}

OGI_INLINE void store_mins(ogi_qshape s, const row_codes *c, float *first, float *second)
{
    for (int g = 0; g < s.n_min * 16; g += 4)
        vf_store((g < 16 ? first : second) + g % 16, vf_mul(vf_load(c->min + g), vf_set1(-1.0f)));
}

/* The terms of one row with one token, in block order. */
OGI_INLINE void row_terms(ogi_qshape s, row_layout layout, const row_codes *c, const token *t,
                          float *first, float *second)
{
    const int size = 32 / s.n_group;
    (void)layout;
    for (int g = 0; g < s.n_group * 16; g += 4) {
        vi dot[4];
        for (int j = 0; j < 4; j++) {
            dot[j] = vi_set1(0);
            for (int i = 0; i < size; i += 16) {
                int at = (g + j) * size + i;
                vi w = vi_load(c->code + at), x = vi_load(t->code + at);
                dot[j] = s.is_wide ? vi_dot_wide(dot[j], w, x) : vi_dot(dot[j], w, x);
            }
        }
        vi sum = vi_add(vi_sums4(dot), vi_load(t->start + g));
        vf_store((g < 16 ? first : second) + g % 16, vf_mul(vf_of_vi(sum), vf_load(c->scale + g)));
    }
}

#endif
