/* SPDX-License-Identifier: MIT
 *
 * --shape by name: the shapes that models/synth.h knows. */
#include "tools/cmd/cli_shape.h"

#include <stdio.h>

int cli_shape(const char *name, const ogi_synth_shape **out)
{
    const ogi_synth_shape *s;
    *out = NULL;
    if (!name) return cli_usage_error("which --shape? --shape help lists them");
    if (!strcmp(name, "help")) {
        for (int i = 0; (s = ogi_synth_shape_at(i)); i++) printf("%-12s %s\n", s->name, s->doc);
        return 0;
    }
    *out = ogi_synth_shape_find(name);
    return *out ? -1 : cli_usage_error("no shape '%s'; --shape help lists them", name);
}
