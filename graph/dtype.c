/* SPDX-License-Identifier: MIT
 *
 * The table of element types, made of the one list in oxigraph/dtype.h; a type's decoding is its
 * file in graph/types. */
#include "graph/dtype.h"

#include <strings.h>

// clang-format off
static const ogi_dtype dtypes[] = {
#define T(NAME, id, block, bytes, is_quantized)                                                    \
    { OG_##NAME, #NAME, block, bytes, is_quantized, bytes == 0 },
    OG_DTYPE_LIST(T)
#undef T
};
// clang-format on

const ogi_dtype *ogi_dtype_info(int64_t id)
{
    for (int i = 0; i < OGI_LEN(dtypes); i++)
        if ((int64_t)dtypes[i].id == id) return &dtypes[i];
    return NULL;
}

const ogi_dtype *ogi_dtype_find(ogi_sv name)
{
    for (int i = 0; i < OGI_LEN(dtypes); i++) {
        const char *s = dtypes[i].name;
        if (strlen(s) == name.n && strncasecmp(s, name.p, name.n) == 0) return &dtypes[i];
    }
    return NULL;
}

bool ogi_dtype_bytes(int64_t id, int64_t n, int64_t *bytes)
{
    const ogi_dtype *t = ogi_dtype_info(id);
    if (!t || t->removed || n < 0 || n % t->block) return false;
    return ogi_mul_size(n / t->block, t->bytes, bytes);
}

const char *og_dtype_name(og_dtype type)
{
    const ogi_dtype *t = ogi_dtype_info((int64_t)type);
    return t ? t->name : "unknown";
}
