/* SPDX-License-Identifier: MIT
 *
 * The built-in architectures, which are written against the public header alone. */
#ifndef OG_MODELS_ARCH_ARCH_H
#define OG_MODELS_ARCH_ARCH_H

#include "oxigraph/decoder.h"

#define ARCH(name) extern const og_arch ogi_arch_##name;
#include "models/archs.def"
#undef ARCH

#endif
