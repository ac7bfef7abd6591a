/* SPDX-License-Identifier: MIT
 *
 * Which build this is: the hash that the linker has made of the program. */
#ifndef OG_TOOLS_CMD_BUILD_ID_H
#define OG_TOOLS_CMD_BUILD_ID_H

#include <stddef.h>

/* Hexadecimal digits; "" where the linker makes none. */
void build_id(char *out, size_t size);

#endif
