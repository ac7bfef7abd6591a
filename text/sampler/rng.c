/* SPDX-License-Identifier: MIT
 *
 * MT19937 (Matsumoto and Nishimura 1998), 32 bits, with the standard seeding. */
#include "text/sampler/stage.h"

#include <time.h>
#include <unistd.h>

enum { N_WORD = 624, SHIFT = 397 };

void ogi_rng_seed(ogi_rng *r, uint32_t seed)
{
    r->word[0] = seed;
    for (uint32_t i = 1; i < N_WORD; i++) {
        uint32_t x = r->word[i - 1];
        r->word[i] = 1812433253u * (x ^ (x >> 30)) + i;
    }
    r->at = N_WORD;
}

static uint32_t twist(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return c ^ (y >> 1) ^ ((b & 1u) ? 0x9908b0dfu : 0u);
}

static void refill(ogi_rng *r)
{
    uint32_t *w = r->word;
    for (int i = 0; i < N_WORD; i++)
        w[i] = twist(w[i], w[(i + 1) % N_WORD], w[(i + SHIFT) % N_WORD]);
    r->at = 0;
}

uint32_t ogi_rng_next(ogi_rng *r)
{
    if (r->at >= N_WORD) refill(r);
    uint32_t y = r->word[r->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

double ogi_rng_double(ogi_rng *r)
{
    double a = ogi_rng_next(r), b = ogi_rng_next(r);
    double d = (a + b * 4294967296.0) / 18446744073709551616.0;
    return d < 1.0 ? d : 0x1.fffffffffffffp-1;
}

float ogi_rng_float(ogi_rng *r)
{
    float f = (float)ogi_rng_next(r) / 4294967296.0f;
    return f < 1.0f ? f : 0x1.fffffep-1f;
}

uint32_t ogi_rng_entropy(void)
{
    uint32_t seed = 0;
    if (getentropy(&seed, sizeof seed) == 0) return seed;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint32_t)t.tv_nsec * 2654435761u ^ (uint32_t)t.tv_sec;
}
