/* SPDX-License-Identifier: MIT
 *
 * Reads the program's own NT_GNU_BUILD_ID note (elf(5)), which is also what debuggers find symbols
 * by:
 *
 *     n_namesz n_descsz n_type   "GNU\\0"   n_descsz bytes of hash */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "tools/cmd/build_id.h"

#include <stdio.h>

#ifdef __linux__
#include <link.h>
#include <stdint.h>
#include <string.h>

typedef struct text {
    char *p;
    size_t size;
} text;

static size_t padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

static void find_in(const unsigned char *note, size_t n, text *out)
{
    ElfW(Nhdr) head;
    while (n >= sizeof head) {
        memcpy(&head, note, sizeof head);
        size_t name = padded(head.n_namesz), hash = padded(head.n_descsz);
        if (n - sizeof head < name + hash) return;
        const unsigned char *at = note + sizeof head;
        if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && !memcmp(at, "GNU", 4)) {
            for (size_t i = 0; i < head.n_descsz && 2 * i + 3 <= out->size; i++)
                snprintf(out->p + 2 * i, 3, "%02x", at[name + i]);
            return;
        }
        note += sizeof head + name + hash;
        n -= sizeof head + name + hash;
    }
}

/* The program is the first object. */
static int look(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        const void *at = (const void *)(uintptr_t)(info->dlpi_addr + h->p_vaddr);
        if (h->p_type == PT_NOTE) find_in(at, h->p_memsz, user);
    }
    return 1;
}

void build_id(char *out, size_t size)
{
    *out = 0;
    dl_iterate_phdr(look, &(text){ out, size });
}

#else

void build_id(char *out, size_t size)
{
    snprintf(out, size, "%s", "");
}

#endif
