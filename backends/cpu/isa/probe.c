/* SPDX-License-Identifier: MIT
 *
 * Loops that do nothing but what limits a kernel: reading memory, and multiply-adds of the types
 * this instruction set computes in, in 12 independent chains. */
#include "backends/cpu/isa/simd.h"
#include "backends/cpu/isa/unpack.h"

enum { N_CHAIN = 12 };

/* The compiler may not know what is in the register. */
#if defined(OGI_ISA_avx512)
#define HIDE(v) __asm__ volatile("" : "+v"(v))
#elif defined(OGI_ISA_avx2) || defined(OGI_ISA_sse42)
#define HIDE(v) __asm__ volatile("" : "+x"(v))
#elif defined(__aarch64__) && defined(OGI_ISA_neon)
#define HIDE(v) __asm__ volatile("" : "+w"(v))
#else
#define HIDE(v) __asm__ volatile("" : "+r"(v))
#endif

/* Prefetching stops at the end of a page: several streams hide that, as in the matmul kernels. */
static int64_t probe_read(const uint64_t *p, int64_t n, uint64_t *sink)
{
    enum { STREAMS = 8, STEP = 32 };
    uint64_t x[STEP] = { 0 };
    int64_t part = n / 8 / STREAMS / STEP * STEP;
    for (int64_t i = 0; i < part; i += STEP)
        for (int s = 0; s < STREAMS; s++)
            for (int j = 0; j < STEP; j++) x[j] ^= p[s * part + i + j];
    for (int j = 0; j < STEP; j++) *sink ^= x[j];
    return part * STREAMS * 8;
}

static int64_t probe_f32(int64_t n, uint64_t *sink)
{
    vf sum[N_CHAIN], x = vf_set1(0.3f), y = vf_set1(0.5f);
    float out[OGI_VN];
    for (int c = 0; c < N_CHAIN; c++) sum[c] = vf_set1((float)c);
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < N_CHAIN; c++) sum[c] = vf_fma(x, y, sum[c]);
    for (int c = 0; c < N_CHAIN; c++) {
        vf_store(out, sum[c]);
        *sink ^= ogi_bits_of_f32(out[0]);
    }
    return n * N_CHAIN * OGI_VN * 2;
}

static int64_t probe_int8(int64_t n, uint64_t *sink)
{
    vi sum[N_CHAIN], x = vi_set1(0x03030303), y = vi_set1(0x05050505);
    for (int c = 0; c < N_CHAIN; c++) sum[c] = vi_set1(c);
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < N_CHAIN; c++) {
            HIDE(x);
            sum[c] = vi_dot(sum[c], x, y);
        }
    for (int c = 0; c < N_CHAIN; c++) {
        int32_t out[OGI_VN];
        memcpy(out, &sum[c], sizeof out);
        *sink ^= (uint64_t)out[0];
    }
    return n * N_CHAIN * OGI_VN * 8;
}

/* Where there are no bf16 products, BF16 is computed in F32. */
static int64_t probe_bf16(int64_t n, uint64_t *sink)
{
#if defined(OGI_ISA_avx512)
    __m512 sum[N_CHAIN];
    __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80);
    for (int c = 0; c < N_CHAIN; c++) sum[c] = _mm512_set1_ps((float)c);
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < N_CHAIN; c++) sum[c] = _mm512_dpbf16_ps(sum[c], x, x);
    for (int c = 0; c < N_CHAIN; c++) *sink ^= ogi_bits_of_f32(_mm512_cvtss_f32(sum[c]));
    return n * N_CHAIN * OGI_VN * 4;
#else
    return probe_f32(n, sink);
#endif
}

int64_t OGI_ISA(ogi_probe)(ogi_probe_kind kind, const void *memory, int64_t n, uint64_t *sink)
{
    switch (kind) {
    case OGI_PROBE_READ: return probe_read(memory, n, sink);
    case OGI_PROBE_F32: return probe_f32(n, sink);
    case OGI_PROBE_BF16: return probe_bf16(n, sink);
    case OGI_PROBE_INT8: return probe_int8(n, sink);
    }
    return 0;
}
