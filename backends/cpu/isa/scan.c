/* SPDX-License-Identifier: MIT
 *
 * Recurrences over the tokens of one sequence, for a range of channels: token by token, vectorised
 * over channels (convolution) or over a channel's state (selective scan, Gu and Dao, 2023). */
#include "backends/cpu/isa/scan.h"
#include "backends/cpu/isa/unpack.h"
#include "backends/cpu/isa/vmath.h"

#include <string.h>

enum { STRIP = 256, LANES = 16 };

/* Input j places before token t (j >= 0): x, or the state's rows for tokens before this step. */
static const float *input_row(const ogi_conv_args *a, int64_t t)
{
    return t >= 0 ? a->x + t * a->n_channel : a->state + (a->n_tap - 1 + t) * a->n_channel;
}

static void conv_token(const ogi_conv_args *a, int64_t t, int64_t c0, int64_t n)
{
    float acc[STRIP] = { 0 };
    for (int64_t j = 0; j < a->n_tap; j++) {
        const float *x = input_row(a, t - (a->n_tap - 1) + j) + c0, *w = a->w + c0 * a->n_tap + j;
        for (int64_t c = 0; c < n; c++) acc[c] = OGI_FMA(w[c * a->n_tap], x[c], acc[c]);
    }
    memcpy(a->out + t * a->n_channel + c0, acc, (size_t)n * sizeof *acc);
}

void OGI_ISA(ogi_conv)(const ogi_conv_args *a, int64_t c0, int64_t c1)
{
    int64_t keep = a->n_tap - 1;
    if (a->is_fresh)
        for (int64_t i = 0; i < keep; i++)
            memset(a->state + i * a->n_channel + c0, 0, (size_t)(c1 - c0) * sizeof *a->state);
    for (int64_t t = 0; t < a->n_tok; t++)
        for (int64_t c = c0; c < c1; c += STRIP)
            conv_token(a, t, c, c1 - c < STRIP ? c1 - c : STRIP);
    for (int64_t i = 0; i < keep; i++) /* rising: each row is read before it is overwritten */
        memmove(a->state + i * a->n_channel + c0, input_row(a, a->n_tok - keep + i) + c0,
                (size_t)(c1 - c0) * sizeof *a->state);
}

/* One channel, one token: h = h exp(dt A) + B (dt x), y = C h; y in 16 lanes and one tree. */
static float scan_token(float *h, const float *A, const float *B, const float *C, float dt, float x,
                        int64_t n)
{
    float lane[LANES] = { 0 }, dx = dt * x;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float v = OGI_FMA(h[i + j], ogi_vm_exp(dt * A[i + j]), B[i + j] * dx);
            h[i + j] = v;
            lane[j] = OGI_FMA(v, C[i + j], lane[j]);
        }
    for (int j = 0; i < n; i++, j++) {
        float v = OGI_FMA(h[i], ogi_vm_exp(dt * A[i]), B[i] * dx);
        h[i] = v;
        lane[j] = OGI_FMA(v, C[i], lane[j]);
    }
    for (int step = LANES / 2; step; step /= 2)
        for (int j = 0; j < step; j++) lane[j] += lane[j + step];
    return lane[0];
}

void OGI_ISA(ogi_scan)(const ogi_scan_kernel_args *a, int64_t c0, int64_t c1)
{
    for (int64_t c = c0; c < c1; c++) {
        float *h = a->state + c * a->n_state;
        if (a->is_fresh) memset(h, 0, (size_t)a->n_state * sizeof *h);
        for (int64_t t = 0; t < a->n_tok; t++)
            a->out[t * a->n_channel + c] =
                scan_token(h, a->A + c * a->n_state, a->B + t * a->n_state, a->C + t * a->n_state,
                           a->dt[t * a->n_channel + c], a->x[t * a->n_channel + c], a->n_state);
    }
}

void OGI_ISA(ogi_bmm)(const float *a, const float *b, float *out, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m; i++) {
        ogi_mm_args mm = {
            .type = 0 /* F32 */,
            .w = b,
            .w_stride = k * 4,
            .n_row = n,
            .k = k,
            .x = a + i * k,
            .x_stride = k * 4,
            .n_tok = 1,
            .out = out + i * n,
            .out_stride = n,
        };
        OGI_ISA(ogi_matmul)(&mm);
    }
}
