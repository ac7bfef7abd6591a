/* SPDX-License-Identifier: MIT
 *
 * OGI_ISA(name): the name with the instruction set appended that this copy is compiled for. */
#ifndef OG_BACKENDS_CPU_ISA_ISA_H
#define OG_BACKENDS_CPU_ISA_ISA_H

#define OGI_ISA_PASTE2(x, name) x##_##name
#define OGI_ISA_PASTE(x, name)  OGI_ISA_PASTE2(x, name)
#define OGI_ISA(x)              OGI_ISA_PASTE(x, OGI_ISA_NAME)

#endif
