/* SPDX-License-Identifier: MIT
 *
 * The list of backends, as backends.def has it: explicit, so that what is linked is what is
 * listed. */
#include "backends/backend.h"

#define BACKEND(name) extern const ogi_backend ogi_backend_##name;
#include "backends/backends.def"
#undef BACKEND

static const ogi_backend *const backends[] = {
#define BACKEND(name) &ogi_backend_##name,
#include "backends/backends.def"
#undef BACKEND
};

const ogi_backend *ogi_backend_at(int i)
{
    return i >= 0 && i < OGI_LEN(backends) ? backends[i] : NULL;
}

const ogi_backend *ogi_backend_find(const char *name)
{
    for (int i = 0; i < OGI_LEN(backends); i++)
        if (!strcmp(backends[i]->name, name)) return backends[i];
    return NULL;
}
