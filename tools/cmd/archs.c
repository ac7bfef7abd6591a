/* SPDX-License-Identifier: MIT
 *
 * oxigraph archs: the architectures that are built in. */
#include <jansson.h>
#include <stdio.h>

#include "models/model.h"
#include "tools/cmd/cli.h"

static int print_json(void)
{
    json_t *list = json_array();
    for (int i = 0; ogi_arch_name(i); i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", ogi_arch_name(i), "doc", ogi_arch_doc(i)));
    int status = !list || json_dumpf(list, stdout, JSON_INDENT(1)) != 0;
    putchar('\n');
    json_decref(list);
    return status;
}

int cmd_archs(int argc, char **argv)
{
    bool json = false;
    const cli_opt opt[] = { { "--json", CLI_FLAG, &json, NULL, "as JSON" } };
    const cli_spec spec = { "oxigraph archs [--json]",
                            "The architectures (general.architecture) that models may have.",
                            opt,
                            OGI_LEN(opt),
                            0,
                            0 };
    const char *args[1];
    int n_args, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    if (json) return print_json();
    for (int i = 0; ogi_arch_name(i); i++) printf("%-10s %s\n", ogi_arch_name(i), ogi_arch_doc(i));
    return ferror(stdout) != 0;
}
