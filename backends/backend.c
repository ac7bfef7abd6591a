/* SPDX-License-Identifier: MIT */
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
