/* SPDX-License-Identifier: MIT
 *
 * Which tuned kernels there are, and which of them this processor can run. */
#include "backends/cpu/isa/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#define FOR_EACH_ISA(I) I(avx512) I(avx2) I(sse42) I(scalar)
#elif defined(__aarch64__)
#define FOR_EACH_ISA(I) I(neon) I(scalar)
#else
#define FOR_EACH_ISA(I) I(scalar)
#endif

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#define DECLARE(name) extern const ogi_cpu_kernels ogi_cpu_kernels_##name;
FOR_EACH_ISA(DECLARE)
#undef DECLARE

/* Best first. */
static const ogi_cpu_kernels *const all[] = {
#define ENTRY(name) &ogi_cpu_kernels_##name,
    FOR_EACH_ISA(ENTRY)
#undef ENTRY
};

enum { N_ISA = (int)(sizeof all / sizeof *all) };

/* What each copy is compiled with, see og_isa() in CMakeLists.txt. */
static bool is_supported(const char *name)
{
#if defined(__x86_64__)
#define HAS(feature) (__builtin_cpu_supports(feature) != 0)
    bool sse42 = HAS("sse4.2") && HAS("ssse3") && HAS("popcnt");
    bool avx2 = sse42 && HAS("avx2") && HAS("fma") && HAS("bmi") && HAS("bmi2");
    if (strcmp(name, "sse42") == 0) return sse42;
    if (strcmp(name, "avx2") == 0) return avx2;
    if (strcmp(name, "avx512") == 0)
        return avx2 && HAS("avx512f") && HAS("avx512bw") && HAS("avx512cd") && HAS("avx512dq") &&
               HAS("avx512vl") && HAS("avx512vbmi") && HAS("avx512vnni") && HAS("avx512bf16");
#undef HAS
#elif defined(__aarch64__)
    const unsigned long half = 1ul << 10, dotprod = 1ul << 20; /* HWCAP_ASIMDHP, ASIMDDP */
    unsigned long has = getauxval(AT_HWCAP);
    if (strcmp(name, "neon") == 0) return (has & half) && (has & dotprod);
#endif
    return strcmp(name, "scalar") == 0;
}

const ogi_cpu_kernels *ogi_cpu_kernels_at(int i)
{
    for (int j = 0; j < N_ISA; j++)
        if (is_supported(all[j]->name) && i-- == 0) return all[j];
    return NULL;
}

const ogi_cpu_kernels *ogi_cpu_kernels_find(const char *name)
{
    if (!name) return ogi_cpu_kernels_at(0);
    for (int j = 0; j < N_ISA; j++)
        if (strcmp(all[j]->name, name) == 0) return is_supported(name) ? all[j] : NULL;
    return NULL;
}

/* Quantized weights: two tiles, each token's chunk, the sums of OGI_MM_SPAN rows. Float weights: a
 * panel; 16 lane sums for each row and token of a span. */
size_t ogi_matmul_scratch(int64_t n_tok)
{
    size_t n = (size_t)n_tok, span = n < OGI_MM_FLOAT_TOKS ? (n + 3) / 4 * 4 : OGI_MM_FLOAT_TOKS;
    size_t quantized = OGI_MM_TILES + (OGI_MM_TOKEN + OGI_MM_SPAN * sizeof(float)) * n;
    size_t floats = OGI_MM_PANEL + OGI_MM_FLOAT_ROWS * 64 * span;
    return quantized > floats ? quantized : floats;
}

/* Of each query of a batch its scores and two rows of values; queries and keys of a tile. */
size_t ogi_attention_scratch(int64_t dim_k, int64_t dim_v)
{
    size_t k = ((size_t)dim_k + 15) / 16 * 16, v = ((size_t)dim_v + 15) / 16 * 16;
    return sizeof(float) * (OGI_CPU_ATTN_BATCH * (OGI_CPU_CHUNK + 2 * v) + 2 * 16 * k);
}
