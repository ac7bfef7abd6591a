/* SPDX-License-Identifier: MIT
 *
 * Values that codes stand for, where they are no formula; the first lane of an entry is lowest.
 *
 *   ogi_grid_iq1       IQ1_S, IQ1_M     8 values -1, 0 or 1, as 2-bit codes 0, 1, 2
 *   ogi_grid_iq2_...   IQ2_XXS, XS, S   8 values 8, 25 or 43, as 2-bit codes 0, 1, 2
 *   ogi_grid_iq3_xxs   IQ3_XXS          4 values 4 + 8 * c, but 62 for 7, as 4-bit codes c
 *   ogi_grid_iq3_s     IQ3_S            4 values 1 + 2 * c, as 4-bit codes c */
#ifndef OG_GRAPH_TYPES_CODEBOOKS_H
#define OG_GRAPH_TYPES_CODEBOOKS_H

#include <stdint.h>

extern const uint16_t ogi_grid_iq1[2048], ogi_grid_iq2_xxs[256], ogi_grid_iq2_xs[512];
extern const uint16_t ogi_grid_iq2_s[1024], ogi_grid_iq3_xxs[256], ogi_grid_iq3_s[512];

/* IQ4_NL and IQ4_XS; E2M1 floats (MXFP4, NVFP4), doubled. */
static const int8_t ogi_iq4_values[16] = { -127, -104, -83, -65, -49, -35, -22, -10,
                                           1,    13,   25,  38,  53,  69,  89,  113 };
static const int8_t ogi_e2m1_values[16] = {
    0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12
};

#endif
