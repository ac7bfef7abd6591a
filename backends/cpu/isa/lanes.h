/* SPDX-License-Identifier: MIT
 *
 * v16, the 16 lanes of the canonical arithmetic: what is done lane by lane. */
#ifndef OG_BACKENDS_CPU_ISA_LANES_H
#define OG_BACKENDS_CPU_ISA_LANES_H

#include "backends/cpu/isa/simd.h"

OGI_INLINE v16 v16_set1(float a)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_set1(a);
    return r;
}

OGI_INLINE v16 v16_zero(void)
{
    return v16_set1(0.0f);
}

OGI_INLINE v16 v16_load(const float *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load(p + i * OGI_VN);
    return r;
}

OGI_INLINE void v16_store(float *p, v16 a)
{
    for (int i = 0; i < OGI_NV; i++) vf_store(p + i * OGI_VN, a.v[i]);
}

OGI_INLINE v16 v16_load_f16(const uint16_t *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load_f16(p + i * OGI_VN);
    return r;
}

OGI_INLINE v16 v16_load_bf16(const uint16_t *p)
{
    v16 r;
    for (int i = 0; i < OGI_NV; i++) r.v[i] = vf_load_bf16(p + i * OGI_VN);
    return r;
}

OGI_INLINE v16 v16_fma(v16 a, v16 b, v16 c)
{
    for (int i = 0; i < OGI_NV; i++) c.v[i] = vf_fma(a.v[i], b.v[i], c.v[i]);
    return c;
}

#endif
